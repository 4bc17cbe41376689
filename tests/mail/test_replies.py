"""What real mail servers say, and whom it is about."""

import pytest

from invite_site.errors import (
    MailAmbiguous,
    MailDelayed,
    MailFailure,
    MailRefused,
    MailUnavailable,
    SenderRefused,
)
from invite_site.mail.replies import Verb, classify

GREETING, EHLO, STARTTLS, AUTH = Verb.GREETING, Verb.EHLO, Verb.STARTTLS, Verb.AUTH
MAIL, RCPT, DATA, CONTENT = Verb.MAIL, Verb.RCPT, Verb.DATA, Verb.CONTENT


def listed(lines: str) -> list[str]:
    return [line.strip() for line in lines.split(",")]


ABOUT_US = [
    # Various
    (EHLO, "550 Access denied - Invalid HELO name", ""),
    (GREETING, "554 5.7.1 No SMTP service for you", ""),
    (GREETING, "554 mx.example.com ESMTP not accepting messages", ""),
    (RCPT, "554 5.7.1 Service unavailable; Client host [203.0.113.9] blocked using x", ""),
    (RCPT, "550 5.7.25 The IP address sending this message does not have a PTR record", ""),
    (AUTH, "535 5.7.8 Error: authentication failed", ""),
    (MAIL, "530 5.7.1 Authentication required", ""),
    (RCPT, "550 5.7.64 TenantAttribution; Relay Access Denied", ""),
    (CONTENT, "550 5.4.5 Daily user sending limit exceeded.", ""),
    (CONTENT, "554 Daily message quota exceeded", ""),
    (RCPT, "550 Account sending limit reached", ""),
    (CONTENT, "554 5.2.252 SendAsDenied; a@example.com not allowed to send as b@example.com", ""),
    (MAIL, "553 5.7.1 <a@example.com>: Sender address rejected: not owned by user b", ""),
    (MAIL, "550 5.1.8 Sender address rejected: Domain not found", ""),
    (RCPT, "550 5.1.7 The sender's address was invalid", ""),
    (CONTENT, "550 5.7.1 This message was classified as SPAM", ""),
    (CONTENT, "550 5.7.26 Unauthenticated email is not accepted due to DMARC policy", ""),
    (CONTENT, "554 Message rejected: Email address is not verified (sender)", ""),
    (CONTENT, "554 5.6.1 Body type not supported by remote host", ""),
    # Postfix
    (RCPT, "504 5.5.2 <app>: Helo command rejected: need fully-qualified hostname", "SITE_URL"),
    (RCPT, "550 5.7.1 <app>: Helo command rejected: Host not found", "SITE_URL"),
    (RCPT, "554 5.7.1 <ada@example.com>: Relay access denied", "user and a password"),
    (RCPT, "553 5.7.1 <app@acme.example>: Sender address rejected: not owned by user bob", "MAIL_FROM"),
    (RCPT, "550 5.1.0 <app@acme.example>: Sender address rejected: User unknown", "MAIL_FROM"),
    (RCPT, "504 5.5.2 <app>: Sender address rejected: need fully-qualified address", "MAIL_FROM"),
    (RCPT, "550 5.1.8 <app@acme.example>: Sender address rejected: Domain not found", "MAIL_FROM"),
    (RCPT, "554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using zen.spamhaus.org", "block list"),
    (RCPT, "554 5.7.1 <unknown[192.0.2.7]>: Client host rejected: Access denied", "policy"),
    (RCPT, "550 5.7.23 <ada@example.com>: Recipient address rejected: Message rejected due to: SPF fail", "SPF"),
    (MAIL, "530 5.7.0 Must issue a STARTTLS command first", "587"),
    (CONTENT, "550 5.7.1 Message contains spam", "policy"),
    (CONTENT, "554 5.6.1 Eight-bit data was not declared", "message"),
    (CONTENT, "552 5.3.4 Message size exceeds fixed limit", "message"),
    (DATA, "503 5.5.1 Error: need RCPT command", "did not understand"),
    (DATA, "554 5.5.1 Error: no valid recipients", "did not understand"),
    (EHLO, "501 5.5.4 Invalid domain name", "SITE_URL"),
    # Exim
    (RCPT, "550 relay not permitted", "user and a password"),
    (RCPT, "550 Sender verify failed", "MAIL_FROM"),
    (RCPT, "550 Access denied - Invalid HELO name (See RFC2821 4.1.1.1)", "SITE_URL"),
    (CONTENT, "550 Domain acme.example has exceeded the max emails per hour (150/150 (100%)) allowed", "limit"),
    (CONTENT, "550 This message was classified as SPAM and may not be delivered", "policy"),
    (GREETING, "554 Blacklisted: see https://example.test/why", "policy"),
    # sendmail and qmail
    (RCPT, "550 5.7.1 ada@example.com... Relaying denied. Proper authentication required.", "user and a password"),
    (RCPT, "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", "user and a password"),
    (MAIL, "553 sorry, your envelope sender is in my badmailfrom list (#5.7.1)", "MAIL_FROM"),
    # Exchange
    (RCPT, "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain", "user and a password"),
    (CONTENT, "554 5.2.252 SendAsDenied; bob@acme.example not allowed to send as app@acme.example", "MAIL_FROM"),
    (CONTENT, "554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied", "MAIL_FROM"),
    (CONTENT, "550 5.1.8 Access denied, bad outbound sender AS(42004)", "MAIL_FROM"),
    (CONTENT, "550 5.1.90 Your message can't be sent because you've reached your daily limit", "limit"),
    (MAIL, "530 5.7.57 Client not authenticated to send mail", "user and a password"),
    (AUTH, "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled", "SMTP_URL"),
    # Gmail
    (CONTENT, "550 5.4.5 Daily user sending limit exceeded. - gsmtp", "limit"),
    (CONTENT, "550-5.7.26 This mail has been blocked because the sender is unauthenticated", "SPF"),
    (CONTENT, "552 5.7.0 This message was blocked because its content presents a potential", "policy"),
    (MAIL, "530 5.5.1 Authentication Required. Learn more at - gsmtp", "user and a password"),
    (AUTH, "534 5.7.9 Application-specific password required", "Correct them"),
    (RCPT, "550-5.7.1 Invalid credentials for relay [192.0.2.7]", "user and a password"),
    # SES, SendGrid, Mailgun
    (CONTENT, "554 Message rejected: Email address is not verified. The following identities failed the check in region EU-WEST-1: ada@example.com", "MAIL_FROM"),
    (CONTENT, "554 Message rejected: Sending paused for this account.", "limit"),
    (CONTENT, "550 The from address does not match a verified Sender Identity.", "MAIL_FROM"),
    (DATA, "550 Unauthenticated senders not allowed", "MAIL_FROM"),
    (AUTH, "535 Authentication failed: The provided authorization grant is invalid", "Correct them"),
    (RCPT, "554 Sandbox subdomains are for test purposes only. Please add your own domain", "policy"),
    # By the code alone, or by the words though the code is of another matter
    (AUTH, "538 5.7.11 Encryption required for requested authentication mechanism", "587"),
    (AUTH, "535 Your account has been locked", "Correct them"),
    (RCPT, "503 This mail server requires authentication when attempting to send to a non-local e-mail address", "user and a password"),
    (RCPT, "530 Not so", "user and a password"),
    (CONTENT, "538 Not so", "Correct them"),
    (CONTENT, "550 5.4.5 Daily SMTP relay sending limit exceeded for user.", "its limit"),
    (CONTENT, "552 Message would take you over your relay quota of 500", "its limit"),
    (CONTENT, "550 5.4.5 Not today", "its limit"),
    (CONTENT, "550 5.1.90 Not today", "its limit"),
    (CONTENT, "554 5.2.252 Not so", "MAIL_FROM"),
    (CONTENT, "552 5.3.4 Not so", "message"),
    (RCPT, "500 Syntax error", "did not understand"),
    (RCPT, "502 Command not implemented", "did not understand"),
    (DATA, "503 Bad sequence of commands", "did not understand"),
    (RCPT, "504 Command parameter not implemented", "did not understand"),
    (RCPT, "555 Parameters not recognized or not implemented", "did not understand"),
]  # fmt: skip

