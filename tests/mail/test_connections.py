"""Connections to the mail server that are kept: many messages, each refusal its own."""

from collections.abc import Iterator
from email.message import EmailMessage

import pytest

from invite_site.errors import (
    LeaseLost,
    MailAmbiguous,
    MailDelayed,
    MailFailure,
    MailInDoubt,
    MailRefused,
    MailUnavailable,
)
from invite_site.mail import connections
from invite_site.mail.connections import Connections, OnEnd, OnWait
from invite_site.mail.conversation import Patience
from invite_site.mail.smtp import SmtpServer
from tests.support.smtp_script import HANG_UP, NOTHING, SmtpScript

SHORT = Patience(connect=2, command=0.6, block=0.6, final=0.6, quit=0.2, beat=0.05)
GONE = "550 5.1.1 User unknown"


@pytest.fixture
def kept(mail_server: SmtpScript) -> Iterator[Connections]:
    """Connections that are kept for the next message."""
    pool = Connections(SmtpServer.from_url(mail_server.url), SHORT)
    with pool.keeping():
        yield pool


def send(
    pool: Connections,
    number: int = 0,
    on_wait: OnWait | None = None,
    on_end: OnEnd | None = None,
) -> None:
    message = EmailMessage()
    message["Subject"] = f"Message {number}"
    message.set_content("Hello\n")
    pool.send(message, "app@acme.example", f"p{number}@example.com", on_wait, on_end)


def greetings(server: SmtpScript) -> int:
    """How many connections there were."""
    return server.verbs().count("EHLO")


def test_one_connection_takes_many_messages(kept: Connections, mail_server: SmtpScript) -> None:
    """And each arrives once, at its own recipient."""
    for number in range(10):
        send(kept, number)
    assert greetings(mail_server) == 1
    assert [mail.recipient for mail in mail_server.mails] == [
        f"p{number}@example.com" for number in range(10)
    ]


def test_at_a_kept_connection_each_message_has_its_own_on_wait(
    kept: Connections, mail_server: SmtpScript
) -> None:
    """Not that of the message that opened it: `on_wait` keeps the lease of one invitation."""
    waits: list[int] = []
    mail_server.delays["CONTENT"] = 0.2
    send(kept, 0, on_wait=lambda: waits.append(0))
    assert set(waits) == {0}
    waits.clear()
    send(kept, 1, on_wait=lambda: waits.append(1))
    assert greetings(mail_server) == 1
    assert set(waits) == {1}


def test_each_message_is_told_of_just_before_the_server_can_have_it(
    kept: Connections, mail_server: SmtpScript
) -> None:
    """By a new connection as by a kept one: its link counts from then on, and a lease that is lost by
    then sends nothing."""
    taken: list[int] = []
    for number in range(2):
        send(kept, number, on_end=lambda: taken.append(len(mail_server.mails)))
    assert taken == [0, 1]

    def is_lost() -> None:
        raise LeaseLost

    with pytest.raises(LeaseLost):
        send(kept, 2, on_end=is_lost)
    send(kept, 3)
    assert [mail.recipient for mail in mail_server.mails] == [
        f"p{number}@example.com" for number in (0, 1, 3)
    ]


def test_none_is_kept_when_the_worker_has_ended(mail_server: SmtpScript) -> None:
    """Neither what it kept, nor what is sent afterwards."""
    pool = Connections(SmtpServer.from_url(mail_server.url), SHORT)
    with pool.keeping():
        send(pool, 0)
    assert mail_server.verbs().count("QUIT") == 1
    send(pool, 1)
    assert mail_server.verbs().count("QUIT") == 2


def test_without_a_worker_each_message_has_its_own(mail_server: SmtpScript) -> None:
    """A command that sends one message leaves no connection open."""
    pool = Connections(SmtpServer.from_url(mail_server.url), SHORT)
    send(pool, 1)
    send(pool, 2)
    assert greetings(mail_server) == 2
    assert mail_server.verbs().count("QUIT") == 2


def test_a_connection_ends_after_fifty_messages(kept: Connections, mail_server: SmtpScript) -> None:
    """Servers end those that go on for long."""
    for number in range(connections.MESSAGES):
        send(kept, number)
    assert greetings(mail_server) == mail_server.verbs().count("QUIT") == 1
    send(kept, connections.MESSAGES)
    assert greetings(mail_server) == 2


