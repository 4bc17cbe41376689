"""A revoked invitation's link dies, and nobody else's does."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from invite_site.invitations.sending.channels import TicketLink
from invite_site.tenant.rate_limits import Kind
from tests.support.accounts import change_user
from tests.support.person import Person
from tests.support.running import (
    PASSWORD,
    Clock,
    RunningSite,
    Tenant,
    running_site,
    sets_password,
    settings_for,
    signs_in,
    wait_until,
)

ADA = "ada@example.com"


def test_revoking_kills_the_link_at_the_tenant(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """Without a page of ours on the way: the ticket itself is worthless."""
    row = site.invites_and_delivers(ADA)
    site.services.invitations.revoke(row.id, actor="Grace", reason="typo")
    site.delivers()
    assert [ticket["state"] for ticket in tenant.state["tickets"]][:1] == ["superseded"]
    person.opens(tenant.link_to(ADA))
    assert person.heading == "This invitation was withdrawn"
    assert "ticket_withdrawn" in [event.event for event in site.services.listing.events(row.id)]


def test_of_an_account_that_is_gone_no_link_has_to_be_withdrawn(
    site: RunningSite, tenant: Tenant
) -> None:
    """Its tickets went with it, so the tenant is asked once."""
    row = site.row(site.invites_and_delivers(ADA).id)
    change_user(site, row, deleted=True)
    site.services.invitations.revoke(row.id, actor="Grace")
    site.delivers()
    assert site.row(row.id).check_at is None


def test_withdrawing_waits_for_a_newer_mail_that_is_in_doubt(
    site: RunningSite, tenant: Tenant
) -> None:
    """Its link may be with the invitee, and a ticket that is made now would end it."""
    row = site.invites_and_delivers(ADA)
    site.services.invitations.revoke(row.id, actor="Grace")
    newer = site.invites(ADA)
    tenant.fails("SMTP", kind="reset", at="after_store", times=1)
    site.delivers()
    assert site.row(newer.id).in_doubt_at is not None
    assert tenant.linked_accounts() == [site.row(newer.id).user_id]
    assert site.row(row.id).check_at is not None


def test_revoking_while_the_worker_is_on_the_way_sends_nothing(
    site: RunningSite, tenant: Tenant
) -> None:
    """The worker finds the row taken before the mail, and kills the ticket that it made."""
    row = site.invites(ADA)
    tenant.fails("POST /api/v2/tickets/password-change", kind="slow", seconds=1, times=1)
    worker = threading.Thread(target=site.delivers)
    worker.start()
    wait_until(lambda: tenant.user(ADA) is not None, "the account was made")
    site.services.invitations.revoke(row.id, actor="Grace")
    worker.join()
    assert tenant.mails() == []
    assert site.row(row.id).state == "revoked"
    site.delivers()
    assert tenant.linked_accounts() == []


@pytest.fixture
def paced(tenant: Tenant, database_url: str, tmp_path: Path, clock: Clock) -> Iterator[RunningSite]:
    """A site whose tenant takes ten calls of a kind at once, on both kinds of database. The time stands
    still: no calls are gained while the machine is slow."""
    clock.stop()
    plan = "enterprise_nonproduction"
    settings = settings_for(tenant, tmp_path, DATABASE_URL=database_url, TENANT_PLAN=plan)
    with running_site(settings, clock=clock) as running:
        yield running


def calls_left(site: RunningSite) -> int:
    return site.services.deliveries.pacer.now().affordable({Kind.TICKETS: 1}, 99)


def test_links_that_are_not_withdrawn_yet_cost_the_newer_invitations_no_calls(
    paced: RunningSite, tenant: Tenant
) -> None:
    """All of a list were revoked and invited again: each withdrawal waits until the newer mail is out, and
    thousands would leave nothing for it."""
    rows = [paced.invites(f"p{number}@example.com") for number in range(4)]
    paced.delivers()
    paced.clock.forward(minutes=1)
    for row in rows:
        paced.services.invitations.revoke(row.id, actor="Grace")
        paced.invites(row.email)
    made, left = tenant.calls("POST /api/v2/tickets"), calls_left(paced)
    assert paced.services.deliveries.check(limit=4) > 0
    assert tenant.calls("POST /api/v2/tickets") == made
    assert calls_left(paced) == left > 0


def test_one_question_to_the_tenant_costs_one_call(paced: RunningSite) -> None:
    """However many could be asked at a time."""
    row = paced.invites_and_delivers(ADA)
    paced.clock.forward(hours=1)
    for is_withdrawn in (False, True):
        if is_withdrawn:
            paced.services.invitations.revoke(row.id, actor="Grace")
        left = calls_left(paced)
        assert paced.services.deliveries.check(limit=4) == 1
        assert calls_left(paced) == left - 1


def test_withdrawing_late_does_not_kill_the_newer_invitations_link(
    site: RunningSite, tenant: Tenant
) -> None:
    """Revoked while no worker ran, and invited again: the newest link works."""
    first = site.invites_and_delivers(ADA)
    site.services.invitations.revoke(first.id, actor="Grace")
    site.invites(ADA)
    site.services.deliveries.check(limit=10)
    assert len(tenant.state["tickets"]) == 1, "one made now may come after that of the newer one"
    for _ in range(3):
        site.delivers()
        site.clock.forward(seconds=61)
    assert len(tenant.linked_accounts()) == 1
    with Person() as person:
        sets_password(person, tenant.link_to(ADA))
        assert person.sees_in("Email address") == ADA


def test_revoking_while_the_tenant_is_asked_about_it_kills_the_link(
    site: RunningSite, tenant: Tenant
) -> None:
    """The answer to the question does not put off the withdrawal."""
    row = site.invites_and_delivers(ADA)
    site.clock.forward(hours=1, seconds=1)
    tenant.fails("GET /api/v2/users", kind="slow", seconds=1, times=1)
    asking = threading.Thread(target=lambda: site.services.deliveries.check(limit=10))
    asking.start()
    wait_until(lambda: not tenant.faults, "the tenant was asked")
    site.services.invitations.revoke(row.id, actor="Grace")
    asking.join()
    site.delivers()
    assert tenant.linked_accounts() == []


def test_a_worker_that_is_late_leaves_the_link_of_the_newer_invitation_alone(
    site: RunningSite, tenant: Tenant
) -> None:
    """Revoked after the ticket was made, and invited again and mailed before the worker noticed."""
    first = site.invites(ADA)
    deliveries = site.services.deliveries

    def clock() -> datetime:
        """The channel looks at it again once its ticket is made."""
        if site.row(first.id).state == "sending" and tenant.state["tickets"]:
            site.services.invitations.revoke(first.id, actor="Grace")
            site.invites(ADA)
            site.sends(1)
        return site.clock()

    assert isinstance(deliveries.channel, TicketLink)
    late = replace(deliveries, channel=replace(deliveries.channel, clock=clock))
    [job] = late.claim("late worker", limit=1)
    late.deliver(job)
    assert site.row(first.id).state == "revoked"
    assert len(tenant.mails(ADA)) == 1
    for _ in range(3):
        site.delivers()
        site.clock.forward(seconds=61)
    assert len(tenant.linked_accounts()) == 1


def test_revoking_while_the_tenant_is_about_to_send_its_mail_kills_the_link_in_it(
    tenant: Tenant, tmp_path: Path
) -> None:
    """The withdrawal came before the order; another one follows it."""
    settings = settings_for(tenant, tmp_path, INVITE_DELIVERY="tenant_email")
    with running_site(settings) as site:
        row = site.invites(ADA)
        tenant.fails("POST /dbconnections/change_password", kind="slow", seconds=2, times=1)
        worker = threading.Thread(target=lambda: site.sends(1))
        worker.start()
        wait_until(lambda: not tenant.faults, "the mail was ordered")
        site.services.invitations.revoke(row.id, actor="Grace")
        site.services.deliveries.check(limit=10)
        worker.join()
        assert len(tenant.mails(ADA)) == 1
        assert site.row(row.id).state == "revoked"
        site.delivers()
        assert tenant.linked_accounts() == []


def test_an_open_invitation_of_another_application_is_no_withdrawn_one(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """After AUTH0_CLIENT_ID changed, people are signed in, and nobody hears of a withdrawal."""
    site.invites_and_delivers(ADA)
    sets_password(person, tenant.link_to(ADA))
    with site.services.engine.begin() as db:
        db.execute(text("UPDATE invitation SET client_id = 'the-earlier-one'"))
    with Person() as later:
        signs_in(later, site, ADA, PASSWORD)
        assert later.url == f"{site.url}/"
