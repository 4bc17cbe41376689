"""Points of Auth0 that no source settles: an invitation gets to its end whichever way they fall."""

from pathlib import Path

import pytest

from invite_site.local_tenant.simulation.switches import SWITCHES
from tests.support.person import Person
from tests.support.running import (
    PASSWORD,
    RunningSite,
    Tenant,
    accepts,
    running_site,
    settings_for,
)

ADDRESS = "ada+team@example.com"
# Where one falls so, a link of the tenant cannot lead back to this site.
BARRED = {"ticket_result_url_barred": True, "result_url_on_localhost": "refuse"}
OTHER_WAYS = {name: each.values[1] for name, each in SWITCHES.items() if name not in BARRED}


def mailed_link(tenant: Tenant) -> str:
    return str(next(word for word in tenant.mails(ADDRESS)[0]["Text"].split() if "://" in word))


@pytest.mark.parametrize("link", ["ticket", "landing"])
def test_it_works(tenant: Tenant, person: Person, tmp_path: Path, link: str) -> None:
    """By the Classic page, with every point the other way; the link says afterwards what became of it."""
    tenant.control("PUT", "/switches", OTHER_WAYS)
    with running_site(settings_for(tenant, tmp_path, INVITE_LINK=link)) as site:
        site.invites_and_delivers(ADDRESS)
        mailed = mailed_link(tenant)
        if link == "landing":
            person.opens(mailed).presses("Choose your password")
        accepts(person, mailed if link == "ticket" else person.url)
        assert site.status(ADDRESS) == "accepted"
        with Person() as again:
            assert again.opens(mailed).heading == "You have accepted this invitation"


def test_by_new_universal_login_it_works(tenant: Tenant, person: Person, tmp_path: Path) -> None:
    tenant.control("PUT", "/switches", OTHER_WAYS)
    tenant.control("PUT", "/experience", {"experience": "new"})
    with running_site(settings_for(tenant, tmp_path, INVITE_RETURN="login_route")) as site:
        site.invites_and_delivers(ADDRESS)
        person.opens(mailed_link(tenant)).presses("Continue")
        person.types_into("New password", PASSWORD).types_into("Re-enter new password", PASSWORD)
        person.presses("Reset password")
        assert person.heading == "Password Changed!"
        logs_in_by_address(person, site)
        assert site.status(ADDRESS) == "accepted"


def logs_in_by_address(person: Person, site: RunningSite) -> None:
    """On the two pages of New Universal Login, which know nobody here."""
    person.opens(f"{site.url}/login")
    person.types(Email_address=ADDRESS).presses("Continue")
    person.types(Password=PASSWORD).presses("Continue")


@pytest.mark.parametrize(
    ("name", "status", "reason"),
    [
        ("result_url_on_localhost", "failed", "HTTP 400 invalid_body"),
        (
            "ticket_result_url_barred",
            "queued",
            "does not allow what this site asks of it (HTTP 403)",
        ),
    ],
)
def test_a_refused_way_back_is_told_to_the_admin(
    site: RunningSite, tenant: Tenant, name: str, status: str, reason: str
) -> None:
    """What a tenant bars for everybody waits, and is not called a permission that is missing."""
    tenant.control("PUT", "/switches", {name: BARRED[name]})
    row = site.invites_and_delivers(ADDRESS)
    assert site.status(ADDRESS) == status
    assert reason in (site.row(row.id).last_error or "")
