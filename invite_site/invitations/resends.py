"""How often one invitation may be sent again by hand: each mail ends the link of the one before.

The row itself counts, in the UPDATE that queues it again, so of many clicks at once one counts.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, literal, or_

from ..database.base import UTCDateTime
from .tables import Invitation

PAUSE = timedelta(minutes=2)
DAY = timedelta(days=1)  # from the first time on
A_DAY = 10


def may_resend(now: datetime) -> ColumnElement[bool]:
    """The condition of the UPDATE."""
    return or_(Invitation.resend_from.is_(None), Invitation.resend_from <= now)


def counted(now: datetime) -> dict[str, Any]:
    """The columns that this UPDATE counts with."""
    day_goes_on = and_(Invitation.resend_day_ends.is_not(None), Invitation.resend_day_ends > now)
    count = case((day_goes_on, Invitation.resends + 1), else_=1)
    pause_ends = _moment(now + PAUSE)
    is_last = and_(
        day_goes_on, Invitation.resends + 1 >= A_DAY, Invitation.resend_day_ends > pause_ends
    )
    return {
        "resends": count,
        "resend_day_ends": case(
            (day_goes_on, Invitation.resend_day_ends), else_=_moment(now + DAY)
        ),
        "resend_from": case((is_last, Invitation.resend_day_ends), else_=pause_ends),
    }


def _moment(at: datetime) -> ColumnElement[datetime]:
    return literal(at, UTCDateTime())
