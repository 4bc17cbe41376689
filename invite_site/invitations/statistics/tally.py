"""What the table `tally` holds, and how it is kept small and right.

It has counts as amounts to be summed. Each change of an invitation adds to it, by triggers in the same
transaction (migration 0013). Nothing is changed there, so no two transactions wait for each other;
`fold` puts sums in the place of many rows now and then. What is counted, by kind and bucket:

- `waiting` (queued or being sent) and `sent`, by the hour in which they expire; `password_set`, by the
  hour in which it was set; the other states in one bucket. So whether an invitation is expired is a
  question of its bucket, and only those of the hour that is running are counted by an index.
- `invited_on`, `sent_on`, `password_on`, `accepted_on`, by day.
- `took`, by the seconds from the first mail to the acceptance, rounded down to two digits.

Hours and days are numbers of UTC since 1970. Invitations of every connection and application count, as
all of them are in the list.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    and_,
    case,
    column,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    table,
    text,
    union_all,
)
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from ..lifecycle import State
from ..tables import Tally

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

WAITING = "waiting"
HOURLY = (WAITING, State.SENT, State.PASSWORD_SET)
INVITED_ON, SENT_ON, PASSWORD_ON, ACCEPTED_ON = DAILY = (
    "invited_on",
    "sent_on",
    "password_on",
    "accepted_on",
)
TOOK = "took"
# What lies further back is one bucket: nobody asks for its parts.
HOURS_KEPT, DAYS_KEPT = 2 * DAY, 60 * DAY

FOLD_FROM = 500  # rows more than there are sums
AT_ONCE = 20_000  # rows folded in one transaction

TALLY = Tally.__table__
_of_rows = table("tally_of_rows", column("kind"), column("bucket"))


@dataclass(frozen=True, slots=True)
class Mistake:
    """A count that was wrong: how much was missing in some of its buckets, and too much in others."""

    kind: str
    missing: int
    surplus: int


def fold(sessions: sessionmaker[Session], now: datetime) -> None:
    """Where many rows have come, put their sums in their place. Anybody may do so at any time."""
    sums = select(TALLY.c.kind, TALLY.c.bucket).distinct().subquery()
    with sessions() as db:  # most often there is nothing to write, and then nothing is committed
        rows = db.scalar(select(func.count()).select_from(TALLY)) or 0
        needed = db.scalar(select(func.count()).select_from(sums)) or 0
    if rows - needed < FOLD_FROM:
        return
    while _fold(sessions, now) == AT_ONCE:
        pass


def _fold(sessions: sessionmaker[Session], now: datetime) -> int:
    """Fold the oldest rows; returns how many. Those that somebody else folds are passed over."""
    oldest = select(TALLY.c.id).order_by(TALLY.c.id).limit(AT_ONCE)
    oldest = oldest.with_for_update(skip_locked=True)
    with sessions.begin() as db:
        taken = db.execute(
            delete(TALLY)
            .where(TALLY.c.id.in_(oldest.scalar_subquery()))
            .returning(TALLY.c.kind, _bucket(TALLY.c, now), TALLY.c.amount)
        ).all()
        sums: Counter[tuple[str, int]] = Counter()
        for kind, bucket, amount in taken:
            sums[kind, bucket] += amount
        _add(db, sums)
    return len(taken)


def recount(sessions: sessionmaker[Session], now: datetime) -> list[Mistake]:
    """Compare the counts with the invitations and mend them; returns what was wrong. Reads every
    invitation; others may change them meanwhile."""
    both = union_all(
        select(_of_rows.c.kind, _of_rows.c.bucket, literal(1).label("amount")),
        select(TALLY.c.kind, TALLY.c.bucket, -TALLY.c.amount),
    ).subquery()
    by_bucket = select(both.c.kind, _bucket(both.c, now).label("bucket"), both.c.amount).subquery()
    difference = func.sum(by_bucket.c.amount)
    wrong = (
        select(by_bucket.c.kind, by_bucket.c.bucket, difference)
        .group_by(by_bucket.c.kind, by_bucket.c.bucket)
        .having(difference != 0)
        .order_by(by_bucket.c.kind)
    )
    mend = insert(TALLY).from_select(["kind", "bucket", "amount"], wrong)
    with sessions() as db:  # most often nothing is, and then nobody waits for this
        if db.execute(wrong).first() is None:
            return []
    with sessions.begin() as db:
        if db.get_bind().dialect.name == "postgresql":  # of two at once each would mend the same
            db.execute(text("LOCK TABLE tally IN SHARE UPDATE EXCLUSIVE MODE"))
        # One statement sees one state of both, and what it finds may be added at any later time.
        found = db.execute(mend.returning(TALLY.c.kind, TALLY.c.bucket, TALLY.c.amount)).all()
    mistakes: dict[str, list[int]] = {}
    for kind, _, number in found:
        mistakes.setdefault(kind, []).append(int(number))
    return [
        Mistake(kind, sum(n for n in each if n > 0), -sum(n for n in each if n < 0))
        for kind, each in mistakes.items()
    ]


def _bucket(row: ReadOnlyColumnCollection[str, Any], now: datetime) -> ColumnElement[int]:
    """The bucket of a row of the tally, once the past is one."""
    is_past = or_(
        and_(row.kind.in_(HOURLY), row.bucket < hour_of(now - HOURS_KEPT)),
        and_(row.kind.in_(DAILY), row.bucket < day_of(now - DAYS_KEPT)),
    )
    return case((is_past, 0), else_=row.bucket)


def _add(db: Session, sums: Mapping[tuple[str, int], int]) -> None:
    rows = [
        {"kind": kind, "bucket": bucket, "amount": amount}
        for (kind, bucket), amount in sums.items()
        if amount
    ]
    if rows:
        db.execute(insert(TALLY), rows)


def hour_of(at: datetime) -> int:
    """The bucket of a moment."""
    return (at - EPOCH) // HOUR


def beginning_of(hour: int) -> datetime:
    """The first moment of this bucket."""
    return EPOCH + hour * HOUR


def day_of(at: datetime) -> int:
    """The bucket of a moment."""
    return (at - EPOCH) // DAY
