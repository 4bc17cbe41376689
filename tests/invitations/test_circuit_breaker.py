"""How long everything waits after an outage, and what ends it."""

from datetime import timedelta

from sqlalchemy import update

from invite_site.invitations.tables import Outage
from tests.support.running import RunningSite

SECOND = timedelta(seconds=1)


def test_the_wait_doubles_up_to_a_minute_as_long_as_the_cause_is_the_same(
    site_on: RunningSite,
) -> None:
    """Several that meet one fault at once count once; another cause begins anew."""
    breaker, now = site_on.services.circuit_breaker, site_on.clock()
    began, waits = now, []
    for _ in range(8):
        until = breaker.open("mail", "The mail server is down.", now=now)
        waits.append((until - now) // SECOND)
        now = until
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert breaker.open("mail", "The mail server is down.", now=now - SECOND) == now
    assert breaker.open("tenant", "The tenant is down.", now=now - SECOND) == now
    outage = breaker.outage()
    assert outage
    assert (outage.cause, outage.failures, outage.since) == ("tenant", 0, began)


def test_an_outage_of_months_is_probed_every_minute(site_on: RunningSite) -> None:
    """However often a probe has failed: the double of so many seconds is no number any more."""
    breaker, now = site_on.services.circuit_breaker, site_on.clock()
    breaker.open("mail", "The mail server is down.", now=now)
    with site_on.services.engine.begin() as db:
        db.execute(update(Outage).values(failures=100_000, until=now))
    assert breaker.open("mail", "The mail server is down.", now=now) == now + 60 * SECOND


def test_what_the_other_side_asks_for_counts_within_reason(site_on: RunningSite) -> None:
    """Also while a shorter wait is under way; from a second to an hour."""
    breaker, now = site_on.services.circuit_breaker, site_on.clock()
    breaker.open("tenant", "The tenant is busy.", now=now)
    for wait, seconds in ((30.0, 30), (0.0, 1), (1e9, 3600)):
        until = breaker.open("tenant", "The tenant is busy.", now=now, wait=wait)
        assert (until - now) // SECOND == seconds


def test_an_outage_is_ended_by_what_began_after_it(site_on: RunningSite) -> None:
    """What was under way before it says nothing of it."""
    breaker, now = site_on.services.circuit_breaker, site_on.clock()
    breaker.open("mail", "The mail server is down.", now=now)
    breaker.close(began=now - SECOND)
    assert breaker.outage()
    breaker.close(began=now)
    assert breaker.outage() is None
