"""The password page that `flask tenant apply` puts in place, in Chromium."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import _page
from tests.browser.steps import (
    chooses_password,
    has_no_sideways_scroll,
    signs_in_with_the_hint,
)
from tests.support.at_tenant import AtTenant, at_tenant
from tests.support.running import APP_NAME, RunningSite, Tenant

ADDRESS = "ada+tag@example.com"


@pytest.fixture
def link(tenant: Tenant, site: RunningSite, tmp_path: Path) -> str:
    """The link of an invitation, at a tenant that was set up for the site."""
    at: AtTenant = at_tenant(tenant, tmp_path)
    at.settings = site.settings
    assert at.apply() == []
    site.invites_and_delivers(ADDRESS)
    return tenant.link_to(ADDRESS)


@pytest.fixture
def german_phone(browser: Browser) -> Iterator[Page]:
    yield from _page(browser, locale="de-DE")


@pytest.mark.parametrize("login", ["classic", "new"])
def test_it_works(link: str, phone: Page, site: RunningSite, tenant: Tenant, login: str) -> None:
    """Greeted by the application's name, as text; then on to the site with the address filled in."""
    at = at_tenant(tenant, Path("/nowhere"))
    at.api.send("PATCH", "/prompts", {"universal_login_experience": login})
    phone.goto(link)
    expect(phone.get_by_role("heading", level=1)).to_have_text(f"Welcome to {APP_NAME}")
    expect(phone.get_by_text(f"You are invited. Choose a password for {ADDRESS}")).to_be_visible()
    assert phone.title() == f"Welcome to {APP_NAME}"
    assert phone.locator("main x").count() == 0
    assert has_no_sideways_scroll(phone)
    chooses_password(phone, "Set password")
    if login == "classic":
        signs_in_with_the_hint(phone, ADDRESS)
        expect(phone.get_by_role("heading", name="Welcome")).to_be_visible()
        assert site.status(ADDRESS) == "accepted"
    else:
        expect(phone).not_to_have_title(f"Welcome to {APP_NAME}")
        assert phone.url.startswith(f"{tenant.url}/u/login/")


def test_a_forgotten_password_is_called_a_reset(link: str, phone: Page) -> None:
    """The same page without the note behind the `#`."""
    phone.goto(link.partition("#")[0])
    expect(phone.get_by_role("heading", level=1)).to_have_text("Reset your password")
    expect(phone.get_by_role("button", name="Reset password")).to_be_visible()


def test_markup_in_the_address_stays_text(link: str, phone: Page) -> None:
    """Whoever sends somebody a link of their own making gets no script onto the tenant's page."""
    start = link.partition("#")[0]
    phone.goto(f"{start}#type=invite&app=%3Cimg%20src%3Dx%20onerror%3Ddocument.title%3D1%3E")
    heading = phone.get_by_role("heading", level=1)
    expect(heading).to_have_text("Welcome to <img src=x onerror=document.title=1>")
    assert phone.locator("h1 img").count() == 0
    assert phone.title().startswith("Welcome")


def test_it_speaks_the_readers_language(link: str, tenant: Tenant, german_phone: Page) -> None:
    """Where the tenant has the language switched on."""
    at = at_tenant(tenant, Path("/nowhere"))
    at.api.send("PATCH", "/tenants/settings", {"enabled_locales": ["en", "de"]})
    german_phone.goto(link)
    heading = german_phone.get_by_role("heading", level=1)
    expect(heading).to_have_text(f"Willkommen bei {APP_NAME}")
    assert german_phone.locator("html").get_attribute("lang") == "de"


def test_it_suits_everybody(link: str, phone: Page) -> None:
    """Nothing for axe to complain about."""
    phone.goto(link)
    expect(phone.get_by_role("button", name="Set password")).to_be_visible()
    found = Axe().run(phone)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("experience", ["classic", "new"])
def test_a_long_name_of_the_application_fits_a_phone(
    phone: Page, tenant: Tenant, site: RunningSite, experience: str
) -> None:
    """Names of applications at Auth0 are often made for programs."""
    tenant.control("PUT", "/experience", {"experience": experience})
    tenant.control("PUT", "/application", {"name": "my_company_customer_portal_production_eu_west"})
    for url in (
        tenant.url,
        f"{tenant.url}/oidc/logout",
        f"{site.url}/login?login_hint=ada@example.com",
    ):
        phone.goto(url)
        assert has_no_sideways_scroll(phone), phone.url
    if experience == "new":
        phone.get_by_role("button", name="Continue").click()
        phone.wait_for_url("**/u/login/password?*")
        assert has_no_sideways_scroll(phone)
