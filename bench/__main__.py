"""Run every measurement and print one table."""

import os
import platform
import secrets
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from time import perf_counter

from .browser import Browser
from .compare import Comparison, Spread, compare
from .processes import ServerProcess, server_process
from .scenarios import (
    callback_cost,
    connections,
    invite,
    log_in,
    redirect_cost,
    sign_in_at_tenant,
)
from .startup import measure_startup

STARTS = 5
LOGINS = 100  # before the connections are counted, and again before the memory is
PAIRS = 7  # of rounds
REDIRECTS = 200  # in a round
CALLBACKS = 25  # in a round; a code lives for a minute

Row = tuple[str, str, str, str, str]


def main() -> None:
    start = perf_counter()
    processor = platform.processor() or platform.machine()
    load = f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "load unknown"
    print(
        f"Python {platform.python_version()}, {platform.system()} on {processor}, "
        f"{os.cpu_count()} cores, {load}. Medians, with least and greatest."
    )
    rows: list[Row] = [("", "site", "quickstart", "ratio", "reach")]
    with tempfile.TemporaryDirectory(prefix="invite-site-bench-") as name:
        folder = Path(name)
        rows += _start_rows(folder)
        rows += _site_rows(folder)
    _print_table(rows)
    print(f"Took {perf_counter() - start:.0f} s.")


def _start_rows(folder: Path) -> Iterator[Row]:
    first, later = measure_startup(folder, STARTS)
    yield "start of the demo, again", Spread.of(later).shown(" s"), "", "", "1.00 s"
    yield "start of the demo, first", f"{first:.2f} s", "", "", ""


def _site_rows(folder: Path) -> Iterator[Row]:
    with server_process("tenant", folder, {}) as tenant:
        environment = {
            "SECRET_KEY": secrets.token_hex(),
            "APP_NAME": "Bench",
            "MAIL_FROM": "Bench <bench@example.com>",
            "DATABASE_URL": f"sqlite:///{folder / 'site.db'}",
            **tenant.environment,
        }
        addresses = invite(environment, REDIRECTS * (PAIRS + 1))
        with (
            server_process("site", folder, environment) as site,
            server_process("quickstart", folder, environment) as quickstart,
        ):
            yield from _compared(tenant, site, quickstart, addresses)


def _compared(
    tenant: ServerProcess, site: ServerProcess, quickstart: ServerProcess, addresses: list[str]
) -> Iterator[Row]:
    browser = Browser()
    known = sign_in_at_tenant(browser, tenant, quickstart)
    both = (site, quickstart)
    opened = []
    for each in both:
        before = connections(browser, tenant)
        log_in(browser, each, known, LOGINS)
        opened.append(connections(browser, tenant) - before)
        log_in(browser, each, known, LOGINS)
    held = [each.memory() for each in both]

    fresh = iter(addresses)
    first_landing = compare(
        lambda: redirect_cost(browser, site, list(islice(fresh, REDIRECTS))),
        lambda: redirect_cost(browser, quickstart, ["/login"] * REDIRECTS),
        PAIRS,
    )
    landing = compare(
        lambda: redirect_cost(browser, site, addresses[:REDIRECTS]),
        lambda: redirect_cost(browser, quickstart, ["/login"] * REDIRECTS),
        PAIRS,
    )
    login = compare(
        lambda: redirect_cost(browser, site, ["/login"] * REDIRECTS),
        lambda: redirect_cost(browser, quickstart, ["/login"] * REDIRECTS),
        PAIRS,
    )
    callback = compare(
        lambda: callback_cost(browser, site, known, CALLBACKS),
        lambda: callback_cost(browser, quickstart, known, CALLBACKS),
        PAIRS,
    )
    browser.close()
    yield _cpu_row("landing beside /login, CPU", first_landing, "1.8")
    yield _cpu_row("  the same link again, CPU", landing, "1.8")
    yield _cpu_row("login redirect, CPU", login, "1.8")
    yield _cpu_row("callback, CPU", callback, "0.8")
    yield f"connections for {LOGINS} logins", str(opened[0]), str(opened[1]), "", "1"
    if held[0] and held[1]:
        ours, theirs = (f"{each / 2**20:.1f} MiB" for each in (held[0], held[1]))
        ratio = f"{held[0] / held[1]:.2f}"
        yield f"memory after {2 * LOGINS} logins, PSS", ours, theirs, ratio, "1.6"


def _cpu_row(what: str, measured: Comparison, reach: str) -> Row:
    site, quickstart = (each.shown(" ms", 1e-6) for each in (measured.site, measured.quickstart))
    return what, site, quickstart, measured.ratio.shown(), reach


def _print_table(rows: list[Row]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )


if __name__ == "__main__":
    main()
