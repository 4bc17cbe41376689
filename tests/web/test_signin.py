"""Signing in: the relying-party matrix with a tenant that lies on request, and what surrounds it.

The rows follow the certification tests of the OpenID Foundation for basic relying parties.
"""

import base64
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from sqlalchemy import text

from invite_site.accounts.sessions import Identity
from invite_site.web.current import sid_cookie
from tests.support.person import Person
from tests.support.running import (
    ADMIN,
    ADMIN_PASSWORD,
    PASSWORD,
    RunningSite,
    Tenant,
    logs_in,
    running_site,
    sets_password,
    settings_for,
    signs_in,
)

REFUSED = [
    "nonce_wrong",
    "nonce_missing",
    "iss_wrong",
    "iss_missing",
    "iss_no_slash",
    "aud_other",
    "aud_other_azp_ours",
    "aud_empty_string",
    "aud_empty_list",
    "aud_both_azp_ours",
    "aud_missing",
    "azp_other",
    "sub_missing",
    "sub_empty",
    "iat_missing",
    "exp_missing",
    "no_id_token",
    "exp_60s_ago",
    "exp_200s_ago",
    "iat_1h_ahead",
    "exp_string",
    "signature_wrong",
    "payload_tampered",
    "unknown_key_known_kid",
    "alg_none",
    "alg_NoNe",
    "alg_none_listed",
    "hs256_client_secret",
    "hs256_public_key",
    "crit_unknown",
    "jwk_embedded",
    "jku",
    "kid_absent_two_keys",
    "kid_unknown",
    "discovery_issuer_other",
    "callback_iss_wrong",
    "callback_iss_absent_but_advertised",
    "at_hash_wrong",
    "token_html",
    "token_500",
    "token_429",
    "invalid_grant",
    "error_callback",
]
ACCEPTED = ["kid_absent", "key_rotated", "userinfo_sub_differs", "end_session_absent"]


@pytest.mark.parametrize("lie", REFUSED)
def test_a_lie_of_the_tenant_signs_nobody_in(
    site: RunningSite, tenant: Tenant, person: Person, lie: str
) -> None:
    """A neutral page with one next step, no session, the invitation as it was; never a 500."""
    row = site.invites("ada@example.com")
    site.delivers()
    link = tenant.link_to("ada@example.com")
    tenant.lies(lie)
    sets_password(person, link)
    if person.url.startswith(tenant.url):
        person.types(Password=PASSWORD).presses("Continue")
    assert person.url.startswith(site.url)
    assert person.response.status_code in (400, 403, 503)
    assert person.offers("Try again")
    assert person.cookie("sid") is None
    assert "attacker" not in person.text.lower()
    after = site.row(row.id)
    assert (after.state, after.accepted_at) == ("sent", None)


@pytest.mark.parametrize("lie", ACCEPTED)
def test_what_the_standard_allows_signs_in(
    site: RunningSite, tenant: Tenant, person: Person, lie: str
) -> None:
    """A key without an id, a new key, another userinfo that nobody asks for."""
    tenant.lies(lie)
    signs_in(person, site)
    assert person.url == f"{site.url}/"
    assert ADMIN in person.text


def test_it_works(site: RunningSite, person: Person) -> None:
    """An ordinary sign-in sends neither `prompt` nor `connection`, and ends at the start page."""
    answer = person.peeks(f"{site.url}/login")
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert "prompt" not in query
    assert "connection" not in query
    signs_in(person, site)
    assert person.url == f"{site.url}/"
    assert ADMIN in person.text


def test_a_rotated_key_is_fetched_once(site: RunningSite, tenant: Tenant) -> None:
    """A key id nobody has heard of asks for the keys again, but not with each token."""
    with Person() as first:
        signs_in(first, site)
    before = tenant.calls("GET /.well-known/jwks.json")
    tenant.lies("kid_unknown")
    for _ in range(3):
        with Person() as somebody:
            signs_in(somebody, site)
            assert somebody.cookie("sid") is None
    assert tenant.calls("GET /.well-known/jwks.json") - before == 1


