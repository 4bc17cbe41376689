"""By hand an invitation is sent again once in two minutes and ten times a day."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from invite_site.errors import NotPossibleNow, ResentTooSoon
from invite_site.invitations.people import Inviter
from tests.support.person import Person
from tests.support.running import (
    Clock,
    RunningSite,
    Tenant,
    running_site,
    sets_password_quietly,
    settings_for,
    signs_in,
)

ADA = "ada@example.com"


@pytest.fixture
def number(site_on: RunningSite) -> int:
    """An invitation that was sent."""
    row = site_on.invites_and_delivers(ADA)
    return int(row.id)


def resends(site: RunningSite, number: int) -> bool:
    """Whether it could be sent again now; if so it has gone out."""
    try:
        site.services.resending.resend(number, actor="Grace")
    except ResentTooSoon:
        return False
    site.delivers()
    return True


def test_ten_clicks_at_once_are_one_mail(site_on: RunningSite, tenant: Tenant, number: int) -> None:
    """Also where the worker is so fast that the next click finds the invitation sent."""
    start = threading.Barrier(10)

    def clicks(_: int) -> bool:
        start.wait(timeout=15)
        try:
            site_on.services.resending.resend(number, actor="Grace")
        except NotPossibleNow:
            return False
        return True

    with ThreadPoolExecutor(10) as pool:
        clicked = pool.map(clicks, range(10))
        assert sum(clicked) == 1
    site_on.delivers()
    assert not any(resends(site_on, number) for _ in range(10))
    assert len(tenant.mails(ADA)) == 2


def test_after_two_minutes_it_can_be_sent_again(site_on: RunningSite, number: int) -> None:
    """The refusal names a whole minute by which it is possible for sure."""
    assert resends(site_on, number), "the first mail does not count: somebody may have lost it"
    site_on.clock.forward(minutes=1, seconds=50)
    with pytest.raises(ResentTooSoon, match="It can be sent again from") as refused:
        site_on.services.resending.resend(number, actor="Grace")
    wait = refused.value.possible_at - site_on.clock()
    assert timedelta() < wait <= timedelta(minutes=1, seconds=10)
    assert refused.value.possible_at.second == 0
    assert f"{refused.value.possible_at:%H:%M} UTC" in str(refused.value)
    site_on.clock.forward(seconds=wait.total_seconds())
    assert resends(site_on, number)


def test_ten_times_a_day_are_enough(site_on: RunningSite, tenant: Tenant, number: int) -> None:
    """The day begins with the first of them; after it there are ten more."""
    began = site_on.clock()
    for _ in range(10):
        assert resends(site_on, number)
        site_on.clock.forward(minutes=2, seconds=1)
    assert not resends(site_on, number)
    row = site_on.row(number)
    possible_at = site_on.services.resending.resend_possible_at(row)
    assert possible_at is not None
    assert timedelta(days=1) <= possible_at - began < timedelta(days=1, minutes=2)
    site_on.clock.forward(hours=23)
    assert not resends(site_on, number)
    site_on.clock.forward(hours=1)
    assert resends(site_on, number)
    site_on.clock.forward(minutes=2, seconds=1)
    assert resends(site_on, number)
    assert len(tenant.mails(ADA)) == 13


def test_the_last_of_a_day_is_followed_by_two_minutes_at_least(
    site_on: RunningSite, number: int
) -> None:
    """Also where the day ends in between."""
    for _ in range(9):
        assert resends(site_on, number)
        site_on.clock.forward(minutes=3)
    left = site_on.row(number).resend_day_ends - site_on.clock()
    site_on.clock.forward(seconds=left.total_seconds() - 30)
    assert resends(site_on, number)
    site_on.clock.forward(seconds=60)
    assert not resends(site_on, number)
    site_on.clock.forward(seconds=61)
    assert resends(site_on, number)


def test_what_is_sent_again_in_bulk_or_by_the_worker_does_not_count(
    site_on: RunningSite, tenant: Tenant
) -> None:
    """Nobody clicked on this one."""
    since = site_on.clock()
    inviter = Inviter("Grace")
    batches = site_on.services.batches
    batch = batches.preview(ADA, name="people", inviter=inviter)
    batches.start(batch.id, inviter=inviter)
    tenant.fails("SMTP", kind="status", status=450, at="rcpt", times=2)
    for minutes in (0, 1, 5):
        site_on.clock.forward(minutes=minutes)
        site_on.delivers()
    [row] = site_on.services.listing.page(now=site_on.clock(), query="ada")
    assert row.state == "sent"
    assert row.resend_from is None
    ways: tuple[Callable[[], int], ...] = (
        lambda: site_on.services.resending.resend_failed(since, actor="Grace"),
        lambda: batches.send_failed_again(batch.id, actor="Grace"),
    )
    for again in ways:
        tenant.fails("SMTP", kind="status", status=550, at="rcpt", times=1)
        site_on.clock.forward(minutes=3)
        assert resends(site_on, row.id), "and so by hand too"
        assert site_on.row(row.id).state == "failed"
        again()
        site_on.delivers()
        assert site_on.row(row.id).state == "sent"


def test_one_that_has_failed_again_can_be_sent_once_more_later(
    site_on: RunningSite, tenant: Tenant, number: int
) -> None:
    """That is the reason, and not that its person has accepted another."""
    tenant.fails("SMTP", kind="status", status=550, at="rcpt", times=1)
    assert resends(site_on, number)
    assert site_on.row(number).state == "failed"
    assert not resends(site_on, number)
    site_on.clock.forward(minutes=2, seconds=1)
    assert resends(site_on, number)
    assert site_on.row(number).state == "sent"


def test_the_page_says_when_it_is_possible_again(
    site_on: RunningSite, admin: Person, number: int
) -> None:
    """Before anybody presses the button, and after."""
    site_on.make_admin()
    signs_in(admin, site_on, start=f"/admin/invitations/{number}")
    assert "once more" not in admin.text
    admin.presses("Resend")
    site_on.delivers()
    admin.opens(admin.url)
    possible_at = site_on.services.resending.resend_possible_at(site_on.row(number))
    assert possible_at is not None
    assert f"{possible_at:%H:%M} UTC on it can be sent once more" in admin.text
    admin.presses("Resend")
    when = f"{possible_at.day} {possible_at:%B %Y at %H:%M} UTC"
    assert f"It can be sent again from {when} on." in admin.text
    site_on.clock.forward(minutes=3)
    assert "once more" not in admin.opens(admin.url).text


def test_an_extended_link_is_asked_about_again(
    tenant: Tenant, tmp_path: Path, clock: Clock
) -> None:
    """At its end the last question had been asked; a password that is chosen after it is seen."""
    settings = settings_for(tenant, tmp_path, INVITE_LINK="landing", INVITE_RETURN="login_route")
    with running_site(settings, clock=clock) as site:
        row = site.invites_and_delivers(ADA)
        for _ in range(6):
            clock.forward(days=1)
            site.delivers()
        assert (site.status(ADA), site.row(row.id).check_at) == ("expired", None)
        site.services.resending.extend(row.id, 5, actor="Grace")
        words = tenant.mails(ADA)[0]["Text"].split()
        token = next(each for each in words if "/i/" in each).rpartition("/")[2]
        found = site.services.acceptance.find_by_link(token)
        assert found is not None
        sets_password_quietly(str(site.services.acceptance.open_link(found)))
        clock.forward(hours=1)
        site.delivers()
        assert site.row(row.id).state == "password_set"
