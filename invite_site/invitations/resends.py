"""How often one invitation may be sent again: each mail ends the link of the one before.

The row itself counts, in the UPDATE that queues it again, so of many clicks at once one counts.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, or_

from ..database.base import literal_moment
from .tables import Invitation

DAY = timedelta(days=1)  # from the first time on


@dataclass(frozen=True, slots=True)
class Allowance:
    """Once in `pause` and `a_day` times a day. The names are those of the columns that count: from when
    on it may be sent again, how often it was within the day, and when that day ends."""

    pause: timedelta
    a_day: int
    again_from: str
    count: str
    day_ends: str

    def is_left(self, now: datetime) -> ColumnElement[bool]:
        """The condition of the UPDATE."""
        again_from = getattr(Invitation, self.again_from)
        return or_(again_from.is_(None), again_from <= now)

    def counted(self, now: datetime) -> dict[str, Any]:
        """The columns that this UPDATE counts with."""
        count, day_ends = getattr(Invitation, self.count), getattr(Invitation, self.day_ends)
        day_goes_on = and_(day_ends.is_not(None), day_ends > now)
        pause_ends = literal_moment(now + self.pause)
        is_last = and_(day_goes_on, count + 1 >= self.a_day, day_ends > pause_ends)
        return {
            self.count: case((day_goes_on, count + 1), else_=1),
            self.day_ends: case((day_goes_on, day_ends), else_=literal_moment(now + DAY)),
            self.again_from: case((is_last, day_ends), else_=pause_ends),
        }


BY_HAND = Allowance(timedelta(minutes=2), 10, "resend_from", "resends", "resend_day_ends")
BY_INVITEE = Allowance(timedelta(minutes=15), 3, "renew_from", "renewals", "renewal_day_ends")
