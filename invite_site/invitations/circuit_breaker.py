"""Why nothing goes out at the moment: one row that every worker heeds and the admin pages show.

A tenant or mail server that is down would cost every queued invitation a failed try. One worker
notes it instead, all wait, and when the wait is over a single invitation goes ahead as a probe.
"""

from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import sessionmaker

from .tables import Pause

LONGEST_WAIT = 60.0  # seconds between probes of something that is down
LONGEST_ASKED = 3600.0  # a clock that is wrong may ask for a year
CREDENTIALS_WAIT = 300.0


class Pauses:
    """The pause of the queue, kept in the database because several workers share it."""

    def __init__(self, engine: Engine) -> None:
        self._begin = sessionmaker(engine, expire_on_commit=False).begin

    def current(self) -> Pause | None:
        """The pause, until a delivery has succeeded again."""
        with self._begin() as db:
            return db.scalar(select(Pause))

    def begin(
        self, cause: str, sentence: str, *, now: datetime, wait: float | None = None
    ) -> datetime:
        """Pause the queue, or prolong its pause; returns until when.

        `wait` is what the other side asked for, in seconds; without it the wait doubles from one
        second to a minute.
        """
        pause = self.current()
        same = pause is not None and pause.cause == cause
        if pause and same and pause.until > now and wait is None:
            return pause.until  # several deliveries were under way and met the same fault
        rounds = pause.rounds + 1 if pause and same else 0
        doubled = min(2.0 ** min(rounds, 6), LONGEST_WAIT)
        seconds = doubled if wait is None else min(wait, LONGEST_ASKED)
        until = now + timedelta(seconds=max(seconds, 1.0))
        values = {"cause": cause, "sentence": sentence, "until": until, "rounds": rounds}
        try:
            with self._begin() as db:
                if not db.scalars(update(Pause).values(**values).returning(Pause.id)).all():
                    db.add(Pause(id=1, since=now, **values))
        except IntegrityError:  # another worker noted it in the same moment
            pass
        return until

    def try_now(self, now: datetime) -> None:
        """Let a probe go ahead without waiting any longer."""
        with self._begin() as db:
            db.execute(update(Pause).values(until=now))

    def end(self) -> None:
        """Something went out again."""
        with self._begin() as db:
            db.execute(delete(Pause))
