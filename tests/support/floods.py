"""A flood of logins that are begun and never finished, by browsers that come at the same time."""

import itertools
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import requests

from tests.support.running import RunningSite

BROWSERS = 16  # at the same time
CALLBACKS = 96  # of each flood: of more, more would be refused
TOKEN_CALLS = 60  # that a flood may cost the tenant


def floods(
    site: RunningSite,
    address_of: Callable[[int], str],
    begin: str = "/login",
    callbacks: int = CALLBACKS,
) -> list[int]:
    """Logins that are begun, and ended with a code that is none; the statuses of the ends."""
    numbers = itertools.count()

    def one_browser(_: int) -> list[int]:
        statuses = []
        with requests.Session() as browser:
            for _ in range(callbacks // BROWSERS):
                told = {"X-Forwarded-For": address_of(next(numbers))}
                begun = browser.get(site.url + begin, headers=told, allow_redirects=False)
                # Whoever may begin no more logins comes with a state that is none.
                asked = parse_qs(urlsplit(begun.headers.get("Location", "")).query)
                [state] = asked.get("state", ["none"])
                query = {"code": secrets.token_urlsafe(), "state": state}
                ended = browser.get(f"{site.url}/callback", params=query, headers=told)
                statuses.append(ended.status_code)
        return statuses

    with ThreadPoolExecutor(BROWSERS) as pool:
        return [status for each in pool.map(one_browser, range(BROWSERS)) for status in each]
