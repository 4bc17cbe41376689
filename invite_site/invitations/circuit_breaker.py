"""The circuit breaker: open after an outage, half-open with one probe, closed by the first success.

A tenant or mail server that is down would cost every queued invitation a failed try. One worker
records the outage instead, all wait, and when the wait is over a single invitation goes ahead as
a probe. The outage is a row that every worker heeds and the admin pages show. A row that would open
it again, after others got through, is postponed instead: see `outcomes`.
"""

from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, select, update
from sqlalchemy.orm import sessionmaker

from ..database.base import INSERTS
from .tables import Outage

LONGEST_WAIT = 60.0  # seconds between probes of something that is down
LONGEST_ASKED = 3600.0  # a clock that is wrong may ask for a year
CREDENTIALS_WAIT = 300.0
OF_THE_TENANT = ("tenant", "credentials")  # causes; the others are of the mail server


class CircuitBreaker:
    """Kept in the database because several workers share it."""

    def __init__(self, engine: Engine) -> None:
        self._begin = sessionmaker(engine, expire_on_commit=False).begin
        self._insert = INSERTS[engine.dialect.name](Outage)

    def outage(self) -> Outage | None:
        """The outage, until a delivery has succeeded again. Its `until` is the time of the probe."""
        with self._begin() as db:
            return db.scalar(select(Outage))

    def open(
        self, cause: str, sentence: str, *, now: datetime, wait: float | None = None
    ) -> datetime:
        """Record an outage, or that a probe failed; returns the time of the next probe.

        `wait` is what the other side asked for, in seconds; without it the wait doubles from one
        second to a minute.
        """
        outage = self.outage()
        same = outage if outage and outage.cause == cause else None
        if same and same.until > now and wait is None:
            return same.until  # several deliveries were under way and met the same fault
        failures = same.failures + 1 if same else 0
        doubled = min(2.0 ** min(failures, 6), LONGEST_WAIT)
        seconds = doubled if wait is None else min(wait, LONGEST_ASKED)
        until = now + timedelta(seconds=max(seconds, 1.0))
        values = {
            Outage.cause: cause,
            Outage.sentence: sentence,
            Outage.until: until,
            Outage.failures: failures,
        }
        recorded = self._insert.values({Outage.id: 1, Outage.since: now} | values)
        with self._begin() as db:
            db.execute(recorded.on_conflict_do_update(index_elements=[Outage.id], set_=values))
        return until

    def half_open(self, now: datetime) -> None:
        """Let a probe go ahead without waiting any longer."""
        with self._begin() as db:
            db.execute(update(Outage).values(until=now))

    def close(self, *, began: datetime) -> None:
        """A delivery that began then was answered. One that had begun before the outage says nothing
        of what came after."""
        outage = self.outage()
        if outage is None or outage.since > began:  # reading costs less than an empty write
            return
        with self._begin() as db:
            # Another may have begun just now.
            db.execute(delete(Outage).where(Outage.since <= began))