# By the words alone, one line for each. These are about all that we send, whether for now or for good.
ABOUT_ALL = {
    "SITE_URL": "Bad EHLO, Bad HELO",
    "587": "Session encryption is required, Encryption required, STARTTLS first",
    "MAIL_FROM": (
        "Sender domain does not resolve, Sender identity is another, Sender not here,"
        "Sender is not welcome, Sender rejected, Sender denied, Sender unknown, Sender verify failed,"
        "Sender address has no host, Not allowed to send for it, Not permitted to send for it,"
        "Not authorized to send for it, Not authorised to send for it, MAIL FROM not owned by user,"
        "SendAsDenied, The From address is another, No verified sender, The domain is not verified,"
        "These identities failed the check, Invalid sender, Unauthenticated senders,"
        "The envelope sender is another, The envelope from is another, It is in badmailfrom,"
        "You cannot send as this user, You can't send as this user, You may not send as this user,"
        "Unable to send as this user, You cannot send from there, You cannot send mail,"
        "You cannot send e-mail, You cannot send messages, The domain must be verified"
    ),
    "pass mail on": "Relay denied, Mail may not be relayed, Relaying denied, Not in rcpthosts",
    "its limit": (
        "100 per hour, 100 per day, 100 per minute, 100 per second, 100 per month, Rate limit reached,"
        "Maximum sending rate, Maximum credits, Sending suspended, Sending paused, Sending is paused,"
        "Sending was paused, Sending has been paused, Daily limit, Hourly limit, Monthly limit,"
        "Weekly limit, Sending limit, Send limit, Outgoing limit, Outbound limit, Messaging limit,"
        "Message count limit, Plan limit, Trial limit, Sender limit, Exceeded hour limit,"
        "Credit limit, Relay limit, Outgoing mail quota, Outgoing mail has exceeded it,"
        "The limit for messages, The limit on messages, The limit of messages, The limit for sending,"
        "The limit for outgoing, Too many messages, Too many mails, Too many emails,"
        "Your account reached its email quota limit, Your plan has ended, Your subscription has ended"
    ),
    "user and a password": (
        "Authentication required, Authentication is required, Authentication needed,"
        "It requires authentication, You must authenticate, Authenticate first, Auth first,"
        "Authentication first, Login first, Log in first, Log in to go on, You are not logged in"
    ),
}
# And these, for now, are about one message.
ABOUT_US_FOR_GOOD = {
    "by its policy": (
        "Spam, It is blocked, Blacklisted, On a black list, On a deny list, You are banned, A ban,"
        "By policy, By policies, Bad reputation, SPF, DKIM, DMARC, RBL, DNSBL, Unsolicited mail,"
        "A virus, Malware, Not authorized, Not authorised, Unauthorized, Unauthorised,"
        "Unauthenticated, Client host rejected, No reverse DNS, No rDNS, No PTR, A sandbox"
    ),
    "such a message": "Message size, Message too large, Message is too big, Message exceeds a limit",
}

