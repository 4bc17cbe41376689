"""Roles that were chosen for an invitation: the worker gives them once it is accepted."""

from typing import Any

import pytest
from sqlalchemy import update

from invite_site.errors import InvalidInvitee
from invite_site.invitations.options import Options
from invite_site.invitations.people import Inviter
from invite_site.invitations.tables import Invitation
from tests.support.accounts import identity_of
from tests.support.at_tenant import AtTenant, at_tenant
from tests.support.person import Person
from tests.support.running import PASSWORD, RunningSite, Tenant, sets_password

ADA = "ada@example.com"
WITHOUT_ROLES = "read:users create:users create:user_tickets"
WITH_ROLES = f"{WITHOUT_ROLES} read:roles create:role_members update:users"


class Roles:
    """The roles of the tenant, and an invitation with some of them."""

    def __init__(self, site: RunningSite, tenant: Tenant, at: AtTenant, person: Person) -> None:
        self.site, self.tenant, self.api, self.person = site, tenant, at.api, person
        names = ("Reader", "editor")
        body = {"description": ""}
        self.ids = {n: self.api.send("POST", "/roles", {"name": n, **body})["id"] for n in names}

    def invited(self, *names: str) -> Any:
        """An invitation with these roles, accepted by now, and what its worker did before."""
        options = Options.parse(self.site.settings, roles={self.ids[name]: name for name in names})
        row = self.site.services.invitations.invite(ADA, inviter=Inviter("Grace"), options=options)
        self.site.delivers()
        sets_password(self.person, self.tenant.link_to(ADA))
        self.person.types(Password=PASSWORD).presses("Continue")
        assert self.site.status(ADA) == "accepted"
        return row

    @property
    def held(self) -> set[str]:
        user_id = self.tenant.user(ADA)["user_id"]
        held: Any = self.api.get(f"/users/{user_id}/roles")
        return {each["name"] for each in held}

    def events(self, invitation_id: int) -> list[tuple[str, dict[str, Any]]]:
        found = self.site.services.listing.events(invitation_id)
        return [(each.event, each.evidence) for each in found if each.event.startswith("roles")]


@pytest.fixture
def roles(site: RunningSite, tenant: Tenant, tmp_path: Any, person: Person) -> Roles:
    return Roles(site, tenant, at_tenant(tenant, tmp_path), person)


def test_it_works(roles: Roles, site: RunningSite) -> None:
    """After acceptance and not before; once."""
    row = roles.invited("Reader", "editor")
    assert roles.held == set()
    site.delivers()
    assert roles.held == {"Reader", "editor"}
    after = site.row(row.id)
    assert after.roles_granted_at
    assert (after.check_at, after.last_error) == (None, None)
    assert roles.events(row.id) == [("roles_granted", {"roles": ["Reader", "editor"]})]


def test_a_tenant_that_is_away_is_asked_again(
    roles: Roles, site: RunningSite, tenant: Tenant
) -> None:
    """Until it works; the page says that it waits, the history once."""
    row = roles.invited("Reader")
    tenant.fails("POST /api/v2/users/", kind="status", status=503, times=None)
    for _ in range(2):
        site.delivers()
        site.clock.forward(seconds=61)
    waiting = site.row(row.id)
    assert "not given yet. The tenant has trouble of its own" in waiting.last_error
    assert [kind for kind, _ in roles.events(row.id)] == ["roles_postponed"]
    tenant.heals()
    site.delivers()
    assert roles.held == {"Reader"}
    assert site.row(row.id).last_error is None
    assert [kind for kind, _ in roles.events(row.id)] == ["roles_postponed", "roles_granted"]


def test_a_tenant_that_refuses_is_asked_again_later(
    roles: Roles, site: RunningSite, tenant: Tenant
) -> None:
    """Ten minutes later, since somebody has to do something first; the sentence has its status."""
    row = roles.invited("Reader")
    tenant.fails("POST /api/v2/users/", kind="status", status=400, times=1)
    site.delivers()
    refused = site.row(row.id)
    assert "The tenant refused them (HTTP 400). The site tries again." in refused.last_error
    site.clock.forward(minutes=9)
    site.delivers()
    assert roles.held == set()
    site.clock.forward(minutes=1)
    site.delivers()
    assert roles.held == {"Reader"}


def test_a_permission_that_was_taken_away_is_named(
    roles: Roles, site: RunningSite, tenant: Tenant
) -> None:
    """And when it is back, the roles are given."""
    row = roles.invited("Reader")
    tenant.control("PUT", "/application", {"management_scope": WITHOUT_ROLES})
    tenant.forward(25 * 3600)  # tokens keep what they were given
    site.delivers()
    assert "lacks the permission" in site.row(row.id).last_error
    tenant.control("PUT", "/application", {"management_scope": WITH_ROLES})
    tenant.forward(25 * 3600)
    site.clock.forward(minutes=11)
    site.delivers()
    assert roles.held == {"Reader"}


