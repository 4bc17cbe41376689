"""The conversation with a mail server: patience, encryption, signing in, and every way it can end."""

import re
import threading
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from invite_site.errors import (
    LeaseLost,
    MailAmbiguous,
    MailDelayed,
    MailInDoubt,
    MailRefused,
    MailUnavailable,
    SenderRefused,
)
from invite_site.mail.conversation import Patience
from invite_site.mail.smtp import Encryption, SmtpConnection, SmtpServer
from tests.support.smtp_script import HANG_UP, NOTHING, SmtpScript
from tests.support.tls_front import TlsFront, write_certificate

SITE = "https://invite.example.com"
SHORT = Patience(connect=2, command=0.6, block=0.6, final=0.6, quit=0.2, beat=0.05)


@pytest.fixture
def trusted(mail_server: SmtpScript, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server offers STARTTLS, with a certificate of an authority that this system knows."""
    authority, mail_server.certificate = write_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))


@pytest.fixture(params=["one by one", "at once"])
def both_ways(mail_server: SmtpScript, request: pytest.FixtureRequest) -> None:
    """The server takes one command after the other, or several at once."""
    if request.param == "at once":
        mail_server.extensions.append("PIPELINING")


def message(text: str = "Hello\n") -> EmailMessage:
    written = EmailMessage()
    written["Subject"] = "Test"
    written.set_content(text)
    return written


def send(url: str, patience: Patience = SHORT, text: str = "Hello\n", **more: Any) -> None:
    connection = SmtpConnection(SmtpServer.from_url(url, SITE), patience, **more)
    try:
        connection.send(message(text), "app@acme.example", "ada@example.com")
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://localhost", SmtpServer("localhost", 587, Encryption.IF_OFFERED)),
        ("smtp://mail.example.com", SmtpServer("mail.example.com", 587, Encryption.STARTTLS)),
        ("smtps://mail.example.com", SmtpServer("mail.example.com", 465, Encryption.TLS)),
        (
            "smtp://a%40b:p%2Fw@mail.example.com:2525",
            SmtpServer("mail.example.com", 2525, Encryption.STARTTLS, "a@b", "p/w"),
        ),
    ],
)
def test_it_works(url: str, server: SmtpServer) -> None:
    """The usual ports; anywhere but on this machine encrypted; user and password as they are."""
    assert SmtpServer.from_url(url) == server
    assert "p/w" not in repr(server)


# Names ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("site", "name"),
    [
        ("https://invite.example.com:8443/x", "invite.example.com"),
        ("http://localhost:3000", "localhost"),
        ("https://192.0.2.7", "[192.0.2.7]"),
        ("https://[2001:db8::7]", "[IPv6:2001:db8::7]"),
    ],
)
def test_a_server_is_greeted_with_the_host_of_site_url(
    mail_server: SmtpScript, site: str, name: str
) -> None:
    """Not with what this machine guesses; an address stands in brackets."""
    SmtpConnection(SmtpServer.from_url(mail_server.url, site), SHORT).close()
    assert mail_server.commands[0] == f"ehlo {name}"


def test_a_server_that_dislikes_our_name_says_so_and_not_that_it_is_away(
    mail_server: SmtpScript,
) -> None:
    """The setting that helps is named."""
    mail_server.replies |= dict.fromkeys(("EHLO", "HELO"), "501 5.5.4 Invalid domain name")
    with pytest.raises(SenderRefused, match="SITE_URL"):
        send(mail_server.url)


def test_a_server_that_takes_nothing_now_is_not_greeted_twice(mail_server: SmtpScript) -> None:
    """And its own words are told."""
    mail_server.replies["EHLO"] = "421 4.3.2 Shutting down"
    with pytest.raises(MailUnavailable, match="Shutting down"):
        send(mail_server.url)
    assert mail_server.verbs() == ["EHLO"]


@pytest.mark.parametrize("reply", ["502 5.5.1 not implemented", "500 What?"])
def test_a_server_that_knows_no_ehlo_gets_its_mail(mail_server: SmtpScript, reply: str) -> None:
    """HELO is enough for it."""
    mail_server.replies["EHLO"] = reply
    send(mail_server.url)
    assert len(mail_server.mails) == 1


# Patience ---------------------------------------------------------------------------------------


def test_the_patience_is_that_of_rfc_5321() -> None:
    """§4.5.3.2; and the lease is extended more often than it runs out."""
    patience = Patience()
    assert patience.command >= 300
    assert patience.block >= 180
    assert patience.final >= 600
    assert patience.beat + patience.connect <= 15


@pytest.mark.usefixtures("both_ways")
@pytest.mark.parametrize("step", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "CONTENT"])
def test_a_server_that_is_slow_gets_one_message_and_we_call_meanwhile(
    mail_server: SmtpScript, step: str
) -> None:
    """At each step; the caller hears of the wait, in its own thread."""
    mail_server.delays[step] = 0.4
    calls: list[float] = []
    send(mail_server.url, on_wait=lambda: calls.append(threading.get_ident()))
    assert len(mail_server.mails) == 1
    assert 3 <= len(calls) < 100
    assert set(calls) == {threading.get_ident()}


def test_a_caller_that_takes_longer_than_a_beat_is_called_again(mail_server: SmtpScript) -> None:
    """And the conversation goes on."""
    calls: list[int] = []
    send(mail_server.url, replace(SHORT, beat=0), on_wait=lambda: calls.append(1))
    assert calls
    assert len(mail_server.mails) == 1


@pytest.mark.usefixtures("both_ways")
def test_each_step_has_its_own_time(mail_server: SmtpScript) -> None:
    """What one has used is not taken from the next, and there is more of it after the dot."""
    mail_server.delays |= {"MAIL": 0.4, "RCPT": 0.4, "DATA": 0.4, "CONTENT": 0.9}
    send(mail_server.url, replace(SHORT, final=5))
    assert len(mail_server.mails) == 1


def test_many_steps_that_are_each_quick_are_a_wait_too(mail_server: SmtpScript) -> None:
    """A lease runs out whatever the time was spent on."""
    mail_server.delays |= dict.fromkeys(
        ("GREETING", "EHLO", "MAIL", "RCPT", "DATA", "CONTENT"), 0.1
    )
    calls: list[int] = []
    patience = Patience(command=5, final=5, beat=0.15, quit=0.2)
    send(mail_server.url, patience, on_wait=lambda: calls.append(1))
    assert len(calls) >= 2


@pytest.mark.usefixtures("both_ways")
@pytest.mark.parametrize("step", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA"])
def test_a_server_that_is_silent_before_the_dot_has_taken_nothing(
    mail_server: SmtpScript, step: str
) -> None:
    """There is an end to our patience, and then it is sent again without doubt."""
    mail_server.delays[step] = 30
    with pytest.raises(MailUnavailable):
        send(mail_server.url)
    assert mail_server.mails == []


def test_a_reply_that_drips_takes_no_longer_than_one_that_does_not_come(
    mail_server: SmtpScript,
) -> None:
    """The time is for the whole reply."""
    mail_server.replies["GREETING"] = "220 " + "x" * 100
    mail_server.pace = 0.1
    with pytest.raises(MailUnavailable):
        send(mail_server.url)
    assert mail_server.mails == []


def test_a_reply_without_end_is_not_read_to_its_end(mail_server: SmtpScript) -> None:
    """Nor kept in memory."""
    mail_server.replies["MAIL"] = "\n".join(["250-and so on " + "x" * 200] * 1000 + ["250 Ok"])
    with pytest.raises(MailUnavailable):
        send(mail_server.url, Patience(command=20, quit=0.2))
    assert mail_server.mails == []


def test_a_line_without_end_is_not_read_to_its_end(mail_server: SmtpScript) -> None:
    """Nor kept in memory."""
    mail_server.replies["MAIL"] = "250 " + "x" * 16_000_000
    with pytest.raises(MailUnavailable):
        send(mail_server.url, Patience(command=20, quit=0.2))
    assert not [reply for reply in mail_server.said if reply.startswith("250 x")]


def test_many_replies_may_be_longer_together(mail_server: SmtpScript) -> None:
    """A kept connection has hundreds of them."""
    mail_server.replies["MAIL"] = "\n".join(["250-and so on " + "x" * 200] * 100 + ["250 Ok"])
    connection = SmtpConnection(SmtpServer.from_url(mail_server.url, SITE), Patience(quit=0.2))
    for _ in range(5):
        connection.send(message(), "app@acme.example", "ada@example.com")
    connection.close()
    assert len(mail_server.mails) == 5


@pytest.mark.usefixtures("both_ways")
def test_a_lease_that_is_lost_before_the_dot_ends_the_conversation(mail_server: SmtpScript) -> None:
    """Somebody withdrew the invitation, or another worker has it: this one sends nothing."""
    mail_server.delays["RCPT"] = 0.4

    def is_lost() -> None:
        raise LeaseLost

    with pytest.raises(LeaseLost):
        send(mail_server.url, on_wait=is_lost)
    assert mail_server.mails == []


def test_a_caller_that_fails_for_another_reason_does_not_lose_the_answer(
    mail_server: SmtpScript, caplog: pytest.LogCaptureFixture
) -> None:
    """Such as a database that is away for a moment; the log says so."""
    mail_server.delays["CONTENT"] = 0.3

    def is_away() -> None:
        raise RuntimeError("no database")

    send(mail_server.url, on_wait=is_away)
    assert len(mail_server.mails) == 1
    assert "no database" in caplog.text


@pytest.mark.usefixtures("both_ways")
@pytest.mark.parametrize("end_of_line", ["\r", "\n"])
def test_no_address_brings_a_command_of_its_own(mail_server: SmtpScript, end_of_line: str) -> None:
    """Whatever let it pass so far."""
    connection = SmtpConnection(SmtpServer.from_url(mail_server.url, SITE), SHORT)
    with pytest.raises(ValueError, match="line"):
        connection.send(message(), "app@acme.example", f"ada@example.com>{end_of_line}RSET")
    connection.close()
    assert not {"RSET", "DATA"} & set(mail_server.verbs())


@pytest.mark.parametrize("octet", ["é", "\udce9"])
def test_a_reply_in_letters_of_another_country_is_read(mail_server: SmtpScript, octet: str) -> None:
    """As UTF-8, and where it is not that, the rest of it."""
    mail_server.replies["RCPT"] = f"550 5.1.1 Adresse {octet}trange"
    with pytest.raises(MailRefused, match=r"5.1.1 Adresse .trange"):
        send(mail_server.url)


# Several commands at once -------------------------------------------------------------------------


def test_a_server_that_offers_pipelining_gets_the_envelope_at_once(mail_server: SmtpScript) -> None:
    """This one answers nothing before it has two commands; and the message still arrives whole."""
    mail_server.extensions.append("PIPELINING")
    mail_server.replies["MAIL"] = NOTHING
    mail_server.replies["RCPT ada@example.com"] = "250 2.1.0 Ok\n250 2.1.5 Ok"
    send(mail_server.url)
    assert mail_server.mails[0].message.get_content() == "Hello\r\n"
    assert "DATA" in mail_server.commands, "without a blank behind it, which some refuse"


def test_a_server_that_does_not_offer_it_gets_one_command_after_the_other(
    mail_server: SmtpScript,
) -> None:
    """It may throw away what comes before its reply."""
    mail_server.replies["MAIL"] = NOTHING
    with pytest.raises(MailUnavailable):
        send(mail_server.url)
    assert "RCPT" not in mail_server.verbs()


@pytest.mark.parametrize("wants_recipients", [True, False])
@pytest.mark.parametrize(
    ("reply", "error"),
    [("550 5.1.1 no such user", MailRefused), ("450 4.2.0 Greylisted", MailDelayed)],
)
def test_a_refused_recipient_is_told_whatever_the_server_says_to_data(
    mail_server: SmtpScript, reply: str, error: type[Exception], wants_recipients: bool
) -> None:
    """Some agree to take the content all the same; they get a dot, and the next message is another one."""
    mail_server.extensions.append("PIPELINING")
    mail_server.wants_recipients = wants_recipients
    mail_server.replies["RCPT ada@example.com"] = reply
    connection = SmtpConnection(SmtpServer.from_url(mail_server.url, SITE), SHORT)
    with pytest.raises(error, match=reply[4:]):
        connection.send(message(), "app@acme.example", "ada@example.com")
    assert connection.reset()
    connection.send(message(), "app@acme.example", "bob@example.com")
    connection.close()
    assert [mail.recipient for mail in mail_server.mails] == ["bob@example.com"]


def test_a_refused_recipient_is_told_though_the_server_then_hangs_up(
    mail_server: SmtpScript,
) -> None:
    """At the dot that ends a message to nobody."""
    mail_server.extensions.append("PIPELINING")
    mail_server.wants_recipients = False
    mail_server.replies |= {"RCPT ada@example.com": "550 5.1.1 no such user", "CONTENT": HANG_UP}
    with pytest.raises(MailRefused):
        send(mail_server.url)


@pytest.mark.usefixtures("both_ways")
@pytest.mark.parametrize("verb", ["RCPT", "CONTENT"])
def test_the_words_of_a_refusal_are_the_same_for_everybody(
    mail_server: SmtpScript, verb: str
) -> None:
    """Without the name of the mailbox: the same words for several people are about us."""
    mail_server.replies[verb] = "550 Not today, ada"
    with pytest.raises(MailAmbiguous) as refused:
        send(mail_server.url)
    assert refused.value.words == "550  not today"


def test_the_reply_that_ends_a_connection_is_told_and_not_its_end(mail_server: SmtpScript) -> None:
    """421, and no reply to the commands behind it."""
    mail_server.extensions.append("PIPELINING")
    mail_server.replies["MAIL"] = "421 4.7.0 Try again later, closing connection"
    with pytest.raises(MailUnavailable, match="closing connection"):
        send(mail_server.url)


def test_a_challenge_that_nobody_can_read_is_no_answer(mail_server: SmtpScript) -> None:
    """A server that is broken is waited for; nobody's invitation ends for it."""
    mail_server.users, mail_server.mechanisms = {"ada": "secret"}, ("CRAM-MD5",)
    mail_server.replies["AUTH"] = "334 a"
    with pytest.raises(MailUnavailable):
        send(mail_server.url.replace("//", "//ada:secret@"))


# After the dot ----------------------------------------------------------------------------------


@pytest.mark.parametrize("keeps", [True, False])
@pytest.mark.parametrize("answer", [HANG_UP, NOTHING, "354 go on", "what?"])
def test_no_answer_after_the_dot_is_in_doubt(
    mail_server: SmtpScript, answer: str, keeps: bool
) -> None:
    """Neither taken nor refused, whether the message was kept or not: from here it looks the same."""
    mail_server.replies["CONTENT"] = answer
    mail_server.keeps = keeps
    with pytest.raises(MailInDoubt):
        send(mail_server.url)
    assert len(mail_server.mails) == keeps


@pytest.mark.usefixtures("both_ways")
@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
def test_a_connection_dropped_before_the_dot_is_no_doubt(
    mail_server: SmtpScript, verb: str
) -> None:
    """Nothing can have been taken."""
    mail_server.replies[verb] = HANG_UP
    with pytest.raises(MailUnavailable):
        send(mail_server.url)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("550 5.1.1 no such user", MailRefused),
        ("550 5.4.5 Daily user sending limit exceeded.", SenderRefused),
        ("451 4.3.0 later", MailDelayed),
        ("421 4.3.2 closing", MailUnavailable),
    ],
)
def test_an_answer_after_the_dot_is_no_doubt(
    mail_server: SmtpScript, answer: str, error: type[Exception]
) -> None:
    """It says what became of the message."""
    mail_server.replies["CONTENT"] = answer
    with pytest.raises(error):
        send(mail_server.url)


