"""Previews in the database: what stands in a list, and what the ledger knows of its addresses."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, func, insert, or_, select, type_coerce, update
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.types import Boolean

from ...errors import BatchNotFound
from ..lifecycle import OPEN_STATES, State
from ..people import Inviter, search_text
from ..tables import Batch, BatchRow, Invitation
from .judging import Fate, Judged, Known, fate_of

KEPT = timedelta(days=1)  # previews, and rows that became no invitation
CHUNK = 500  # addresses asked about in one statement

_rows = BatchRow.__table__


class Previews:
    """Rows of lists. Moments are aware UTC and come from the caller."""

    def __init__(self, engine: Engine, connection: str, client_id: str) -> None:
        self._begin = sessionmaker(engine, expire_on_commit=False).begin
        self._connection = connection
        self._client_id = client_id

    def known(self, addresses: Sequence[str], now: datetime) -> Mapping[str, Known]:
        """What there is of these addresses."""
        with self._begin() as db:
            return self.known_in(db, addresses, now)

    def known_in(self, db: Session, addresses: Sequence[str], now: datetime) -> Mapping[str, Known]:
        """The same within a transaction."""
        found: dict[str, Known] = {}
        columns = (
            Invitation.email_norm,
            Invitation.id,
            Invitation.state,
            Invitation.inviter,
            Invitation.created_at,
            Invitation.accepted_at,
            type_coerce(Invitation.is_expired(now), Boolean).label("is_expired"),
        )
        for start in range(0, len(addresses), CHUNK):
            rows = db.execute(
                select(*columns)
                .where(
                    Invitation.email_norm.in_(addresses[start : start + CHUNK]),
                    Invitation.connection == self._connection,
                    Invitation.client_id == self._client_id,
                )
                .order_by(Invitation.id)
            )
            for row in rows:
                known = found.get(row.email_norm, Known())
                if row.state in OPEN_STATES:
                    known = replace(
                        known,
                        open_id=row.id,
                        is_expired=row.is_expired,
                        inviter=row.inviter,
                        invited_at=row.created_at,
                    )
                elif row.state == State.ACCEPTED:
                    known = replace(known, accepted_id=row.id, accepted_at=row.accepted_at)
                found[row.email_norm] = known
        return found

    def keep(
        self,
        rows: Sequence[Judged],
        *,
        name: str,
        ignored: Sequence[str],
        inviter: Inviter,
        now: datetime,
    ) -> Batch:
        """A new preview of these rows."""
        with self._begin() as db:
            batch = Batch(
                name=name,
                inviter=inviter.name,
                inviter_sub=inviter.sub,
                created_at=now,
                rows=len(rows),
                opened=0,
                ignored=list(ignored),
            )
            db.add(batch)
            db.flush()
            db.connection().execute(
                insert(_rows),
                [
                    row._asdict()
                    | {
                        "batch_id": batch.id,
                        "ref": secrets.token_urlsafe(16),
                        "search_text": _found_by(row),
                    }
                    for row in rows
                ],
            )
            return batch

    def row(self, batch_id: int, row_id: int) -> BatchRow:
        """A row of a preview. Raises BatchNotFound."""
        with self._begin() as db:
            row = db.scalar(
                select(BatchRow)
                .join(Batch, Batch.id == BatchRow.batch_id)
                .where(BatchRow.id == row_id, Batch.id == batch_id, Batch.started_at.is_(None))
            )
        if row is None:
            raise BatchNotFound("This row is no longer part of a preview.")
        return row

    def fates(self, batch_id: int) -> dict[Fate, int]:
        """How many rows have each fate; after the start, of those that became no invitation."""
        with self._begin() as db:
            counts = db.execute(
                select(BatchRow.fate, func.count())
                .where(BatchRow.batch_id == batch_id)
                .group_by(BatchRow.fate)
            )
            return {Fate(fate): number for fate, number in counts}

    def rows(
        self, batch_id: int, *, after: tuple[int, int] | None, size: int
    ) -> Sequence[BatchRow]:
        """Rows with a problem first, then the good ones, each by line. `after` is (0 or 1 for good,
        the number) of the last row of the page before."""
        found: list[BatchRow] = []
        with self._begin() as db:
            for group, is_group in enumerate(
                (BatchRow.fate != Fate.GOOD, BatchRow.fate == Fate.GOOD)
            ):
                if after and group < after[0]:
                    continue
                wanted = (
                    select(BatchRow)
                    .where(BatchRow.batch_id == batch_id, is_group)
                    .order_by(BatchRow.id)
                    .limit(size - len(found))
                )
                if after and group == after[0]:
                    wanted = wanted.where(BatchRow.id > after[1])
                found += db.scalars(wanted)
        return found

    def correct(self, row: BatchRow, judged: Judged, now: datetime) -> None:
        """Another content for a row of a preview; one that was left out at the start stays so."""
        is_it = BatchRow.id == row.id
        with self._begin() as db:
            if _hold(db, row.batch_id):
                before = db.scalar(select(BatchRow.email_norm).where(is_it))
                content = judged._asdict() | {"search_text": _found_by(judged)}
                db.execute(update(BatchRow).where(is_it).values(content))
                self._judge_repeats(db, row.batch_id, {before, judged.email_norm}, now)

    def leave_out(self, row: BatchRow, now: datetime) -> None:
        """Remove a row of a preview."""
        with self._begin() as db:
            if _hold(db, row.batch_id):
                gone = delete(BatchRow).where(BatchRow.id == row.id).returning(BatchRow.email_norm)
                addresses = db.scalars(gone).all()
                of_batch = update(Batch).where(Batch.id == row.batch_id)
                db.execute(of_batch.values(rows=Batch.rows - len(addresses)))
                self._judge_repeats(db, row.batch_id, set(addresses), now)

    def _judge_repeats(
        self, db: Session, batch_id: int, addresses: set[str | None], now: datetime
    ) -> None:
        """Of several rows with one address the first counts."""
        for address in addresses - {None}:
            of_address = BatchRow.batch_id == batch_id, BatchRow.email_norm == address
            rows = db.scalars(select(BatchRow).where(*of_address).order_by(BatchRow.id)).all()
            known = self.known_in(db, [str(address)], now).get(str(address))
            for number, row in enumerate(rows):
                fate = fate_of(known, repeats=rows[0].line if number else None)
                row.fate, row.reason, row.invitation_id = fate

    def sweep(self, now: datetime) -> None:
        """Remove previews that nobody sent, and rows that became no invitation, a day after the upload
        or the start.

        The number of the newest stays: SQLite would give it to the next list, and *Send* on a page that
        is open still would send that.
        """
        began = func.coalesce(Batch.started_at, Batch.created_at)
        has_rows = select(BatchRow.id).where(BatchRow.batch_id == Batch.id).exists()
        old = (
            select(Batch.id)
            .where(began < now - KEPT, or_(Batch.started_at.is_(None), has_rows))
            .with_for_update(skip_locked=True)  # somebody is sending it at this moment
        )
        # An UPDATE, since on SQLite a question holds nothing.
        held = update(Batch).where(Batch.id.in_(old.scalar_subquery())).values(rows=Batch.rows)
        with self._begin() as db:
            found = db.scalars(held.returning(Batch.id)).all()
            db.execute(delete(BatchRow).where(BatchRow.batch_id.in_(found)))
            removed = Batch.id.in_(found), Batch.started_at.is_(None)
            db.execute(update(Batch).where(*removed).values(cancelled_at=now, name="", ignored=[]))
            newest = select(func.max(Batch.id)).scalar_subquery()
            db.execute(delete(Batch).where(*removed, Batch.id < newest))


def _hold(db: Session, batch_id: int) -> bool:
    """Let nobody else change this preview until the transaction ends; False where it is none any more.

    It takes the batch first, as a start does, so that one of the two is over before the other begins. Else
    the start could meet a good row that it does not know, or each would wait for what the other holds.
    """
    is_preview = Batch.id == batch_id, Batch.started_at.is_(None)
    held = update(Batch).where(*is_preview).values(rows=Batch.rows).returning(Batch.id)
    return db.scalar(held) is not None


def _found_by(row: Judged) -> str:
    return search_text(row.email, row.email_norm, row.name) if row.email_norm else ""
