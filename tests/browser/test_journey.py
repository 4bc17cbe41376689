"""The whole way in Chromium, by labels and roles, on a phone, with script and without."""

from playwright.sync_api import Page, expect

from tests.browser.steps import (
    chooses_password,
    has_no_sideways_scroll,
    invites,
    signs_in_with_the_hint,
)
from tests.support.running import APP_NAME, RunningSite, Tenant

ADDRESS = "a+tag@example.com"


def test_it_works(admin_page: Page, phone: Page, site: RunningSite, tenant: Tenant) -> None:
    """Invite at the desk; open, choose, continue on the phone; see *Accepted* at the desk."""
    invites(admin_page, ADDRESS, "Ada Byron")
    site.delivers()

    phone.goto(tenant.link_to(ADDRESS))
    expect(phone.get_by_role("button", name="Set password")).to_be_visible()
    expect(phone.get_by_text(APP_NAME, exact=False).first).to_be_visible()
    assert has_no_sideways_scroll(phone)
    chooses_password(phone, "Set password")
    signs_in_with_the_hint(phone, ADDRESS)

    expect(phone.get_by_role("heading", name="Welcome, Ada Byron")).to_be_visible()
    assert has_no_sideways_scroll(phone)
    admin_page.reload()
    expect(admin_page.get_by_text("Accepted").first).to_be_visible()
    assert site.status(ADDRESS) == "accepted"


def test_it_works_without_script(
    admin_page: Page, phone_without_script: Page, site: RunningSite, tenant: Tenant
) -> None:
    """Without script the password page cannot read the note; all else is equal."""
    phone = phone_without_script
    invites(admin_page, ADDRESS)
    site.delivers()
    phone.goto(tenant.link_to(ADDRESS))
    chooses_password(phone, "Reset password")
    signs_in_with_the_hint(phone, ADDRESS)
    expect(phone.get_by_role("heading", name="Welcome")).to_be_visible()
    assert site.status(ADDRESS) == "accepted"


def test_the_application_name_is_shown_as_text(
    phone: Page, site: RunningSite, tenant: Tenant
) -> None:
    """An application called like markup stays text on the tenant's page."""
    site.invites_and_delivers("ada@example.com")
    phone.goto(tenant.link_to("ada@example.com"))
    expect(phone.get_by_text('A&B "<x>').first).to_be_visible()
    assert phone.locator("main x").count() == 0


def test_an_admin_can_sign_out(admin_page: Page, site: RunningSite) -> None:
    """Chromium lets the form lead on to the tenant and back."""
    admin_page.get_by_role("button", name="Sign out").click()
    expect(admin_page.get_by_role("button", name="Sign in")).to_be_visible()
    assert admin_page.url == f"{site.url}/"


def test_the_form_can_be_sent_by_keyboard_alone(admin_page: Page, site: RunningSite) -> None:
    """Type, tab, type, enter."""
    admin_page.goto(f"{site.url}/admin/invitations/new")
    expect(admin_page.get_by_label("Email address")).to_be_focused()
    admin_page.keyboard.type("ada@example.com")
    admin_page.keyboard.press("Tab")
    admin_page.keyboard.type("Ada")
    admin_page.keyboard.press("Enter")
    expect(admin_page.get_by_role("heading", name="ada@example.com")).to_be_visible()


def test_a_mistake_keeps_what_was_typed_and_takes_the_reader_there(
    admin_page: Page, site: RunningSite
) -> None:
    """The summary has the focus, the title says so, and the field still holds the words."""
    admin_page.goto(f"{site.url}/admin/invitations/new")
    admin_page.get_by_label("Email address").fill("ada@example")
    admin_page.get_by_role("button", name="Send invitation").click()
    expect(admin_page.get_by_role("alert")).to_be_focused()
    expect(admin_page.get_by_label("Email address")).to_have_value("ada@example")
    assert admin_page.title().startswith("Error:")


def test_back_gives_back_what_was_typed(admin_page: Page) -> None:
    """Pages of errors send people back to their form."""
    admin_page.get_by_role("link", name="Invite someone").first.click()
    typed = {"Email address": "ada@example.com", "Name": "Ada", "Note": "Welcome!"}
    for label, words in typed.items():
        admin_page.get_by_label(label, exact=True).fill(words)
    admin_page.get_by_role("link", name="Overview").click()
    expect(admin_page.get_by_role("heading", name="Overview", exact=True)).to_be_visible()
    admin_page.go_back()
    for label, words in typed.items():
        expect(admin_page.get_by_label(label, exact=True)).to_have_value(words)
