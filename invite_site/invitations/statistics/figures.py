"""How many invitations stand where, in numbers that cost the same at any length of the table."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import (
    ColumnElement,
    Engine,
    ScalarSelect,
    and_,
    bindparam,
    case,
    func,
    literal,
    select,
    true,
)
from sqlalchemy.orm import sessionmaker

from ..lifecycle import EXPIRED, STATUSES, State
from ..listing.filters import ENDS_WITHIN, STUCK_AFTER
from ..tables import Invitation
from . import tally
from .tally import (
    ACCEPTED_ON,
    DAILY,
    DAY,
    EPOCH,
    INVITED_ON,
    PASSWORD_ON,
    SENT_ON,
    TALLY,
    TOOK,
    WAITING,
    Mistake,
    beginning_of,
    day_of,
    hour_of,
)

SHOWN_DAYS = 30


@dataclass(frozen=True, slots=True)
class Standing:
    """How many invitations have each status, and how many need attention."""

    counts: Mapping[str, int]  # of each of STATUSES
    stuck: int  # have set a password more than an hour ago, and not signed in
    ending: int  # are queued or sent, and expire within two days

    @property
    def total(self) -> int:
        """All invitations."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Day:
    """A day (UTC), and how many were invited and accepted on it."""

    date: date
    invited: int
    accepted: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far all invitations came, and when. `days` are the last 30, oldest first.

    Half of those who accepted took `seconds_to_accept` or less, from their first mail on.
    """

    sent: int
    password_set: int
    accepted: int
    seconds_to_accept: int | None
    days: tuple[Day, ...]


def _number(*conditions: ColumnElement[bool]) -> ScalarSelect[int]:
    return select(func.count()).select_from(_rows).where(*conditions).scalar_subquery()


# The statements are built once: putting one together costs more than executing it.
_rows = Invitation.__table__
_ends, _password_set_at = _rows.c.expires_at, _rows.c.password_set_at
_is_queued, _is_sent, _is_sending = (
    _rows.c.state == state for state in (State.QUEUED, State.SENT, State.SENDING)
)
# As a literal, or SQLite would not take the index that is of this state alone.
_has_password = _rows.c.state == literal(State.PASSWORD_SET.value, literal_execute=True)

# The sums for each state, by kind: of all, and of buckets that are wholly on one side of a moment.
_bucket = TALLY.c.bucket
_PARTS = {
    "all": true(),
    "past": _bucket < bindparam("hour"),
    "ending": and_(_bucket > bindparam("hour"), _bucket < bindparam("last_hour")),
    "stuck": _bucket < bindparam("stuck_hour"),
}
_KEPT = (
    select(
        TALLY.c.kind,
        *(
            func.sum(case((is_part, TALLY.c.amount), else_=0)).label(part)
            for part, is_part in _PARTS.items()
        ),
    )
    .where(TALLY.c.kind.not_in((*DAILY, TOOK)))
    .group_by(TALLY.c.kind)
    .subquery()
)

# What the sums cannot say, by the indexes: who is being sent, and the hours that are in part on this
# side of a moment and in part on the other.
_has_expired = and_(_ends >= bindparam("hour_begins"), _ends <= bindparam("now"))
_ends_first = and_(_ends > bindparam("now"), _ends < bindparam("hour_ends"))
_ends_last = and_(_ends >= bindparam("last_begins"), _ends <= bindparam("last"))
_ends_between = and_(_ends >= bindparam("hour_ends"), _ends < bindparam("last_begins"))
_EXACT = select(
    _number(_is_sending).label("sending"),
    _number(_is_sending, _ends < bindparam("hour_begins")).label("sending_past"),
    _number(_is_sending, _ends_between).label("sending_between"),
    _number(_is_queued, _has_expired).label("queued_expired"),
    _number(_is_sent, _has_expired).label("sent_expired"),
    (_number(_is_queued, _ends_first) + _number(_is_sent, _ends_first)).label("ending_first"),
    (_number(_is_queued, _ends_last) + _number(_is_sent, _ends_last)).label("ending_last"),
    _number(
        _has_password,
        _password_set_at >= bindparam("stuck_begins"),
        _password_set_at <= bindparam("stuck_since"),
    ).label("stuck_in_part"),
).subquery()
# In one statement: an invitation that is made and claimed between two would be counted in one of them.
_STANDING = select(_EXACT, _KEPT).select_from(_EXACT.outerjoin(_KEPT, true()))

_DAYS_AND_TIMES = (
    select(TALLY.c.kind, TALLY.c.bucket, func.sum(TALLY.c.amount))
    .where(TALLY.c.kind.in_((*DAILY, TOOK)))
    .group_by(TALLY.c.kind, TALLY.c.bucket)
)


def _moments(now: datetime) -> dict[str, int | datetime]:
    """What the statements are asked with."""
    hour, last, stuck_since = hour_of(now), now + ENDS_WITHIN, now - STUCK_AFTER
    return {
        "now": now,
        "hour": hour,
        "hour_begins": beginning_of(hour),
        "hour_ends": beginning_of(hour + 1),
        "last": last,
        "last_hour": hour_of(last),
        "last_begins": beginning_of(hour_of(last)),
        "stuck_since": stuck_since,
        "stuck_hour": hour_of(stuck_since),
        "stuck_begins": beginning_of(hour_of(stuck_since)),
    }


class Statistics:
    """Reads the counts, and keeps them few and right. Moments are aware UTC."""

    def __init__(self, engine: Engine) -> None:
        self._session = sessionmaker(engine)

    def standing(self, now: datetime) -> Standing:
        """Where invitations stand now."""
        moments = _moments(now)
        with self._session.begin() as db:
            rows = db.execute(_STANDING, moments).all()
        exact = rows[0]
        kept: Counter[tuple[str, str]] = Counter()
        for row in rows:
            kept.update({(row.kind, part): getattr(row, part) or 0 for part in _PARTS})
        expired_queued = kept[WAITING, "past"] - exact.sending_past + exact.queued_expired
        expired_sent = kept[State.SENT, "past"] + exact.sent_expired
        counts = {status: kept[status, "all"] for status in STATUSES} | {
            State.QUEUED: kept[WAITING, "all"] - exact.sending - expired_queued,
            State.SENDING: exact.sending,
            State.SENT: kept[State.SENT, "all"] - expired_sent,
            EXPIRED: expired_queued + expired_sent,
        }
        ending = kept[WAITING, "ending"] + kept[State.SENT, "ending"] - exact.sending_between
        return Standing(
            counts=counts,
            stuck=kept[State.PASSWORD_SET, "stuck"] + exact.stuck_in_part,
            ending=ending + exact.ending_first + exact.ending_last,
        )

    def progress(self, now: datetime) -> Progress:
        """How far invitations came, and what happened on the last days."""
        with self._session.begin() as db:
            rows = db.execute(_DAYS_AND_TIMES)
            numbers = {(kind, bucket): number for kind, bucket, number in rows}
        totals: Counter[str] = Counter()
        for (kind, _), number in numbers.items():
            totals[kind] += number
        today = day_of(now)
        return Progress(
            sent=totals[SENT_ON],
            password_set=totals[PASSWORD_ON],
            accepted=totals[ACCEPTED_ON],
            seconds_to_accept=_median(
                {bucket: number for (kind, bucket), number in numbers.items() if kind == TOOK}
            ),
            days=tuple(
                Day(
                    (EPOCH + day * DAY).date(),
                    numbers.get((INVITED_ON, day), 0),
                    numbers.get((ACCEPTED_ON, day), 0),
                )
                for day in range(today - SHOWN_DAYS + 1, today + 1)
            ),
        )

    def fold(self, now: datetime) -> None:
        """Where many rows have come, put their sums in their place. Anybody may do so at any time."""
        tally.fold(self._session, now)

    def recount(self, now: datetime) -> list[Mistake]:
        """Compare the counts with the invitations and mend them; returns what was wrong. Reads every
        invitation; others may change them meanwhile."""
        return tally.recount(self._session, now)


def share(part: int, whole: int) -> int | None:
    """How many in a hundred, rounded down, so that only all are 100; None of none."""
    return min(part * 100 // whole, 100) if whole else None


def percent(part: int, whole: int) -> str:
    """The same as text, in which a few of many are not 0%."""
    number = share(part, whole)
    return "less than 1%" if part and number == 0 else f"{number or 0}%"


def _median(numbers: Mapping[int, int]) -> int | None:
    """Of so many at each of these numbers."""
    half = sum(numbers.values()) / 2
    so_far = 0
    for number in sorted(numbers):
        so_far += numbers[number]
        if so_far and so_far >= half:
            return number
    return None