ABOUT_THE_RECIPIENT = [
    (RCPT, "550 5.1.1 <ada@example.com>: Recipient address rejected: User unknown in relay table"),
    (RCPT, "550 5.1.1 The email account that you tried to reach does not exist"),
    (RCPT, "550 5.1.10 RESOLVER.ADR.RecipientNotFound"),
    (RCPT, "550 No such user here"),
    (RCPT, "550 <ada@example.com>: User unknown"),
    (RCPT, "550 Unrouteable address: mailbox unavailable"),
    (RCPT, "551 User not local"),
    (RCPT, "551 Ada has moved"),
    (RCPT, "552 5.2.2 Mailbox full"),
    (CONTENT, "552 5.2.2 The email account that you tried to reach is over quota"),
    (RCPT, "553 5.1.3 Invalid address format"),
    (RCPT, "553 sorry, that address is not in my list"),
    (RCPT, "550 5.1.1 <ada@example.com>: Recipient address rejected: User unknown in virtual mailbox table"),
    (RCPT, "550 5.1.1 <ada@example.com>: Recipient address rejected: User unknown in relay recipient table"),
    (RCPT, "550 5.1.1 <ada@example.com>... User unknown"),
    (RCPT, "504 5.5.2 <ada>: Recipient address rejected: need fully-qualified address"),
    (RCPT, "550 Unrouteable address"),
    (RCPT, "550 No Such User Here"),
    (RCPT, "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)"),  # Exchange Online
    (RCPT, "550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302)"),  # Outlook
    (RCPT, "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup"),
    (RCPT, "550-5.1.1 The email account that you tried to reach does not exist. Please try"),
    (RCPT, "550 5.2.1 The email account that you tried to reach is disabled"),
    (RCPT, "552-5.2.2 The email account that you tried to reach is over quota"),
    (CONTENT, "552 5.2.2 Mailbox full: quota exceeded"),
    (RCPT, "552 Requested mail action aborted: exceeded storage allocation"),
    (RCPT, "553 5.1.2 We weren't able to find the recipient domain"),
    (RCPT, "553 Requested action not taken: mailbox name not allowed"),
    (RCPT, "551 User not local; please try <ada@elsewhere.example>"),
    (RCPT, "501 5.1.3 Bad recipient address syntax"),
    (RCPT, "550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup"),
    (RCPT, "550 5.4.310 DNS domain example.com does not exist"),
    (RCPT, "550 You tried to send to a recipient that has been marked as inactive"),
    (RCPT, "550 5.2.1 This account has been suspended"),
    (RCPT, "550 5.7.124 Sender not in allowed-senders list"),
    (RCPT, "550 5.7.129 Restricted to allowed senders"),
    (RCPT, "550 5.1.0 Not so"),
    (RCPT, "550 5.2.0 Not so"),
    (RCPT, "550 5.4.4 Not so"),
    (RCPT, "550 5.4.310 Not so"),
    (RCPT, "552 Not so"),
    (RCPT, "556 Domain does not accept mail"),  # RFC 7504
]  # fmt: skip
MAILBOXES = ["user", "recipient", "mailbox", "mail box", "account", "inbox", "addressee", "person", "customer"]  # fmt: skip
# By the words alone, one line for each.
ABOUT_A_MAILBOX = [
    *(f"Unknown {mailbox}" for mailbox in MAILBOXES),
    *(f"The {mailbox} is full" for mailbox in MAILBOXES),
    *listed(
        "Invalid user, Inactive user, Disabled user, Not a valid user, Not a known user,"
        "User not found, User does not exist, User doesn't exist, User unknown, User is disabled,"
        "User is inactive, User unavailable, User invalid, User not available, User is not known,"
        "User suspended, User deactivated, Account closed, User is not accepting mail,"
        "User not local, User not listed, User over limit, Unrouteable, Unroutable,"
        "There is no mailbox, There is no mail box, Mailbox name not allowed, Over quota,"
        "Overquota, Quota exceeded, Recipient rejected, Recipient refused, Recipient denied,"
        "Recipient address rejected, Invalid address, Bad address, Malformed address,"
        "Unknown address, Bad destination address, Bad domain, Address unknown, Address rejected,"
        "Address syntax, Address does not exist, RecipNotFound, RecipientNotFound,"
        "Exceeded storage allocation, It is marked as inactive, It is on the suppression list,"
        "It is no longer there, Domain not found, Domain does not exist, Cannot validate recipient,"
        "Cannot verify recipient, No such name"
    ),
]

