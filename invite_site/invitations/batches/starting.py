"""The start of a batch: one transaction makes invitations of all good rows of a preview.

The unique index decides between two lists that hold the same address, so each address gets one
invitation, and the row that lost says who was first.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, sessionmaker

from ...database.base import Base
from ...errors import BatchNotFound, NotPossibleNow
from ..ledger import new_life
from ..lifecycle import INVITE, RESEND, Fate, State
from ..people import Inviter
from ..tables import Batch, BatchRow, Invitation
from .judging import Known, invited_by
from .ledger import move_all, record_all
from .previews import Previews

CHUNK = 1000

_rows = Base.metadata.tables["invitation"]
_CREATED = (_rows.c.id, _rows.c.email_norm)
_OPEN = {
    "sqlite": sqlite.insert(_rows).on_conflict_do_nothing().returning(*_CREATED),
    "postgresql": postgresql.insert(_rows).on_conflict_do_nothing().returning(*_CREATED),
}


@dataclass(frozen=True, slots=True)
class Started:
    """How many invitations came of a list, and how many rows did not become one."""

    opened: int
    left_out: int


@dataclass(frozen=True, slots=True)
class _Row:
    """A good row and its place among those of its batch."""

    id: int
    email: str
    email_norm: str
    name: str
    position: int


class Starting:
    """Starts batches. Moments are aware UTC."""

    def __init__(self, engine: Engine, previews: Previews, connection: str, client_id: str) -> None:
        self._begin = sessionmaker(engine, expire_on_commit=False).begin
        self._open_rows = _OPEN[engine.dialect.name]
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
                .where(Batch.id == batch_id, Batch.started_at.is_(None))
                .values(started_at=now)
                .returning(Batch)
            ).one_or_none()
            if batch is None:
                return self._started(db, batch_id)
            rows = _good_rows(db, batch_id)
            known = self._previews.known_in(db, [row.email_norm for row in rows], now)
            base = _base(db)
            new = [row for row in rows if _is_new(known.get(row.email_norm))]
            expired = [row for row in rows if _is_expired(known.get(row.email_norm))]
            opened = self._open(db, batch, new, known, inviter, expires_at, base, now)
            opened |= self._renew(db, batch, expired, known, inviter, expires_at, base, now)
            if not opened and not rows:
                raise NotPossibleNow("No row of this list can be invited.")
            gone = [row.id for row in rows if row.email_norm in opened]
            for start in range(0, len(gone), CHUNK):
                part = gone[start : start + CHUNK]
                db.execute(delete(BatchRow).where(BatchRow.id.in_(part)))
            self._leave_out(db, [row for row in rows if row.email_norm not in opened], now)
            batch.opened = len(opened)
            return Started(len(opened), batch.rows - len(opened))

    def _started(self, db: Session, batch_id: int) -> Started:
        batch = db.get(Batch, batch_id)
        if batch is None:
            raise BatchNotFound("There is no such batch. A preview is kept for a day.")
        return Started(batch.opened, batch.rows - batch.opened)

    def _open(
        self,
        db: Session,
        batch: Batch,
        rows: Sequence[_Row],
        known: Mapping[str, Known],
        inviter: Inviter,
        expires_at: datetime,
        base: int,
        now: datetime,
    ) -> set[str]:
        """New invitations; returns the addresses that got one."""
        values = [
            {
                "ref": secrets.token_urlsafe(16),
                "email": row.email,
                "email_norm": row.email_norm,
                "name": row.name,
                "connection": self._connection,
                "client_id": self._client_id,
                "state": INVITE.target,
                "inviter": inviter.name,
                "inviter_sub": inviter.sub,
                "supersedes_id": before.newest_id
                if (before := known.get(row.email_norm))
                else None,
                "batch_id": batch.id,
                "place": base + row.position,
                "is_paused": False,
                "created_at": now,
                "expires_at": expires_at,
                "next_try_at": now,
                "generation": 1,
                "attempts": 0,
                "openings": 0,
            }
            # In one order for everybody, so that two transactions do not wait for each other.
            for row in sorted(rows, key=lambda row: row.email_norm)
        ]
        if not values:
            return set()
        found = db.connection().execute(self._open_rows, values).all()
        record_all(db, INVITE, [each.id for each in found], actor=inviter.name, now=now)
        return {each.email_norm for each in found}

    def _renew(
        self,
        db: Session,
        batch: Batch,
        rows: Sequence[_Row],
        known: Mapping[str, Known],
        inviter: Inviter,
        expires_at: datetime,
        base: int,
        now: datetime,
    ) -> set[str]:
        """A new life for expired invitations; returns their addresses."""
        renewed: set[str] = set()
        for row in rows:
            moved = move_all(
                db,
                RESEND,
                Invitation.id == known[row.email_norm].open_id,
                Invitation.is_expired(now),
                values=new_life(expires_at, now)
                | {
                    "name": row.name,
                    "inviter": inviter.name,
                    "inviter_sub": inviter.sub,
                    "batch_id": batch.id,
                    "place": base + row.position,
                },
            )
            record_all(db, RESEND, moved, actor=inviter.name, now=now)
            if moved:
                renewed.add(row.email_norm)
        return renewed

    def _leave_out(self, db: Session, rows: Sequence[_Row], now: datetime) -> None:
        """Say of good rows that became no invitation what happened since the preview."""
        known = self._previews.known_in(db, [row.email_norm for row in rows], now)
        for row in rows:
            other = known[row.email_norm]
            is_open = other.open_id is not None
            reason = invited_by(other) if is_open else "This person has accepted an invitation."
            db.execute(
                update(BatchRow)
                .where(BatchRow.id == row.id)
                .values(
                    fate=Fate.INVITED if is_open else Fate.ACCEPTED,
                    reason=reason,
                    invitation_id=other.open_id or other.accepted_id,
                )
            )


def _good_rows(db: Session, batch_id: int) -> list[_Row]:
    found = db.execute(
        select(BatchRow.id, BatchRow.email, BatchRow.email_norm, BatchRow.name)
        .where(BatchRow.batch_id == batch_id, BatchRow.fate == Fate.GOOD)
        .order_by(BatchRow.id)
    )
    return [
        _Row(row.id, row.email, row.email_norm or "", row.name, position)
        for position, row in enumerate(found)
    ]


def _base(db: Session) -> int:
    """Where the batch begins in the queue: beside the first of those that wait already, so that
    batches take turns."""
    return (
        db.scalar(
            select(func.min(Invitation.place)).where(
                Invitation.state == State.QUEUED,
                Invitation.is_paused.is_(False),
                Invitation.place > 0,
            )
        )
        or 1
    )


def _is_new(known: Known | None) -> bool:
    return known is None or (known.open_id is None and known.accepted_id is None)


def _is_expired(known: Known | None) -> bool:
    return known is not None and known.open_id is not None and known.is_expired
