"""After a login that failed or was refused: trying again loses nothing."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from invite_site.accounts.sessions import Identity
from invite_site.web.current import sid_cookie
from tests.support.accounts import api
from tests.support.person import Person
from tests.support.running import (
    PASSWORD,
    RunningSite,
    Tenant,
    running_site,
    sets_password,
    settings_for,
    signs_in,
)

AWAY: dict[str, Any] = {"kind": "status", "status": 503, "times": 1}
DISCOVERY = "GET /.well-known/openid-configuration"


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 503}, {"kind": "reset"}])
def test_a_tenant_that_is_away_gives_a_page_and_a_retry(
    site: RunningSite, tenant: Tenant, person: Person, fault: dict[str, object]
) -> None:
    """503 with Retry-After; *Try again* leads to the same address, with all that it says."""
    row = site.invites_and_delivers("ada@example.com")
    tenant.fails("GET /.well-known/openid-configuration", times=1, **fault)
    person.opens(f"{site.url}/invite/complete?i={row.ref}&success=true")
    assert person.response.status_code == 503
    assert person.response.headers["Retry-After"]
    assert person.heading == "Sign-in is not available right now"
    person.presses("Try again")
    assert person.sees_in("Email address") == "ada@example.com"


def test_trying_again_keeps_the_hint_of_whoever_holds_no_invitation(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """On the return page and at the login route alike."""
    for path in (
        "/invite/complete?i=unknown&success=true&email=bob%2Btag%40example.com",
        "/login?login_hint=bob%2Btag%40example.com",
    ):
        with running_site(site.settings) as cold:
            tenant.fails(DISCOVERY, **AWAY)
            person.opens(cold.url + path).presses("Try again")
            assert person.sees_in("Email address") == "bob+tag@example.com"


def test_trying_again_sends_a_form_with_what_was_in_it(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """*Continue as the invited person*, while the tenant was away."""
    row = site.invites("ada@example.com")
    # Signed in, at a site that has not asked for the tenant's addresses yet.
    grace = Identity("auth0|grace", "grace@example.com", True, "Grace", "a session", False)
    person.cookies.set(sid_cookie(site.settings), site.services.sessions.open(grace))
    page = f"{site.url}/invite/complete?i={row.ref}&success=true"
    tenant.fails(DISCOVERY, **AWAY)
    person.opens(page).presses("Continue as the invited person")
    assert person.heading == "Sign-in is not available right now"
    person.presses("Try again")
    assert person.sees_in("Email address") == "ada@example.com"


def test_a_tenant_that_is_away_at_the_end_of_a_sign_in_is_a_sign_in_again(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """Whether a new account is in the place of the invited one only the tenant can say; the code that it
    gave is used up by then."""
    row = site.invites_and_delivers("ada@example.com")
    api(site).send("DELETE", f"/users/{site.row(row.id).user_id}", None)
    account = {"email": "ada@example.com", "password": PASSWORD, "email_verified": True}
    api(site).send("POST", "/users", account | {"connection": site.settings.connection})
    person.opens(f"{site.url}/invite/complete?i={row.ref}&success=true")
    tenant.fails("GET /api/v2/users", **AWAY | {"times": None})
    person.types(Password=PASSWORD).presses("Continue")
    assert person.response.status_code == 503
    assert person.heading == "Sign-in is not available right now"
    tenant.heals()
    person.presses("Try again").types(Password=PASSWORD).presses("Continue")
    assert site.status("ada@example.com") == "accepted"


def test_trying_again_leads_to_the_page_that_was_asked_for(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """The tenant was away at the end of the sign-in, where only another one leads on."""
    site.make_admin()
    tenant.fails("POST /oauth/token", **AWAY)
    signs_in(person, site, start="/admin/batches/new")
    assert person.heading == "Sign-in is not available right now"
    person.presses("Try again")
    assert person.path == "/admin/batches/new"


def test_trying_again_brings_back_a_form_that_was_sent_too_late(
    site: RunningSite, tenant: Tenant, desk: Person
) -> None:
    """It is shown at one address alone."""
    desk.opens(f"{site.url}/admin/invitations/new")
    site.clock.forward(minutes=31)
    tenant.fails("POST /oauth/token", **AWAY)
    desk.types(Email_address="ada@example.com").presses("Send invitation")
    assert desk.heading == "Sign-in is not available right now"
    desk.presses("Try again")
    assert desk.sees_in("Email address") == "ada@example.com"
    desk.presses("Send invitation")
    assert site.status("ada@example.com") == "queued"


def test_trying_again_at_the_login_route_still_knows_the_invitation(
    tenant: Tenant, tmp_path: Path, person: Person
) -> None:
    """New Universal Login names nobody on the way back, so this browser's cookie has to last."""
    settings = settings_for(tenant, tmp_path, INVITE_LINK="landing", INVITE_RETURN="login_route")
    with running_site(settings) as site:
        site.invites_and_delivers("ada@example.com")
        text = tenant.mails("ada@example.com")[0]["Text"]
        person.opens(next(word for word in text.split() if "/i/" in word))
        assert person.sends("Choose your password").status_code == 303
        site.clock.forward(minutes=59)
        tenant.fails(DISCOVERY, **AWAY)
        person.opens(f"{site.url}/login?{urlencode({'iss': site.settings.issuer})}")
        assert person.heading == "Sign-in is not available right now"
        person.presses("Try again")
        assert person.sees_in("Email address") == "ada@example.com"