def test_what_is_said_to_quit_is_not_waited_for(mail_server: SmtpScript) -> None:
    """The message is taken."""
    mail_server.delays["QUIT"] = 30
    send(mail_server.url, Patience(command=60, quit=0.2))
    assert "221 2.0.0 Bye" not in mail_server.said


def test_a_message_that_is_given_up_before_its_dot_is_followed_by_no_quit(
    mail_server: SmtpScript,
) -> None:
    """It would be a line of the message, and its answer would be waited for in vain."""
    shown: list[str] = []
    server = SmtpServer.from_url(mail_server.url, SITE)
    connection = SmtpConnection(server, SHORT, transcript=shown.append)

    def is_lost() -> None:
        raise LeaseLost

    with pytest.raises(LeaseLost):
        connection.send(message(), "app@acme.example", "ada@example.com", on_end=is_lost)
    connection.close()
    assert re.fullmatch(r"> \(\d+ bytes of message\)", shown[-1])
    assert mail_server.mails == []


def test_a_line_that_begins_with_a_dot_arrives_as_it_was(mail_server: SmtpScript) -> None:
    """RFC 5321 §4.5.2; and a dot alone is not the end."""
    send(mail_server.url, text="one\n.\n..two\n.three\n")
    content = mail_server.mails[0].message.get_content()
    assert content.splitlines() == ["one", ".", "..two", ".three"]


