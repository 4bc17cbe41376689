"""`flask admin …`: who may invite."""

import pytest

from invite_site.invitations.people import Inviter
from tests.support.running import RunningSite, Tenant

from .conftest import Run

ADA = "ada@example.com"


def test_a_grant_for_somebody_who_is_not_there_yet(
    site: RunningSite, tenant: Tenant, run: Run
) -> None:
    """On a pipe nothing is asked: the refusal names the option, and with it they are invited."""
    output = run("admin", "grant", ADA)
    assert "Nobody at the tenant has this address yet. Add --invite to invite them" in output
    assert output.endswith("[exit 1]")
    assert not site.services.listing.page(now=site.clock())
    assert "may invite once they have accepted" in run("admin", "grant", ADA, "--invite")
    site.delivers()
    assert len(tenant.mails(ADA)) == 1
    listed = run("admin", "list").split("\t")
    assert listed[:2] == [ADA, "invited, not yet there"]
    assert listed[3].strip() == "the command line"
    assert "may no longer invite." in run("admin", "revoke", ADA.upper())
    assert not run("admin", "list")
    assert run("admin", "revoke", ADA).endswith("[exit 1]")
    assert run("admin", "revoke", " ") == "Error: Enter an address or an account id.\n[exit 1]"


def test_an_account_id_with_an_address_in_it_is_an_account_id(
    site: RunningSite, tenant: Tenant, run: Run
) -> None:
    """As those of people who sign in by their company have it, or who came from another system."""
    assert run("admin", "grant", "google-apps|ada@example.com") == (
        "google-apps|ada@example.com may invite.\n"
    )
    assert site.services.admins.includes("google-apps|ada@example.com")
    body = {"connection": site.settings.connection, "email": ADA, "password": "Invite-Demo-1!"}
    site.services.tenant._api.send("POST", "/users", body | {"user_id": ADA, "verify_email": False})
    refused = run("admin", "grant", ADA)
    assert "grant it by its account id: auth0|ada@example.com" in refused
    assert site.services.granting.grant("auth0|ada@example.com", by=Inviter("Grace")).is_new
    assert site.services.admins.includes("auth0|ada@example.com")


@pytest.mark.parametrize("word", ["", "  ", "auth0|" + "x" * 250, "auth0|a\x1b[2J"])
def test_what_can_be_no_account_id_is_refused(site: RunningSite, run: Run, word: str) -> None:
    """Such as an empty variable of a script: it would stand beside the last admin as another one."""
    assert run("admin", "grant", word) == (
        "Error: This is neither an address nor an account id. Enter an email address, or the account "
        "id as the tenant shows it, such as auth0|5f7c8ec7c33c6c004bbafe82.\n[exit 1]"
    )
    assert not site.services.admins.all()


@pytest.mark.parametrize("word", ["auth0", "google-oauth2", "5f7c8ec7c33c6c004bbafe82"])
def test_half_an_account_id_is_refused(site: RunningSite, run: Run, word: str) -> None:
    """What a shell leaves of `auth0|…` without quotation marks."""
    refused = run("admin", "grant", word)
    assert "'auth0|5f7c8ec7c33c6c004bbafe82', in single quotes" in refused
    assert refused.endswith("[exit 1]")
    assert not site.services.admins.all()


def test_spaces_around_an_account_id_are_no_part_of_it(site: RunningSite, run: Run) -> None:
    """They come along when it is copied, and nobody would sign in by such an id."""
    run("admin", "grant", " auth0|ada\n")
    assert site.services.admins.includes("auth0|ada")


def test_names_cannot_command_a_terminal(site: RunningSite, run: Run) -> None:
    """They come out of sign-ins, and may hold anything."""
    name = "Eve\x1bc\n"
    site.services.admins.grant("auth0|eve", label=name, now=site.clock(), by=name)
    site.services.granting.grant(ADA, by=Inviter(name), invites=True)
    assert "\x1b" not in run("admin", "list")
    assert len(run("admin", "list").splitlines()) == 2


def test_a_grant_is_withdrawn_by_the_account_id_too(site: RunningSite, run: Run) -> None:
    """Such as where two accounts have one address, and both may invite."""
    for sub in ("auth0|ada", "google-oauth2|1"):
        site.services.admins.grant(sub, label=ADA, now=site.clock())
    assert "may no longer invite." in run("admin", "revoke", "google-oauth2|1")
    assert [each.sub for each in site.services.admins.all()] == ["auth0|ada"]


def test_the_last_admin_may_be_withdrawn_here(site: RunningSite, run: Run) -> None:
    """Whoever has the command line can grant again."""
    site.make_admin()
    assert "may no longer invite." in run("admin", "revoke", "Admin@Example.com")
    assert not site.services.admins.all()
