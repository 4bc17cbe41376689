"""An answer that was lost: whether an account or a mail is there is in doubt, and nothing is doubled."""

from typing import Any

import pytest
import requests
from bs4 import BeautifulSoup

from tests.support.accounts import api
from tests.support.dying import dies_after_the_mail, dies_before_the_last_dot
from tests.support.person import Person
from tests.support.running import RunningSite, Tenant, accepts, sets_password

ADA = "ada@example.com"


def test_a_create_whose_answer_was_lost_makes_no_second_account(
    site: RunningSite, tenant: Tenant
) -> None:
    """The next try meets a 409, finds our own marker, and goes on."""
    row = site.invites(ADA)
    tenant.fails("POST /api/v2/users", kind="act_then_drop", times=1)
    site.sends(1)
    assert site.row(row.id).state == "queued"
    site.clock.forward(seconds=61)
    site.delivers()
    assert site.row(row.id).state == "sent"
    assert sum(user["email"] == ADA for user in tenant.state["users"]) == 1


def test_a_mail_that_was_taken_but_not_answered_goes_out_again_as_another_message(
    site: RunningSite, tenant: Tenant
) -> None:
    """A quarter of an hour later, with a link and an id of its own that follows the first; the
    newest link works."""
    row = site.invites(ADA)
    tenant.fails("SMTP", kind="reset", at="after_store", times=1)
    site.delivers()
    doubtful = site.row(row.id)
    assert doubtful.state == "queued"
    assert "did not say" in (doubtful.last_error or "")
    assert site.services.circuit_breaker.outage() is None, "the others go on"
    site.clock.forward(minutes=14)
    assert site.delivers() == 0
    site.clock.forward(minutes=2)
    site.delivers()
    newer, first = tenant.mails(ADA)
    assert newer["MessageID"] != first["MessageID"]
    assert header(tenant, newer, "In-Reply-To") == header(tenant, newer, "References")
    assert header(tenant, newer, "References").strip("<>") == first["MessageID"]
    with Person() as person:
        accepts(person, tenant.link_to(ADA))
    assert site.status(ADA) == "accepted"


def test_a_mail_that_was_never_confirmed_counts_as_sent_after_four(
    site: RunningSite, tenant: Tenant
) -> None:
    """After 15 minutes, an hour and four hours more; then the page says that nobody confirmed it."""
    row = site.invites(ADA)
    tenant.fails("SMTP", kind="reset", at="after_store", times=None)
    site.delivers()
    for minutes in (15, 60, 240):
        assert site.row(row.id).state == "queued"
        site.clock.forward(minutes=minutes - 1)
        assert site.delivers() == 0
        site.clock.forward(minutes=1, seconds=1)
        assert site.delivers() == 1
    done = site.row(row.id)
    assert done.state == "sent"
    assert "did not confirm" in (done.last_error or "")
    mails = tenant.mails(ADA)
    assert len(mails) == 4
    assert len({mail["MessageID"] for mail in mails}) == 4
    site.clock.forward(hours=12)
    site.delivers()
    assert len(tenant.mails(ADA)) == 4
    person = Person()
    sets_password(person, tenant.link_to(ADA))
    assert person.sees_in("Email address") == ADA


@pytest.mark.parametrize("minutes", [1, 16])
def test_nothing_is_sent_again_once_the_password_is_set(
    site_on: RunningSite, tenant: Tenant, minutes: int
) -> None:
    """The tenant is asked after the result page, and before each try: it was set, so the message in doubt
    arrived, and counts as sent when it was."""
    row = site_on.invites(ADA)
    tenant.fails("SMTP", kind="reset", at="after_store", times=1)
    site_on.delivers()
    in_doubt_at = site_on.row(row.id).in_doubt_at
    with Person() as person:
        sets_password(person, tenant.link_to(ADA))
    site_on.clock.forward(minutes=minutes)
    site_on.delivers()
    done = site_on.row(row.id)
    assert done.state == "password_set"
    assert (done.first_sent_at, done.last_sent_at) == (in_doubt_at, in_doubt_at)
    assert len(tenant.mails(ADA)) == 1


def test_nothing_is_sent_again_to_an_account_that_somebody_signs_in_with(
    site: RunningSite, tenant: Tenant
) -> None:
    """Such as by another application: they have what the mail in doubt would have given them."""
    row = site.invites(ADA)
    tenant.fails("SMTP", kind="reset", at="after_store", times=1)
    site.delivers()
    used = (api(site).get(f"/users/{site.row(row.id).user_id}") or {}) | {"logins_count": 1}
    tenant.fails("GET /api/v2/users/", kind="status", status=200, body=used, times=None)
    site.clock.forward(minutes=16)
    site.delivers()
    assert site.row(row.id).state == "sent"
    assert len(tenant.mails(ADA)) == 1


def test_somebody_who_holds_a_mail_in_doubt_is_accepted(site: RunningSite, tenant: Tenant) -> None:
    """While it waits for another try."""
    row = site.invites(ADA)
    tenant.fails("SMTP", kind="reset", at="after_store", times=1)
    site.delivers()
    in_doubt_at = site.row(row.id).in_doubt_at
    with Person() as person:
        accepts(person, tenant.link_to(ADA))
    done = site.row(row.id)
    assert (done.state, done.first_sent_at) == ("accepted", in_doubt_at)
    assert (done.in_doubt_at, done.next_try_at, done.last_error) == (None, None, None)