MAY_BE_EITHER = [
    (RCPT, "550 Requested action not taken"),
    (CONTENT, "554 5.0.0 Something is wrong"),
    (CONTENT, "554 Transaction failed"),
    (RCPT, "550 Rejected"),
    (RCPT, "550 Administrative prohibition"),
    (RCPT, "554 5.7.1 <ada@example.com>: Recipient address rejected: Access denied"),
    (CONTENT, "550 5.3.0 Error 42"),
    (CONTENT, "552 no"),
    # Addresses of machines, which hold what looks like an enhanced code
    (RCPT, "550 Go away, 203.5.1.1"),
    (RCPT, "550 Go away, 5.1.1.203"),
    # Of one mailbox; a loop of one domain or of our own relay
    (CONTENT, "552 Mail file size exceeds the maximum size allowed for mail delivery"),
    (CONTENT, "554 5.4.12 SMTP; Hop count exceeded - possible mail loop detected"),
]

LATER = [
    (RCPT, "450 4.2.0 Greylisted, try again in 300 seconds"),
    (CONTENT, "451 4.3.0 Temporary failure"),
    (RCPT, "450 4.2.0 <ada@example.com>: Recipient address rejected: Greylisted, see postgrey"),
    (RCPT, "450 4.2.1 The user you are trying to contact is receiving mail too quickly"),
    (RCPT, "452 4.2.2 The email account that you tried to reach is over quota"),
    (RCPT, "451 4.7.1 Greylisting in action, please come back later"),
    (RCPT, "450 4.7.1 <ada@example.com>: Recipient address rejected: Greylisted for sender"),
    (RCPT, "450 4.7.1 Sender address rejected: Graylisted"),
    (RCPT, "450 4.7.1 Sender address rejected: Grey listing in effect"),
    (CONTENT, "451 4.3.0 Error: queue file write error"),
    (DATA, "452 4.3.1 Insufficient system storage"),
]

