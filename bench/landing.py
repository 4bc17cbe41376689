"""Landing and callback beside the quickstart: CPU of a request, and connections to the tenant."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from .browser import Browser
from .compare import compare
from .processes import ServerProcess, server_process
from .report import Row
from .scenarios import (
    callback_cost,
    connections,
    invite,
    log_in,
    redirect_cost,
    sign_in_at_tenant,
)

LOGINS = 100  # before the connections are counted
PAIRS = 9  # of rounds
REDIRECTS = 150  # in a round
CALLBACKS = 20  # in a round; a code lives for a minute


def landing_rows(folder: Path, environment: dict[str, str], tenant: ServerProcess) -> Iterator[Row]:
    """What an invitee waits for, and what the tenant has to bear."""
    addresses = invite(environment, REDIRECTS * (PAIRS + 1))
    with (
        server_process("site", folder, environment) as site,
        server_process("quickstart", folder, environment) as quickstart,
    ):
        browser = Browser(environment["BENCH_AUTHORITY"])
        known = sign_in_at_tenant(browser, tenant, quickstart)
        before = connections(browser, tenant)
        log_in(browser, site, known, LOGINS)
        ours = connections(browser, tenant) - before
        log_in(browser, quickstart, known, LOGINS)
        theirs = connections(browser, tenant) - before - ours

        fresh = iter(addresses)
        first = compare(
            lambda: redirect_cost(browser, site, list(islice(fresh, REDIRECTS))),
            lambda: redirect_cost(browser, quickstart, ["/login"] * REDIRECTS),
            PAIRS,
        )
        again = compare(
            lambda: redirect_cost(browser, site, addresses[:REDIRECTS]),
            lambda: redirect_cost(browser, quickstart, ["/login"] * REDIRECTS),
            PAIRS,
        )
        callback = compare(
            lambda: callback_cost(browser, site, known, CALLBACKS),
            lambda: callback_cost(browser, quickstart, known, CALLBACKS),
            PAIRS,
        )
        browser.close()
    yield Row.of_ratio("landing beside the quickstart's /login, CPU", first, 1.8)
    yield Row.of_ratio("the same link again, CPU", again, 1.8)
    yield Row.of_ratio("callback over TLS beside the quickstart's, CPU", callback, 0.25)
    yield Row(f"connections for {LOGINS} logins", ours, "", 1, beside=theirs)