@pytest.mark.parametrize(
    "why",
    ["an hour has passed", "it was withdrawn", "the tenant sent nobody", "they came back before"],
)
def test_the_login_route_fills_in_nobody_who_does_not_come_back_for_their_invitation(
    tenant: Tenant, tmp_path: Path, person: Person, why: str
) -> None:
    """Somebody else may sit at this browser by then, who wants to sign in as themselves."""
    settings = settings_for(tenant, tmp_path, INVITE_LINK="landing", INVITE_RETURN="login_route")
    with running_site(settings) as site:
        row = site.invites_and_delivers("ada@example.com")
        text = tenant.mails("ada@example.com")[0]["Text"]
        person.opens(next(word for word in text.split() if "/i/" in word))
        assert person.sends("Choose your password").status_code == 303
        if why == "an hour has passed":
            site.clock.forward(hours=1, seconds=1)
        if why == "it was withdrawn":
            site.services.invitations.revoke(row.id, actor="Grace")
        query = "" if why == "the tenant sent nobody" else f"?iss={site.settings.issuer}"
        if why == "they came back before":
            person.opens(f"{site.url}/login{query}")
            assert person.sees_in("Email address") == "ada@example.com"
        person.opens(f"{site.url}/login{query}")
        assert person.sees_in("Email address") == ""


def test_a_refusal_on_the_way_from_an_invitation_leads_back_to_it(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """*Try again* starts a login with the hint; the person needs no new mail."""
    site.invites_and_delivers("ada@example.com")
    link = tenant.link_to("ada@example.com")
    tenant.lies("error_callback", times=1)
    sets_password(person, link)
    assert person.heading == "The sign-in was not allowed"
    person.presses("Try again")
    assert person.sees_in("Email address") == "ada@example.com"
    person.types(Password=PASSWORD).presses("Continue")
    assert site.status("ada@example.com") == "accepted"


def test_trying_again_is_no_return_from_the_password_page(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """The ledger records the one return that there was, however often the login is begun."""
    row = site.invites_and_delivers("ada@example.com")
    tenant.lies("error_callback", times=1)
    sets_password(person, tenant.link_to("ada@example.com"))
    seen_at = site.row(row.id).result_seen_at
    site.clock.forward(minutes=5)
    person.presses("Try again")
    assert person.sees_in("Email address") == "ada@example.com"
    assert site.row(row.id).result_seen_at == seen_at
    events = [event.event for event in site.services.listing.events(row.id)]
    assert events.count("result_seen") == 1


def test_a_refusal_at_the_tenant_leaves_the_way_to_another_account(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """*Try again* would ask the tenant for the same account."""
    person.opens(f"{site.url}/login")
    [state] = parse_qs(urlsplit(person.response.history[0].headers["Location"]).query)["state"]
    person.opens(f"{site.url}/callback?error=access_denied&state={state}&iss={tenant.url}/")
    assert person.heading == "The sign-in was not allowed"
    person.presses("Sign in with another account")
    assert person.url.startswith(tenant.url)
