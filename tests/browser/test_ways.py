"""The whole way in Chromium: each experience of the tenant, each way an invitation can travel.

The tenant is set up by `flask tenant apply` with the site's own settings, as an owner would.
"""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Page, expect

from tests.support.at_tenant import AtTenant, at_tenant
from tests.support.running import PASSWORD, RunningSite, Tenant, running_site, settings_for

ADDRESS = "a+tag@example.com"
# Where people come back by goes with the password page; the rest can be chosen freely, but that
# the tenant's own mail carries the tenant's own link.
BACK = {"classic": "result_url", "classic_reset": "result_url", "new": "login_route"}
MARKS = ("/i/", "/lo/reset?", "/u/reset")
TRAVELS = [("ticket", "ticket"), ("ticket", "landing"), ("tenant_email", "ticket")]


@pytest.fixture
def at(tenant: Tenant, tmp_path: Path) -> AtTenant:
    return at_tenant(tenant, tmp_path)


def link_in_mail(tenant: Tenant) -> str:
    """The link of the newest mail, whoever sent it."""
    html = BeautifulSoup(tenant.mails(ADDRESS)[0]["HTML"], "html.parser")
    links = [str(anchor["href"]) for anchor in html.find_all("a")]
    return next(each for each in links if any(mark in each for mark in MARKS))


def opens_the_link(page: Page, site: RunningSite, tenant: Tenant) -> None:
    page.goto(link_in_mail(tenant))
    if site.settings.link == "landing":
        page.get_by_role("button", name="Choose your password").click()


def chooses_a_password(page: Page) -> None:
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    page.get_by_label("Re-enter new password").fill(PASSWORD)
    page.get_by_role("button", name="Password").or_(
        page.get_by_role("button", name="password")
    ).first.click()


def signs_in(page: Page, site: RunningSite, *, hint_is_expected: bool) -> None:
    """Classic asks for both at once; New Universal Login for the address first, unless it knows."""
    address = page.get_by_label("Email address")
    password = page.get_by_label("Password", exact=True)
    expect(address.or_(password).first).to_be_visible()
    if address.count() and address.is_visible():
        if hint_is_expected:
            expect(address).to_have_value(ADDRESS)
        address.fill(ADDRESS)
    if not password.count():
        page.get_by_role("button", name="Continue", exact=True).click()
    password.fill(PASSWORD)
    page.get_by_role("button", name="Continue", exact=True).click()
    expect(page).to_have_url(f"{site.url}/")


@pytest.mark.parametrize(("delivery", "link"), TRAVELS)
@pytest.mark.parametrize("experience", BACK)
def test_it_works(
    phone: Page, at: AtTenant, tmp_path: Path, experience: str, delivery: str, link: str
) -> None:
    """Open the link, choose a password, continue: accepted."""
    tenant = at.tenant
    tenant.control("PUT", "/experience", {"experience": experience})
    settings = settings_for(
        tenant,
        tmp_path,
        INVITE_DELIVERY=delivery,
        INVITE_RETURN=BACK[experience],
        INVITE_LINK=link,
    )
    with running_site(settings) as site:
        at.settings = replace(settings, site_url=site.url)
        at.apply()
        before = tenant.control("GET", "/experience")["experience"]
        assert (before == "new") == (experience == "new")

        site.invites_and_delivers(ADDRESS, "Ada Byron")
        assert site.status(ADDRESS) == "sent"
        opens_the_link(phone, site, tenant)
        chooses_a_password(phone)
        if BACK[experience] == "login_route":
            phone.get_by_role("link", name=re.compile("^(Back|Continue) to ")).click()
        # The tenant's own mail gives the address with the result URL; its button gives nothing.
        signs_in(
            phone,
            site,
            hint_is_expected=BACK[experience] == "result_url" or link == "landing",
        )
        expect(phone.get_by_role("heading", name="Welcome")).to_be_visible()
        assert site.status(ADDRESS) == "accepted"
