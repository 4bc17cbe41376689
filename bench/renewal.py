"""Whether the time of an answer to *Get a new link* tells what became of an invitation.

The answer is the same for every ref. How long it takes could still say whether there is such an
invitation, and where it stands.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from statistics import median
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import update

from invite_site.invitations.lifecycle import State
from invite_site.invitations.people import Inviter
from invite_site.invitations.tables import Invitation
from invite_site.services import Services

from .browser import Answer, Browser
from .processes import ServerProcess, server_process
from .report import Row
from .scenarios import database

EACH = 200  # requests of each kind
PAGE = "/invite/renew"
# What differs from one request to the next, whatever is asked.
OF_EACH_REQUEST = {"date", "x-request-id", "set-cookie"}


def renewal_rows(folder: Path, environment: dict[str, str], tenant: ServerProcess) -> Iterator[Row]:
    """The five kinds of refs in a mixed order, each request with a ref of its own but in cooldown."""
    with database(environment) as services:
        asked = [(kind, ref) for kind, refs in _refs(services).items() for ref in refs]
    Random(1).shuffle(asked)  # noqa: S311 - an order, the same in each run
    took: dict[str, list[float]] = {kind: [] for kind, _ in asked}
    answers = set()
    # Behind a proxy, so that each minute's requests of one address are as few as are allowed.
    with server_process("site", folder, environment | {"TRUSTED_PROXIES": "1"}) as site:
        somebody = _Visitor.at(site.url)
        for number, (kind, ref) in enumerate(asked):
            start = time.perf_counter()
            answer = somebody.asks(ref, f"10.0.{number // 100}.1")
            took[kind].append(time.perf_counter() - start)
            answers.add(_what_tells(answer))
    medians = {kind: median(times) * 1e3 for kind, times in took.items()}
    yield Row("renewal: answers that differ, of five kinds of refs", len(answers) - 1, "", 0)
    yield Row(
        f"renewal: largest gap between the medians of {EACH}",
        max(medians.values()) - min(medians.values()),
        "ms",
        20,
        least=min(medians.values()),
        greatest=max(medians.values()),
    )
    for kind, figure in medians.items():
        yield Row(f"renewal of one that is {kind}, median", figure, "ms")


@dataclass(frozen=True)
class _Visitor:
    """A browser that has opened the page and sends its form."""

    browser: Browser
    url: str
    cookies: str
    token: str

    @classmethod
    def at(cls, url: str) -> "_Visitor":
        browser = Browser()
        page = browser.get(url + PAGE)
        found = re.search(r'name="csrf_token" value="([^"]+)"', page.body)
        if found is None:
            raise RuntimeError(f"{PAGE} has no form: {page.body[:500]}")
        return cls(browser, url, page.cookies, found[1])

    def asks(self, ref: str, address: str) -> Answer:
        """The answer to the form with this ref, from this address."""
        form = urlencode({"csrf_token": self.token, "i": ref})
        return self.browser.post(
            self.url + PAGE,
            form,
            self.cookies,
            **{"X-Forwarded-For": address, "Origin": self.url},
        )


def _what_tells(answer: Answer) -> str:
    headers = [each for each in answer.headers if each[0].lower() not in OF_EACH_REQUEST]
    if answer.status != 303:
        raise RuntimeError(f"{PAGE} answered {answer.status}: {answer.body[:500]}")
    return repr((answer.status, headers, answer.body))


def _refs(services: Services) -> dict[str, list[str]]:
    """Refs that are unknown, and of invitations that stand elsewhere each."""
    now = services.clock()
    sent = {
        "next_try_at": None, "first_sent_at": now, "last_sent_at": now, "ticket_issued_at": now,
        "user_id": "auth0|bench",
    }  # fmt: skip
    closed = sent | {"closed_at": now}
    proof = {"accepted_at": now, "accepted_sub": "auth0|bench"}
    columns: dict[str, dict[str, Any]] = {
        "sent": sent | {"state": State.SENT},
        "accepted": closed | proof | {"state": State.ACCEPTED},
        "revoked": closed | {"state": State.REVOKED},
        "in cooldown": sent
        | {
            "state": State.SENT,
            "renew_from": now + timedelta(days=1),
            "renewals": 3,
            "renewal_day_ends": now + timedelta(days=1),
        },
    }
    refs = {"unknown": [f"{number:022d}" for number in range(EACH)]}
    for kind, values in columns.items():
        refs[kind] = [
            services.invitations.invite(
                f"{kind.replace(' ', '-')}{number}@example.com", inviter=Inviter("Bench")
            ).ref
            for number in range(EACH)
        ]
        with services.engine.begin() as db:
            db.execute(update(Invitation).where(Invitation.ref.in_(refs[kind])).values(**values))
    return refs
