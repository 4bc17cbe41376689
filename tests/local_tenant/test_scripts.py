"""The tenant's pages in Chromium: what their scripts do, and whether everybody can use them."""

import re
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect

from ..browser.conftest import browser_type_launch_args
from .client import TenantClient
from .test_custom_page import PAGE, store

__all__ = ["browser_type_launch_args"]  # a fixture of the browser tests: Chromium's arguments

pytestmark = pytest.mark.browser

GOOD = "Correct-Horse-1"
AXE = Axe()
CONTRAST = {
    "runOnly": {"type": "rule", "values": ["color-contrast"]}
}  # all that the dark can change
RESULT_URL = "http://localhost:9/invite/complete?i=inv_7"


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A small phone; a refused script or style fails the test."""
    yield from _page(browser)


@pytest.fixture
def plain_phone(browser: Browser) -> Iterator[Page]:
    """A small phone without script."""
    yield from _page(browser, java_script_enabled=False)


def _page(browser: Browser, **options: Any) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 375, "height": 740}, **options)
    context.set_default_timeout(10_000)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text))
    page.route("http://localhost:9/**", _the_application)
    yield page
    context.close()
    refused = [each for each in complaints if "Content Security Policy" in each or "Error:" in each]
    assert not refused, refused


def _the_application(route: Route) -> None:
    route.fulfill(body="<!doctype html><title>Back</title>", content_type="text/html")


def suits_everybody(page: Page) -> None:
    """Nothing for axe to complain about in light and in dark, and nothing to scroll sideways for."""
    page.wait_for_load_state()
    ways: tuple[tuple[Literal["light", "dark"], Any], ...] = (("light", {}), ("dark", CONTRAST))
    for scheme, rules in ways:
        page.emulate_media(color_scheme=scheme)
        found = AXE.run(page, options={"resultTypes": ["violations"], **rules})
        assert found.violations_count == 0, (scheme, found.generate_report())
    width = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert page.evaluate(width)


def chooses(page: Page, password: str, button: str, again: str | None = None) -> None:
    page.get_by_label("New password", exact=True).fill(password)
    page.get_by_label("Re-enter new password").fill(again or password)
    page.get_by_role("button", name=button).click()


def test_it_works(tenant: TenantClient, phone: Page) -> None:
    """The interstitial of New Universal Login posts itself; the rest is two forms."""
    tenant.control("PUT", "/experience", {"experience": "new"})
    user = tenant.create_user()
    client_id = tenant.tenant.environment["AUTH0_CLIENT_ID"]
    ticket = tenant.create_ticket(user["user_id"], client_id=client_id)

    phone.goto(ticket)
    expect(phone).to_have_url(re.compile(r"/u/reset-password/change\?state="))
    expect(phone.get_by_role("heading", name="Change Your Password")).to_be_visible()
    suits_everybody(phone)
    chooses(phone, "onlylowercase", "Reset password")
    expect(phone.get_by_role("alert")).to_contain_text("Password is too weak")
    suits_everybody(phone)
    chooses(phone, GOOD, "Reset password")
    expect(phone.get_by_role("heading", name="Password Changed!")).to_be_visible()
    expect(phone.get_by_role("link", name="Back to Acme")).to_be_visible()
    suits_everybody(phone)
    phone.goto(ticket)
    expect(phone.get_by_role("heading", name="Invalid Link")).to_be_visible()
    suits_everybody(phone)


def test_without_script_the_interstitial_has_a_button(
    tenant: TenantClient, plain_phone: Page
) -> None:
    """*Continue*, which leads on to the form."""
    tenant.control("PUT", "/experience", {"experience": "new"})
    plain_phone.goto(tenant.create_ticket(tenant.create_user()["user_id"]))
    plain_phone.get_by_role("button", name="Continue").click()
    chooses(plain_phone, GOOD, "Reset password")
    expect(plain_phone.get_by_role("heading", name="Password Changed!")).to_be_visible()


def test_the_login_pages_suit_everybody(tenant: TenantClient, phone: Page) -> None:
    """Both experiences, with the people of the demo and with a mistake."""
    for email in ("ada@example.com", "grace@example.com"):
        user = tenant.create_user(email)
        tenant.set_password(tenant.create_ticket(user["user_id"]), GOOD)
    classic = tenant.url + tenant.authorize(prompt="login").headers["Location"]
    tenant.control("PUT", "/experience", {"experience": "new"})
    new = tenant.url + tenant.authorize(prompt="login").headers["Location"]

    phone.goto(classic)
    suits_everybody(phone)
    phone.get_by_role("link", name="grace@example.com").click()
    expect(phone.get_by_label("Email address")).to_have_value("grace@example.com")
    phone.get_by_label("Password", exact=True).fill("Wrong-Horse-1")
    phone.get_by_role("button", name="Continue", exact=True).click()
    expect(phone.get_by_role("alert")).to_have_text("Wrong email or password.")
    suits_everybody(phone)
    phone.get_by_role("link", name="Forgot password?").click()
    expect(phone.get_by_role("heading", name="Forgot Your Password?")).to_be_visible()
    suits_everybody(phone)
    phone.get_by_label("Email address").fill("grace@example.com")
    phone.get_by_role("button", name="Continue").click()
    expect(phone.get_by_role("heading", name="Check Your Email")).to_be_visible()
    suits_everybody(phone)

    phone.goto(new)
    suits_everybody(phone)
    phone.get_by_label("Email address").fill("ada@example.com")
    phone.get_by_role("button", name="Continue", exact=True).click()
    expect(phone.get_by_role("link", name="Edit")).to_be_visible()
    suits_everybody(phone)
    phone.get_by_label("Password", exact=True).fill("Wrong-Horse-1")
    phone.get_by_role("button", name="Continue", exact=True).click()
    expect(phone.get_by_role("alert")).to_have_text("Wrong email or password")
    suits_everybody(phone)


@pytest.mark.parametrize("experience", ["classic", "new"])
def test_back_after_a_wrong_password_sends_no_form_again(
    tenant: TenantClient, plain_phone: Page, experience: str
) -> None:
    """Chromium would show ERR_CACHE_MISS for an answer to a form: here each way back is a page."""
    tenant.control("PUT", "/experience", {"experience": experience})
    ticket = tenant.create_ticket(tenant.create_user()["user_id"])
    plain_phone.goto(ticket)
    if experience == "new":
        plain_phone.get_by_role("button", name="Continue").click()
    chooses(plain_phone, "short", "Reset password")
    expect(plain_phone.get_by_role("alert")).to_contain_text("Password is too weak")
    plain_phone.reload()
    expect(plain_phone.get_by_role("alert")).to_have_count(0)
    chooses(plain_phone, GOOD, "Reset password")

    plain_phone.goto(tenant.url + tenant.authorize(prompt="login").headers["Location"])
    plain_phone.get_by_label("Email address").fill("ada@example.com")
    if experience == "new":
        plain_phone.get_by_role("button", name="Continue").click()
    plain_phone.get_by_label("Password", exact=True).fill("Wrong-Horse-1")
    plain_phone.get_by_role("button", name="Continue").click()
    expect(plain_phone.get_by_role("alert")).to_contain_text("Wrong email or password")
    plain_phone.goto(tenant.url)
    plain_phone.go_back()
    expect(plain_phone.get_by_label("Password", exact=True)).to_be_visible()


def test_the_dashboard_suits_everybody(tenant: TenantClient, phone: Page) -> None:
    """With something of everything on it; a switch says what it has done."""
    user = tenant.create_user("somebody.with.a.long.address@subdomain.of.example.com")
    tenant.set_password(tenant.create_ticket(user["user_id"]), GOOD)
    tenant.create_ticket(user["user_id"])
    tenant.send_mail("A subject that is longer than a small phone is wide, by quite a bit")
    tenant.control("POST", "/faults", {"route": "GET /userinfo", "kind": "status"})
    tenant.control("PUT", "/lies", {"lie": "callback_iss_absent_but_advertised"})
    phone.goto(tenant.url)
    suits_everybody(phone)
    phone.get_by_role("link", name="Dashboard").first.click()
    expect(phone.get_by_role("heading", name="Dashboard")).to_be_visible()
    suits_everybody(phone)
    phone.get_by_label("Pages that people meet").select_option("new")
    phone.get_by_role("button", name="Switch experience").click()
    expect(phone.get_by_role("status")).to_contain_text("New Universal Login")
    suits_everybody(phone)


def test_the_widget_of_a_stored_page_sets_the_password(tenant: TenantClient, phone: Page) -> None:
    """It reads the fragment, says what is missing, and leaves for result_url."""
    store(tenant, PAGE)
    user = tenant.create_user("ada+team@example.com")
    ticket = tenant.create_ticket(user["user_id"], result_url=RESULT_URL)

    phone.goto(ticket + "type=invite&app=A%26B%20%3Cx%3E")
    expect(phone.get_by_role("heading", name="Welcome to A&B <x>", level=1)).to_be_visible()
    expect(phone.get_by_text("Choose a password for ada+team@example.com")).to_be_visible()
    assert phone.locator("main x").count() == 0
    suits_everybody(phone)
    chooses(phone, "onlylowercase", "Set password")
    expect(phone.get_by_role("alert")).to_contain_text("Contain at least 3 of the following 4")
    suits_everybody(phone)
    chooses(phone, GOOD, "Set password", "Another-Horse-2")
    expect(phone.get_by_role("alert")).to_contain_text("are the same")
    chooses(phone, GOOD, "Set password")
    expect(phone).to_have_url(re.compile(r"^http://localhost:9/invite/complete\?i=inv_7&success="))


def test_the_widget_says_so_where_there_is_nowhere_to_go(tenant: TenantClient, phone: Page) -> None:
    """A ticket without result_url, and a page without the fragment."""
    store(tenant, PAGE)
    ticket = tenant.create_ticket(tenant.create_user()["user_id"])
    phone.goto(ticket)
    expect(phone.get_by_text("Enter a new password for")).to_be_visible()
    chooses(phone, GOOD, "Reset password")
    expect(phone.get_by_role("status")).to_have_text("Your password has been reset successfully.")
    suits_everybody(phone)


def test_without_script_a_stored_page_has_a_plain_form(
    tenant: TenantClient, plain_phone: Page
) -> None:
    """And it goes to result_url all the same."""
    store(tenant, PAGE)
    user = tenant.create_user()
    plain_phone.goto(tenant.create_ticket(user["user_id"], result_url=RESULT_URL))
    # Nobody answers there, and a browser need not show the address of what did not load.
    with plain_phone.expect_request(re.compile(r"^http://localhost:9/invite/complete")):
        chooses(plain_phone, GOOD, "Reset password")
