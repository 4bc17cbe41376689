"""The pacer: as many calls of the Management API as the tenant allows, and no more.

One token bucket for each limit, shared by all workers through the database: calls are reserved in
the transaction that claims the invitations they are for. The tenant's answers may lower the
estimate, never raise it, because an answer does not know of the calls that are still on their way.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, select, update

from ..settings import Plan
from ..tenant.answers import wait_asked_for
from ..tenant.rate_limits import PLANS, Kind, Rate, limit_in, rate_of
from .tables import Pace

Calls = Mapping[Kind, int]  # how many of each kind something needs

LONGEST_WAIT = 3600.0  # seconds; a clock that is wrong may ask for a year
CLOCKS_APART = 60.0  # seconds at most between our machines, unless one of their clocks is wrong
SHORTEST_WAIT = 0.1  # after a 429 that names no time, or one that has passed
# Of the published rate: NTP corrects a clock by 0.05 % at most, so that two differ by twice as much.
SAFETY = 0.999
# Seconds after which a call that was reserved has arrived at the tenant, or never will.
FIRST_CALL = 1.0
UNHEARD = PLANS[Plan.FREE][Kind.TICKETS]  # until the first answer tells more
# The least that a kind has once an answer about another has shown that the plan is not Free.
NOT_FREE = PLANS[Plan.ENTERPRISE_NONPRODUCTION][Kind.TICKETS]

_pace = Pace.__table__
_READ = select(_pace.c.buckets)
_LOCK = update(_pace).values(id=_pace.c.id).returning(_pace.c.buckets)
_STORE = update(_pace).values(buckets=bindparam("content"))


@dataclass(slots=True)
class Bucket:
    """One limit as we think it stands at `at`. Without a `burst` there is none. Seconds of the epoch.

    The tenant adds nothing to a bucket that `is_full`, and it is full until the first of the calls that
    we have reserved arrives there: `full_until`, or earlier where an answer says that one did.
    """

    burst: int | None
    rate: float
    tokens: float
    at: float
    not_before: float = 0.0
    is_full: bool = False
    full_until: float = 0.0
    is_heard: bool = True

    @classmethod
    def full(cls, rate: Rate, now: float, *, is_heard: bool = True) -> "Bucket":
        tokens = _capacity(rate.burst)
        return cls(
            rate.burst, rate.per_second * SAFETY, tokens, now, is_heard=is_heard, is_full=is_heard
        )

    def refill(self, now: float) -> None:
        """Add what has come since; a clock that was set back a little changes nothing.

        What lies further ahead has been stored by a clock that was wrong. Nobody knows then when the bucket
        began to grow, so it counts as full, nor when a wait began, so that counts as over.
        """
        if self._growing_since() > now + CLOCKS_APART:
            self.at = self.full_until = 0.0
        if self.not_before > now + LONGEST_WAIT:
            self.not_before = 0.0
        if self.burst is not None:
            gained = max(now - self._growing_since(), 0.0) * self.rate
            self.is_full = self.is_full or self.tokens + gained > self.burst + 0.5
            self.tokens = min(self.tokens + gained, _capacity(self.burst))
        self.at = max(now, self.at)

    def spend(self, tokens: int, now: float) -> None:
        if tokens and self.is_full:
            self.is_full, self.full_until = False, now + FIRST_CALL
        self.tokens -= tokens

    def seconds_until(self, tokens: float, now: float) -> float:
        wait = self.not_before - now
        if self.burst is not None and tokens > self.tokens:
            missing = (tokens - self.tokens) / self.rate
            wait = max(wait, self._growing_since() + missing - now)
        return max(wait, 0.0)

    def _growing_since(self) -> float:
        return max(self.at, self.full_until)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an answer says of a bucket: its size and whole tokens, where it says so; how many calls
    of the same person are still to come; how many seconds the answer took."""

    limit: tuple[int, int] | None
    to_come: int
    seconds: float

    def tokens(self, rate: float) -> float:
        """What may be in the bucket now, at most, besides the calls to come.

        Up to one more than it says was there, unless it was full before this call: then the call
        came later than it was reserved, and what would have been added meanwhile is lost.
        """
        burst, remaining = self.limit or (0, 0)
        part = 0.0 if remaining == burst - 1 else 0.99
        return remaining + part - self.to_come + rate * self.seconds


