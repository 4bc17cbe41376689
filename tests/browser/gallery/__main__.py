"""Takes the pictures."""

import re
import sys
import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import ViewportSize, sync_playwright

from tests.browser.install import launch_options

from . import opened
from .opener import DESK, PHONE

WAYS: tuple[tuple[ViewportSize, Literal["light", "dark"]], ...] = (
    (PHONE, "light"),
    (PHONE, "dark"),
    (DESK, "light"),
    (DESK, "dark"),
)


def main(target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        with opened(browser, Path(folder)) as gallery:
            for name, page in gallery.pages.items():
                for width, scheme in WAYS:
                    page.bring_to_front()
                    page.set_viewport_size(width)
                    page.emulate_media(color_scheme=scheme)
                    file = re.sub(r"[^a-z]+", "-", name.lower())
                    page.screenshot(
                        path=target / f"{file}.{width['width']}.{scheme}.png", full_page=True
                    )
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