def test_two_kills_after_the_mail_of_one_person_bring_no_third_copy(
    site_on: RunningSite, tenant: Tenant
) -> None:
    """It counts as sent, and the page says that nobody confirmed it; the newest link works."""
    row = site_on.invites(ADA)
    dies_after_the_mail(site_on)
    dies_after_the_mail(site_on)
    site_on.delivers()
    assert len(tenant.mails(ADA)) == 2
    done = site_on.row(row.id)
    assert done.state == "sent"
    assert "did not confirm" in (done.last_error or "")
    with Person() as person:
        accepts(person, tenant.link_to(ADA))
    assert site_on.status(ADA) == "accepted"


def test_a_kill_before_the_last_dot_costs_nobody_their_mail(
    site_on: RunningSite, tenant: Tenant
) -> None:
    """However often: what the mail server cannot have is sent again."""
    row = site_on.invites(ADA)
    for _ in range(3):
        dies_before_the_last_dot(site_on)
    assert tenant.mails(ADA) == []
    site_on.delivers()
    assert len(tenant.mails(ADA)) == 1
    done = site_on.row(row.id)
    assert (done.state, done.in_doubt_at, done.last_error) == ("sent", None, None)


def test_a_kill_before_the_second_copy_is_handed_over_is_followed_by_one(
    site: RunningSite, tenant: Tenant
) -> None:
    """The first mail went out, the second not; whoever has the first has a dead link."""
    row = site.invites(ADA)
    dies_after_the_mail(site)
    dies_before_the_last_dot(site)
    assert len(tenant.mails(ADA)) == 1
    site.delivers()
    assert len(tenant.mails(ADA)) == 2
    done = site.row(row.id)
    assert (done.state, done.in_doubt_at, done.last_error) == ("sent", None, None)


def test_a_second_copy_that_is_refused_for_now_is_followed_by_one(
    site: RunningSite, tenant: Tenant
) -> None:
    """The worker died before the first was handed over, so nobody has a mail yet."""
    row = site.invites(ADA)
    dies_before_the_last_dot(site)
    tenant.fails("SMTP", kind="status", status=451, at="data", times=1)
    site.delivers()
    assert "try again later" in (site.row(row.id).last_error or "")
    site.clock.forward(minutes=15)
    site.delivers()
    assert site.row(row.id).state == "sent"
    assert len(tenant.mails(ADA)) == 1


@pytest.mark.parametrize(
    "refusal", [{"status": 421, "at": "rcpt"}, {"status": 554, "at": "connect"}]
)
def test_an_outage_of_the_mail_server_is_no_copy(
    site: RunningSite, tenant: Tenant, refusal: dict[str, Any]
) -> None:
    """Nothing was handed over then: a message that is in doubt after it is the first, and is sent again."""
    row = site.invites(ADA)
    tenant.fails("SMTP", kind="status", times=1, **refusal)
    site.sends(1)
    assert site.services.circuit_breaker.outage() is not None
    tenant.fails("SMTP", kind="reset", at="data", times=1)
    site.clock.forward(minutes=6)
    site.delivers()
    assert site.row(row.id).in_doubt_at is not None
    site.clock.forward(minutes=16)
    site.delivers()
    assert len(tenant.mails(ADA)) == 1
    done = site.row(row.id)
    assert (done.state, done.last_error) == ("sent", None)


def test_a_second_copy_that_a_mail_server_cannot_take_now_is_followed_by_one(
    site: RunningSite, tenant: Tenant
) -> None:
    """It answers the last dot with 421 as it stops. The first was not handed over either."""
    row = site.invites(ADA)
    dies_before_the_last_dot(site)
    tenant.fails("SMTP", kind="status", status=421, at="data", times=1)
    site.sends(1)
    assert site.services.circuit_breaker.outage() is not None
    site.clock.forward(minutes=1)
    site.delivers()
    assert len(tenant.mails(ADA)) == 1
    done = site.row(row.id)
    assert (done.state, done.last_error) == ("sent", None)


def test_a_second_copy_that_is_not_confirmed_is_the_last(site: RunningSite, tenant: Tenant) -> None:
    """The person has a quarter of an hour to use it; then it counts as sent."""
    row = site.invites(ADA)
    dies_after_the_mail(site)
    tenant.fails("SMTP", kind="reset", at="after_store", times=1)
    site.delivers()
    site.clock.forward(minutes=14)
    assert site.delivers() == 0
    site.clock.forward(minutes=2)
    site.delivers()
    assert site.row(row.id).state == "sent"
    assert len(tenant.mails(ADA)) == 2


def test_who_chose_a_password_by_a_mail_of_a_dead_worker_gets_no_other(
    site: RunningSite, tenant: Tenant
) -> None:
    """Two workers died with it, so that the tenant is asked before it counts as sent."""
    row = site.invites(ADA)
    dies_after_the_mail(site)
    dies_after_the_mail(site)
    with Person() as person:
        sets_password(person, tenant.link_to(ADA))
    site.delivers()
    assert site.row(row.id).state == "password_set"
    assert len(tenant.mails(ADA)) == 2


def header(tenant: Tenant, mail: dict[str, Any], name: str) -> str:
    """One header of a mail, as the page of the mailbox shows it."""
    page = requests.get(f"{tenant.mailbox_url}/{mail['ID']}", timeout=10).text
    term = BeautifulSoup(page, "html.parser").find("dt", string=name)
    value = term.find_next("dd") if term else None
    assert value is not None
    return value.get_text(strip=True)
