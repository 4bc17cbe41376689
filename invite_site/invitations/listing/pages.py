"""The invitations page by page, and what happened to one of them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine, Row, select, text
from sqlalchemy.orm import Session, aliased, sessionmaker

from ..tables import Batch, Invitation, InvitationEvent, SentMessage
from .order import Position, Range, first_of, ranges_of
from .search import Search, Trigrams, search_for

GLANCE = 2_000  # rows of a list that a search reads before it asks its index
FEW = 5_000  # hits that are sorted; of more, the list is read in its own order


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
        with self._begin() as db:
            found: list[Row[int, datetime]] = []
            for each in ranges_of(status, batch_id, now):
                if search:
                    found += self._search(db, each, after, search, size)
                else:
                    found += db.execute(each.rows(after).limit(size)).all()
            ids = first_of(found, size, status)
            rows = {
                row.id: row for row in db.scalars(select(Invitation).where(Invitation.id.in_(ids)))
            }
        return [rows[number] for number in ids if number in rows]

    def _search(
        self, db: Session, rows: Range, after: Position | None, search: Search, size: int
    ) -> Sequence[Row[int, datetime]]:
        """The first `size` rows after `after` that the search finds, possibly with others, as their
        ids and ends of life.

        Where hits are many, they are close together, and reading the rows meets them soon. Where
        they are few, the index finds them. Neither is fast for both.
        """
        shown = (Invitation.id, Invitation.expires_at)
        if rows.is_whole and isinstance(search, Trigrams):
            newest = search.newest(after.id if after else None).limit(size)
            return db.execute(select(*shown).where(Invitation.id.in_(newest))).all()
        near = rows.rows(after).add_columns(Invitation.search_text).limit(self._glance).subquery()
        found = db.execute(select(near.c.id, near.c.expires_at).where(search.finds())).all()
        if len(found) >= size:
            return found
        if self._database == "postgresql":
            # It would read the whole table where it expects many hits, and it guesses their number.
            db.execute(text("SET LOCAL enable_seqscan = off"))
        hits = search.hits()
        if db.scalar(hits.offset(self._few).limit(1)) is None:
            # The limit keeps the databases from beginning with the index of the status instead.
            few = select(Invitation).where(Invitation.id.in_(hits)).limit(self._few).subquery()
            row = aliased(Invitation, few)
            chosen = rows.conditions(row, after)
            return db.execute(select(row.id, row.expires_at).where(*chosen)).all()
        return db.execute(rows.rows(after).where(search.finds()).limit(size)).all()

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
