"""`INVITE_DELIVERY=tenant_email` in Chromium: the tenant's own mail, first inviting, later resetting."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup
from playwright.sync_api import Page, expect

from tests.browser.steps import chooses_password, signs_in_with_the_hint
from tests.support.at_tenant import at_tenant
from tests.support.running import APP_NAME, Tenant, running_site, settings_for

ADDRESS = "ada+tag@example.com"


def body_of(mail: Any) -> BeautifulSoup:
    return BeautifulSoup(mail["HTML"], "html.parser")


def test_it_works(phone: Page, desk: Page, tenant: Tenant, tmp_path: Path) -> None:
    """Greeted as an invitee by the mail and the page, accepted; then *forgot password* is a reset."""
    settings = settings_for(tenant, tmp_path, INVITE_DELIVERY="tenant_email")
    with running_site(settings) as site:
        owner = at_tenant(tenant, tmp_path)
        owner.settings = replace(settings, site_url=site.url)
        assert owner.apply() == []
        site.invites_and_delivers(ADDRESS, "Ada Byron")

        [invitation] = tenant.mails(ADDRESS)
        body = body_of(invitation)
        assert invitation["Subject"] == f"You are invited to {APP_NAME}"
        assert "Hello Ada Byron," in body.get_text()
        phone.goto(str(body.find("a", string="Choose your password")["href"]))  # type: ignore[index]
        heading = phone.get_by_role("heading", level=1)
        expect(heading).to_have_text(f"Welcome to {APP_NAME}")
        chooses_password(phone, "Set password")
        signs_in_with_the_hint(phone, ADDRESS)
        expect(phone.get_by_role("heading", name="Welcome")).to_be_visible()
        assert site.status(ADDRESS) == "accepted"
        site.delivers()
        assert tenant.user(ADDRESS)["app_metadata"].get("invitedToMyApp") is None

        desk.goto(f"{site.url}/login")
        desk.get_by_role("link", name=re.compile("forgot|remember", re.IGNORECASE)).click()
        desk.get_by_label("Email address").fill(ADDRESS)
        desk.get_by_role("button").click()
        expect(desk.get_by_text(ADDRESS)).to_be_visible()
        reset = tenant.mails(ADDRESS)[0]
        body = body_of(reset)
        assert reset["Subject"] == f"Reset your password for {APP_NAME}"
        assert "invited" not in body.get_text()
        desk.goto(str(body.find("a", string="Reset your password")["href"]))  # type: ignore[index]
        expect(desk.get_by_role("heading", level=1)).to_have_text("Reset your password")
        expect(desk.get_by_role("button", name="Reset password")).to_be_visible()