def _capacity(burst: int) -> float:
    """One less than the tenant's, so that its rounding is on our side; two is what one person needs."""
    return float(max(burst - 1, 2))


class Buckets:
    """The limits of one tenant at one moment. Kinds of the same size share one bucket there."""

    def __init__(self, stored: Mapping[str, Mapping[str, Any]], plan: Plan, now: float) -> None:
        self._of = {Kind(kind): Bucket(**bucket) for kind, bucket in stored.items()}
        for kind, rate in PLANS[plan].items():
            self._of.setdefault(kind, Bucket.full(rate, now))
        for kind in Kind:
            self._of.setdefault(kind, Bucket.full(UNHEARD, now, is_heard=False))
        self._now = now
        for bucket in self._of.values():
            bucket.refill(now)

    def stored(self) -> dict[str, Any]:
        return {kind: asdict(bucket) for kind, bucket in self._of.items()}

    def affordable(self, calls: Calls, wanted: int, *, keep: float = 0.0) -> int:
        """How many times `calls` can be made now, at most `wanted`; the share `keep` of a full bucket
        is left for others."""
        for kind, need in self._needs(calls):
            bucket = self._of[kind]
            if bucket.not_before > self._now:
                return 0
            if bucket.burst is not None:
                kept = keep * _capacity(bucket.burst)
                wanted = min(wanted, int((bucket.tokens - kept + 1e-9) // need))
        return max(wanted, 0)

    def seconds_until(self, calls: Calls) -> float:
        """Until `calls` can be made once."""
        return max(
            self._of[kind].seconds_until(need, self._now) for kind, need in self._needs(calls)
        )

    def rate(self, calls: Calls) -> float | None:
        """How many times a second `calls` can be made in the long run; None where nothing limits."""
        rates = [
            bucket.rate / need
            for kind, need in self._needs(calls)
            if (bucket := self._of[kind]).burst is not None
        ]
        return min(rates, default=None)

    def spend(self, calls: Calls, times: int = 1) -> None:
        """These calls are as good as made."""
        for kind, need in self._needs(calls):
            for bucket in self._sharing(kind):
                bucket.spend(need * times, self._now)

    def is_news(self, kind: Kind, answer: Answer) -> bool:
        """Whether this answer says something that lowers the estimate, or is the first."""
        bucket = self._of[kind]
        if bucket.full_until > self._now:
            return True
        if answer.limit is None:
            return not bucket.is_heard
        return (
            not bucket.is_heard
            or bucket.burst is None
            or answer.limit[0] < bucket.burst
            or answer.tokens(bucket.rate) < bucket.tokens
        )

    def hear(self, kind: Kind, answer: Answer) -> None:
        """Lower the estimate to what the tenant says, or begin one."""
        bucket = self._of[kind]
        for each in self._sharing(kind):
            each.full_until = min(each.full_until, self._now)
        if answer.limit is None:
            if not bucket.is_heard:  # a tenant that counts these calls counts the others as well
                for each in self._of.values():
                    if not each.is_heard:
                        each.burst, each.is_heard = None, True
            return
        burst, remaining = answer.limit
        rate = rate_of(burst)
        if not bucket.is_heard or bucket.burst is None:
            bucket.burst, bucket.rate, bucket.is_heard = burst, rate.per_second * SAFETY, True
            bucket.tokens = min(float(remaining), _capacity(burst))
            if burst != UNHEARD.burst:
                self._is_not_free()
        elif burst < bucket.burst:
            bucket.burst, bucket.rate = burst, min(bucket.rate, rate.per_second * SAFETY)
        sharing = self._sharing(kind)
        tokens = min(answer.tokens(bucket.rate), *(each.tokens for each in sharing))
        for each in sharing:
            each.tokens = tokens

    def _is_not_free(self) -> None:
        for each in self._of.values():
            if not each.is_heard and each.burst == UNHEARD.burst:
                each.burst, each.rate = NOT_FREE.burst, NOT_FREE.per_second * SAFETY
                each.tokens += _capacity(NOT_FREE.burst) - _capacity(UNHEARD.burst)

    def wait(self, kind: Kind, seconds: float) -> None:
        """The tenant refused a call (429) and asked for this wait."""
        for bucket in self._sharing(kind):
            bucket.tokens = min(bucket.tokens, 0.0)
            bucket.not_before = max(bucket.not_before, self._now + seconds)

    def _needs(self, calls: Calls) -> Iterator[tuple[Kind, int]]:
        """For each bucket that these calls draw from: one kind of it, and how many tokens."""
        needs: dict[int | None, tuple[Kind, int]] = {}
        for kind, number in calls.items():
            burst = self._of[kind].burst
            needs[burst] = (kind, needs.get(burst, (kind, 0))[1] + number)
        yield from needs.values()

    def _sharing(self, kind: Kind) -> list[Bucket]:
        mine = self._of[kind]
        return [bucket for bucket in self._of.values() if bucket.burst == mine.burst]


class Pacer:
    """The buckets of one tenant in the database. `clock` gives aware UTC; safe to share by threads.

    What this process saw last is kept in memory: most answers say nothing new, and need no write.
    """

    def __init__(self, engine: Engine, plan: Plan, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._plan = plan
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[str, Any] = {}

    @contextmanager
    def reserving(self, db: Connection) -> Iterator[Buckets]:
        """The buckets, nobody else's until the transaction of `db` ends; changes are stored with it."""
        buckets = self._buckets(db.execute(_LOCK).scalar_one())
        yield buckets
        stored = buckets.stored()
        db.execute(_STORE, {"content": stored})
        with self._lock:
            self._seen = stored

    def start(self) -> None:
        """A worker starts: what was learnt from answers is learnt anew, since the tenant may have got
        another plan. What is left of a bucket of TENANT_PLAN stays."""
        planned = PLANS[self._plan]
        with self._engine.begin() as db:
            stored = db.execute(_LOCK).scalar_one()
            kept = {
                kind: bucket
                for kind, bucket in stored.items()
                if kind in planned and bucket["burst"] == planned[Kind(kind)].burst
            }
            db.execute(_STORE, {"content": kept})
        with self._lock:
            self._seen = kept

    def now(self) -> Buckets:
        """The buckets as they are stored."""
        with self._engine.connect() as db:
            return self._buckets(db.execute(_READ).scalar_one())

    def seconds_until(self, calls: Calls) -> float:
        """Until `calls` may be made once, as far as this process knows."""
        return self._remembered().seconds_until(calls)

    def known_rate(self, calls: Calls) -> float | None:
        """How many times a second `calls` can be made in the long run, as far as this process knows;
        None where nothing limits them."""
        return self._remembered().rate(calls)

    def hear(self, kind: Kind, status: int, headers: Mapping[str, str], seconds: float) -> None:
        """An answer to a call that was reserved. A ticket is the last of an invitation."""
        self._hear(kind, status, headers, seconds, to_come=int(kind is not Kind.TICKETS))

    def hear_unreserved(
        self, kind: Kind, status: int, headers: Mapping[str, str], seconds: float
    ) -> None:
        """An answer to a call that a page or a command made: the worker makes one less."""
        if limit_in(headers) is not None:
            self.spend({kind: 1})
        self._hear(kind, status, headers, seconds, to_come=0)

    def _hear(
        self, kind: Kind, status: int, headers: Mapping[str, str], seconds: float, *, to_come: int
    ) -> None:
        if status >= 500:  # whoever answered counts nothing
            return
        answer = Answer(limit_in(headers), to_come, seconds)
        is_refused = status == 429
        if not is_refused and not self._remembered().is_news(kind, answer):
            return
        with self._engine.begin() as db, self.reserving(db) as buckets:
            buckets.hear(kind, answer)
            if is_refused:
                wait = wait_asked_for(headers) or 0.0
                buckets.wait(kind, min(max(wait, SHORTEST_WAIT), LONGEST_WAIT))

    def spend(self, calls: Calls) -> None:
        """Calls that were not reserved, such as those after a 409."""
        with self._engine.begin() as db, self.reserving(db) as buckets:
            buckets.spend(calls)

    def _remembered(self) -> Buckets:
        with self._lock:
            return self._buckets(self._seen)

    def _buckets(self, stored: Mapping[str, Mapping[str, Any]]) -> Buckets:
        return Buckets(stored, self._plan, self._clock().timestamp())
