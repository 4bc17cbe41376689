"""The faults that the control plane has ordered, and the calls they apply to."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

SMTP = "SMTP"
HTTP_KINDS = ("status", "slow", "reset", "act_then_drop")
SMTP_KINDS = ("status", "slow", "reset")
SMTP_MOMENTS = ("connect", "rcpt", "data", "after_store")

_FIELDS = frozenset(
    ("route", "kind", "status", "times", "lasts", "seconds", "headers", "body", "at")
)


@dataclass
class Fault:
    """One order. `route` is `METHOD /path` (with all below that path) or `SMTP`.

    `times` None means until deleted; `seconds` is for `slow`; `at` for SMTP alone. `ends_at` is a moment
    of `time.monotonic`, None for no end.
    """

    route: str
    kind: str
    status: int
    times: int | None
    seconds: float
    headers: Mapping[str, str]
    body: Any
    at: str
    ends_at: float | None = None

    def applies_to(self, method: str, path: str) -> bool:
        """Whether it applies to a call: its method (`*` for all), its path or one below."""
        wanted_method, _, wanted_path = self.route.partition(" ")
        if wanted_method not in ("*", method):
            return False
        return path == wanted_path or path.startswith(wanted_path.rstrip("/") + "/")


class BadFault(ValueError):
    """An order that cannot be carried out; says why."""


def parse_fault(order: Mapping[str, Any]) -> Fault:
    """The fault in the control plane's JSON; raises `BadFault`."""
    unknown = set(order) - _FIELDS
    if unknown:
        raise BadFault(f"unknown: {', '.join(sorted(unknown))}")
    route, kind = str(order.get("route", "")), str(order.get("kind", ""))
    is_smtp = route == SMTP
    if not is_smtp and " /" not in route:
        raise BadFault("route is 'METHOD /path' or 'SMTP'")
    kinds = SMTP_KINDS if is_smtp else HTTP_KINDS
    if kind not in kinds:
        raise BadFault(f"kind is one of {', '.join(kinds)}")
    at = str(order.get("at", "data"))
    if is_smtp and at not in SMTP_MOMENTS:
        raise BadFault(f"at is one of {', '.join(SMTP_MOMENTS)}")
    lasts = order.get("lasts")
    times = order.get("times", 1 if lasts is None else None)
    return Fault(
        route=route,
        kind=kind,
        status=int(order.get("status", 451 if is_smtp else 503)),
        times=None if times is None else int(times),
        seconds=float(order.get("seconds", 1.0)),
        headers={str(k): str(v) for k, v in dict(order.get("headers") or {}).items()},
        body=order.get("body"),
        at=at,
        ends_at=None if lasts is None else time.monotonic() + float(lasts),
    )


class Faults:
    """The ordered faults; each call takes at most one, the oldest that applies to it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Add a fault."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Withdraw all faults."""
        with self._lock:
            self._faults.clear()

    def all(self) -> list[Fault]:
        """The faults that are still to be carried out."""
        with self._lock:
            self._forget_ended()
            return list(self._faults)

    def take(self, method: str, path: str) -> Fault | None:
        """The fault for an HTTP call, counted down, or None."""
        return self._take(lambda fault: fault.route != SMTP and fault.applies_to(method, path))

    def take_smtp(self, at: str) -> Fault | None:
        """The fault for that moment of an SMTP conversation, counted down."""
        return self._take(lambda fault: fault.route == SMTP and fault.at == at)

    def _take(self, is_meant: Callable[[Fault], bool]) -> Fault | None:
        with self._lock:
            self._forget_ended()
            fault = next(filter(is_meant, self._faults), None)
            if fault is not None and fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self._faults.remove(fault)
            return fault

    def _forget_ended(self) -> None:
        now = time.monotonic()
        self._faults = [each for each in self._faults if each.ends_at is None or each.ends_at > now]
