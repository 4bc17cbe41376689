"""In which order a list stands, where a page of it begins, and how the indexes give it that way."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Self

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Row,
    Select,
    and_,
    desc,
    or_,
    select,
    tuple_,
    union_all,
)

from ..lifecycle import EXPIRED, State
from ..tables import Invitation

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
LARGEST_ID = 2**31 - 1  # that the databases can hold
_POSITION = re.compile(r"([0-9]{1,10})(?:-([0-9]{1,17}))?", re.ASCII)

Rows = Select[int, datetime, str] | CompoundSelect[int, datetime, str]

MAY_EXPIRE = (State.QUEUED, State.SENT)


@dataclass(frozen=True, slots=True)
class Position:
    """The row after which a page begins: its id, and its end of life where that gives the order.

    Both are values, not the row: it may move to another place or vanish meanwhile.
    """

    id: int
    expires_at: datetime | None = None

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The position that a link carries; None for anything else."""
        found = _POSITION.fullmatch(text)
        if found is None or int(found[1]) > LARGEST_ID:
            return None
        return cls(int(found[1]), EPOCH + int(found[2]) * MICROSECOND if found[2] else None)

    def __str__(self) -> str:
        if self.expires_at is None:
            return str(self.id)
        return f"{self.id}-{(self.expires_at - EPOCH) // MICROSECOND}"


@dataclass(frozen=True, slots=True)
class Order:
    """One list: all invitations, those of a batch, those of a status, or those of both.

    Without a status the newest come first. With one, those whose life ends last come first: that
    is the order of the index, and whether a row is expired is a range of it. `now` is aware UTC.
    """

    now: datetime
    status: str = ""
    batch_id: int | None = None

    def position(self, row: Invitation) -> Position:
        """Where the page after this row begins."""
        return Position(row.id, row.expires_at if self.status else None)

    @property
    def is_whole(self) -> bool:
        """Whether it is all invitations."""
        return not self.status and self.batch_id is None

    def first(self, size: int, found: Sequence[Row[int, datetime]]) -> list[int]:
        """The ids of the first `size` of these rows, given as ids and ends of life."""
        keys = ((expires_at, number) for number, expires_at in found)
        in_order = sorted(keys, key=None if self.status else itemgetter(1), reverse=True)
        return [number for _, number in in_order[:size]]

    def rows(self, after: Position | None, *conditions: ColumnElement[bool]) -> Rows:
        """The rows that meet `conditions`, from `after` on, in this order."""
        ranges = [
            select(Invitation.id, Invitation.expires_at, Invitation.search_text).where(
                *each, *self._is_after(Invitation, after), *conditions
            )
            for each in self._ranges(Invitation)
        ]
        # IN, or OR, would make the databases sort the rows of both states; ranges they merge.
        whole = ranges[0] if len(ranges) == 1 else union_all(*ranges)
        return whole.order_by(*map(desc, ("expires_at", "id") if self.status else ("id",)))

    def holds(self, row: type[Invitation], after: Position | None) -> ColumnElement[bool]:
        """The condition that a row is in this list, after `after`."""
        is_in_range = or_(*(and_(True, *each) for each in self._ranges(row)))
        return and_(is_in_range, *self._is_after(row, after))

    def _ranges(self, row: type[Invitation]) -> list[list[ColumnElement[bool]]]:
        """The conditions of each range of an index that the list is made of."""
        batch = [] if self.batch_id is None else [row.batch_id == self.batch_id]
        if not self.status:
            return [batch]
        if self.status == EXPIRED:
            return [
                [*batch, row.state == state, row.expires_at <= self.now] for state in MAY_EXPIRE
            ]
        is_alive = [row.expires_at > self.now] if self.status in MAY_EXPIRE else []
        return [[*batch, row.state == self.status, *is_alive]]

    def _is_after(self, row: type[Invitation], after: Position | None) -> list[ColumnElement[bool]]:
        """None of them for a position in a list of another order: old links show the beginning."""
        if after is None or bool(self.status) != (after.expires_at is not None):
            return []
        if after.expires_at is None:
            return [row.id < after.id]
        return [tuple_(row.expires_at, row.id) < (after.expires_at, after.id)]