@pytest.mark.parametrize(
    "lie", ["email_verified_false", "email_verified_string", "email_verified_missing"]
)
def test_an_address_that_is_not_verified_accepts_nothing(
    site: RunningSite, tenant: Tenant, person: Person, lie: str
) -> None:
    """Only the boolean `true` counts."""
    row = site.invites("ada@example.com")
    site.delivers()
    link = tenant.link_to("ada@example.com")
    tenant.lies(lie)
    sets_password(person, link)
    person.types(Password=PASSWORD).presses("Continue")
    assert person.heading == "Your address is not confirmed yet"
    assert person.cookie("sid") is None
    assert site.row(row.id).state == "sent"


def test_another_address_under_the_right_account_is_accepted_and_shown(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """People change their address; the account is the same."""
    row = site.invites("ada@example.com")
    site.delivers()
    link = tenant.link_to("ada@example.com")
    tenant.lies("email_other")
    sets_password(person, link)
    person.types(Password=PASSWORD).presses("Continue")
    after = site.row(row.id)
    assert after.state == "accepted"
    assert after.accepted_email not in (None, "ada@example.com")


ROLE = {"claim": "https://acme.example/roles", "value": ["inviter", "editor"]}


def test_a_role_claim_makes_an_admin_where_the_settings_name_it(
    tenant: Tenant, tmp_path: Path, person: Person
) -> None:
    """ADMIN_ROLE_CLAIM and ADMIN_ROLE together."""
    settings = settings_for(tenant, tmp_path, ADMIN_ROLE_CLAIM=ROLE["claim"], ADMIN_ROLE="inviter")
    tenant.lies("role_claim", **ROLE)
    with running_site(settings) as site:
        signs_in(person, site, start="/admin/invitations")
        assert person.heading == "Invitations"


def test_a_role_claim_is_nothing_where_no_setting_names_it(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """Whoever signs in is somebody without the right to invite."""
    tenant.lies("role_claim", **ROLE)
    signs_in(person, site, start="/admin/invitations")
    assert person.heading == "You may not invite yet"


# The transaction ----------------------------------------------------------------------------------


def answer_of_a_login(person: Person, site: RunningSite, tenant: Tenant) -> str:
    """Log in at the tenant, but stop before the callback; returns its address."""
    person.opens(f"{site.url}/login")
    _, action, fields = person.types(Email_address=ADMIN, Password=ADMIN_PASSWORD).form("Continue")
    location = action
    response = person.browser.post(action, data=fields, allow_redirects=False, timeout=10)
    while not location.startswith(f"{site.url}/callback"):
        location = response.headers["Location"]
        if location.startswith("/"):
            location = tenant.url + location
        if not location.startswith(f"{site.url}/callback"):
            response = person.peeks(location)
    return location


def test_a_replayed_callback_is_refused(site: RunningSite, tenant: Tenant) -> None:
    """The transaction is spent, also for a copy of all cookies from before."""
    with Person() as person, Person() as copy:
        address = answer_of_a_login(person, site, tenant)
        for cookie in person.cookies:
            copy.cookies.set_cookie(cookie)
        person.opens(address)
        assert person.cookie("sid")
        copy.opens(address)
        assert copy.response.status_code == 400
        assert copy.heading == "Please start the sign-in again"
        assert copy.cookie("sid") is None


def test_a_callback_in_another_browser_is_refused_and_spends_nothing(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """The browser that began it can still finish."""
    address = answer_of_a_login(person, site, tenant)
    with Person() as other:
        other.opens(address)
        assert other.response.status_code == 400
        assert other.cookie("sid") is None
    person.opens(address)
    assert person.cookie("sid")


@pytest.mark.parametrize("name", ["state", "code", "iss", "error"])
def test_a_callback_that_says_a_thing_twice_is_refused_and_spends_nothing(
    site: RunningSite, tenant: Tenant, person: Person, name: str
) -> None:
    """RFC 6749 §3.1: each parameter once. The true address still works."""
    address = answer_of_a_login(person, site, tenant)
    person.opens(f"{address}&{name}=first&{name}=second")
    assert person.response.status_code == 400
    assert person.cookie("sid") is None
    person.opens(address)
    assert person.cookie("sid")


def test_a_login_that_took_too_long_is_refused(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """Ten minutes; then one click starts again."""
    address = answer_of_a_login(person, site, tenant)
    site.clock.forward(minutes=10, seconds=1)
    person.opens(address)
    assert person.heading == "Please start the sign-in again"
    assert person.form("Sign in")


def test_a_hundred_unfinished_logins_can_each_be_finished(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """Tabs do not disturb each other, and no cookie grows."""
    starts = []
    for _ in range(100):
        answer = person.peeks(f"{site.url}/login?login_hint=ada@example.com")
        starts.append(answer.headers["Location"])
        assert all(len(each) < 1024 for each in answer.headers.values() if "=" in each[:8])
        assert len(answer.headers.get("Set-Cookie", "")) < 1024
    for number in (1, 50, 100):
        person.opens(starts[number - 1])
        if person.url.startswith(tenant.url):
            logs_in(person, ADMIN, ADMIN_PASSWORD)
        assert person.url == f"{site.url}/"
        assert ADMIN in person.text
    assert all(len(cookie.value or "") < 1024 for cookie in person.cookies)


def test_no_cookie_tells_an_address_or_a_verifier(site: RunningSite, person: Person) -> None:
    """What can be read in the browser is random."""
    person.peeks(f"{site.url}/login?login_hint=ada@example.com")
    cookie = person.cookie("login") or ""
    payload = cookie.split(".")[0]
    shown = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    assert b"ada" not in shown
    assert b"verifier" not in shown


@pytest.mark.parametrize(
    "query",
    ["", "code=x", "code=x&state=y", "error=access_denied&error_description=Pay+here&state=y"],
)
def test_a_callback_that_nobody_began_is_a_page(
    site: RunningSite, person: Person, query: str
) -> None:
    """State is looked at before anything else, and the sender's text is not shown."""
    person.opens(f"{site.url}/callback?{query}")
    assert person.response.status_code == 400
    assert person.heading == "Please start the sign-in again"
    assert "Pay here" not in person.response.text


def test_back_after_signing_in_goes_home(site: RunningSite, tenant: Tenant, person: Person) -> None:
    """The address in the history is spent; who is signed in just gets on."""
    address = answer_of_a_login(person, site, tenant)
    person.opens(address)
    person.opens(address)
    assert person.url == f"{site.url}/"


# Who is signed in ---------------------------------------------------------------------------------


def test_the_session_is_new_at_every_sign_in(site: RunningSite, person: Person) -> None:
    """A session id from before is worth nothing afterwards."""
    signs_in(person, site)
    first = person.cookie("sid")
    person.opens(f"{site.url}/login")
    second = person.cookie("sid")
    assert first
    assert second
    assert first != second
    assert site.services.sessions.find(first) is None
    assert site.services.sessions.find(second) is not None


def test_a_copied_cookie_dies_with_the_sign_out(site: RunningSite, person: Person) -> None:
    """Signing out ends the session itself, not only this browser's cookie."""
    signs_in(person, site)
    copied = person.cookie("sid")
    assert copied
    person.presses("Sign out")
    assert site.services.sessions.find(copied) is None


def test_signing_out_ends_the_tenants_session_too(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """The next sign-in asks for the password again, without a question on the way out."""
    signs_in(person, site)
    person.presses("Sign out")
    assert person.url == f"{site.url}/"
    person.presses("Sign in")
    assert person.url.startswith(tenant.url)


def test_signing_out_works_while_the_tenant_is_away(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """Where the tenant offers no end of session, its older address is used."""
    tenant.lies("end_session_absent")
    signs_in(person, site)
    method, action, fields = person.form("Sign out")
    answer = person.browser.post(action, data=fields, allow_redirects=False, timeout=10)
    assert answer.headers["Location"].startswith(f"{tenant.url}/v2/logout?")
    assert method == "POST"


def test_signing_out_needs_its_token(site: RunningSite, person: Person) -> None:
    """Another site cannot sign anybody out."""
    signs_in(person, site)
    assert person.browser.post(f"{site.url}/logout", timeout=10).status_code == 400
    assert person.peeks(f"{site.url}/logout").status_code == 405
    assert site.services.sessions.find(person.cookie("sid") or "") is not None


def test_a_session_ends_when_it_is_not_used(site: RunningSite, person: Person) -> None:
    """An admin's after half an hour, and no page revives it."""
    site.make_admin()
    signs_in(person, site)
    site.clock.forward(minutes=29)
    assert person.peeks(f"{site.url}/admin/invitations").status_code == 200
    site.clock.forward(minutes=31)
    for _ in range(2):  # the first refusal is no use that would keep it alive
        assert person.peeks(f"{site.url}/admin/invitations").status_code == 302
    assert ADMIN not in person.opens(f"{site.url}/").text


def test_anybodys_session_ends_after_eight_hours_without_use(
    site: RunningSite, person: Person
) -> None:
    """Half an hour is for admins."""
    signs_in(person, site)
    site.clock.forward(hours=7, minutes=59)
    assert ADMIN in person.opens(f"{site.url}/").text
    site.clock.forward(hours=8, minutes=1)
    assert ADMIN not in person.opens(f"{site.url}/").text


def test_a_session_ends_after_twelve_hours_however_busy(site: RunningSite, person: Person) -> None:
    """The longest life."""
    signs_in(person, site)
    for _ in range(11):
        site.clock.forward(hours=1)
        assert ADMIN in person.opens(f"{site.url}/").text
    site.clock.forward(hours=1, seconds=1)
    assert ADMIN not in person.opens(f"{site.url}/").text


def test_the_admin_who_sets_the_invitees_password_does_not_accept(
    site: RunningSite, tenant: Tenant, admin: Person, person: Person
) -> None:
    """He signs in as himself, keeps his session, and is told; the invitee accepts later."""
    site.make_admin()
    site.invites("ada@example.com")
    site.delivers()
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
    row = site.invites("ada@example.com")
    site.delivers()
    sets_password(person, tenant.link_to("ada@example.com"))
    site.services.invitations.revoke(row.id, actor="Grace")
    person.types(Password=PASSWORD).presses("Continue")
    assert person.response.status_code == 403
    assert person.heading == "Your invitation was withdrawn"
    assert person.cookie("sid") is None
    assert site.row(row.id).state == "revoked"


# Other ways to begin a login ----------------------------------------------------------------------


def test_the_tenant_may_begin_a_login(site: RunningSite, person: Person) -> None:
    """With our issuer's name, as from its *Back to* button."""
    query = urlencode({"iss": site.settings.issuer, "login_hint": "ada@example.com"})
    answer = person.peeks(f"{site.url}/login?{query}")
    assert answer.status_code == 302
    assert "login_hint=ada%40example.com" in answer.headers["Location"]


@pytest.mark.parametrize(
    "senders",
    [
        ["https://evil.example/"],
        [""],
        ["http://localhost:1/"],
        ["ours", "https://evil.example/"],
        ["https://evil.example/", "ours"],
        ["ours", "ours"],
    ],
)
def test_nobody_else_may_begin_a_login(
    site: RunningSite, person: Person, senders: list[str]
) -> None:
    """Another issuer's name is a page, not a redirect; and so are two names."""
    named = [("iss", site.settings.issuer if each == "ours" else each) for each in senders]
    person.opens(f"{site.url}/login?{urlencode(named)}")
    assert person.response.status_code == 403
    assert person.heading == "This sign-in came from somewhere else"


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/admin/",
        "//evil.example/",
        "/\\evil.example",
        "/%09/evil.example",
        "/\t/evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "\\\\evil.example",
        "///evil.example",
        "http://localhost@evil.example/",
        "/nowhere",
        "/logout",
        "/admin/invitations/999999999999999999999/resend",
        "",
    ],
)
def test_the_next_page_is_one_of_ours(site: RunningSite, person: Person, target: str) -> None:
    """Whatever the address says, the sign-in ends on this site."""
    person.opens(f"{site.url}/login?{urlencode({'target_link_uri': target})}")
    logs_in(person, ADMIN, ADMIN_PASSWORD)
    assert person.url == f"{site.url}/"


@pytest.mark.parametrize(
    "target",
    [
        "/callback",
        "/callback?code=x&state=y",
        "/login",
        "/login?iss=https://evil.example",
        "/invite/complete",
        "/invite/complete?success=true&email=eve@evil.example",
        "/i/guess",
        "/static/site.css",
    ],
)
def test_what_begins_or_ends_a_login_is_no_next_page(
    site: RunningSite, person: Person, target: str
) -> None:
    """Whoever writes such an address would choose what happens after somebody's sign-in."""
    person.opens(f"{site.url}/login?{urlencode({'target_link_uri': site.url + target})}")
    logs_in(person, ADMIN, ADMIN_PASSWORD)
    assert person.url == f"{site.url}/"
    visited = [each.url for each in person.response.history if each.url.startswith(site.url)]
    assert [urlsplit(url).path for url in visited] == ["/callback"]


@pytest.mark.parametrize("target", ["/admin/invitations", "/admin/batches/new"])
def test_the_next_page_can_be_named(site: RunningSite, person: Person, target: str) -> None:
    """By its full address on this site."""
    site.make_admin()
    person.opens(f"{site.url}/login?{urlencode({'target_link_uri': site.url + target})}")
    logs_in(person, ADMIN, ADMIN_PASSWORD)
    assert person.path == target


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 503}, {"kind": "reset"}])
def test_a_tenant_that_is_away_gives_a_page_and_a_retry(
    site: RunningSite, tenant: Tenant, person: Person, fault: dict[str, object]
) -> None:
    """503 with Retry-After; *Try again* leads to the same address, with all that it says."""
    row = site.invites("ada@example.com")
    site.delivers()
    tenant.fails("GET /.well-known/openid-configuration", times=1, **fault)
    person.opens(f"{site.url}/invite/complete?i={row.ref}&success=true")
    assert person.response.status_code == 503
    assert person.response.headers["Retry-After"]
    assert person.heading == "Sign-in is not available right now"
    person.presses("Try again")
    assert person.sees_in("Email address") == "ada@example.com"


AWAY: dict[str, Any] = {"kind": "status", "status": 503, "times": 1}
DISCOVERY = "GET /.well-known/openid-configuration"


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


def test_trying_again_at_the_login_route_still_knows_the_invitation(
    tenant: Tenant, tmp_path: Path, person: Person
) -> None:
    """New Universal Login names nobody on the way back, so this browser's cookie has to last."""
    settings = settings_for(tenant, tmp_path, INVITE_LINK="landing", INVITE_RETURN="login_route")
    with running_site(settings) as site:
        site.invites("ada@example.com")
        site.delivers()
        text = tenant.mails("ada@example.com")[0]["Text"]
        person.opens(next(word for word in text.split() if "/i/" in word))
        assert person.sends("Choose your password").status_code == 303
        tenant.fails(DISCOVERY, **AWAY)
        person.opens(f"{site.url}/login?{urlencode({'iss': site.settings.issuer})}")
        assert person.heading == "Sign-in is not available right now"
        person.presses("Try again")
        assert person.sees_in("Email address") == "ada@example.com"


def test_a_refusal_on_the_way_from_an_invitation_leads_back_to_it(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """*Try again* starts a login with the hint; the person needs no new mail."""
    site.invites("ada@example.com")
    site.delivers()
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
    row = site.invites("ada@example.com")
    site.delivers()
    tenant.lies("error_callback", times=1)
    sets_password(person, tenant.link_to("ada@example.com"))
    seen_at = site.row(row.id).result_seen_at
    site.clock.forward(minutes=5)
    person.presses("Try again")
    assert person.sees_in("Email address") == "ada@example.com"
    assert site.row(row.id).result_seen_at == seen_at
    events = [event.event for event in site.services.listing.events(row.id)]
    assert events.count("result_seen") == 1


def test_a_hundred_logins_share_one_connection(site: RunningSite, tenant: Tenant) -> None:
    """The pool outlives each login."""
    with Person() as person:
        signs_in(person, site)
        before = tenant.state["connections"]
        for _ in range(20):
            person.opens(f"{site.url}/login")
            assert person.url == f"{site.url}/"
    assert tenant.state["connections"] - before <= 3  # the control plane opens its own


def test_what_is_stored_of_a_session_is_not_its_cookie(site: RunningSite, person: Person) -> None:
    """The database holds hashes."""
    signs_in(person, site)
    with site.services.engine.connect() as db:
        stored = str(db.execute(text("SELECT * FROM session")).all())
    assert person.cookie("sid") not in stored


def test_a_callback_without_a_code_is_a_page(site: RunningSite, person: Person) -> None:
    """The state is right, but there is nothing to redeem."""
    answer = person.peeks(f"{site.url}/login")
    [state] = parse_qs(urlsplit(answer.headers["Location"]).query)["state"]
    person.opens(f"{site.url}/callback?state={state}")
    assert person.response.status_code == 403
    assert person.sees_link("Try again")


@pytest.mark.parametrize("body", [[], None, {}, "text", {"issuer": 5}])
@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/.well-known/jwks.json"])
def test_a_document_that_nobody_can_read_is_a_page(
    site: RunningSite, tenant: Tenant, person: Person, path: str, body: object
) -> None:
    """Never a 500; and the next try, with the tenant as ever, goes well."""
    tenant.fails(f"GET {path}", kind="status", status=200, times=1, body=body)
    person.opens(f"{site.url}/login")
    if person.url.startswith(tenant.url):
        logs_in(person, ADMIN, ADMIN_PASSWORD)
    assert person.response.status_code in (403, 503)
    with Person() as next_one:
        signs_in(next_one, site)
        assert next_one.url == f"{site.url}/"


def test_a_clock_that_is_wrong_is_said(
    site: RunningSite, tenant: Tenant, person: Person, caplog: pytest.LogCaptureFixture
) -> None:
    """It will fail at every try, so nobody is told to try again in a moment."""
    tenant.control("PUT", "/clock", {"offset": 120})
    signs_in(person, site)
    assert person.response.status_code == 403
    assert "clocks of this site and of the sign-in service differ" in person.text
    assert "usually works" not in person.text
    assert "seconds apart" in caplog.text


@pytest.mark.parametrize("status", [302, 307, 308])
def test_a_redirect_of_the_token_endpoint_carries_nothing_away(
    site: RunningSite, tenant: Tenant, person: Person, status: int
) -> None:
    """The client secret and the code stay with the tenant."""
    elsewhere = f"{tenant.url}/elsewhere"
    tenant.fails("POST /oauth/token", kind="status", status=status, headers={"Location": elsewhere})
    signs_in(person, site)
    assert person.response.status_code == 503
    assert tenant.calls("POST /elsewhere") == tenant.calls("GET /elsewhere") == 0


@pytest.mark.parametrize(
    "name", ["authorization_endpoint", "token_endpoint", "jwks_uri", "end_session_endpoint"]
)
def test_an_endpoint_outside_the_tenant_is_refused(
    site: RunningSite, tenant: Tenant, person: Person, name: str
) -> None:
    """A discovery document that was tampered with sends nobody and nothing elsewhere."""
    document = person.opens(f"{tenant.url}/.well-known/openid-configuration").response.json()
    tenant.fails(
        "GET /.well-known/openid-configuration",
        kind="status",
        status=200,
        body=document | {name: "https://evil.example/x"},
    )
    person.opens(f"{site.url}/login")
    assert person.heading == "This sign-in came from somewhere else"
    signs_in(person, site)
    assert person.path == "/", "the next look finds the true document"