# Encryption -------------------------------------------------------------------------------------


def test_without_encryption_nothing_is_sent(mail_server: SmtpScript) -> None:
    """A server elsewhere that offers no STARTTLS is one that cannot be used."""
    elsewhere = SmtpServer("localhost", mail_server.port, Encryption.STARTTLS)
    with pytest.raises(SenderRefused, match=r"STARTTLS.*587 with smtp://"):
        SmtpConnection(elsewhere, SHORT)
    assert "MAIL" not in mail_server.verbs()


@pytest.mark.usefixtures("trusted")
def test_starttls_is_used_wherever_it_is_offered(mail_server: SmtpScript) -> None:
    """On this machine too, and before anything else is said."""
    mail_server.wants_tls = True
    mail_server.users["app"] = "secret"
    send(mail_server.url.replace("//", "//app:secret@"))
    [kept] = mail_server.mails
    assert kept.encrypted
    assert kept.user == "app"
    assert mail_server.verbs()[:4] == ["EHLO", "STARTTLS", "EHLO", "AUTH"]


@pytest.mark.usefixtures("trusted")
def test_a_server_that_is_slow_to_encrypt_is_waited_for(mail_server: SmtpScript) -> None:
    """As long as for a connection."""
    mail_server.delays["TLS"] = 0.3
    shown: list[str] = []
    send(mail_server.url, transcript=shown.append)
    assert mail_server.mails[0].encrypted
    assert [line for line in shown if line.startswith("  (TLSv1")]


