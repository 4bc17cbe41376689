"""Signing in: who is somebody, who may invite, and whose invitation it accepts."""

from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.person import Person
from tests.support.running import (
    ADMIN,
    ADMIN_PASSWORD,
    PASSWORD,
    RunningSite,
    Tenant,
    accepts,
    logs_in,
    running_site,
    sets_password,
    settings_for,
    signs_in,
)


def test_it_works(site: RunningSite, person: Person) -> None:
    """An ordinary sign-in sends neither `prompt` nor `connection`, and ends at the start page."""
    answer = person.peeks(f"{site.url}/login")
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert "prompt" not in query
    assert "connection" not in query
    signs_in(person, site)
    assert person.url == f"{site.url}/"
    assert ADMIN in person.text


def test_what_protects_a_login_is_new_with_each(site: RunningSite, person: Person) -> None:
    """Whoever has seen one login knows nothing of the next: state, nonce, and the verifier behind the
    challenge (RFC 7636 §7.1)."""
    begun = [person.peeks(f"{site.url}/login").headers["Location"] for _ in range(2)]
    queries = [parse_qs(urlsplit(each).query) for each in begun]
    said = [each[name][0] for each in queries for name in ("state", "nonce", "code_challenge")]
    assert len(set(said)) == 6


@pytest.mark.parametrize(
    "lie", ["email_verified_false", "email_verified_string", "email_verified_missing"]
)
def test_an_address_that_is_not_verified_accepts_nothing(
    site: RunningSite, tenant: Tenant, person: Person, lie: str
) -> None:
    """Only the boolean `true` counts."""
    row = site.invites_and_delivers("ada@example.com")
    link = tenant.link_to("ada@example.com")
    tenant.lies(lie)
    accepts(person, link)
    assert person.heading == "Your address is not confirmed yet"
    assert person.cookie("sid") is None
    assert site.row(row.id).state == "sent"


def test_another_address_under_the_right_account_is_accepted_and_shown(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """People change their address; the account is the same."""
    row = site.invites_and_delivers("ada@example.com")
    link = tenant.link_to("ada@example.com")
    tenant.lies("email_other")
    accepts(person, link)
    after = site.row(row.id)
    assert after.state == "accepted"
    assert after.accepted_email not in (None, "ada@example.com")


CLAIM = "https://acme.example/roles"


def test_a_role_claim_makes_an_admin_where_the_settings_name_it(
    tenant: Tenant, tmp_path: Path, person: Person
) -> None:
    """ADMIN_ROLE_CLAIM and ADMIN_ROLE together."""
    settings = settings_for(tenant, tmp_path, ADMIN_ROLE_CLAIM=CLAIM, ADMIN_ROLE="inviter")
    tenant.lies("role_claim", claim=CLAIM, value=["inviter", "editor"])
    with running_site(settings) as site:
        signs_in(person, site, start="/admin/invitations")
        assert person.heading == "Invitations"


def test_a_role_claim_is_nothing_where_no_setting_names_it(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """Whoever signs in is somebody without the right to invite."""
    tenant.lies("role_claim", claim=CLAIM, value=["inviter", "editor"])
    signs_in(person, site, start="/admin/invitations")
    assert person.heading == "You may not invite yet"


def test_a_role_that_the_settings_name_no_more_counts_for_no_session(
    tenant: Tenant, tmp_path: Path, person: Person
) -> None:
    """Whoever takes it out of them and restarts the site waits for no session to end."""
    settings = settings_for(tenant, tmp_path, ADMIN_ROLE_CLAIM=CLAIM, ADMIN_ROLE="inviter")
    tenant.lies("role_claim", claim=CLAIM, value="inviter")
    with running_site(settings) as site:
        signs_in(person, site, start="/admin/invitations")
        assert person.heading == "Invitations"
        port = urlsplit(site.url).port or 0
    with running_site(replace(settings, admin_role_claim="", admin_role=""), port=port) as site:
        assert ADMIN in person.opens(site.url).text, "the session itself goes on"
        assert person.opens(f"{site.url}/admin/invitations").heading == "You may not invite yet"


def test_the_admin_who_sets_the_invitees_password_does_not_accept(
    site: RunningSite, tenant: Tenant, admin: Person, person: Person
) -> None:
    """He signs in as himself, keeps his session, and is told; the invitee accepts later."""
    site.make_admin()
    site.invites_and_delivers("ada@example.com")
    signs_in(admin, site, start="/admin/invitations")
    session = admin.cookie("sid")
    sets_password(admin, tenant.link_to("ada@example.com"))
    admin.presses("Continue as the invited person")
    logs_in(admin, ADMIN, ADMIN_PASSWORD)
    assert admin.response.status_code == 403
    assert admin.heading == "This invitation is for another account"
    assert ADMIN in admin.text
    assert "ada@example.com" not in admin.text
    assert admin.cookie("sid") == session
    assert site.status("ada@example.com") != "accepted"
    row = site.services.listing.page(now=site.clock(), query="ada")[0]
    assert "wrong_account" in [event.event for event in site.services.listing.events(row.id)]
    admin.presses("Switch account")
    assert admin.sees_in("Email address") == "ada@example.com"

    signs_in(person, site, "ada@example.com", PASSWORD)
    assert person.url == f"{site.url}/"
    assert site.status("ada@example.com") == "accepted"


def test_a_withdrawn_invitee_gets_no_access(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """The tenant may still let them set a password; here they are told that it was withdrawn."""
    row = site.invites_and_delivers("ada@example.com")
    sets_password(person, tenant.link_to("ada@example.com"))
    site.services.invitations.revoke(row.id, actor="Grace")
    person.types(Password=PASSWORD).presses("Continue")
    assert person.response.status_code == 403
    assert person.heading == "Your invitation was withdrawn"
    assert person.cookie("sid") is None
    assert site.row(row.id).state == "revoked"


def test_a_proxy_of_the_environment_is_not_asked_for_a_tenant_on_this_machine(
    site: RunningSite, tenant: Tenant, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not know this machine."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    signs_in(person, site)
    assert person.url == f"{site.url}/"


def test_a_hundred_logins_share_one_connection(site: RunningSite, tenant: Tenant) -> None:
    """The pool outlives each login."""
    with Person() as person:
        signs_in(person, site)
        before = tenant.state["connections"]
        for _ in range(20):
            person.opens(f"{site.url}/login")
            assert person.url == f"{site.url}/"
    assert tenant.state["connections"] - before <= 3  # the control plane opens its own


def test_who_has_no_access_can_sign_in_as_somebody_else(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """The tenant's session lives on, and would bring the same page for everybody at this browser."""
    site.make_admin()
    row = site.invites_and_delivers("ada@example.com")
    sets_password(person, tenant.link_to("ada@example.com"))
    site.services.invitations.revoke(row.id, actor="Grace")
    logs_in(person.opens(f"{site.url}/login"), "ada@example.com", PASSWORD)
    assert person.heading == "Your invitation was withdrawn"
    person.opens(f"{site.url}/").presses("Sign in")
    assert person.heading == "Your invitation was withdrawn"
    person.presses("Sign in with another account")
    assert person.url.startswith(tenant.url)
    logs_in(person, ADMIN, ADMIN_PASSWORD)
    assert person.url == f"{site.url}/"
