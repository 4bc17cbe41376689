"""`make screenshots`: the pictures of README.md and docs/, taken on the walks of an owner through the demo."""

import re
import tempfile
from functools import partial
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, sync_playwright

from tests.browser.install import launch_options
from tests.browser.steps import signs_in_as_admin
from tests.browser.walks import WALKS, Owner
from tests.support.demo import Demo, running_demo

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
USING = DOCS / "using.md"
PICTURES = DOCS / "pictures"
DESK: ViewportSize = {"width": 1000, "height": 700}


def main() -> None:
    """Take them anew."""
    PICTURES.mkdir(exist_ok=True)
    for old in PICTURES.glob("*.png"):
        old.unlink()
    with (
        tempfile.TemporaryDirectory() as folder,
        running_demo(Path(folder), DEMO_EMPTY="") as demo,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(**launch_options())
        context = browser.new_context(viewport=DESK, reduced_motion="reduce")
        owner = signed_in(context.new_page(), demo)
        take(owner.page, DOCS / "screenshot.png")
        for title, steps in WALKS.items():
            owner.shows = partial(take, path=PICTURES / f"{name_of(title)}.png")
            owner.begins()
            steps(owner)
        browser.close()


def signed_in(page: Page, demo: Demo) -> Owner:
    """The owner of the demo, before the list."""
    return Owner(signs_in_as_admin(page, demo), demo.url)


def name_of(title: str) -> str:
    """What the picture of a walk is called."""
    return re.sub(r"[^a-z]+", "-", title.lower()).strip("-")


def take(page: Page, path: Path) -> None:
    """The page without the bar of the demo, which a real site does not have."""
    page.locator("main").screenshot(path=path, animations="disabled")


if __name__ == "__main__":
    main()