def test_behind_a_front_that_ends_tls_nothing_is_encrypted_twice(
    mail_server: SmtpScript, tmp_path: Path
) -> None:
    """Though the server offers STARTTLS there as well."""
    _, served = write_certificate(tmp_path)
    mail_server.certificate = served
    front = TlsFront(served)
    with front.leading_to(mail_server.port):
        send(f"smtps://localhost:{front.port}?verify=no")
    assert "STARTTLS" not in mail_server.verbs()
    assert len(mail_server.mails) == 1


@pytest.mark.usefixtures("trusted")
def test_what_was_said_in_the_clear_counts_for_nothing_behind_starttls(
    mail_server: SmtpScript,
) -> None:
    """Somebody on the way can write a reply behind the server's agreement; nobody reads it later."""
    mail_server.users = {"user": "pass"}
    mail_server.slipped_in = "250 somebody.else.example"
    send(f"smtp://user:pass@localhost:{mail_server.port}")
    [mail] = mail_server.mails
    assert (mail.user, mail.encrypted) == ("user", True)


@pytest.mark.usefixtures("trusted")
def test_elsewhere_starttls_is_verified_by_the_systems_authorities(mail_server: SmtpScript) -> None:
    """The host's name as SMTP_URL has it."""
    elsewhere = SmtpServer("localhost", mail_server.port, Encryption.STARTTLS)
    connection = SmtpConnection(elsewhere, SHORT)
    assert connection.is_encrypted
    connection.close()


