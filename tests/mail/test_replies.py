"""Whom a reply of a mail server is about, by what real servers say."""

import pytest

from invite_site.errors import (
    DeliveryError,
    MailAmbiguous,
    MailDelayed,
    MailRefused,
    MailUnavailable,
    SenderRefused,
)
from invite_site.mail.replies import Verb, error_of

G, E, S, A, M, R, D, C = Verb


@pytest.mark.parametrize(
    ("verb", "reply", "error"),
    [
        # About us: our name
        (E, "501 5.5.4 Invalid domain name", SenderRefused),
        (E, "550 Access denied - Invalid HELO name", SenderRefused),
        (R, "504 5.5.2 <app>: Helo command rejected: need fully-qualified hostname", SenderRefused),
        (R, "450 4.7.1 <app>: Helo command rejected: Host not found", MailDelayed),
        # our address, or none for it
        (G, "554 5.7.1 No SMTP service for you", SenderRefused),
        (G, "554 mx.example.com ESMTP not accepting messages", SenderRefused),
        (R, "554 5.7.1 Service unavailable; Client host [203.0.113.9] blocked using x", SenderRefused),
        (R, "550 5.7.25 The IP address sending this message does not have a PTR record", SenderRefused),
        # credentials
        (A, "535 5.7.8 Error: authentication failed", SenderRefused),
        (A, "534 5.7.9 Application-specific password required", SenderRefused),
        (M, "530 5.7.0 Must issue a STARTTLS command first", SenderRefused),
        (M, "530 5.7.1 Authentication required", SenderRefused),
        (R, "530 5.7.57 Client not authenticated to send mail", SenderRefused),
        # relaying
        (R, "554 5.7.1 <ada@example.com>: Relay access denied", SenderRefused),
        (R, "550 relay not permitted", SenderRefused),
        (R, "550 5.7.64 TenantAttribution; Relay Access Denied", SenderRefused),
        # quota
        (C, "550 5.4.5 Daily user sending limit exceeded.", SenderRefused),
        (D, "452 4.3.1 Insufficient system storage", MailDelayed),
        (C, "554 Daily message quota exceeded", SenderRefused),
        (R, "550 Account sending limit reached", SenderRefused),
        # policy and content
        (C, "554 5.2.252 SendAsDenied; a@example.com not allowed to send as b@example.com", SenderRefused),
        (M, "553 5.7.1 <a@example.com>: Sender address rejected: not owned by user b", SenderRefused),
        (M, "550 5.1.8 Sender address rejected: Domain not found", SenderRefused),
        (R, "550 5.1.7 The sender's address was invalid", SenderRefused),
        (C, "550 5.7.1 This message was classified as SPAM", SenderRefused),
        (C, "550 5.7.26 Unauthenticated email is not accepted due to DMARC policy", SenderRefused),
        (C, "554 Message rejected: Email address is not verified (sender)", SenderRefused),
        (C, "554 5.6.1 Body type not supported by remote host", SenderRefused),
        (C, "552 5.3.4 Message size exceeds fixed limit", SenderRefused),
        # About the recipient
        (R, "550 5.1.1 <ada@example.com>: Recipient address rejected: User unknown in relay table", MailRefused),
        (R, "550 5.1.1 The email account that you tried to reach does not exist", MailRefused),
        (R, "550 5.1.10 RESOLVER.ADR.RecipientNotFound", MailRefused),
        (R, "550 No such user here", MailRefused),
        (R, "550 <ada@example.com>: User unknown", MailRefused),
        (R, "550 Unrouteable address: mailbox unavailable", MailRefused),
        (R, "551 User not local", MailRefused),
        (R, "552 5.2.2 Mailbox full", MailRefused),
        (C, "552 5.2.2 The email account that you tried to reach is over quota", MailRefused),
        (R, "553 5.1.3 Invalid address format", MailRefused),
        (R, "553 sorry, that address is not in my list", MailRefused),
        (R, "550 5.2.1 The email account that you tried to reach is disabled", MailRefused),
        # Cannot be told apart
        (C, "554 Transaction failed", MailAmbiguous),
        (R, "550 Requested action not taken", MailAmbiguous),
        (C, "554 5.0.0 Something is wrong", MailAmbiguous),
        # Later, and not now
        (R, "450 4.2.0 Greylisted, try again in 300 seconds", MailDelayed),
        (C, "451 4.3.0 Temporary failure", MailDelayed),
        (R, "421 4.7.0 Too many connections", MailUnavailable),
        (G, "421 Service not available", MailUnavailable),
        (M, "451 4.3.2 Please try again later", MailUnavailable),
        (A, "454 4.7.0 Temporary authentication failure", MailUnavailable),
    ],
)  # fmt: skip
def test_it_works(verb: Verb, reply: str, error: type[DeliveryError]) -> None:
    """By the enhanced code, the verb, the words."""
    code, _, text = reply.partition(" ")
    found = error_of(verb, int(code), text.encode())
    assert type(found) is error, found
    assert "ada@example.com" not in str(found), "no full address in a log or an event"


def test_a_wrong_password_is_told_apart_from_a_server_that_cannot_tell() -> None:
    """454 is no reason to change a password."""
    assert "SMTP_URL" in str(error_of(Verb.AUTH, 535, b"5.7.8 no"))
    assert "at the moment" in str(error_of(Verb.AUTH, 454, b"4.7.0 later"))


def test_the_same_refusal_of_two_people_has_the_same_words() -> None:
    """Without what names the recipient or the try."""
    one = error_of(Verb.CONTENT, 554, b"5.0.0 <ada@example.com> refused, id 4FdZ81 at 10:04")
    two = error_of(Verb.CONTENT, 554, b"5.0.0 <bob@example.org> refused, id 9KqA22 at 10:05")
    assert isinstance(one, MailAmbiguous)
    assert isinstance(two, MailAmbiguous)
    assert one.words == two.words != ""
