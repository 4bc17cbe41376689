"""Many invitations at once: how much of what the tenant's rate limits allow is used, and what is
lost on the way; beside it a sequential loop over Auth0's own SDK."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from invite_site.invitations.lifecycle import State
from invite_site.local_tenant.simulation.rate_limits import OFF, PLANS

from .browser import Browser
from .processes import ServerProcess, server_process
from .report import TIMES, Row
from .scenarios import database, last_sent, mails, queue, release, states, wait_for
from .smtp_relay import smtp_relay

CALLS = ("write_users", "management")  # of an invitation: the user, then the ticket


@dataclass(frozen=True)
class Case:
    """`latency` is that of each call to the tenant, `round_trip` that to the mail server; seconds.

    `is_learnt`: the site is not told the plan, and learns it from the answers. `sdk` is how many people
    the loop beside it invites; 0 leaves it out.
    """

    plan: str
    number: int
    latency: float
    round_trip: float
    share: float | None  # of the ceiling, to reach
    sdk: int = 0
    times: float | None = None  # as fast as the loop, to reach
    is_learnt: bool = False

    @property
    def part(self) -> str:
        """As the command line calls it."""
        way = f"-mail-{self.round_trip * 1e3:.0f}ms" if self.round_trip else ""
        learnt = "-learnt" if self.is_learnt else ""
        return f"bulk-{self.plan}-{self.number}-{self.latency * 1e3:.0f}ms{way}{learnt}"

    @property
    def name(self) -> str:
        way = f", mail server {self.round_trip * 1e3:.0f} ms" if self.round_trip else ""
        learnt = ", learnt from headers" if self.is_learnt else ""
        return f"{self.plan}, {self.number} at {self.latency * 1e3:.0f} ms{way}{learnt}"

    @property
    def ceiling(self) -> float | None:
        """Invitations a second that the rate limits allow; None where there are none."""
        rates = PLANS[self.plan].rates
        if not rates:
            return None
        kinds = [call if call in rates else "management" for call in CALLS]
        seconds = max(
            (self.number * kinds.count(kind) - rates[kind].burst) / rates[kind].per_second
            for kind in kinds
        )
        return self.number / (seconds + self.latency)


CASES = (
    Case("enterprise", 300, 0.08, 0, 0.98, sdk=100, times=1.9),
    Case("enterprise", 300, 0.2, 0.04, 0.98, sdk=50, times=6.0),
    Case("enterprise", 100, 0.08, 0, 0.93),
    Case("enterprise", 100, 0.08, 0, None, is_learnt=True),
    Case("professional", 100, 0.08, 0, 0.98),
    Case("free", 20, 0.08, 0, 0.93),
    Case("off", 300, 0, 0, None),
)


@dataclass(frozen=True)
class Outcome:
    """Invitations a second, the site's CPU for each, and what the tenant saw."""

    rate: float
    cpu: float  # milliseconds
    refused: int  # calls answered with 429
    lost: int  # people without a mail
    doubled: int  # mails too many
    orphans: int  # accounts without a ticket


def bulk_rows(
    case: Case, folder: Path, environment: Mapping[str, str], tenant: ServerProcess
) -> Iterator[Row]:
    """The site's sender, then the loop, at a tenant that has forgotten everything."""
    with _circumstances(tenant, case, environment) as so:
        outcome = _send(tenant, folder, so, case)
    yield from _rows(case, outcome)
    if case.sdk:
        with (
            _circumstances(tenant, case, environment) as so,
            server_process("sdk-loop", folder, so) as loop,
        ):
            rate = case.sdk / float(loop.ask(f"send {case.sdk}"))
        what = f"{case.name}: times as fast as the SDK loop"
        yield Row(what, outcome.rate / rate, TIMES, case.times, True, beside=rate, beside_unit="/s")


def _has_token(tenant: ServerProcess) -> bool:
    """Whether the worker has asked for its token: it does so at its start, beside its first look."""
    seen = Browser().order(f"{tenant.control_url}/_tenant/state")
    return any(call["path"] == "/oauth/token" for call in seen["requests"])


def _rows(case: Case, outcome: Outcome) -> Iterator[Row]:
    if case.ceiling is None:
        yield Row(f"{case.name}: invitations a second", outcome.rate, "/s")
    else:
        share = outcome.rate / case.ceiling
        yield Row(
            f"{case.name}: share of the ceiling", share, "", case.share, True,
            beside=outcome.rate, beside_unit="/s",
        )  # fmt: skip
    # Until the first answers have told the rate, it can only be guessed.
    yield Row(f"{case.name}: answers 429", outcome.refused, "", 5 if case.is_learnt else 0)
    goal = 9 if case.number >= 300 else None  # fewer are mostly waiting and asking again
    wrong = outcome.lost + outcome.doubled + outcome.orphans
    yield Row(f"{case.name}: lost, sent twice, without a ticket", wrong, "", 0)
    yield Row(f"{case.name}: CPU of the site an invitation", outcome.cpu, "ms", goal)


@contextlib.contextmanager
def _circumstances(
    tenant: ServerProcess, case: Case, environment: Mapping[str, str]
) -> Iterator[dict[str, str]]:
    """The plan, the latencies, and the environment of who lives with them."""
    browser, control = Browser(), f"{tenant.control_url}/_tenant"
    browser.order(f"{control}/reset", "POST")
    browser.order(f"{control}/plan", "PUT", {"plan": case.plan})
    if case.latency:
        slow = {"route": "* /", "kind": "slow", "seconds": case.latency, "times": None}
        browser.order(f"{control}/faults", "POST", slow)
    smtp_port = urlsplit(environment["SMTP_URL"]).port or 25
    with contextlib.ExitStack() as stack:
        if case.round_trip:
            smtp_port = stack.enter_context(smtp_relay(smtp_port, case.round_trip))
        yield {
            **environment,
            "SMTP_URL": f"smtp://localhost:{smtp_port}",
            "TENANT_PLAN": "unknown" if case.plan == OFF or case.is_learnt else case.plan,
        }


def _send(
    tenant: ServerProcess, folder: Path, environment: Mapping[str, str], case: Case
) -> Outcome:
    """From the moment in which all are due to the moment in which the last is sent."""
    browser = Browser()
    with contextlib.ExitStack() as stack:
        services = stack.enter_context(database(environment))
        queue(services, case.number)  # before there is a worker: it would not wait
        worker = stack.enter_context(server_process("worker", folder, environment))
        wait_for(lambda: services.heartbeats.last(services.clock()) is not None, "it claims", 30)
        wait_for(lambda: _has_token(tenant), "it has a token", 30)
        before, start = worker.cpu(), services.clock()
        release(services)
        ends = (State.SENT, State.FAILED)
        wait_for(
            lambda: sum(states(services)[end] for end in ends) >= case.number,
            f"{case.number} are sent",
            600,
        )
        cpu = worker.cpu() - before
        seconds = (last_sent(services) - start).total_seconds()
    browser.order(f"{tenant.control_url}/_tenant/faults", "DELETE")
    seen = browser.order(f"{tenant.control_url}/_tenant/state")
    invited = {user["user_id"] for user in seen["users"] if user["email"].startswith("person")}
    received = [each["To"][0]["Address"] for each in mails(tenant)]
    return Outcome(
        rate=case.number / seconds,
        cpu=cpu * 1e-6 / case.number,
        refused=sum(call["status"] == 429 for call in seen["requests"]),
        lost=case.number - len(set(received)),
        doubled=len(received) - len(set(received)),
        orphans=len(invited - {ticket["user_id"] for ticket in seen["tickets"]}),
    )