def test_a_certificate_that_nobody_vouches_for_stops_us_and_the_remedy_is_named(
    mail_server: SmtpScript, tmp_path: Path
) -> None:
    """What helps on this machine is ?verify=no, and then it is encrypted all the same."""
    _, mail_server.certificate = write_certificate(tmp_path)
    with pytest.raises(SenderRefused, match=r"certificate.*\?verify=no"):
        send(mail_server.url)
    send(f"{mail_server.url}/?verify=no")
    assert mail_server.mails[0].encrypted


def test_starttls_that_is_refused_is_not_done_without(mail_server: SmtpScript) -> None:
    """Where it was offered; for now or for good."""
    mail_server.extensions.append("STARTTLS")
    mail_server.replies["STARTTLS"] = "454 4.7.0 TLS not available due to temporary reason"
    with pytest.raises(MailUnavailable, match="TLS not available"):
        send(mail_server.url)
    mail_server.replies["STARTTLS"] = "554 no"
    with pytest.raises(SenderRefused, match="wants encryption"):
        send(mail_server.url)
    assert mail_server.mails == []


def test_tls_from_the_start_at_a_plain_port_is_told(mail_server: SmtpScript) -> None:
    """The most common mistake."""
    with pytest.raises(SenderRefused, match=r"smtp:// with its port.* smtps:// with 465"):
        send(mail_server.url.replace("smtp://", "smtps://"))


