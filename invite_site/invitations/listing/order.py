"""In which order a list stands, where a page of it begins, and how the indexes give it that way."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any, Self

from sqlalchemy import ColumnElement, Row, Select, select, tuple_
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from ..lifecycle import EXPIRED, State
from ..tables import Invitation

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
LARGEST_ID = 2**31 - 1  # that the databases can hold
_POSITION = re.compile(r"([0-9]{1,10})(?:-([0-9]{1,17}))?", re.ASCII)

ROWS = Invitation.__table__
Columns = ReadOnlyColumnCollection[str, Any]
Ids = Select[int, datetime]  # with ends of life
Found = Sequence[Row[int, datetime]]

MAY_EXPIRE = (State.QUEUED, State.SENT)


@dataclass(frozen=True, slots=True)
class Position:
    """The row after which a page begins: its id, and its end of life where that gives the order.

    Both are values, not the row: it may move to another place or vanish meanwhile.
    """

    id: int
    expires_at: datetime | None = None

    def ends_by(self, moment: datetime) -> bool:
        """Whether the row's life ends at this moment or before."""
        return self.expires_at is not None and self.expires_at <= moment

    @classmethod
    def of(cls, row: Invitation, status: str) -> Self:
        """That of this row in the list of a status, or in one without."""
        return cls(row.id, row.expires_at if status else None)

    @classmethod
    def parse(cls, text: str, status: str) -> Self | None:
        """The position in a list of this status that a link carries; None for anything else."""
        found = _POSITION.fullmatch(text)
        if found is None or int(found[1]) > LARGEST_ID or bool(found[2]) != bool(status):
            return None
        return cls(int(found[1]), EPOCH + int(found[2]) * MICROSECOND if found[2] else None)

    def __str__(self) -> str:
        if self.expires_at is None:
            return str(self.id)
        return f"{self.id}-{(self.expires_at - EPOCH) // MICROSECOND}"


@dataclass(frozen=True, slots=True)
class Range:
    """Rows that follow each other in an index: all, those of a batch, those of a state, or those of
    a state in a batch.

    Without a state the newest come first. With one, those whose life ends last come first, since
    whether a row is expired is a part of that order. The moments are aware UTC.
    """

    state: str = ""
    batch_id: int | None = None
    ends_after: datetime | None = None
    ends_by: datetime | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it is all invitations."""
        return not self.state and self.batch_id is None

    def rows(self, after: Position | None, until: Position | None = None) -> Ids:
        """Ids and ends of life of the rows behind `after`, down to `until` and with it, in order."""
        return (
            select(ROWS.c.id, ROWS.c.expires_at)
            .where(*self.conditions(ROWS.c, after, until))
            .order_by(*self.order(ROWS.c))
        )

    def order(self, row: Columns) -> list[ColumnElement[Any]]:
        """What the rows are ordered by."""
        return [*([row.expires_at.desc()] if self.state else []), row.id.desc()]

    def conditions(
        self,
        row: Columns,
        after: Position | None,
        until: Position | None = None,
    ) -> list[ColumnElement[bool]]:
        """What holds for a row of this range behind `after`, down to `until` and with it.

        There is one bound for each side: of two, SQLite would use the first alone.
        """
        conditions: list[ColumnElement[bool]] = []
        if self.batch_id is not None:
            conditions.append(row.batch_id == self.batch_id)
        if not self.state:
            conditions += [row.id < after.id] if after else []
            return conditions + ([row.id >= until.id] if until else [])
        conditions.append(row.state == self.state)
        place = tuple_(row.expires_at, row.id)
        if after and (self.ends_by is None or after.ends_by(self.ends_by)):
            conditions.append(place < (after.expires_at, after.id))
        elif self.ends_by:
            conditions.append(row.expires_at <= self.ends_by)
        if until:
            conditions.append(place >= (until.expires_at, until.id))
        elif self.ends_after:
            conditions.append(row.expires_at > self.ends_after)
        return conditions


def ranges_of(status: str, batch_id: int | None, now: datetime) -> list[Range]:
    """The ranges that a list is made of; *expired* is one of each state that can be so.

    Their first rows are merged here: the databases would read and sort all rows of both states.
    """
    if status == EXPIRED:
        return [Range(state, batch_id, ends_by=now) for state in MAY_EXPIRE]
    return [Range(status, batch_id, ends_after=now if status in MAY_EXPIRE else None)]


def first_of(found: Found, size: int, status: str) -> list[int]:
    """The ids of the first `size` of these rows, in the order of a list of this status."""
    keys = ((expires_at, number) for number, expires_at in found)
    in_order = sorted(keys, key=None if status else itemgetter(1), reverse=True)
    return [number for _, number in in_order[:size]]
