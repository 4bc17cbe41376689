"""Rate limits: token buckets by kind of call and by caller, in memory."""

import math
import threading
from dataclasses import dataclass

from .clock import Clock
from .plans import OFF, PLANS, Plan, Rate

# More buckets than this are not kept: the full ones are forgotten, since new ones are full.
_MOST_BUCKETS = 10_000


@dataclass
class _Bucket:
    tokens: float
    at: float
    reported: bool = False


@dataclass(frozen=True)
class Reading:
    """What a call met: the three figures of the headers, and whether it may go on.

    `first` is set for the first refusal since the bucket last let a call through.
    """

    allowed: bool
    limit: int
    remaining: int
    reset: int
    first: bool = False


class BadPlan(ValueError):
    """No such plan; says which there are."""


class Limits:
    """The buckets of the plan that is in force."""

    def __init__(self, clock: Clock, plan: str = OFF) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self.choose(plan)

    @property
    def plan(self) -> Plan:
        """The plan in force."""
        return self._plan

    def choose(self, name: str) -> None:
        """Put a plan in force, with full buckets; raises `BadPlan`."""
        if name not in PLANS:
            raise BadPlan(f"plan is one of {', '.join(PLANS)}")
        with self._lock:
            self._plan = PLANS[name]
            self._buckets: dict[tuple[str, str], _Bucket] = {}

    def take(self, kind: str, subject: str = "") -> Reading | None:
        """Count a call of that kind by that caller; None where nothing limits it."""
        rate = self._plan.rates.get(kind)
        if rate is None:
            return None
        now = self._clock.now()
        with self._lock:
            if len(self._buckets) > _MOST_BUCKETS:
                self._forget_full(now)
            bucket = self._buckets.setdefault((kind, subject), _Bucket(rate.burst, now))
            bucket.tokens = _refilled(bucket, rate, now)
            bucket.at = now
            if bucket.tokens < 1:
                first, bucket.reported = not bucket.reported, True
                return Reading(False, rate.burst, 0, _next_token(bucket, rate), first)
            bucket.tokens -= 1
            bucket.reported = False
            return Reading(True, rate.burst, int(bucket.tokens), _next_token(bucket, rate))

    def _forget_full(self, now: float) -> None:
        for key, bucket in list(self._buckets.items()):
            rate = self._plan.rates[key[0]]
            if _refilled(bucket, rate, now) >= rate.burst:
                del self._buckets[key]


def _refilled(bucket: _Bucket, rate: Rate, now: float) -> float:
    # A clock that was put back refills nothing and takes nothing.
    return min(rate.burst, bucket.tokens + max(0.0, now - bucket.at) * rate.per_second)


def _next_token(bucket: _Bucket, rate: Rate) -> int:
    """When a token is added next, in whole seconds of the epoch and never too early."""
    missing = 1 - bucket.tokens % 1
    return math.ceil(bucket.at + missing / rate.per_second)