# Signing in -------------------------------------------------------------------------------------


@pytest.mark.parametrize("mechanisms", [("PLAIN", "LOGIN"), ("login",), ("CRAM-MD5",)])
@pytest.mark.parametrize("password", ["secret", "pässwört €", "a:b@c/d%"])
def test_any_password_can_be_used(
    mail_server: SmtpScript, mechanisms: tuple[str, ...], password: str
) -> None:
    """Also outside ASCII, by each mechanism."""
    mail_server.mechanisms = mechanisms
    mail_server.users["jürgen"] = password
    send(mail_server.url.replace("//", f"//{quote('jürgen')}:{quote(password, safe='')}@"))
    assert mail_server.mails[0].user == "jürgen"


@pytest.mark.parametrize("reply", ["504 5.5.4 No such type", "534 5.7.9 Too weak"])
def test_a_mechanism_that_is_offered_in_vain_gives_way_to_the_next(
    mail_server: SmtpScript, reply: str
) -> None:
    """This one will not do; another may."""
    mail_server.replies["AUTH PLAIN"] = reply
    mail_server.users["app"] = "secret"
    send(mail_server.url.replace("//", "//app:secret@"))
    assert len(mail_server.mails) == 1


def test_a_wrong_password_is_tried_once_and_told(mail_server: SmtpScript) -> None:
    """Servers lock users out that are tried often."""
    mail_server.users["app"] = "other"
    with pytest.raises(SenderRefused, match="user and password of SMTP_URL") as refused:
        send(mail_server.url.replace("//", "//app:secret@"))
    assert mail_server.verbs().count("AUTH") == 1
    assert refused.value.code == 535


@pytest.mark.parametrize("mechanism", ["LOGIN", "CRAM-MD5"])
def test_a_server_that_refuses_a_mechanism_is_told_no_secret(
    mail_server: SmtpScript, mechanism: str
) -> None:
    """It asked for nothing."""
    mail_server.users, mail_server.mechanisms = {"app": "secret"}, (mechanism,)
    mail_server.replies["AUTH"] = "535 5.7.8 Not by this"
    with pytest.raises(SenderRefused, match="Not by this"):
        send(mail_server.url.replace("//", "//app:secret@"))
    assert mail_server.verbs() == ["EHLO", "AUTH"]


