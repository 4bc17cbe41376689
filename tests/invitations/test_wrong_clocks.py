"""What a clock a day ahead has stored holds nobody up once it is right."""

from datetime import timedelta

from sqlalchemy import update

from invite_site.invitations.sending.outcomes import DELAYS, DOUBT_DELAYS
from invite_site.invitations.tables import Invitation
from invite_site.server import working
from tests.support.running import RunningSite, Tenant, sets_password_quietly, wait_until

ADA = "ada@example.com"


def test_what_was_queued_by_a_clock_a_day_ahead_goes_out_once_it_is_right(
    site_on: RunningSite, tenant: Tenant
) -> None:
    """Its time to be sent lies a day ahead of what the clock says now."""
    site_on.clock.forward(days=1)
    row = site_on.invites(ADA)
    site_on.clock.forward(days=-1)
    assert site_on.delivers() == 0
    with working(site_on.services):
        wait_until(lambda: site_on.row(row.id).state == "sent", "it was sent")
    assert len(tenant.mails(ADA)) == 1


def test_what_a_clock_a_day_ahead_took_out_of_the_queue_goes_out_once_it_is_right(
    site_on: RunningSite,
) -> None:
    """It had seemed to have expired there; one that is held for its owner stays so."""
    row, held = site_on.invites(ADA), site_on.invites("held@example.com")
    with site_on.services.engine.begin() as db:
        db.execute(update(Invitation).values(expires_at=site_on.clock() + timedelta(hours=12)))
        held_now = update(Invitation).where(Invitation.id == held.id)
        db.execute(held_now.values(next_try_at=None, new_email="other@example.com"))
    site_on.clock.forward(days=1)
    assert site_on.delivers() == 0
    site_on.clock.forward(days=-1)
    assert site_on.row(row.id).next_try_at is None
    site_on.services.wrong_clocks.mend()
    assert site_on.delivers() == 1
    assert site_on.row(row.id).state == "sent"
    assert site_on.row(held.id).next_try_at is None


def test_a_password_is_seen_though_our_clock_is_ahead_of_the_tenants(
    site_on: RunningSite, tenant: Tenant
) -> None:
    """When its link was made the tenant says, which also says when it was chosen."""
    site_on.clock.forward(minutes=5)
    row = site_on.invites_and_delivers(ADA)
    sets_password_quietly(tenant.link_to(ADA))
    site_on.clock.forward(hours=2)
    site_on.delivers()
    assert site_on.row(row.id).state == "password_set"


def test_an_outage_that_a_clock_a_day_ahead_has_met_is_probed_and_ends(
    site_on: RunningSite, tenant: Tenant
) -> None:
    """Both its probe and its beginning lie ahead: the first answer would not be one that came after."""
    site_on.clock.forward(days=1)
    breaker = site_on.services.circuit_breaker
    breaker.open("mail", "The mail server is away.", now=site_on.clock())
    site_on.clock.forward(days=-1)
    row = site_on.invites(ADA)
    assert site_on.delivers() == 0
    site_on.services.wrong_clocks.mend()
    assert site_on.delivers() == 1
    assert site_on.row(row.id).state == "sent"
    assert breaker.outage() is None


def test_the_longest_waits_that_can_be_stay(site_on: RunningSite) -> None:
    """An hour, which the tenant may ask for, and that after the last mail that nobody confirmed."""
    row, now, longest = site_on.invites(ADA), site_on.clock(), max(*DELAYS, *DOUBT_DELAYS)
    until = site_on.services.circuit_breaker.open("tenant", "It is away.", now=now, wait=3600.0)
    with site_on.services.engine.begin() as db:
        db.execute(update(Invitation).values(next_try_at=now + longest))
    site_on.services.wrong_clocks.mend()
    outage = site_on.services.circuit_breaker.outage()
    assert outage is not None
    assert (outage.since, outage.until) == (now, until)
    assert site_on.row(row.id).next_try_at == now + longest
