"""Chromium for the tests of this folder. Without one they fail; they are never skipped."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.install import launch_options
from tests.support.running import RunningSite

PATIENCE = 10_000  # milliseconds for one step of a person


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser/" in str(item.path).replace(os.sep, "/"):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    try:
        return {**browser_type_launch_args, **launch_options()}
    except LookupError as missing:
        pytest.fail(str(missing), pytrace=False)


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A page in a browser of its own, as narrow as a small phone."""
    yield from _page(browser, viewport={"width": 375, "height": 740})


@pytest.fixture
def phone_without_script(browser: Browser) -> Iterator[Page]:
    yield from _page(browser, viewport={"width": 375, "height": 740}, java_script_enabled=False)


@pytest.fixture
def desk(browser: Browser) -> Iterator[Page]:
    """A page in a browser of its own on a desk: the admin's."""
    yield from _page(browser, viewport={"width": 1280, "height": 900})


def _page(browser: Browser, **options: Any) -> Iterator[Page]:
    context: BrowserContext = browser.new_context(**options)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    yield page
    context.close()
    # A refused script, style or form target shows up here and nowhere else. The site may have ended
    # before the browser did, while the page asked for what is new.
    faults = [each for each in complaints if "Failed to fetch" not in each]
    refused = [each for each in faults if "Content Security Policy" in each or "Error:" in each]
    assert not refused, refused


@pytest.fixture
def admin_page(desk: Page, site: RunningSite) -> Page:
    """The admin at the desk, signed in, before the list of invitations."""
    from tests.browser.steps import signs_in_as_admin

    site.make_admin()
    return signs_in_as_admin(desk, site)
