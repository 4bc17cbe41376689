"""What people do in a real browser, in sentences; things are found by their label and role."""

from collections.abc import Mapping, Sequence
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.support.demo import Demo
from tests.support.running import ADMIN, ADMIN_PASSWORD, PASSWORD, RunningSite

AXE = Axe().axe_script
LEVELS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
WCAG = {"type": "tag", "values": LEVELS}
CONTRAST = {"type": "rule", "values": ["color-contrast"]}  # all that the dark can change


def signs_in_as_admin(page: Page, site: RunningSite | Demo) -> Page:
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


def barriers(
    page: Page, *, rules: Mapping[str, Any] = WCAG, left_out: Sequence[str] = ()
) -> list[str]:
    """What axe finds on the page as it stands; `left_out` are selectors that it does not look at."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    found: list[Any] = page.evaluate(
        "([leftOut, only]) => axe.run("
        "{include: ['html'], exclude: leftOut}, {resultTypes: ['violations'], runOnly: only})"
        ".then(results => results.violations)",
        [list(left_out), rules],
    )
    return [
        f"{each['id']}: {node['html'][:120]} {node['failureSummary']}"
        for each in found
        for node in each["nodes"]
    ]


def too_small_to_press(page: Page, part: str = "body") -> list[str]:
    """What is pressed there and is less than 44 pixels high, but for links within a sentence; a box
    is pressed by its label."""
    pressed = page.locator(part).locator("a, button, input:not([type=hidden]), select, summary")
    small: list[str] = pressed.evaluate_all(
        """all => all
            .filter(each => getComputedStyle(each).display !== "inline")
            .filter(each => !each.matches(".skip-link"))
            .filter(each => each.checkVisibility())
            .filter(each => (each.matches("[type=checkbox], [type=radio]") ? each.labels[0] : each)
                .getBoundingClientRect().height < 44)
            .map(each => each.outerHTML)"""
    )
    return small


def has_no_sideways_scroll(page: Page) -> bool:
    return bool(
        page.evaluate(
            "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        )
    )
