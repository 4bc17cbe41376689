"""Find a Chromium for the browser tests, else install one: `python -m tests.browser.install`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support import packages

# The first one has no window at all, and opens a page in a quarter of the time.
NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)


def find() -> str | None:
    """The path of a Chromium: `$CHROMIUM`, one of the usual names, or Playwright's own."""
    named = os.environ.get("CHROMIUM")
    if named:
        return shutil.which(named)
    for name in NAMES:
        if path := shutil.which(name):
            return path
    return _playwrights_own()


def launch_options() -> dict[str, Any]:
    """How Playwright starts it. Raises LookupError where there is none."""
    path = find()
    if path is None:
        raise LookupError("no Chromium: `make browser` installs one, or set CHROMIUM")
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    sandbox = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    return {"executable_path": path, "args": quiet + sandbox}


def _playwrights_own() -> str | None:
    cache = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache/ms-playwright")
    found = sorted(cache.glob("chromium-*/chrome-linux*/chrome")) + sorted(
        cache.glob("chromium-*/chrome-mac*/Chromium.app/Contents/MacOS/Chromium")
    )
    return str(found[-1]) if found else None


def install() -> None:
    if not packages.may_install():
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"])
        return
    for package in ("chromium-headless-shell", "chromium"):  # not every release has the first
        packages.install(package)
        if find():
            return


def main() -> None:
    if find() is None:
        print("Installing Chromium for the browser tests (once) ...", flush=True)
        install()
    if find() is None:
        sys.exit(
            "The browser tests need Chromium. Install it with\n"
            "  apt-get install chromium\n"
            "or set CHROMIUM to the path of one. (`make test-fast` runs what needs no browser.)"
        )


if __name__ == "__main__":
    main()
