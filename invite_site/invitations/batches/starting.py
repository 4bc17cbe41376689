"""The start of a batch: one transaction makes invitations of all good rows of a preview.

The rows do not leave the database. The unique index decides between two lists that hold the same
address, so each address gets one invitation, and the row that lost says who was first.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Engine,
    ScalarSelect,
    and_,
    delete,
    false,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.orm import Session, aliased, sessionmaker

from ...database.base import INSERTS
from ...errors import NotPossibleNow
from ..ledger.many import end_of_life, move_all, open_alone, record_where
from ..ledger.moves import new_life
from ..lifecycle import INVITE, RESEND, State
from ..people import Inviter
from ..tables import Batch, BatchRow, Invitation
from .judging import Fate, Known, invited_by
from .ledger import batch_in
from .previews import Previews

_rows = Invitation.__table__


@dataclass(frozen=True, slots=True)
class Started:
    """How many invitations came of a list, and how many rows did not become one."""

    opened: int
    left_out: int


class Starting:
    """Starts batches. Moments are aware UTC."""

    def __init__(self, engine: Engine, previews: Previews, connection: str, client_id: str) -> None:
        self._begin = sessionmaker(engine, expire_on_commit=False).begin
        self._insert = INSERTS[engine.dialect.name](_rows).on_conflict_do_nothing()
        self._previews = previews
        self._connection = connection
        self._client_id = client_id

    def start(
        self, batch_id: int, *, inviter: Inviter, expires_at: datetime, now: datetime
    ) -> Started:
        """Invite the good rows of a preview; started before, it says what came of that.

        Raises BatchNotFound, NotPossibleNow where no row is good.
        """
        with self._begin() as db:
            batch = db.scalars(
                update(Batch)
                .where(Batch.id == batch_id, Batch.started_at.is_(None), ~Batch.is_removed)
                .values(started_at=now)
                .returning(Batch)
            ).one_or_none()
            if batch is None:
                batch = batch_in(db, batch_id)
                return Started(batch.opened, batch.rows - batch.opened)
            if not _is_any_good(db, batch_id):
                raise NotPossibleNow("No row of this list can be invited.")
            open_alone(db)
            columns: dict[str, Any] = {  # what all invitations of the batch have in common
                "batch_id": batch.id,
                "place": _base(db),
                "inviter": inviter.name,
                "inviter_sub": inviter.sub,
                "expires_at": expires_at,
                "next_try_at": now,
            }
            opened = 0
            while _is_any_good(db, batch_id):
                opened += self._open(db, batch_id, columns, inviter, now)
                opened += self._decide_the_rest(db, batch_id, columns, inviter, now)
            batch.opened = opened
            return Started(opened, batch.rows - opened)

    def _open(
        self, db: Session, batch_id: int, columns: dict[str, Any], inviter: Inviter, now: datetime
    ) -> int:
        """New invitations; their rows are no longer needed. Returns how many."""
        values = {
            **{name: literal(value, _rows.c[name].type) for name, value in columns.items()},
            "place": columns["place"] + func.row_number().over(order_by=BatchRow.id) - 1,
            "ref": BatchRow.ref,
            "email": BatchRow.email,
            "email_norm": BatchRow.email_norm,
            "name": BatchRow.name,
            "locale": BatchRow.locale,
            "note": BatchRow.note,
            "roles": BatchRow.roles,
            "search_text": BatchRow.search_text,
            "connection": literal(self._connection),
            "client_id": literal(self._client_id),
            "state": literal(INVITE.target.value),
            "supersedes_id": self._newest_invitation(),
            "created_at": literal(now, _rows.c.created_at.type),
            "generation": literal(1),
            "attempts": literal(0),
            "openings": literal(0),
            "is_paused": false(),
        }
        good = select(*(value.label(name) for name, value in values.items())).where(
            _is_good(batch_id), self._newest_invitation(State.ACCEPTED).is_(None)
        )
        db.execute(self._insert.from_select(list(values), good))
        # Those that were opened before have no row any more.
        refs = select(BatchRow.ref).where(BatchRow.batch_id == batch_id)
        is_new = Invitation.batch_id == batch_id, Invitation.ref.in_(refs)
        record_where(db, INVITE, *is_new, actor=inviter.name, now=now)
        has_become_one = select(Invitation.id).where(Invitation.ref == BatchRow.ref).exists()
        gone = delete(BatchRow).where(_is_good(batch_id), has_become_one).returning(BatchRow.id)
        return len(db.scalars(gone).all())

    def _decide_the_rest(
        self, db: Session, batch_id: int, columns: dict[str, Any], inviter: Inviter, now: datetime
    ) -> int:
        """Of the good rows whose address was taken, renew those that have expired, and leave the others
        out; returns how many were renewed. One whose invitation has ended meanwhile stays good."""
        rest = db.scalars(select(BatchRow).where(_is_good(batch_id)).order_by(BatchRow.id)).all()
        known = self._previews.known_in(db, [str(row.email_norm) for row in rest], now)
        taken = [
            (of_row, row)
            for row in rest
            if (of_row := known.get(str(row.email_norm))) and (of_row.open_id or of_row.accepted_id)
        ]
        renewed = 0
        # By their numbers, as everybody holds rows.
        for of_row, row in sorted(taken, key=lambda each: each[0].open_id or 0):
            if of_row.is_expired and self._renew(
                db, of_row, _of_person(row), columns, inviter, now
            ):
                renewed += 1
                db.delete(row)
            else:
                _leave_out(row, of_row)
        return renewed

    def _newest_invitation(self, state: State | None = None) -> ScalarSelect[int]:
        """That of the row's address, as part of a statement."""
        other = aliased(Invitation)
        newest = select(func.max(other.id)).where(
            other.email_norm == BatchRow.email_norm,
            other.connection == self._connection,
            other.client_id == self._client_id,
        )
        return (newest.where(other.state == state) if state else newest).scalar_subquery()

    def _renew(
        self,
        db: Session,
        known: Known,
        of_person: dict[str, Any],
        columns: dict[str, Any],
        inviter: Inviter,
        now: datetime,
    ) -> bool:
        """A new life for an expired invitation."""
        is_it = Invitation.id == known.open_id
        is_expired = cast(ColumnElement[bool], Invitation.is_expired(now))
        ends = end_of_life(db, is_it, default=columns["expires_at"], now=now)
        values = new_life(ends, now) | columns | of_person | {"expires_at": ends}
        moved = move_all(db, RESEND, is_it, is_expired, values=values)
        if moved:
            record_where(db, RESEND, is_it, actor=inviter.name, now=now)
        return bool(moved)


