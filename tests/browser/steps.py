"""What people do in a real browser, in sentences; things are found by their label and role."""

from playwright.sync_api import Page, expect

from tests.support.running import ADMIN, ADMIN_PASSWORD, PASSWORD, RunningSite


def signs_in_as_admin(page: Page, site: RunningSite) -> Page:
    page.goto(f"{site.url}/admin/")
    page.get_by_label("Email address").fill(ADMIN)
    page.get_by_label("Password", exact=True).fill(ADMIN_PASSWORD)
    page.get_by_role("button", name="Continue", exact=True).click()
    expect(page.get_by_role("heading", name="Invitations")).to_be_visible()
    return page


def invites(page: Page, address: str, name: str = "") -> None:
    page.get_by_role("link", name="Invite someone").first.click()
    page.get_by_label("Email address").fill(address)
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Send invitation").click()
    expect(page.get_by_role("heading", name=address)).to_be_visible()


def chooses_password(page: Page, button: str) -> None:
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    page.get_by_label("Re-enter new password").fill(PASSWORD)
    page.get_by_role("button", name=button).click()


def signs_in_with_the_hint(page: Page, address: str) -> None:
    expect(page.get_by_label("Email address")).to_have_value(address)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Continue", exact=True).click()


def has_no_sideways_scroll(page: Page) -> bool:
    return bool(
        page.evaluate(
            "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        )
    )