def test_a_refused_recipient_costs_the_others_nothing(
    kept: Connections, mail_server: SmtpScript
) -> None:
    """RSET, and the next one goes by the same connection."""
    mail_server.replies["RCPT p1@example.com"] = GONE
    send(kept, 0)
    with pytest.raises(MailRefused):
        send(kept, 1)
    send(kept, 2)
    assert [mail.recipient for mail in mail_server.mails] == ["p0@example.com", "p2@example.com"]
    assert greetings(mail_server) == mail_server.verbs().count("RSET") == 1


@pytest.mark.parametrize("reply", [HANG_UP, "421 4.4.2 Too many errors", "502 5.5.1 What?"])
def test_a_connection_that_cannot_be_reset_is_not_kept(
    kept: Connections, mail_server: SmtpScript, reply: str
) -> None:
    """The refusal is what counts, and the next message has a new one."""
    mail_server.replies |= {"RCPT p1@example.com": GONE, "RSET": reply}
    with pytest.raises(MailRefused):
        send(kept, 1)
    send(kept, 2)
    assert greetings(mail_server) == 2
    assert [mail.recipient for mail in mail_server.mails] == ["p2@example.com"]


@pytest.mark.parametrize("reply", [HANG_UP, "421 4.4.2 Idle for too long", "503 Bad sequence"])
def test_a_connection_that_the_server_has_ended_is_replaced(
    kept: Connections, mail_server: SmtpScript, reply: str
) -> None:
    """It took nothing, so the message goes by a new one, once."""
    send(kept, 0)
    mail_server.replies["MAIL"] = reply
    with pytest.raises(MailFailure):
        send(kept, 1)  # the new connection answers the same, and that counts
    assert greetings(mail_server) == 2
    assert mail_server.verbs().count("MAIL") == 3
    mail_server.replies.clear()
    send(kept, 2)
    assert [mail.recipient for mail in mail_server.mails] == ["p0@example.com", "p2@example.com"]


@pytest.mark.parametrize(
    ("reply", "error"),
    [("450 4.7.0 Too many in this session", MailDelayed), ("550 Not today", MailAmbiguous)],
)
def test_what_a_kept_connection_refuses_a_new_one_may_take(
    kept: Connections, mail_server: SmtpScript, reply: str, error: type[Exception]
) -> None:
    """Only the answer of a connection of its own is about the message."""
    send(kept, 0)
    mail_server.replies["RCPT p1@example.com"] = reply
    with pytest.raises(error):
        send(kept, 1)
    assert greetings(mail_server) == 2
    assert mail_server.verbs().count("RCPT") == 3
    send(kept, 2)
    assert greetings(mail_server) == 3, "nobody has reset what the refusal left behind"


def test_a_message_in_doubt_is_not_sent_by_another(
    kept: Connections, mail_server: SmtpScript
) -> None:
    """It may have been taken."""
    send(kept, 0)
    mail_server.replies["CONTENT"] = NOTHING
    with pytest.raises(MailInDoubt):
        send(kept, 1)
    assert mail_server.verbs().count("DATA") == 2
    mail_server.replies.clear()
    send(kept, 2)
    assert greetings(mail_server) == 2


def test_idle_connections_are_closed(kept: Connections, mail_server: SmtpScript) -> None:
    """Politely, before the server does it."""
    send(kept, 0)
    kept.close_idle()
    assert "QUIT" not in mail_server.verbs()
    kept.close_idle(0.0)
    assert mail_server.verbs()[-1] == "QUIT"


def test_a_connection_that_was_just_used_is_not_idle(
    kept: Connections, mail_server: SmtpScript
) -> None:
    """However long ago it was opened."""
    mail_server.delays["CONTENT"] = 0.5
    send(kept, 0)
    mail_server.delays.clear()
    send(kept, 1)
    kept.close_idle(0.4)
    assert "QUIT" not in mail_server.verbs()


def test_a_server_that_is_away_is_said_to_be(kept: Connections, mail_server: SmtpScript) -> None:
    """Also where a connection was kept."""
    send(kept, 0)
    mail_server.replies["GREETING"] = "421 Closed"
    mail_server.replies["MAIL"] = HANG_UP
    with pytest.raises(MailUnavailable):
        send(kept, 1)