def _is_good(batch_id: int) -> ColumnElement[bool]:
    """Whether a row of this preview can be invited."""
    return and_(BatchRow.batch_id == batch_id, BatchRow.fate == Fate.GOOD)


def _is_any_good(db: Session, batch_id: int) -> bool:
    return db.scalar(select(BatchRow.id).where(_is_good(batch_id)).limit(1)) is not None


def _of_person(row: BatchRow) -> dict[str, Any]:
    """Columns that a row changes; language, note and roles stay where it names none."""
    named = {"locale": row.locale, "note": row.note, "roles": row.roles}
    given = {name: value for name, value in named.items() if value}
    return {"name": row.name, "search_text": row.search_text, **given}


def _leave_out(row: BatchRow, known: Known) -> None:
    """Say of a good row what happened to its address since the preview."""
    if known.open_id is not None:
        row.fate, row.reason, row.invitation_id = Fate.INVITED, invited_by(known), known.open_id
    else:
        row.fate, row.invitation_id = Fate.ACCEPTED, known.accepted_id
        row.reason = "This person has accepted an invitation since."


def _base(db: Session) -> int:
    """Where the batch begins in the queue: beside the first of those that wait already, so that
    batches take turns."""
    first = db.scalar(
        select(func.min(Invitation.place)).where(
            Invitation.state == State.QUEUED, Invitation.is_paused.is_(False), Invitation.place > 0
        )
    )
    return first or 1
