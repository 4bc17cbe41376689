"""A tenant that refuses because of its configuration or our settings: everybody waits, nobody fails."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from invite_site.settings import Delivery, ReturnTo, Settings
from tests.support.running import RunningSite, Tenant, running_site

ADDRESSES = [f"p{number}@example.com" for number in range(3)]
ELSEWHERE = {"ticket": "https://login.acme.example/lo/reset?ticket=abcdef#"}


def other_connection(settings: Settings) -> Settings:
    return replace(settings, connection="Another-Connection")


def other_connection_of_the_tenants_mail(settings: Settings) -> Settings:
    return replace(other_connection(settings), delivery=Delivery.TENANT_EMAIL)


def other_application(settings: Settings) -> Settings:
    return replace(settings, client_id="another", invite_return=ReturnTo.LOGIN_ROUTE)


@pytest.mark.parametrize(
    "change", [other_connection, other_connection_of_the_tenants_mail, other_application]
)
def test_a_setting_that_the_tenant_does_not_know_fails_nobody(
    site: RunningSite, tenant: Tenant, change: Callable[[Settings], Settings]
) -> None:
    """The banner names the setting and the command that says more."""
    with running_site(change(site.settings), clock=site.clock) as wrong:
        for address in ADDRESSES:
            wrong.invites(address)
        for _ in range(3):
            wrong.delivers()
            wrong.clock.forward(minutes=6)
        outage = wrong.services.circuit_breaker.outage()
        assert outage is not None
        assert "AUTH0_CONNECTION" in outage.sentence
        assert "flask tenant check" in outage.sentence
        assert {wrong.status(address) for address in ADDRESSES} == {"queued"}


def test_a_custom_domain_that_was_switched_on_fails_nobody(
    site: RunningSite, tenant: Tenant
) -> None:
    """Tickets carry another host until the setting follows; then all go out by themselves."""
    for address in ADDRESSES:
        site.invites(address)
    tenant.fails(
        "POST /api/v2/tickets/password-change",
        kind="status",
        status=201,
        body=ELSEWHERE,
        times=None,
    )
    for _ in range(3):
        site.delivers()
        site.clock.forward(minutes=6)
    outage = site.services.circuit_breaker.outage()
    assert outage is not None
    assert "AUTH0_DOMAIN" in outage.sentence
    assert tenant.mails() == []
    assert {site.status(address) for address in ADDRESSES} == {"queued"}
    tenant.heals()
    site.clock.forward(minutes=6)
    while site.delivers():
        pass
    assert {site.status(address) for address in ADDRESSES} == {"sent"}


def test_a_refusal_of_one_address_ends_that_row_alone(site: RunningSite, tenant: Tenant) -> None:
    """A 400 about what was sent is about that person."""
    for address in ADDRESSES:
        site.invites(address)
    tenant.fails("POST /api/v2/users", kind="status", status=400, times=1)
    while site.delivers():
        pass
    assert sorted(site.status(address) for address in ADDRESSES) == ["failed", "sent", "sent"]
    assert site.services.circuit_breaker.outage() is None