NOTHING_NOW = [
    (RCPT, "421 4.7.0 Too many connections"),
    (GREETING, "421 Service not available"),
    (MAIL, "451 4.3.2 Please try again later"),
    (AUTH, "454 4.7.0 Temporary authentication failure"),
    (GREETING, "421 4.3.2 Service shutting down"),
    (GREETING, "450 too busy"),
    (EHLO, "451 4.3.0 not now"),
    (STARTTLS, "454 TLS not available due to temporary reason"),
    (AUTH, "454 4.7.0 Temporary authentication failure: Connection lost to authentication server"),
    (MAIL, "452 4.3.1 Insufficient system storage"),
    (RCPT, "421 4.7.0 Try again later, closing connection"),
    (RCPT, "450 4.7.1 <app>: Helo command rejected: Host not found"),
    (RCPT, "454 4.7.1 <ada@example.com>: Relay access denied"),
    (CONTENT, "454 Throttling failure: Daily sending quota exceeded."),
    (CONTENT, "451 You have exceeded your messaging limits"),
]


def heard(verb: Verb, line: str) -> MailFailure:
    return classify(verb, int(line[:3]), line[4:].encode(), "ada@example.com")


@pytest.mark.parametrize(("verb", "line", "remedy"), ABOUT_US)
def test_a_refusal_about_us_says_what_to_do(verb: Verb, line: str, remedy: str) -> None:
    """Whatever the verb, and whatever the code says of mailboxes."""
    refused = heard(verb, line)
    assert isinstance(refused, SenderRefused)
    assert remedy in str(refused)
    assert refused.code == int(line[:3])


def lines_of(words: dict[str, str]) -> list[tuple[str, str]]:
    return [(remedy, line) for remedy in words for line in listed(words[remedy])]


@pytest.mark.parametrize(("remedy", "text"), lines_of(ABOUT_ALL))
def test_what_is_about_all_that_we_send_is_known_by_each_of_its_words(
    remedy: str, text: str
) -> None:
    """For good or for now, nobody's invitation ends for it."""
    refused, delayed = heard(RCPT, f"550 {text}"), heard(RCPT, f"450 {text}")
    assert type(refused) is SenderRefused
    assert type(delayed) is MailUnavailable
    for error in (refused, delayed):
        assert remedy in error.remedy


@pytest.mark.parametrize(("remedy", "text"), lines_of(ABOUT_US_FOR_GOOD))
def test_what_is_about_us_for_good_is_about_one_message_for_now(remedy: str, text: str) -> None:
    """A server that filters says 4xx to what it has not made up its mind about."""
    refused = heard(RCPT, f"550 {text}")
    assert type(refused) is SenderRefused
    assert remedy in refused.remedy
    assert type(heard(RCPT, f"450 {text}")) is MailDelayed


@pytest.mark.parametrize("text", ABOUT_A_MAILBOX)
def test_what_is_about_a_mailbox_is_known_by_each_of_its_words(text: str) -> None:
    """For good or for now, the others go on."""
    assert type(heard(RCPT, f"550 {text}")) is MailRefused
    assert type(heard(RCPT, f"450 {text}")) is MailDelayed


@pytest.mark.parametrize("code", [500, 501, 502, 504, 521, 530, 535, 550, 552, 553, 554, 571])
@pytest.mark.parametrize("verb", [GREETING, EHLO, STARTTLS, AUTH, MAIL])
@pytest.mark.parametrize("text", ["no", "5.1.1 User unknown", "5.2.2 Mailbox full"])
def test_before_a_recipient_is_named_every_refusal_is_about_us(
    verb: Verb, code: int, text: str
) -> None:
    """Whatever it says."""
    assert isinstance(classify(verb, code, text), SenderRefused)


