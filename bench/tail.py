"""How long landings take at a steady rate, while a worker runs in the same process."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import quantiles
from threading import local

from invite_site.invitations.visits import CHECK_AFTER

from .browser import Browser
from .processes import ServerProcess, server_process
from .report import Row
from .scenarios import invite

RATE = 100  # a second
CLIENTS = 16  # connections; a slow answer must not hold back the next request
WARM_UP = 2  # seconds
CALM = int(CHECK_AFTER.total_seconds()) - WARM_UP  # seconds until the worker asks about the first
CHECKED = 15  # seconds more, in which it asks about all, as if no login followed any landing


def tail_rows(folder: Path, environment: dict[str, str], tenant: ServerProcess) -> Iterator[Row]:
    """Latencies are from the moment a landing was due, so that waiting for a client counts."""
    seconds = WARM_UP + CALM + CHECKED
    addresses = invite(environment, RATE * seconds)
    with server_process("site-and-worker", folder, environment) as site:
        before, started = site.cpu(), time.monotonic()
        late = _land(site.url, addresses)
        used = (site.cpu() - before) * 1e-9 / (time.monotonic() - started)
    calm = quantiles(late[RATE * WARM_UP : RATE * (WARM_UP + CALM)], n=100)
    checked = quantiles(late[RATE * (WARM_UP + CALM) :], n=100)
    yield Row(f"landing at {RATE}/s, p95", calm[94] * 1e3, "ms", 15)
    yield Row(f"landing at {RATE}/s, p99", calm[98] * 1e3, "ms", 40)
    yield Row("p95 while no landing leads to a login", checked[94] * 1e3, "ms")
    yield Row("p99 while no landing leads to a login", checked[98] * 1e3, "ms")
    yield Row(f"site at {RATE} landings/s, CPU", used * 100, "% of a core")


def _land(url: str, addresses: list[str]) -> list[float]:
    """Seconds from when each landing was due to when it was answered."""
    kept = local()
    start = time.monotonic() + 0.5

    def land(number: int) -> float:
        if not hasattr(kept, "browser"):
            kept.browser = Browser()
        due = start + number / RATE
        time.sleep(max(0.0, due - time.monotonic()))
        kept.browser.redirected(url + addresses[number])
        return time.monotonic() - due

    with ThreadPoolExecutor(CLIENTS) as clients:
        return list(clients.map(land, range(len(addresses))))
