"""Whole journeys, from the mail to the first login, and the memory that the site holds after them."""

import contextlib
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urljoin

import requests

from invite_site.invitations.lifecycle import State

from .processes import ServerProcess, server_process
from .report import Row
from .scenarios import database, mails, queue, release, states, wait_for

JOURNEYS = 500
AT_ONCE = 50
PASSWORD = "Correct-Horse-9"


def memory_rows(folder: Path, environment: dict[str, str], tenant: ServerProcess) -> Iterator[Row]:
    """The site as `make run` serves it, with its worker, after many people came through it."""
    with contextlib.ExitStack() as stack:
        services = stack.enter_context(database(environment))
        queue(services, JOURNEYS)  # before there is a worker: it would not wait
        as_make_runs_it = {**environment, "MALLOC_ARENA_MAX": "2"}
        site = stack.enter_context(server_process("site-and-worker", folder, as_make_runs_it))
        release(services)
        wait_for(lambda: states(services)[State.SENT] == JOURNEYS, "all are sent", 300)
        links = [
            re.findall(r"https://\S+/lo/reset\?\S+", each["Text"])[0] for each in mails(tenant)
        ]
        with ThreadPoolExecutor(AT_ONCE) as people:
            list(people.map(lambda link: _accept(link, environment["BENCH_AUTHORITY"]), links))
        held, accepted = site.memory(), states(services)[State.ACCEPTED]
    if accepted != JOURNEYS:
        raise RuntimeError(f"only {accepted} of {JOURNEYS} journeys came to their end")
    if held is not None:
        yield Row(f"memory after {JOURNEYS} journeys, PSS", held / 2**20, "MiB", 100)


def _accept(link: str, authority: str) -> None:
    """Open the link, choose a password, sign in with it."""
    with requests.Session() as browser:
        browser.trust_env = False  # it would prefer the authorities of the environment
        browser.verify = authority
        page = browser.get(link, timeout=60)
        login = _send(browser, page, {"newPassword": PASSWORD, "confirmNewPassword": PASSWORD})
        _send(browser, login, {"email": _field(login.text, "email"), "password": PASSWORD})


def _send(
    browser: requests.Session, page: requests.Response, typed: dict[str, str]
) -> requests.Response:
    hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
    action = re.search(r'<form[^>]*action="([^"]*)"', page.text)
    url = urljoin(page.url, action[1] if action else "")
    return browser.post(url.partition("#")[0], data=hidden | typed, timeout=60)


def _field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', page)
    if found is None:
        raise RuntimeError(f"no field {name} on the page: {page[:300]}")
    return found[1]