@pytest.mark.parametrize(
    ("verb", "remedy"),
    [
        (GREETING, "policy"),
        (EHLO, "SITE_URL"),
        (STARTTLS, "wants encryption"),
        (AUTH, "Correct them"),
        (MAIL, "MAIL_FROM"),
    ],
)
def test_a_refusal_without_words_is_about_what_was_said(verb: Verb, remedy: str) -> None:
    """As long as no recipient is named."""
    assert remedy in heard(verb, "554 no").remedy


@pytest.mark.parametrize(("verb", "line"), ABOUT_THE_RECIPIENT)
def test_a_refusal_about_the_recipient_is_about_nobody_else(verb: Verb, line: str) -> None:
    """It ends that row alone."""
    assert type(heard(verb, line)) is MailRefused


@pytest.mark.parametrize(("verb", "line"), MAY_BE_EITHER)
def test_what_cannot_be_told_apart_is_said_to_be_so(verb: Verb, line: str) -> None:
    """Neither ends a row nor stops the queue at once."""
    assert type(heard(verb, line)) is MailAmbiguous


@pytest.mark.parametrize(("verb", "line"), LATER)
def test_a_delay_of_one_message_is_of_that_message(verb: Verb, line: str) -> None:
    """The others go on."""
    assert type(heard(verb, line)) is MailDelayed


@pytest.mark.parametrize(("verb", "line"), NOTHING_NOW)
def test_a_delay_of_all_that_we_send_is_told_with_the_servers_words(verb: Verb, line: str) -> None:
    """454 at AUTH, say, is no wrong password."""
    refused = heard(verb, line)
    assert type(refused) is MailUnavailable
    assert line[:3] in str(refused)
    assert "does not accept" not in str(refused)
    assert refused.code == int(line[:3])


@pytest.mark.parametrize(
    "template",
    [
        "554 Transaction failed for {}",
        "550 <{}>: Rejected (queue id 4F{}0C)",
        "550 Sorry {}, not today [192.0.2.{}] https://example.test/{}",
        "550 Nothing for {local} today",
        "550 Nothing for {domain} today",
    ],
)
def test_the_same_refusal_of_two_recipients_has_the_same_words(template: str) -> None:
    """Addresses, numbers and ids are left out, so that three in a row can be told."""
    words = set()
    for number, mailbox in enumerate(("ada@example.com", "Bob_Lee@other.test", "7up@a.third.info")):
        local, _, domain = mailbox.partition("@")
        of_mailbox = template.format(mailbox, number, number, local=local, domain=domain)
        code, _, text = of_mailbox.partition(" ")
        refused = classify(RCPT, int(code), text, mailbox)
        assert isinstance(refused, MailAmbiguous)
        words.add(refused.words)
    assert len(words) == 1
    assert "@" not in words.pop()


@pytest.mark.parametrize("line", ["554 Rejected", "550 5.0.0 Rejected", "550 Rejected again"])
def test_two_refusals_have_words_of_their_own(line: str) -> None:
    """Else two faults would look like one."""
    one, other = heard(RCPT, "550 Rejected"), heard(RCPT, line)
    assert isinstance(one, MailAmbiguous)
    assert isinstance(other, MailAmbiguous)
    assert one.words != other.words


def test_the_words_of_a_refusal_are_kept_as_far_as_there_is_room() -> None:
    """The ledger has 200 letters for them."""
    refused = heard(RCPT, f"550 {'Rejected ' * 100}")
    assert isinstance(refused, MailAmbiguous)
    assert len(refused.words) == 200


def test_a_sentence_ends_with_one_full_stop() -> None:
    """Whatever the server's own words end with."""
    assert str(heard(RCPT, "550 No such user here.")).endswith("No such user here.")


@pytest.mark.parametrize(
    "line", ["550 5.1.1 <{}>: User unknown", "550 5.7.1 {} no", "450 {} later"]
)
def test_no_sentence_holds_an_address_in_full(line: str) -> None:
    """It is shown and logged, and cut off where the server has much to say."""
    refused = heard(RCPT, line.format("ada@example.com") + "\x1b[2J" + "x" * 500)
    assert "ada@example.com" not in str(refused)
    assert "x" * 200 not in str(refused)
    assert str(refused).isprintable()
