"""Whose forms are taken, and what pages tell about the address that they are shown at."""

import contextlib
import time
from collections.abc import Iterator
from http.cookiejar import Cookie
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
import requests
from flask import session
from flask_wtf.csrf import generate_csrf, validate_csrf

from invite_site import create_app
from invite_site.accounts.sessions import SESSION_LIFE
from invite_site.web.current import sid_cookie
from tests.support.person import Person
from tests.support.redis_server import free_port
from tests.support.running import (
    ADMIN,
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
from tests.support.tls_front import TlsFront, write_certificate

FOREIGN = "This form did not come from this site"
LOST = "This form has lost its cookie"

# Names as they are called in a test: `own` is the site's origin.
FOREIGN_SENDERS = {
    "another site": {"Origin": "https://evil.example"},
    "a page without an origin": {"Origin": "null"},
    "another port of this host": {"Origin": "http://localhost:1"},
    "another scheme": {"Origin": "ftp://{host}"},
    "this host as a beginning": {"Origin": "{own}.evil.example"},
    "this host as a user": {"Origin": "{own}@evil.example"},
    "two origins": {"Origin": "{own}, https://evil.example"},
    "no address at all": {"Origin": "http://[", "Sec-Fetch-Site": "same-origin"},
    "an empty origin of another site": {"Origin": "", "Sec-Fetch-Site": "cross-site"},
    "cross-site": {"Sec-Fetch-Site": "cross-site"},
    "same-site, such as another port": {"Sec-Fetch-Site": "same-site"},
    "cross-site, whatever the origin says": {"Origin": "{own}", "Sec-Fetch-Site": "cross-site"},
    "the page of another site, in an old browser": {"Referer": "https://evil.example/{own}/"},
}
OWN_SENDERS = {
    "this site": {"Origin": "{own}", "Sec-Fetch-Site": "same-origin"},
    "this site in capitals": {"Origin": "HTTP://LOCALHOST:{port}"},
    "the person themselves": {"Sec-Fetch-Site": "none"},
    "a page of this site, in an old browser": {"Referer": "{own}/admin/"},
    "nobody says": {},
}


def sends(
    person: Person, site: RunningSite, headers: dict[str, str], button: str = "Sign out"
) -> requests.Response:
    """Send a form with its right token, as a browser that says this of its sender."""
    host = urlsplit(site.url).netloc
    words = {"own": site.url, "host": host, "port": host.partition(":")[2]}
    method, action, fields = person.form(button)
    said = {name: value.format(**words) for name, value in headers.items()}
    return person.browser.request(
        method, action, data=fields, headers=said, allow_redirects=False, timeout=15
    )


@pytest.mark.parametrize("headers", FOREIGN_SENDERS.values(), ids=FOREIGN_SENDERS)
def test_a_form_that_another_page_sent_changes_nothing(
    site: RunningSite, person: Person, headers: dict[str, str]
) -> None:
    """Also with the right token: one sentence, and where to send it from."""
    signs_in(person, site)
    sid = person.cookie("sid") or ""
    answer = sends(person, site, headers)
    assert answer.status_code == 400
    person.shows(answer)
    assert person.heading == FOREIGN
    assert site.url in person.text
    assert site.services.sessions.find(sid) is not None


@pytest.mark.parametrize("headers", OWN_SENDERS.values(), ids=OWN_SENDERS)
def test_a_form_of_this_site_is_taken(
    site: RunningSite, person: Person, headers: dict[str, str]
) -> None:
    """Programs and old browsers say nothing; the token decides then."""
    signs_in(person, site)
    answer = sends(person, site, headers)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(site.settings.tenant_url)


def test_every_form_is_judged_by_its_sender(site: RunningSite) -> None:
    """Before anything else is looked at: the token, who is signed in, whether there is such a page."""
    client = site.app.test_client()
    for rule in site.app.url_map.iter_rules():
        if "POST" in (rule.methods or ()):
            path = rule.rule.replace("<token>", "x")
            path = "/".join("1" if "<" in part else part for part in path.split("/"))
            answer = client.post(path, headers={"Origin": "https://evil.example"})
            assert (path, answer.status_code, FOREIGN in answer.text) == (path, 400, True)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_a_link_on_another_site_leads_here(site: RunningSite, method: str) -> None:
    """Such as the one back from the tenant; what changes nothing may come from anywhere."""
    sender = {"Sec-Fetch-Site": "cross-site", "Referer": "https://elsewhere.example/"}
    assert site.app.test_client().open("/", method=method, headers=sender).status_code == 200


def test_a_foreign_form_is_not_offered_again_while_the_database_is_away(
    tenant: Tenant, tmp_path: Path
) -> None:
    """*Try again* would be a form of this site, with its token, that does what another site has written."""
    address = f"postgresql://nobody@localhost:{free_port()}/nothing"
    settings = settings_for(tenant, tmp_path, DATABASE_URL=address)
    client = create_app(settings).test_client()
    sender = {"Origin": "https://evil.example"}
    for status in (400, 503):
        answer = client.post(
            "/admin/invitations", data={"email": "eve@example.com"}, headers=sender
        )
        assert answer.status_code == status
        assert "eve@example.com" not in answer.text
        client.set_cookie(sid_cookie(settings), "of somebody, whom the page then looks up")


def test_a_default_port_is_no_other_origin(tenant: Tenant, tmp_path: Path) -> None:
    """Browsers leave it out, and write a host of other letters in ASCII."""
    for site_url, origin in (
        ("https://invite.example.com:443", "https://invite.example.com"),
        ("http://localhost:80", "http://localhost"),
        ("https://Invite.Example.com", "https://invite.example.com"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
    ):
        settings = settings_for(tenant, tmp_path, SITE_URL=site_url)
        with running_site(settings, public_url=site_url) as site:
            client = site.app.test_client()
            for sender, heading in ((origin, LOST), ("https://other.example", FOREIGN)):
                answer = client.post("/logout", headers={"Origin": sender})
                assert heading in answer.text


# Tokens -------------------------------------------------------------------------------------------


def test_the_token_of_before_a_sign_in_of_somebody_else_is_worth_nothing_after_it(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """A form that lay open meanwhile says so, and goes through after a reload. Who signs in again keeps
    theirs: test_kept_forms.py."""
    site.make_admin()
    row = site.invites("ada@example.com")
    site.invites_and_delivers("bob@example.com")
    with Person() as bob:
        logs_in(sets_password(bob, tenant.link_to("bob@example.com")), "bob@example.com", PASSWORD)
    signs_in(person, site)
    page = f"{site.url}/invite/complete?i={row.ref}&success=true"
    before = person.opens(page).form("Continue as the invited person")
    logs_in(person.opens(f"{site.url}/login?prompt=login"), "bob@example.com", PASSWORD)
    assert person.url == f"{site.url}/"
    person.opens(page)
    after = person.form("Continue as the invited person")
    assert before[2]["csrf_token"].split(".")[0] != after[2]["csrf_token"].split(".")[0]
    for (method, action, fields), status in ((before, 400), (after, 303)):
        answer = person.browser.request(
            method, action, data=fields, allow_redirects=False, timeout=15
        )
        assert answer.status_code == status
        assert (LOST in answer.text) == (status == 400)


def test_the_token_of_before_a_sign_out_is_worth_nothing_after_it(
    site: RunningSite, person: Person
) -> None:
    """Whoever comes next to this browser does not send the forms of who was there before."""
    site.make_admin()
    signs_in(person, site, start="/admin/invitations/new")
    person.types(Email_address="ada@example.com")
    method, action, fields = person.form("Send invitation")
    person.presses("Sign out")
    signs_in(person, site)
    answer = person.browser.request(method, action, data=fields, timeout=15)
    assert answer.status_code == 400
    assert LOST in answer.text
    assert site.services.listing.page(now=site.clock()) == []


def test_a_second_tab_says_that_its_form_is_of_before(site: RunningSite, person: Person) -> None:
    """Nobody else is signed in yet; its *Sign out* says what to do all the same."""
    signs_in(person, site)
    _, action, fields = person.form("Sign out")
    person.presses("Sign out")
    answer = person.browser.post(action, data=fields, timeout=15)
    assert answer.status_code == 400
    assert LOST in answer.text


# What pages tell of their address -----------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/callback?code=secret&state=guess",
        "/callback?error=access_denied&state=guess",
        "/login?iss=https://evil.example/&login_hint=ada@example.com",
        "/invite/complete?email=ada@example.com",
        "/invite/complete?success=true&email=ada@example.com",
    ],
)
def test_a_page_without_a_form_tells_nobody_its_address(
    site: RunningSite, person: Person, path: str
) -> None:
    """It holds a code, a state or somebody's address."""
    assert person.peeks(site.url + path).headers["Referrer-Policy"] == "no-referrer"


def test_a_page_with_a_form_names_its_sender(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """Browsers call the sender `null` where a page wants no Referer, and such a form is refused."""
    row = site.invites_and_delivers("ada@example.com")
    tenant.lies("error_callback", times=1)
    sets_password(person, tenant.link_to("ada@example.com"))
    assert person.path == "/callback"
    assert person.form("Try again")[0] == "POST"
    assert person.response.headers["Referrer-Policy"] == "same-origin"
    with Person() as admin:
        signs_in(admin, site).opens(f"{site.url}/invite/complete?i={row.ref}&success=true")
        assert admin.response.headers["Referrer-Policy"] == "same-origin"


# Files --------------------------------------------------------------------------------------------


def test_a_file_is_kept_for_a_year_under_the_address_of_its_content(
    site: RunningSite, person: Person
) -> None:
    """Under any other it is not kept: a process of a newer release may have written that."""
    style = person.opens(site.url).soup.find("link", rel="stylesheet")
    assert style is not None
    address = urljoin(site.url, str(style["href"]))
    kept = person.peeks(address)
    assert kept.headers["Cache-Control"] == "public, max-age=31536000"
    for other in (address + "0", address.partition("?")[0], f"{address}&lang=de"):
        answer = person.peeks(other)
        again = person.browser.get(
            other, headers={"If-None-Match": kept.headers["ETag"]}, timeout=15
        )
        assert (answer.status_code, again.status_code) == (200, 304)
        assert answer.headers["Cache-Control"] == again.headers["Cache-Control"] == "no-store"


# What every answer says ---------------------------------------------------------------------------


def directives(policy: str) -> dict[str, str]:
    return dict(each.strip().partition(" ")[::2] for each in policy.split(";"))


@pytest.mark.parametrize("path", ["/", "/nowhere", "/admin/", "/healthz", "/static/nothing.css"])
def test_every_answer_says_what_a_browser_may_do_with_it(site: RunningSite, path: str) -> None:
    """Nothing from elsewhere, nothing inline, in no frame; kept by nobody and found by nobody."""
    headers = site.app.test_client().get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Permissions-Policy"] == "camera=(), geolocation=(), microphone=()"
    assert headers["X-Robots-Tag"] == "noindex"
    assert "Strict-Transport-Security" not in headers
    tenant = site.settings.tenant_url
    assert directives(headers["Content-Security-Policy"]) == {
        "default-src": "'none'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "script-src": "'self'",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
        "form-action": f"'self' {tenant}",
    }


def test_a_form_may_lead_to_both_hosts_of_a_tenant(tenant: Tenant, tmp_path: Path) -> None:
    """Chromium stops a form that redirects elsewhere, and a ticket may be at either of them."""
    own = {"AUTH0_DOMAIN": "login.acme.test", "AUTH0_MANAGEMENT_DOMAIN": "acme.eu.auth0.com"}
    app = create_app(settings_for(tenant, tmp_path, **own))
    policy = app.test_client().get("/healthz").headers["Content-Security-Policy"]
    hosts = "https://acme.eu.auth0.com https://login.acme.test"
    assert directives(policy)["form-action"] == f"'self' {hosts}"


def attributes(cookie: Cookie) -> tuple[bool, str | None, bool, str, bool]:
    """Whether script cannot read it, who may send it, whether only by https, where, and whether
    other hosts of the domain get it."""
    is_hidden = cookie.has_nonstandard_attr("HttpOnly")
    sent_by = cookie.get_nonstandard_attr("SameSite")
    return is_hidden, sent_by, cookie.secure, cookie.path, cookie.domain_specified


def test_no_script_reads_a_cookie_and_no_other_site_sends_one(
    site: RunningSite, person: Person
) -> None:
    """That of the session lasts as long as it can; the other one is gone with the browser."""
    signs_in(person, site)
    port = urlsplit(site.url).port
    own = {each.name: each for each in person.cookies if each.name.endswith(f"-{port}")}
    assert set(own) == {f"sid-{port}", f"login-{port}"}
    for cookie in own.values():
        assert attributes(cookie) == (True, "Lax", False, "/", False)
    assert own[f"login-{port}"].expires is None
    ends = own[f"sid-{port}"].expires
    assert ends is not None
    assert abs(ends - time.time() - SESSION_LIFE.total_seconds()) < 60


# Behind https -------------------------------------------------------------------------------------


@contextlib.contextmanager
def site_behind_tls(
    tenant: Tenant, folder: Path, proxies: int
) -> Iterator[tuple[RunningSite, Path]]:
    """The site as people reach it through a proxy that ends TLS, and who signed its certificate."""
    authority, certificate = write_certificate(folder)
    front, port = TlsFront(certificate, tells_for="203.0.113.7"), free_port()
    settings = settings_for(tenant, folder, TRUSTED_PROXIES=str(proxies))
    url = f"https://localhost:{front.port}"
    known = {"callbacks": [f"{url}/callback"], "logout_urls": [f"{url}/"]}
    tenant.control("PUT", "/application", known)
    with running_site(settings, port=port, public_url=url) as site, front.leading_to(port):
        yield site, authority


@pytest.mark.parametrize("proxies", [0, 1])
def test_the_journey_goes_through_a_proxy_that_ends_tls(
    tenant: Tenant, tmp_path: Path, proxies: int
) -> None:
    """The cookies are bound to the host; forms are taken from https pages, whatever waitress sees."""
    with (
        site_behind_tls(tenant, tmp_path, proxies) as (site, authority),
        Person() as admin,
        Person() as person,
    ):
        admin.trusts(authority)
        person.trusts(authority)
        site.make_admin()
        signs_in(admin, site, start="/admin/invitations/new")
        admin.types(Email_address="ada@example.com").presses("Send invitation")
        assert admin.path.startswith("/admin/invitations/")
        site.delivers()
        accepts(person, tenant.link_to("ada@example.com"))
        assert person.url == f"{site.url}/"
        assert site.status("ada@example.com") == "accepted"
        own = {each.name: each for each in person.cookies if each.name.startswith("__Host-")}
        assert set(own) == {"__Host-sid", "__Host-login"}
        for cookie in own.values():
            assert attributes(cookie) == (True, "Lax", True, "/", False)
        https_only = person.response.headers["Strict-Transport-Security"]
        assert https_only == "max-age=31536000"
        for sender in ({"Origin": "https://evil.example"}, {"Referer": "https://evil.example/"}):
            assert sends(admin, site, sender).status_code == 400
            admin.opens(f"{site.url}/")
        assert ADMIN in admin.text
        assert sends(admin, site, OWN_SENDERS["this site"]).status_code == 303
        set_cookies = person.sends("Sign out").raw.headers.getlist("Set-Cookie")
        [taken_away] = [each for each in set_cookies if each.startswith("__Host-sid=;")]
        assert "; Secure;" in taken_away, "no browser takes it away otherwise"


def test_a_form_that_was_open_while_the_secret_key_changed_is_taken(
    tenant: Tenant, tmp_path: Path
) -> None:
    """Signed by the older key, which stands behind the newer one; what is signed anew needs it no more."""
    older, newer = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
    before, after = (
        create_app(settings_for(tenant, tmp_path, SECRET_KEY=keys))
        for keys in (older, f"{newer},{older}")
    )
    with before.test_request_context():
        token, signed = generate_csrf(), session["csrf_token"]
    with after.test_request_context():
        session["csrf_token"] = signed
        validate_csrf(token)
        newest = generate_csrf()
    with create_app(settings_for(tenant, tmp_path, SECRET_KEY=newer)).test_request_context():
        session["csrf_token"] = signed
        validate_csrf(newest)
