"""What somebody changes at the tenant is shown to the owner, and moves no invitation by itself."""

from typing import Any

import pytest

from tests.support.accounts import change_user
from tests.support.person import Person
from tests.support.running import PASSWORD, RunningSite, Tenant, logs_in, sets_password, signs_in

ADA = "ada@example.com"


def sent(site: RunningSite) -> Any:
    row = site.invites_and_delivers(ADA)
    return site.row(row.id)


CHANGES: list[tuple[dict[str, Any], str, str]] = [
    ({"deleted": True}, "deleted", "was deleted at the tenant"),
    ({"blocked": True}, "blocked", "is blocked at the tenant"),
    ({"email": "other@example.com"}, "other_address", "has another address at the tenant"),
]


@pytest.mark.parametrize(("change", "drift", "words"), CHANGES)
def test_the_worker_sees_it_and_the_page_says_it(
    site: RunningSite, tenant: Tenant, admin: Person, change: dict[str, Any], drift: str, words: str
) -> None:
    """Once in the history, however often it is seen; the state stays."""
    row = sent(site)
    change_user(site, row, **change)
    for _ in range(2):
        site.clock.forward(hours=6)
        site.delivers()
    seen = site.row(row.id)
    assert (seen.state, seen.drift) == ("sent", drift)
    events = [each.event for each in site.services.listing.events(row.id)]
    assert events.count("account_differs") == 1
    site.make_admin()
    signs_in(admin, site, start=f"/admin/invitations/{row.id}")
    assert words in admin.text
    assert "The account was changed at the tenant" in admin.text


def test_the_owner_asks_and_sees_what_the_tenant_knows(
    site: RunningSite, tenant: Tenant, person: Person, admin: Person
) -> None:
    """Before and after the first sign-in; a password that was chosen is seen at once."""
    row = sent(site)
    site.make_admin()
    signs_in(admin, site, start=f"/admin/invitations/{row.id}")
    admin.presses("Ask the tenant")
    assert "ada@example.com (not verified)" in admin.text
    sets_password(person, tenant.link_to(ADA))
    admin.presses("Ask the tenant")
    assert site.row(row.id).state == "password_set"
    person.types(Password=PASSWORD).presses("Continue")
    admin.presses("Ask the tenant")
    assert "(not verified)" not in admin.text
    assert "1, the last" in admin.text
    change_user(site, row, deleted=True)
    admin.presses("Ask the tenant")
    assert "It has no such account any more" in admin.text
    assert site.row(row.id).state == "accepted"


def test_an_account_that_is_not_made_yet_is_not_said_to_be_deleted(site: RunningSite) -> None:
    """The owner may ask before the first delivery."""
    row = site.invites(ADA)
    site.services.checks.ask(row)
    assert site.row(row.id).asked_at is not None
    assert site.row(row.id).drift is None


def test_what_was_put_right_is_not_shown_any_longer(
    site: RunningSite, tenant: Tenant, admin: Person
) -> None:
    """Unblocked: the warning goes with the next answer."""
    row = sent(site)
    change_user(site, row, blocked=True)
    site.services.checks.ask(row)
    assert site.row(row.id).drift == "blocked"
    change_user(site, row, blocked=False)
    site.services.checks.ask(row)
    assert site.row(row.id).drift is None


def test_a_tenant_that_is_away_is_said(site: RunningSite, tenant: Tenant, admin: Person) -> None:
    """A sentence on the page; what was known stays."""
    row = sent(site)
    site.services.checks.ask(row)
    site.make_admin()
    signs_in(admin, site, start=f"/admin/invitations/{row.id}")
    tenant.fails("GET /api/v2/users/", kind="status", status=503, times=None)
    admin.presses("Ask the tenant")
    assert "The tenant could not be asked" in admin.text
    assert "ada@example.com (not verified)" in admin.text


def test_a_new_mail_ends_what_was_said_of_a_deleted_account(
    site: RunningSite, tenant: Tenant
) -> None:
    """Sent again, it has made the account anew."""
    row = site.invites_and_delivers(ADA)
    change_user(site, site.row(row.id), deleted=True)
    site.clock.forward(hours=1, seconds=1)
    site.delivers()
    assert site.row(row.id).drift == "deleted"
    site.services.resending.resend(row.id, actor="Grace")
    site.delivers()
    assert site.row(row.id).drift is None


def test_who_has_accepted_is_not_said_to_be_blocked(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """The owner unblocked them, and they have signed in since."""
    row = site.invites_and_delivers(ADA)
    change_user(site, site.row(row.id), blocked=True)
    site.clock.forward(hours=1, seconds=1)
    site.delivers()
    assert site.row(row.id).drift == "blocked"
    change_user(site, site.row(row.id), blocked=False)
    logs_in(sets_password(person, tenant.link_to(ADA)), ADA, PASSWORD)
    assert site.status(ADA) == "accepted"
    assert site.row(row.id).drift is None
