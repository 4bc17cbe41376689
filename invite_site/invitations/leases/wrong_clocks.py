"""What a clock that was wrong has stored, once it is right again: nobody waits for it.

A machine whose clock is a day ahead stores moments that lie a day ahead, and they stay when its clock is
set right. A moment that is further ahead than any can be is replaced by now. The pacer does the same for
itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, and_, or_, select, update

from ..circuit_breaker import LONGEST_ASKED
from ..lifecycle import State
from ..pacer import CLOCKS_APART
from ..tables import Invitation, Outage

APART = timedelta(seconds=CLOCKS_APART)
LONGEST_OUTAGE_WAIT = timedelta(seconds=LONGEST_ASKED) + APART
LONGEST_TRY_WAIT = timedelta(hours=4) + APART  # the last of those of a mail that is in doubt


@dataclass(frozen=True, slots=True)
class WrongClocks:
    """Mends what delays deliveries. `clock` gives aware UTC."""

    engine: Engine
    clock: Callable[[], datetime]

    def mend(self) -> None:
        """Let an outage be probed, and a queued invitation be due, now instead of then. Leases stay: they
        may be those of a worker that runs."""
        now = self.clock()
        is_ahead = or_(Outage.until > now + LONGEST_OUTAGE_WAIT, Outage.since > now + APART)
        is_taken_out = and_(
            Invitation.next_try_at.is_(None),  # since it seemed to have expired, unless it is held
            Invitation.new_email.is_(None),
            Invitation.expires_at > now,
        )
        waits = (
            Invitation.state == State.QUEUED,
            or_(Invitation.next_try_at > now + LONGEST_TRY_WAIT, is_taken_out),
        )
        with self.engine.connect() as looking:  # most looks find nothing
            is_outage = looking.scalar(select(Outage.id).where(is_ahead))
            is_queue = looking.scalar(select(Invitation.id).where(*waits).limit(1))
        if is_outage or is_queue:
            with self.engine.begin() as db:
                db.execute(update(Outage).where(is_ahead).values(since=now, until=now))
                db.execute(update(Invitation).where(*waits).values(next_try_at=now))
