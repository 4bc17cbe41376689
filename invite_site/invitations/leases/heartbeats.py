"""Whether a worker runs: each says so every few seconds, and pages tell where none does.

The site takes invitations without a worker, and nothing else would say why they wait.
"""

from datetime import datetime, timedelta

from sqlalchemy import Engine, bindparam, delete, exists, func, select
from sqlalchemy.orm import sessionmaker

from ...database.base import INSERTS
from ..lifecycle import State
from ..tables import Invitation, WorkerHeartbeat

BEAT_EVERY = 15.0  # seconds
MISSED_AFTER = timedelta(seconds=60)
FORGOTTEN_AFTER = timedelta(days=1)

_WAITING = select(
    exists().where(
        Invitation.state.in_((State.QUEUED, State.SENDING)),
        Invitation.is_paused.is_(False),
        Invitation.expires_at > bindparam("now"),
    )
)


class Heartbeats:
    """Kept in the database, where workers and pages of all machines meet. Moments are aware UTC."""

    def __init__(self, engine: Engine) -> None:
        self._begin = sessionmaker(engine, expire_on_commit=False).begin
        self._insert = INSERTS[engine.dialect.name](WorkerHeartbeat)

    def beat(self, name: str, now: datetime) -> None:
        """Say that the worker of this name runs."""
        row = {"name": name, "seen_at": now}
        beaten = self._insert.values(row).on_conflict_do_update(
            index_elements=[WorkerHeartbeat.name], set_=row
        )
        with self._begin() as db:
            db.execute(beaten)

    def stop(self, name: str) -> None:
        """Say that this worker has stopped."""
        with self._begin() as db:
            db.execute(delete(WorkerHeartbeat).where(WorkerHeartbeat.name == name))

    def last(self, now: datetime) -> timedelta | None:
        """How long ago a worker was seen; None where none was within a day. What lies far ahead was
        written by a clock that was wrong, and says nothing of now."""
        can_be = WorkerHeartbeat.seen_at <= now + MISSED_AFTER
        with self._begin() as db:
            seen_at = db.scalar(select(func.max(WorkerHeartbeat.seen_at)).where(can_be))
        return None if seen_at is None else max(now - seen_at, timedelta())

    def absence(self, now: datetime) -> str:
        """A sentence for admins where no worker has been seen for a minute, else nothing."""
        ago = self.last(now)
        if ago is not None and ago <= MISSED_AFTER:
            return ""
        seen = "yet" if ago is None else f"for {_words(ago)}"
        return f"No worker has been seen {seen}; start one with `flask --app app invite work`."

    def absence_while_waiting(self, now: datetime) -> str:
        """The same where invitations wait for it."""
        sentence = self.absence(now)
        if not sentence:
            return ""
        with self._begin() as db:
            return sentence if db.scalar(_WAITING, {"now": now}) else ""

    def sweep(self, now: datetime) -> None:
        """Forget workers that died a day ago or earlier."""
        with self._begin() as db:
            db.execute(
                delete(WorkerHeartbeat).where(WorkerHeartbeat.seen_at < now - FORGOTTEN_AFTER)
            )


def _words(ago: timedelta) -> str:
    minutes = int(ago.total_seconds() // 60)
    number, word = (minutes // 60, "hour") if minutes >= 120 else (minutes, "minute")
    return f"{number} {word}{'' if number == 1 else 's'}"
