"""How often one invitation may be sent again: each mail ends the link of the one before.

The row itself counts, in the UPDATE that queues it again, so of many clicks at once one counts.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, or_
from sqlalchemy.orm import InstrumentedAttribute

from ..database.base import literal_moment
from .tables import Invitation

DAY = timedelta(days=1)  # from the first time on


@dataclass(frozen=True, slots=True)
class Allowance:
    """Once in `pause` and `a_day` times a day. The columns count: from when on it may be sent again, how
    often it was within the day, and when that day ends."""

    pause: timedelta
    a_day: int
    again_from: InstrumentedAttribute[datetime | None]
    count: InstrumentedAttribute[int]
    day_ends: InstrumentedAttribute[datetime | None]

    def is_left(self, now: datetime) -> ColumnElement[bool]:
        """The condition of the UPDATE."""
        return or_(self.again_from.is_(None), self.again_from <= now)

    def counted(self, now: datetime) -> dict[str, Any]:
        """The columns that this UPDATE counts with."""
        day_goes_on = self.day_ends > now
        pause_ends = literal_moment(now + self.pause)
        is_last = and_(day_goes_on, self.count + 1 >= self.a_day, self.day_ends > pause_ends)
        return {
            self.count.key: case((day_goes_on, self.count + 1), else_=1),
            self.day_ends.key: case((day_goes_on, self.day_ends), else_=literal_moment(now + DAY)),
            self.again_from.key: case((is_last, self.day_ends), else_=pause_ends),
        }


BY_HAND = Allowance(
    timedelta(minutes=2), 10,
    Invitation.resend_from, Invitation.resends, Invitation.resend_day_ends,
)  # fmt: skip
BY_INVITEE = Allowance(
    timedelta(minutes=15), 3,
    Invitation.renew_from, Invitation.renewals, Invitation.renewal_day_ends,
)  # fmt: skip
