"""The callback and the login transaction that it ends: once, in one browser, in time."""

import base64
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from sqlalchemy import select

from invite_site.accounts.tables import LoginTransaction
from tests.support.person import Person
from tests.support.running import (
    ADMIN,
    ADMIN_PASSWORD,
    PASSWORD,
    RunningSite,
    Tenant,
    logs_in,
    sets_password,
)


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


@pytest.mark.parametrize("has_begun", [False, True])
def test_a_callback_in_another_browser_is_refused_and_spends_nothing(
    site: RunningSite, tenant: Tenant, person: Person, has_begun: bool
) -> None:
    """The browser that began it can still finish; the other one may have begun a login of its own."""
    address = answer_of_a_login(person, site, tenant)
    with Person() as other:
        if has_begun:
            other.peeks(f"{site.url}/login")
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


def test_a_look_at_a_callback_without_its_page_spends_nothing(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """HEAD, as a program between may send it with the browser's cookies, changes nothing."""
    address = answer_of_a_login(person, site, tenant)
    assert person.peeks(address, "HEAD").status_code == 400
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


def test_what_is_stored_of_a_login_holds_neither_its_state_nor_an_address(
    site: RunningSite, person: Person
) -> None:
    """Of the state there is the hash alone, and the address stands at the tenant."""
    login = person.peeks(f"{site.url}/login?login_hint=ada%2Btag@example.com").headers["Location"]
    (state,) = parse_qs(urlsplit(login).query)["state"]
    with site.services.engine.connect() as db:
        (stored,) = db.execute(select(LoginTransaction.content)).one()
    assert stored["nonce"] in login, "looking at the wrong login"
    assert state not in str(stored)
    assert "ada" not in str(stored)


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


def test_a_refusal_that_another_sender_signs_is_not_taken_for_the_tenants(
    site: RunningSite, person: Person
) -> None:
    """RFC 9207 §2.4: whose answer it is comes before what it says."""
    answer = person.peeks(f"{site.url}/login")
    [state] = parse_qs(urlsplit(answer.headers["Location"]).query)["state"]
    said = f"error=access_denied&state={state}&iss=https://evil.example/"
    person.opens(f"{site.url}/callback?{said}")
    assert person.response.status_code == 403
    assert person.heading == "This sign-in came from somewhere else"


@pytest.mark.parametrize(
    ("error", "heading"),
    [
        ("unauthorized", "This account is blocked"),
        ("temporarily_unavailable", "Sign-in is not available right now"),
        ("login_required", "The sign-in could not be completed"),
        ("Pay here", "The sign-in could not be completed"),
    ],
)
def test_a_refusal_of_the_tenant_is_told_in_our_words(
    site: RunningSite, person: Person, error: str, heading: str
) -> None:
    """By its code alone."""
    answer = person.peeks(f"{site.url}/login")
    [state] = parse_qs(urlsplit(answer.headers["Location"]).query)["state"]
    said = {"error": error, "error_description": "Pay here", "state": state}
    person.opens(f"{site.url}/callback?{urlencode(said | {'iss': site.settings.issuer})}")
    assert person.response.status_code == 403
    assert person.heading == heading
    assert "Pay here" not in person.response.text


def test_a_browser_that_keeps_no_cookies_is_told_why_it_comes_no_further(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """Neither the sign-in nor a form goes through then, however often it is begun again."""
    address = answer_of_a_login(person, site, tenant)
    with Person() as refusing:
        refusing.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        refusing.opens(address)
        assert refusing.heading == "Please start the sign-in again"
        assert "cookies" in refusing.text
        refusing.opens(f"{site.url}/invite/renew?i=x").presses("Send me a new link")
        assert refusing.heading == "This form has lost its cookie"
        assert "keep cookies" in refusing.text


def test_a_callback_without_a_code_is_a_page(site: RunningSite, person: Person) -> None:
    """The state is right, but there is nothing to redeem."""
    answer = person.peeks(f"{site.url}/login")
    [state] = parse_qs(urlsplit(answer.headers["Location"]).query)["state"]
    person.opens(f"{site.url}/callback?state={state}")
    assert person.response.status_code == 403
    assert person.sees_link("Try again")


def test_back_after_signing_in_goes_home(site: RunningSite, tenant: Tenant, person: Person) -> None:
    """The address in the history is spent; who is signed in just gets on, and who has signed out sees that."""
    address = answer_of_a_login(person, site, tenant)
    person.opens(address)
    person.opens(address)
    assert person.url == f"{site.url}/"
    person.presses("Sign out")
    person.opens(address)
    assert person.url == f"{site.url}/"
    assert person.offers("Sign in")


def test_a_login_that_took_too_long_is_no_success_of_who_is_signed_in(
    site: RunningSite, tenant: Tenant, desk: Person
) -> None:
    """An invitee at an admin's browser is told to start again, and not welcomed as the admin."""
    site.invites_and_delivers("ada@example.com")
    link = tenant.link_to("ada@example.com")
    sets_password(desk, link).presses("Continue as the invited person")
    site.clock.forward(minutes=11)
    logs_in(desk, "ada@example.com", PASSWORD)
    assert desk.heading == "Please start the sign-in again"
    desk.presses("Sign in")
    assert site.status("ada@example.com") == "accepted"
