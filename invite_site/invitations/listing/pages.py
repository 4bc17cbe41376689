"""The invitations page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, and_, func, or_, select, text
from sqlalchemy.orm import Session

from ..lifecycle import State
from ..tables import LARGEST_ID, Batch, Invitation
from .choices import Choices
from .filters import ROWS, Filters, unindexed
from .histories import Histories
from .order import Found, Ids, Position, Range, first_of, order_of, ranges_of
from .search import Search, Trigrams, finds_nothing, search_for

GLANCE = 500  # rows of a list that a search reads before it asks its index
CLOSE = 10  # if so many glances would find a page, the list is read on
WAITING = 10_000
FEW = 20_000  # hits that SQLite sorts; where there are more, it reads the list
LOOKS = 10_000  # rows that a page looks through where no index holds all that is asked for
COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of a list, and where the next page begins, if there is one. `looked_through` says how many
    rows were looked through, where the list goes on behind them; else it is zero."""

    rows: Sequence[Invitation]
    older: str | None
    looked_through: int = 0


@dataclass(frozen=True, slots=True)
class Count:
    """How many invitations fit; there may be more than that where it is not exact."""

    number: int
    is_exact: bool


class Listing(Histories):
    """Reads and changes nothing. Moments are aware UTC and come from the caller.

    `glance`, `few` and `looks` are smaller in tests.
    """

    def __init__(
        self, engine: Engine, *, glance: int = GLANCE, few: int = FEW, looks: int = LOOKS
    ) -> None:
        super().__init__(engine)
        self._database = engine.dialect.name
        self._glance = glance
        self._few = few
        self._looks = looks
        self.choices = Choices(engine)

    @property
    def finds_beginnings_only(self) -> bool:
        """Whether a search finds only how words begin, not any part of them."""
        return self._database == "postgresql"

    def page(
        self, *, now: datetime, before: str = "", size: int = 50, **filters: Any
    ) -> Sequence[Invitation]:
        """The rows of a page; `filters` are the fields of Filters."""
        return self.find(Filters(**filters), now=now, before=before, size=size).rows

    def find(
        self,
        filters: Filters,
        *,
        now: datetime,
        before: str = "",
        size: int = 50,
        by_change: bool = False,
    ) -> Page:
        """At most `size` invitations that fit: newest first; those of a status, or that end soon, in
        the order of the end of their life, latest first. `by_change`: the last change first.

        `before` is the `older` of the page before; anything else is no position, and the page is the
        first.
        """
        order = order_of(filters, by_change=by_change)
        after = Position.parse(before, order)
        search = search_for(filters.query, self._database)
        if finds_nothing(filters.query, search):
            return Page([], None)
        ranges, names = ranges_of(filters, now, by_change=by_change)
        rest = self._rest(filters, names, now)
        until: Position | None = None
        with self._begin() as db:
            if rest:
                rest += [search.finds()] if search else []
                found, until = self._look_through(db, ranges, rest, after, size + 1)
            elif search:
                found = self._search(db, search, ranges, after, size + 1)
            else:
                found = _ask(db, *(each.rows(after).limit(size + 1) for each in ranges))
            places = first_of(found, size + 1, order)
            stored = select(Invitation).where(Invitation.id.in_([place.id for place in places]))
            by_id = {row.id: row for row in db.scalars(stored)}
        rows = [by_id[place.id] for place in places[:size] if place.id in by_id]
        if len(places) > size:
            # Not where the row stands now: it may have moved meanwhile.
            return Page(rows, str(places[size - 1]))
        return Page(rows, str(until), self._looks) if until else Page(rows, None)

    def count(self, filters: Filters, *, now: datetime) -> Count:
        """How many fit, as far as COUNTED or as far as a page looks."""
        search = search_for(filters.query, self._database)
        if finds_nothing(filters.query, search):
            return Count(0, True)
        ranges, names = ranges_of(filters, now)
        if search:
            names = set(filters.conditions(now, self._database))
            sources = [search.hits().limit(self._few + 1).subquery()]
            limit = self._few
        else:
            sources = [each.rows(None).limit(COUNTED + 1).subquery() for each in ranges]
            limit = COUNTED
        rest = self._rest(filters, names, now)
        seen = number = 0
        with self._begin() as db:
            for ids in sources:
                seen += (looked := db.scalar(select(func.count()).select_from(ids)) or 0)
                fits = select(func.count()).where(ROWS.c.id.in_(select(ids.c.id)), *rest)
                number += (db.scalar(fits) or 0) if rest else looked
        if number > COUNTED:
            return Count(COUNTED, False)
        return Count(number, seen <= limit)

    def _rest(self, filters: Filters, names: set[str], now: datetime) -> list[ColumnElement[bool]]:
        """The conditions of these names, for each row."""
        conditions = filters.conditions(now, self._database)
        return unindexed([each for name, each in conditions.items() if name in names])

    def _look_through(
        self,
        db: Session,
        ranges: list[Range],
        rest: list[ColumnElement[bool]],
        after: Position | None,
        size: int,
    ) -> tuple[Found, Position | None]:
        """The rows of these ranges that meet the rest, among the first of each. Where not all were
        looked through, also the place down to which they were."""
        ends = [end for each in ranges if (end := _nth(db, self._looks, each, after))]
        # Behind the first of these ends a row of the other range could be missing.
        until = max(ends, key=lambda end: end.key) if ends else None
        found = _ask(db, *(each.rows(after, until).where(*rest).limit(size) for each in ranges))
        return found, until

    def _search(
        self, db: Session, search: Search, ranges: list[Range], after: Position | None, size: int
    ) -> Found:
        """The first `size` rows after `after` that the search finds in each range, or more.

        Where hits are many, they are close together, and reading the rows meets them soon. Where
        they are few, the index finds them. Neither is fast for both.
        """
        if isinstance(search, Trigrams) and ranges[0].is_whole:
            ids = search.found_before(after.id if after else LARGEST_ID + 1).limit(size)
            return _ask(db, select(ROWS.c.id, ROWS.c.expires_at).where(ROWS.c.id.in_(ids)))
        if self._database == "postgresql":
            # How many hits there are it can only guess; it would read and sort the whole table.
            db.execute(text("SET LOCAL enable_seqscan = off"))
            db.execute(text("SET LOCAL enable_sort = off"))
        found: list[Found] = []
        far: list[tuple[Range, Position]] = []
        for each in ranges:
            until = _nth(db, self._glance, each, after)
            near = _ask(db, each.rows(after, until).where(search.finds()).limit(size))
            found.append(near)
            missing = size - len(near)
            if until and len(near) * CLOSE < size:
                far.append((each, until))
            elif until and missing:
                found.append(_ask(db, each.rows(until).where(search.finds()).limit(missing)))
        if far:
            found.append(self._far(db, search, far, size))
        return [row for part in found for row in part]

    def _far(
        self, db: Session, search: Search, far: list[tuple[Range, Position]], size: int
    ) -> Found:
        """The first `size` rows in these ranges, each from its position on, that the search finds:
        its hits, sorted. On SQLite the ranges are read where hits are many, from the first hit to
        the last."""
        if isinstance(search, Trigrams) and db.scalar(search.more_than(self._few)):
            oldest, newest = (db.scalar(ids.limit(1)) for ids in (search.oldest(), search.newest()))
            number = ROWS.c.id + 0  # the sum keeps SQLite from reading the rows by their numbers
            conditions = (number >= oldest, number <= newest, search.finds())
            return _ask(db, *(each.rows(at).where(*conditions).limit(size) for each, at in far))
        # The limit keeps the databases from beginning with the index of the status instead.
        hits = search.hits().limit(LARGEST_ID).subquery()
        are_there = or_(*(and_(True, *each.conditions(hits.c, at)) for each, at in far))
        first = far[0][0]
        chosen = select(hits.c.id, hits.c[first.order or "expires_at"]).where(are_there)
        return _ask(db, chosen.order_by(*first.ordered(hits.c)).limit(size))

    def waiting(self, now: datetime) -> int:
        """How many invitations could go out now; at most WAITING are counted."""
        due = (
            select(Invitation.id)
            .where(
                Invitation.state == State.QUEUED,
                Invitation.is_paused.is_(False),
                Invitation.next_try_at <= now,
                Invitation.expires_at > now,
            )
            .limit(WAITING)
        )
        with self._begin() as db:
            return db.scalar(select(func.count()).select_from(due.subquery())) or 0

    def batch(self, batch_id: int) -> Batch | None:
        """The batch with this number."""
        with self._begin() as db:
            return db.get(Batch, batch_id)


def _nth(db: Session, number: int, of: Range, after: Position | None) -> Position | None:
    """Where the row stands that is so many behind `after`; None where there are fewer."""
    row = db.execute(of.rows(after).offset(number - 1).limit(1)).first()
    return Position(row[0], row[1] if of.order else None) if row else None


def _ask(db: Session, *questions: Ids) -> Found:
    return [row for each in questions for row in db.execute(each)]
