"""Grants that wait for an invitation to be accepted, and the open invitations of one admin."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Engine, delete, func, or_, select
from sqlalchemy.orm import Session, sessionmaker

from ...accounts.admins import add_grant
from ...database.base import INSERTS
from ...errors import NotPossibleNow
from ..ledger.many import hold, move_all, record_where
from ..ledger.moves import is_of_same_address, record, revocation
from ..lifecycle import OPEN_STATES, REVOKE, EventKind, State
from ..tables import Invitation, PendingGrant

OTHER_ADDRESS = "The account has another address now than the one that was to invite."
CHUNK = 500  # rows that are locked at once, while workers want others


@dataclass(frozen=True, slots=True)
class Awaited:
    """Somebody who may invite once they have accepted. `status` is that of their invitation."""

    invitation_id: int
    email: str
    status: str
    granted_by: str
    granted_at: datetime


class AdminLedger:
    """Moments are aware UTC and come from the caller."""

    def __init__(self, engine: Engine, connection: str, client_id: str) -> None:
        self._begin = sessionmaker(engine, expire_on_commit=False).begin
        self._add = INSERTS[engine.dialect.name](PendingGrant).on_conflict_do_nothing()
        self._of_client = (
            Invitation.connection == connection,
            Invitation.client_id == client_id,
        )

    def promise(self, invitation_id: int, *, by: str, now: datetime) -> bool:
        """Have the acceptance of this invitation grant the right to invite; False where it does
        already. Raises NotPossibleNow where the invitation has ended."""
        with self._begin() as db:
            # An acceptance waits for this: on PostgreSQL by the lock of the row, on SQLite by the
            # INSERT. A new event does not: whoever cancels adds one behind what this waits for.
            asked = select(Invitation.state).where(Invitation.id == invitation_id)
            db.execute(asked.with_for_update(key_share=True))
            added = db.scalars(
                self._add.values(
                    invitation_id=invitation_id, granted_by=by, granted_at=now
                ).returning(PendingGrant.invitation_id)
            ).all()
            if db.scalar(asked) not in OPEN_STATES:
                raise NotPossibleNow("This invitation has ended meanwhile. Try it again.")
            if added:
                record(db, invitation_id, EventKind.GRANT_PENDING, actor=by, now=now)
            return bool(added)

    def cancel(self, invitation_id: int, *, by: str, now: datetime) -> bool:
        """Have the acceptance grant nothing after all; False where it would not, or was before this."""
        with self._begin() as db:
            cancelled = bool(_take(db, PendingGrant.invitation_id == invitation_id))
            if cancelled:
                record(db, invitation_id, EventKind.GRANT_CANCELLED, actor=by, now=now)
            return cancelled

    def awaited(self, now: datetime) -> Sequence[Awaited]:
        """Who may invite once they have accepted, in the order in which that was said."""
        with self._begin() as db:
            found = db.execute(
                select(Invitation, PendingGrant)
                .join(PendingGrant, PendingGrant.invitation_id == Invitation.id)
                .where(Invitation.state.in_((*OPEN_STATES, State.FAILED)), *self._of_client)
                .order_by(PendingGrant.granted_at, Invitation.id)
            ).all()
        return [
            Awaited(row.id, row.email, row.status(now), grant.granted_by, grant.granted_at)
            for row, grant in found
        ]

    def open_from(self, sub: str) -> int:
        """How many open invitations this admin has sent."""
        with self._begin() as db:
            return db.scalar(select(func.count(Invitation.id)).where(*self._open_from(sub))) or 0

    def inviter_named(self, sub: str) -> str | None:
        """The name that their newest open invitation shows."""
        newest = (
            select(Invitation.inviter)
            .where(*self._open_from(sub))
            .order_by(Invitation.id.desc())
            .limit(1)
        )
        with self._begin() as db:
            return db.scalar(newest)

    def revoke_from(self, sub: str, *, actor: str, reason: str, now: datetime) -> Iterator[int]:
        """Revoke all open invitations of this admin, some at a time; yields how many each time.

        One that ends meanwhile, or is renewed by another admin, stays as it is.
        """
        are_open, after = self._open_from(sub), 0
        while True:
            with self._begin() as db:
                found = db.scalars(
                    select(Invitation.id)
                    .where(*are_open, Invitation.id > after)
                    .order_by(Invitation.id)
                    .limit(CHUNK)
                ).all()
                chosen = (*are_open, Invitation.id.in_(found))
                hold(db, *chosen)
                revoked = move_all(db, REVOKE, *chosen, values=revocation(now))
                record_where(
                    db,
                    REVOKE,
                    Invitation.id.in_(revoked),
                    actor=actor,
                    now=now,
                    evidence={"reason": reason},
                )
            yield len(revoked)
            if len(found) < CHUNK:
                return
            after = found[-1]

    def _open_from(self, sub: str) -> tuple[ColumnElement[bool], ...]:
        is_open = Invitation.state.in_(OPEN_STATES)
        return (Invitation.inviter_sub == sub, is_open, *self._of_client)


def fulfil(db: Session, invitation: Invitation, *, sub: str, address: str, now: datetime) -> None:
    """Within the transaction of an acceptance by `sub`: grant what waited for it, unless the account has
    another address now than the one that the grant was made for.

    What waited for an invitation to the same address that failed counts as well: this one was sent in
    its place.
    """
    if address != invitation.email_norm:
        if _take(db, PendingGrant.invitation_id == invitation.id):
            why = {"why": OTHER_ADDRESS}
            kind = EventKind.GRANT_CANCELLED
            record(db, invitation.id, kind, actor="tenant", now=now, evidence=why)
        return
    failed = select(Invitation.id).where(
        is_of_same_address(Invitation, invitation), Invitation.state == State.FAILED
    )
    granted_by = _take(
        db,
        or_(PendingGrant.invitation_id == invitation.id, PendingGrant.invitation_id.in_(failed)),
    )
    if granted_by:
        add_grant(db, sub, label=invitation.email, now=now, by=granted_by[0])
        record(db, invitation.id, EventKind.GRANTED, actor=granted_by[0], now=now)


def _take(db: Session, waits: ColumnElement[bool]) -> Sequence[str]:
    """Who has said that an acceptance grants; nobody is told twice."""
    return db.scalars(delete(PendingGrant).where(waits).returning(PendingGrant.granted_by)).all()
