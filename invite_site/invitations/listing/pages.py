"""The invitations page by page, and what happened to one of them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine, and_, func, or_, select, text
from sqlalchemy.orm import Session, sessionmaker

from ..lifecycle import State
from ..tables import Batch, Invitation, InvitationEvent, SentMessage
from .order import LARGEST_ID, ROWS, Found, Ids, Position, Range, first_of, ranges_of
from .search import Search, Trigrams, search_for

GLANCE = 500  # rows of a list that a search reads before it asks its index
CLOSE = 10  # if so many glances would find a page, the list is read on
WAITING = 10_000
FEW = 20_000  # hits that SQLite sorts; where there are more, it reads the list


class Listing:
    """Reads and changes nothing. Moments are aware UTC and come from the caller.

    `glance` and `few` are smaller in tests.
    """

    def __init__(self, engine: Engine, *, glance: int = GLANCE, few: int = FEW) -> None:
        self._begin = sessionmaker(engine, expire_on_commit=False).begin
        self._database = engine.dialect.name
        self._glance = glance
        self._few = few

    @property
    def finds_beginnings_only(self) -> bool:
        """Whether a search finds only how words begin, not any part of them."""
        return self._database == "postgresql"

    def page(
        self,
        *,
        now: datetime,
        query: str = "",
        status: str = "",
        batch_id: int | None = None,
        before: str = "",
        size: int = 50,
    ) -> Sequence[Invitation]:
        """At most `size` invitations: all, or those that fit query, status and batch.

        Newest first; those of a status in the order of the end of their life, latest first.
        `before` is the `position` of the last row of the page before; anything else is no
        position, and the page is the first.
        """
        after = Position.parse(before, status)
        search = search_for(query, self._database)
        if query.strip() and search is None:
            return []
        ranges = ranges_of(status, batch_id, now)
        with self._begin() as db:
            if search:
                found = self._search(db, search, ranges, after, size)
            else:
                found = _ask(db, *(each.rows(after).limit(size) for each in ranges))
            ids = first_of(found, size, status)
            stored = select(Invitation).where(Invitation.id.in_(ids))
            rows = {row.id: row for row in db.scalars(stored)}
        return [rows[number] for number in ids if number in rows]

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
            end = db.execute(each.rows(after).offset(self._glance - 1).limit(1)).first()
            until = Position(*end) if end else None
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
        order = far[0][0].order(hits.c)
        chosen = select(hits.c.id, hits.c.expires_at).where(are_there).order_by(*order)
        return _ask(db, chosen.limit(size))

    def waiting(self, now: datetime) -> int:
        """How many invitations could go out now; at most WAITING are counted."""
        due = (
            select(Invitation.id)
            .where(
                Invitation.state == State.QUEUED,
                Invitation.is_paused.is_(False),
                Invitation.next_try_at <= now,
            )
            .limit(WAITING)
        )
        with self._begin() as db:
            return db.scalar(select(func.count()).select_from(due.subquery())) or 0

    @staticmethod
    def position(row: Invitation, *, status: str = "") -> str:
        """What `before` is for the page after this row."""
        return str(Position.of(row, status))

    def batch(self, batch_id: int) -> Batch | None:
        """The batch with this number."""
        with self._begin() as db:
            return db.get(Batch, batch_id)

    def events(self, invitation_id: int) -> Sequence[InvitationEvent]:
        """What happened to this invitation, oldest first."""
        with self._begin() as db:
            return db.scalars(
                select(InvitationEvent)
                .where(InvitationEvent.invitation_id == invitation_id)
                .order_by(InvitationEvent.id)
            ).all()

    def messages(self, invitation_id: int) -> Sequence[SentMessage]:
        """The messages handed to the mail server for this invitation, oldest first."""
        with self._begin() as db:
            return db.scalars(
                select(SentMessage)
                .where(SentMessage.invitation_id == invitation_id)
                .order_by(SentMessage.id)
            ).all()


def _ask(db: Session, *questions: Ids) -> Found:
    return [row for each in questions for row in db.execute(each)]
