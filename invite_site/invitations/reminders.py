"""One mail before an invitation ends, with a new link, to whoever has not used the first.

Off unless REMINDER_SECONDS says how long before the end. It shares the allowance of those who ask for
a new link themselves: nobody gets both within a quarter of an hour.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, select
from sqlalchemy.orm import sessionmaker

from .ledger.many import IS_OF_PAUSED_BATCH
from .ledger.moves import move, new_life
from .lifecycle import REMIND, State
from .resends import BY_INVITEE
from .tables import Invitation

AT_A_TIME = 500  # so that a batch that ends as a whole is no long transaction


@dataclass(frozen=True, slots=True)
class Reminders:
    """Queues reminders. `before` is how long before the end; none are sent where it is zero. `clock`
    gives aware UTC."""

    engine: Engine
    before: timedelta
    clock: Callable[[], datetime]

    def queue(self) -> int:
        """Queue what is due, and return how many. The end of an invitation stays as it is, and so does
        its place: reminders of a batch stand behind single invitations.

        A mail has to be as old as `before` is long, so that no link is reminded of just after it came.
        Where the batch is paused nothing goes out, and where the account was changed or deleted at the
        tenant an admin decides.
        """
        if not self.before:
            return 0
        now = self.clock()
        due = (
            select(Invitation.id)
            .where(
                Invitation.state == State.SENT,
                Invitation.expires_at > now,
                Invitation.expires_at <= now + self.before,
                Invitation.last_sent_at <= now - self.before,
                Invitation.reminded_at.is_(None),
                Invitation.asks_to_sign_in.is_(False),
                Invitation.drift.is_(None),
                ~IS_OF_PAUSED_BATCH,
                BY_INVITEE.is_left(now),
            )
            .order_by(Invitation.expires_at)
            .limit(AT_A_TIME)
            # Whoever has one of them now may be pausing its batch; the next minute sees what came of it.
            .with_for_update(skip_locked=True)
        )
        columns = new_life(Invitation.expires_at, now) | BY_INVITEE.counted(now)
        with sessionmaker(self.engine).begin() as db:
            reminded = move(
                db,
                REMIND,
                Invitation.id.in_(due.scalar_subquery()),
                actor="worker",
                now=now,
                **columns | {"reminded_at": now},
            )
            return len(reminded)
