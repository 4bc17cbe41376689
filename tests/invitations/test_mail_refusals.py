"""A mail server that refuses: whose fault it is decides who waits, who fails, and what goes out."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.running import Clock, RunningSite, Tenant, running_site, settings_for
from tests.support.smtp_script import SmtpScript

QUEUED = 10  # of them five are refused where the recipient is the reason

ABOUT_US = [
    ("GREETING", "554 5.7.1 No SMTP service for you"),
    ("GREETING", "554 not accepting messages"),
    ("EHLO", "501 5.5.4 Invalid domain name"),
    ("EHLO", "550 Access denied"),
    ("MAIL", "530 5.7.0 Must issue a STARTTLS command first"),
    ("MAIL", "550 5.1.8 Sender address rejected: Domain not found"),
    ("MAIL", "553 5.7.1 Sender address rejected: not owned by user"),
    ("MAIL", "550 Daily limit reached"),
    ("RCPT", "504 5.5.2 <app>: Helo command rejected: need fully-qualified hostname"),
    ("RCPT", "554 5.7.1 Relay access denied"),
    ("RCPT", "550 relay not permitted"),
    ("RCPT", "554 5.7.1 Service unavailable; Client host blocked"),
    ("RCPT", "550 5.1.7 The sender was invalid"),
    ("RCPT", "550 Requested action not taken"),
    ("DATA", "554 5.7.1 refused by policy"),
    ("DATA", "554 no valid data"),
    ("CONTENT", "550 5.4.5 Daily user sending limit exceeded."),
    ("CONTENT", "554 5.2.252 SendAsDenied"),
    ("CONTENT", "550 5.7.26 Unauthenticated email is not accepted"),
    ("CONTENT", "554 Transaction failed"),
]
ABOUT_THE_RECIPIENT = [
    "550 5.1.1 User unknown",
    "550 No such user here",
    "552 5.2.2 Mailbox full",
    "553 5.1.3 Invalid address",
    "550 5.2.1 The account is disabled",
]


@pytest.fixture
def scripted(
    tenant: Tenant, tmp_path: Path, clock: Clock, mail_server: SmtpScript
) -> Iterator[RunningSite]:
    """A site that sends by the scripted mail server, with a queue."""
    settings = settings_for(tenant, tmp_path, SMTP_URL=mail_server.url)
    with running_site(settings, clock=clock) as running:
        for number in range(QUEUED):
            running.invites(address(number))
        yield running


def address(number: int) -> str:
    return f"p{number}@example.com"


def states(site: RunningSite) -> list[str]:
    return [site.status(address(number)) for number in range(QUEUED)]


def deliver_for(site: RunningSite, minutes: int) -> None:
    """What a worker does in that time, looking once in five minutes."""
    for _ in range(0, minutes, 5):
        while site.delivers():
            pass
        site.clock.forward(minutes=5, seconds=1)


@pytest.mark.parametrize(("verb", "reply"), ABOUT_US)
def test_a_refusal_about_us_fails_nobody(
    scripted: RunningSite, mail_server: SmtpScript, verb: str, reply: str
) -> None:
    """One banner says what to do; when it is mended all go out without a hand on any row."""
    mail_server.replies |= {verb: reply} | ({"HELO": reply} if verb == "EHLO" else {})
    deliver_for(scripted, 30)
    outage = scripted.services.circuit_breaker.outage()
    assert outage is not None
    assert outage.cause == "sender"
    assert set(states(scripted)) == {"queued"}
    assert mail_server.mails == []
    mail_server.replies.clear()
    deliver_for(scripted, 90)
    assert set(states(scripted)) == {"sent"}
    assert scripted.services.circuit_breaker.outage() is None
    assert sorted(mail.recipient for mail in mail_server.mails) == sorted(
        address(number) for number in range(QUEUED)
    )


def test_a_refusal_about_the_recipient_ends_that_row_alone(
    scripted: RunningSite, mail_server: SmtpScript
) -> None:
    """The others arrive, and there is no banner."""
    for number, reply in enumerate(ABOUT_THE_RECIPIENT):
        mail_server.replies[f"RCPT {address(number * 2)}"] = reply
    deliver_for(scripted, 10)
    assert states(scripted) == ["failed", "sent"] * 5
    assert scripted.services.circuit_breaker.outage() is None


@pytest.mark.parametrize("answer", ["550 5.1.1 User unknown", "450 4.2.0 Come back later"])
def test_another_answer_in_between_ends_a_row_of_refusals_that_may_be_about_us(
    scripted: RunningSite, mail_server: SmtpScript, answer: str
) -> None:
    """Three in a row are about us; where one was told another thing meanwhile, they are not."""
    for number in (0, 1, 3):
        mail_server.replies[f"RCPT {address(number)}"] = "550 Requested action not taken"
    mail_server.replies[f"RCPT {address(2)}"] = answer
    while scripted.delivers():
        pass
    assert scripted.services.circuit_breaker.outage() is None
    assert states(scripted)[4:] == ["sent"] * 6


def test_refusals_that_are_about_us_after_all_make_all_wait_as_long_as_a_certain_one(
    scripted: RunningSite, mail_server: SmtpScript
) -> None:
    """Five minutes, or a little less by now."""
    mail_server.replies["RCPT"] = "550 Requested action not taken"
    while scripted.delivers():
        pass
    outage = scripted.services.circuit_breaker.outage()
    assert outage is not None
    assert outage.until - scripted.clock() > timedelta(minutes=4)


@pytest.mark.parametrize(
    ("verb", "code"),
    [
        ("GREETING", "421"),
        ("MAIL", "451"),
        ("MAIL", "550"),
        ("RCPT", "450"),
        ("RCPT", "550 5.1.1"),
        ("RCPT", "554 5.7.1"),
        ("CONTENT", "451"),
        ("CONTENT", "552 5.2.2"),
        ("CONTENT", "554"),
    ],
)
def test_events_are_in_our_own_words(
    scripted: RunningSite, mail_server: SmtpScript, verb: str, code: str
) -> None:
    """They stay for ever, and what a mail server says may tell who somebody is. The row shows it as
    long as it matters."""
    mail_server.replies[verb] = (
        f"{code} Mrs Ada of Byron Lane, see p0 at example.com, was unavailable"
    )
    scripted.delivers()
    rows = scripted.services.listing.page(now=scripted.clock())
    shown = [row for row in rows if row.last_error]
    assert shown, "it was refused"
    assert "Byron Lane" in (shown[0].last_error or "")
    events = [event for row in rows for event in scripted.services.listing.events(row.id)]
    whys = [event.evidence["why"] for event in events if "why" in event.evidence]
    assert whys
    assert code[:3] in whys[0]
    assert not [event.evidence for event in events if "Byron Lane" in str(event.evidence)]


def test_a_slow_answer_after_the_dot_is_one_mail(
    scripted: RunningSite, mail_server: SmtpScript
) -> None:
    """The row is sent once, however long the server thinks."""
    mail_server.delays["CONTENT"] = 0.2
    deliver_for(scripted, 10)
    assert set(states(scripted)) == {"sent"}
    assert len(mail_server.mails) == QUEUED