def test_each_invitation_of_an_account_gives_its_roles(
    site_on: RunningSite, tenant: Tenant
) -> None:
    """One sign-in accepts all of them, such as one of an application that was replaced since."""
    options, invitations = Options(roles={"rol_1": "Reader"}), site_on.services.invitations
    earlier = invitations.invite(ADA, inviter=Inviter("Grace"), options=options)
    with site_on.services.engine.begin() as db:
        db.execute(update(Invitation).values(client_id="replaced since"))
    site_on.delivers()
    newer = site_on.invites_and_delivers(ADA)
    acceptance = site_on.services.acceptance
    assert acceptance.complete_login(identity_of(site_on.row(newer.id)), newer.ref).has_access
    after = [site_on.row(each.id) for each in (earlier, newer)]
    assert [row.state for row in after] == ["accepted", "accepted"]
    assert [row.check_at for row in after] == [after[0].accepted_at, None]


def test_roles_that_were_deleted_meanwhile_are_named(roles: Roles, site: RunningSite) -> None:
    """The others are given."""
    row = roles.invited("Reader", "editor")
    roles.api.send("DELETE", f"/roles/{roles.ids['editor']}", None)
    site.delivers()
    assert roles.held == {"Reader"}
    after = site.row(row.id)
    assert "Deleted at the tenant before it could be given: editor." in after.last_error
    assert after.check_at is None
    [(kind, evidence)] = roles.events(row.id)
    assert (kind, evidence["roles"]) == ("roles_granted", ["Reader"])
    assert "editor" in evidence["why"]


@pytest.mark.parametrize(
    ("is_account", "sentence"),
    [
        (True, "The account was deleted at the tenant"),
        (False, "Deleted at the tenant before it could be given: Reader."),
    ],
)
def test_where_nothing_is_left_to_give_nothing_is_tried_again(
    roles: Roles, site: RunningSite, is_account: bool, sentence: str
) -> None:
    """Neither where all roles are gone nor where the account is."""
    row = roles.invited("Reader")
    path = f"/roles/{roles.ids['Reader']}"
    if is_account:
        path = f"/users/{site.row(row.id).user_id}"
    roles.api.send("DELETE", path, None)
    site.delivers()
    after = site.row(row.id)
    assert (after.check_at, after.roles_granted_at) == (None, None)
    assert sentence in after.last_error
    assert [kind for kind, _ in roles.events(row.id)] == ["roles_not_given"]


def test_the_offer_is_what_the_tenant_has(roles: Roles, site: RunningSite, tenant: Tenant) -> None:
    """By name; asked once a minute, and kept while the tenant is away."""
    offers = site.services.role_offers
    assert list(offers.current().roles.values()) == ["editor", "Reader"]
    tenant.fails("GET /api/v2/roles", kind="status", status=503, times=None)
    asked = tenant.calls("GET /api/v2/roles")
    offers.current()
    assert tenant.calls("GET /api/v2/roles") == asked
    site.clock.forward(seconds=61)
    assert list(offers.current().roles.values()) == ["editor", "Reader"]
    assert tenant.calls("GET /api/v2/roles") == asked + 1


def test_a_role_is_named_by_its_name_or_its_id(roles: Roles, site: RunningSite) -> None:
    """As a list or a command has it; any other word is told."""
    offers, reader = site.services.role_offers, {roles.ids["Reader"]: "Reader"}
    assert offers.named(["Reader"]) == offers.named([roles.ids["Reader"]]) == reader
    with pytest.raises(InvalidInvitee, match=r"The tenant has no role Owner\."):
        offers.named(["Reader", "Owner"])


def test_a_role_is_found_in_any_letter_case_unless_two_differ_by_that_alone(
    roles: Roles, site: RunningSite
) -> None:
    """Lists are typed by hand; the preview shows the name as the tenant has it."""
    offers, reader = site.services.role_offers, {roles.ids["Reader"]: "Reader"}
    assert offers.named(["reader"]) == offers.named(["READER"]) == reader
    other = roles.api.send("POST", "/roles", {"name": "READER", "description": ""})
    site.clock.forward(seconds=61)
    assert offers.named(["READER"]) == {other["id"]: "READER"}
    with pytest.raises(InvalidInvitee, match=r"The tenant has no role reader\."):
        offers.named(["reader"])


def test_a_tenant_without_roles_is_told_as_one(site: RunningSite) -> None:
    """The form has nothing to choose from, and says why; so does a list that names one."""
    offers, sentence = site.services.role_offers, "The tenant has no roles to choose from."
    assert (offers.current().roles, offers.current().sentence) == ({}, sentence)
    with pytest.raises(InvalidInvitee, match=sentence):
        offers.named(["Reader"])


def test_without_its_permissions_nothing_is_offered(site: RunningSite, tenant: Tenant) -> None:
    """The sentence names what is missing."""
    tenant.control("PUT", "/application", {"management_scope": f"{WITHOUT_ROLES} read:roles"})
    offer = site.services.role_offers.current()
    assert not offer.roles
    assert "lacks the permission create:role_members and update:users" in offer.sentence
