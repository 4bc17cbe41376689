"""In which order a list stands, where a page of it begins, and how the indexes give it that way."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from sqlalchemy import ColumnElement, Row, Select, select, tuple_
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from ..tables import LARGEST_ID
from .filters import ROWS, Filters

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
_POSITION = re.compile(r"([0-9]{1,10})(?:-([0-9]{1,17}))?", re.ASCII)

Columns = ReadOnlyColumnCollection[str, Any]
Ids = Select[int, datetime]  # with the moments that order them
Found = Sequence[Row[int, datetime]]


@dataclass(frozen=True, slots=True)
class Position:
    """The row after which a page begins: its id, and the moment that gives the order, if one does.

    Both are values, not the row: it may move to another place or vanish meanwhile.
    """

    id: int
    at: datetime | None = None

    def is_by(self, moment: datetime) -> bool:
        """Whether the row's moment is this one or an earlier one."""
        return self.at is not None and self.at <= moment

    @classmethod
    def parse(cls, text: str, order: str) -> Self | None:
        """The position in a list of this order that a link carries; None for anything else."""
        found = _POSITION.fullmatch(text)
        if found is None or int(found[1]) > LARGEST_ID or bool(found[2]) != bool(order):
            return None
        return cls(int(found[1]), EPOCH + int(found[2]) * MICROSECOND if found[2] else None)

    def __str__(self) -> str:
        if self.at is None:
            return str(self.id)
        return f"{self.id}-{(self.at - EPOCH) // MICROSECOND}"

    @property
    def key(self) -> tuple[datetime, int]:
        """What compares positions of one list."""
        return self.at or EPOCH, self.id


@dataclass(frozen=True, slots=True)
class Range:
    """Rows that follow each other in an index: all, those of a batch, an inviter or with roles, those
    of a state, also in a batch or of an inviter, and those that were invited between two moments.

    `order` is the column of a moment that orders them, latest first, before their ids do. It is the
    end of life where there is a state, since whether a row is expired is a part of that order.
    The moments are aware UTC.
    """

    order: str = ""
    state: str = ""
    batch_id: int | None = None
    inviter: str = ""
    has_roles: bool = False
    after: datetime | None = None
    by: datetime | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it is all invitations."""
        return self == Range()

    def rows(self, after: Position | None, until: Position | None = None) -> Ids:
        """Ids and moments of the rows behind `after`, down to `until` and with it, in order."""
        return (
            select(ROWS.c.id, ROWS.c[self.order or "expires_at"])
            .where(*self.conditions(ROWS.c, after, until))
            .order_by(*self.ordered(ROWS.c))
        )

    def ordered(self, row: Columns) -> list[ColumnElement[Any]]:
        """What the rows are ordered by."""
        return [*([row[self.order].desc()] if self.order else []), row.id.desc()]

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
        if self.inviter:
            conditions.append(row.inviter == self.inviter)
        if self.has_roles:
            conditions.append(row.roles.is_not(None))
        if self.state:
            conditions.append(row.state == self.state)
        if not self.order:
            conditions += [row.id < after.id] if after else []
            return conditions + ([row.id >= until.id] if until else [])
        moment = row[self.order]
        place = tuple_(moment, row.id)
        if after and (self.by is None or after.is_by(self.by)):
            conditions.append(place < (after.at, after.id))
        elif self.by:
            conditions.append(moment <= self.by)
        if until:
            conditions.append(place >= (until.at, until.id))
        elif self.after:
            conditions.append(moment > self.after)
        return conditions


def order_of(filters: Filters, *, by_change: bool = False) -> str:
    """The column that the list of these filters is ordered by, before the ids; empty for none."""
    if by_change:
        return "changed_at"
    if filters.day:
        return "created_at"
    return "expires_at" if filters.status or filters.attention else ""


def ranges_of(
    filters: Filters, now: datetime, *, by_change: bool = False
) -> tuple[list[Range], set[str]]:
    """The ranges that a list is made of, and the names of the filters that they do not hold: each row
    has to be asked for these.

    *Expired* is a range of each state that can be so. Their first rows are merged here: the
    databases would read and sort all rows of both states.
    """
    order = order_of(filters, by_change=by_change)
    if by_change:
        return [Range(order)], {"status", "batch_id", "inviter", "day", "role", "attention"}
    between = filters.invited_between()
    if between:
        ranges = [Range(order, after=between[0], by=between[1])]
        return ranges, {"status", "batch_id", "inviter", "role", "attention"}
    lives = filters.lives(now)
    rest = {"role", "attention"}
    inviter = filters.inviter
    if filters.batch_id is not None:
        rest, inviter = rest | {"inviter"}, ""
    has_roles = bool(filters.role) and not (order or inviter) and filters.batch_id is None
    ranges = [
        Range(
            order, life.state, filters.batch_id, inviter, has_roles, life.ends_after, life.ends_by
        )
        for life in lives
    ]
    return ranges, rest


def first_of(found: Found, size: int, order: str) -> list[Position]:
    """Where the first `size` of these rows stood when they were found, in the order of their list. One
    that went from one range to another meanwhile is found in both."""
    moments = {each[0]: each[1] for each in found}
    places = (Position(number, at if order else None) for number, at in moments.items())
    return sorted(places, key=lambda place: place.key, reverse=True)[:size]