def test_a_server_that_refuses_the_user_is_not_told_the_password(mail_server: SmtpScript) -> None:
    """It would read it as a command, and write it into its log."""
    mail_server.users, mail_server.mechanisms = {"app": "secret"}, ("LOGIN",)
    mail_server.replies["USER"] = "535 5.7.8 No such user"
    with pytest.raises(SenderRefused, match="No such user"):
        send(mail_server.url.replace("//", "//app:secret@"))
    assert mail_server.verbs() == ["EHLO", "AUTH", "YXBW"]


def test_a_server_that_cannot_check_now_has_not_refused_the_password(
    mail_server: SmtpScript,
) -> None:
    """454 at AUTH."""
    mail_server.users["app"] = "secret"
    mail_server.replies["AUTH"] = "454 4.7.0 Temporary authentication failure"
    with pytest.raises(MailUnavailable, match="cannot check") as refused:
        send(mail_server.url.replace("//", "//app:secret@"))
    assert "does not accept" not in str(refused.value)


def test_a_server_that_offers_no_sign_in_is_told(mail_server: SmtpScript) -> None:
    """A user and a password that nobody asks for are a mistake."""
    with pytest.raises(SenderRefused, match=r"sign-in.*587"):
        send(mail_server.url.replace("//", "//app:secret@"))


# What is shown ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("both_ways")
@pytest.mark.parametrize("mechanisms", [("PLAIN",), ("LOGIN",), ("CRAM-MD5",)])
def test_the_conversation_is_shown_without_secrets(
    mail_server: SmtpScript, mechanisms: tuple[str, ...]
) -> None:
    """Line by line, with stars for what AUTH says."""
    mail_server.mechanisms = mechanisms
    mail_server.users["app"] = "top-secret"
    shown: list[str] = []
    send(mail_server.url.replace("//", "//app:top-secret@"), transcript=shown.append)
    text = "\n".join(shown)
    assert "> ehlo invite.example.com" in shown
    assert "> RCPT TO:<ada@example.com>" in shown
    assert f"> AUTH {mechanisms[0]}" in text
    assert "***" in text
    assert re.fullmatch(r"> \(\d+ bytes of message\)", shown[-5])
    assert shown[-4:] == ["> .", "< 250 2.0.0 Ok: queued as 4F0C21", "> QUIT", "< 221 2.0.0 Bye"]
    secrets = {line for line in mail_server.commands if line.isascii() and line.endswith("=")}
    assert "top-secret" not in text
    assert not any(secret.split(" ")[-1] in text for secret in secrets)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_a_server_that_repeats_the_password_is_not_quoted(
    mail_server: SmtpScript, mechanism: str
) -> None:
    """Neither in the conversation; nor where it stands as it was sent."""
    mail_server.users, mail_server.mechanisms = {"app": "other"}, (mechanism,)
    sent = {"PLAIN": "AGFwcAB0b3Atc2VjcmV0", "LOGIN": "dG9wLXNlY3JldA=="}.get(mechanism, "")
    mail_server.replies["PASSWORD"] = f"535 5.7.8 top-secret {sent} is wrong"
    shown: list[str] = []
    with pytest.raises(SenderRefused) as refused:
        send(mail_server.url.replace("//", "//app:top-secret@"), transcript=shown.append)
    for text in ("\n".join(shown), str(refused.value)):
        assert "top-secret" not in text
        assert not sent or sent not in text


def test_a_password_of_one_letter_hides_no_words(mail_server: SmtpScript) -> None:
    """The conversation could not be read."""
    mail_server.users["app"] = "e"
    shown: list[str] = []
    send(mail_server.url.replace("//", "//app:e@"), transcript=shown.append)
    assert "< 235 2.7.0 Authentication successful" in shown


def test_a_server_that_has_hung_up_is_not_said_goodbye_to(mail_server: SmtpScript) -> None:
    """The conversation shows what was said."""
    mail_server.replies["CONTENT"] = HANG_UP
    shown: list[str] = []
    with pytest.raises(MailInDoubt):
        send(mail_server.url, transcript=shown.append)
    assert shown[-1] == "> ."
