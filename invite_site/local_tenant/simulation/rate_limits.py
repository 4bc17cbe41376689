"""Rate limits by Auth0's plans: token buckets by kind of call and by caller, in memory."""

import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from .clock import Clock


@dataclass(frozen=True)
class Rate:
    """A token bucket: so many calls at once, and so many a second once it is empty."""

    burst: int
    per_second: float


@dataclass(frozen=True)
class Plan:
    """One plan. A kind of call without a rate of its own counts as `management`."""

    name: str
    rates: Mapping[str, Rate]
    log_days: int


def _per_minute(burst: int, a_minute: float) -> Rate:
    return Rate(burst, a_minute / 60)


# Auth0's rate limit policy; the same figures hold for every plan.
_ALL_PLANS = {
    "change_password": _per_minute(10, 1),  # by IP address and email
    "userinfo": _per_minute(10, 5),  # by user
    "login": _per_minute(20, 10),  # by user and IP address
    "keys": Rate(20, 20),
    "token": Rate(30, 30),
}

OFF = "off"
UNLIMITED = 1_000  # the limit in the headers where no plan is applied (ours)
PLANS = {
    plan.name: plan
    for plan in (
        Plan(OFF, {}, 30),
        Plan(
            "free",
            {**_ALL_PLANS, "management": Rate(2, 2), "authentication": _per_minute(300, 300)},
            1,
        ),
        # Essentials and Professional have figures for each kind of call. Other calls share the
        # rate of a tenant that is not for production (ours).
        Plan(
            "professional",
            {
                **_ALL_PLANS,
                "management": Rate(10, 2),
                "read_users": _per_minute(40, 500),
                "write_users": _per_minute(20, 200),
                "delete_users": _per_minute(20, 200),
                "read_logs": _per_minute(10, 100),
                "write_email_templates": _per_minute(5, 25),
                "read_email_templates": _per_minute(10, 50),
                "email_provider": _per_minute(5, 25),
                "authentication": Rate(25, 25),
            },
            10,
        ),
        Plan(
            "enterprise",
            {
                **_ALL_PLANS,
                "management": Rate(50, 16),
                "write_email_templates": _per_minute(10, 100),
                "read_email_templates": _per_minute(15, 150),
                "email_provider": _per_minute(10, 100),
                "authentication": Rate(100, 100),
            },
            30,
        ),
    )
}


# Above this number full buckets are dropped: a new bucket is full as well.
_MOST_BUCKETS = 10_000


@dataclass
class _Bucket:
    tokens: float
    at: float
    reported: bool = False


@dataclass(frozen=True)
class Reading:
    """Whether a call is allowed, and the three figures of its headers.

    `first` is set for the first refusal since the bucket last allowed a call.
    """

    allowed: bool
    limit: int
    remaining: int
    reset: int
    first: bool = False


class BadPlan(ValueError):
    """An unknown plan; the message names the plans."""


class Limits:
    """The buckets of the applied plan."""

    def __init__(self, clock: Clock, plan: str) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self.choose(plan)

    @property
    def plan(self) -> Plan:
        """The applied plan."""
        return self._plan

    def choose(self, name: str) -> None:
        """Apply a plan, with full buckets; raises `BadPlan`."""
        if name not in PLANS:
            raise BadPlan(f"plan is one of {', '.join(PLANS)}")
        with self._lock:
            self._plan = PLANS[name]
            self._buckets: dict[tuple[str, str], _Bucket] = {}

    def take(self, kind: str, subject: str = "") -> Reading | None:
        """Count a call of that kind by that caller; None where nothing limits it. Without a plan each call
        is allowed, with the headers that every answer of Auth0's has."""
        if self._plan.name == OFF:
            return Reading(True, UNLIMITED, UNLIMITED - 1, math.ceil(self._clock.now()))
        rate = self._plan.rates.get(kind)
        if rate is None:
            return None
        now = self._clock.now()
        with self._lock:
            if len(self._buckets) > _MOST_BUCKETS:
                self._drop_full(now)
            bucket = self._buckets.setdefault((kind, subject), _Bucket(rate.burst, now))
            bucket.tokens = _refilled(bucket, rate, now)
            bucket.at = now
            if bucket.tokens < 1:
                first, bucket.reported = not bucket.reported, True
                return Reading(False, rate.burst, 0, _next_token(bucket, rate), first)
            bucket.tokens -= 1
            bucket.reported = False
            return Reading(True, rate.burst, int(bucket.tokens), _next_token(bucket, rate))

    def _drop_full(self, now: float) -> None:
        for key, bucket in list(self._buckets.items()):
            rate = self._plan.rates[key[0]]
            if _refilled(bucket, rate, now) >= rate.burst:
                del self._buckets[key]


def _refilled(bucket: _Bucket, rate: Rate, now: float) -> float:
    # A clock that was set back changes nothing.
    return min(rate.burst, bucket.tokens + max(0.0, now - bucket.at) * rate.per_second)


def _next_token(bucket: _Bucket, rate: Rate) -> int:
    """When the next token is added, in seconds of the epoch, rounded up."""
    missing = 1 - bucket.tokens % 1
    return math.ceil(bucket.at + missing / rate.per_second)
