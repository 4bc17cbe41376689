"""Leases: the ledger is the queue, and the holder of a lease may write to its row.

A worker that dies loses nothing: its lease runs out and the row is due again. Every step of a
worker is allowed only while the row is still under the very claim that it was given.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Engine, and_, func, or_, select, update
from sqlalchemy.orm import Session, sessionmaker

from ..errors import LeaseLost
from .ledger import move, record
from .lifecycle import (
    CLAIM,
    FAIL,
    HAND_TO_MAIL_SERVER,
    HAND_TO_TENANT,
    POSTPONE,
    RELEASE,
    SET_PASSWORD,
    EventKind,
    State,
    Transition,
)
from .tables import Invitation, SentMessage

LEASE = timedelta(seconds=60)  # longer than the tenant's calls, and again than the mail
CHECK_LEASE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Message:
    """What became of a message at the mail server: accepted, delayed or refused, and its words."""

    message_id: str
    status: str
    smtp_reply: str = ""


class Leases:
    """Invitations that a worker has something to do for. Moments are aware UTC."""

    def __init__(self, engine: Engine) -> None:
        self._begin = sessionmaker(engine, expire_on_commit=False).begin

    def claim(self, worker: str, *, limit: int, now: datetime) -> Sequence[Invitation]:
        """Take up to `limit` invitations that are due, for as long as a lease lasts.

        Due is a queued row whose time has come, or one whose worker died with the lease. Nobody
        else gets the same row meanwhile; SKIP LOCKED keeps workers on PostgreSQL from waiting
        for each other.
        """
        is_abandoned = and_(Invitation.state == State.SENDING, Invitation.lease_until < now)
        due = (
            select(Invitation.id)
            .where(
                or_(
                    and_(Invitation.state == State.QUEUED, Invitation.next_try_at <= now),
                    is_abandoned,
                ),
                Invitation.expires_at > now,
            )
            .order_by(Invitation.next_try_at, Invitation.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        with self._begin() as db:
            # Its worker died and then its time ran out: expired, so that it can be sent again.
            move(
                db, RELEASE, is_abandoned, Invitation.expires_at <= now,
                actor=worker, now=now, lease_until=None, lease_by=None,
            )  # fmt: skip
            return move(
                db,
                CLAIM,
                Invitation.id.in_(due.scalar_subquery()),
                actor=worker,
                now=now,
                lease_until=now + LEASE,
                lease_by=worker,
                attempts=Invitation.attempts + 1,
            )

    def release(self, worker: str, *, now: datetime) -> int:
        """Give back what this worker holds; returns how many rows. For a worker that restarts."""
        with self._begin() as db:
            released = move(
                db, RELEASE, Invitation.lease_by == worker,
                actor=worker, now=now, next_try_at=now, lease_until=None, lease_by=None,
            )  # fmt: skip
            return len(released)

    def extend(self, job: Invitation, *, now: datetime, **columns: Any) -> None:
        """A full lease for what comes next; `columns` change with it. Raises LeaseLost."""
        with self._begin() as db:
            held = db.scalars(
                update(Invitation)
                .where(Invitation.state == State.SENDING, *_held(job))
                .values(lease_until=now + LEASE, **columns)
                .returning(Invitation.id)
            )
            if not held.all():
                raise LeaseLost

    def mark_sent(
        self,
        job: Invitation,
        *,
        message_id: str | None,
        ticket_issued_at: datetime | None,
        now: datetime,
    ) -> None:
        """The mail server took the message; without a `message_id` it is the tenant that sends it.

        Raises LeaseLost.
        """
        self._finish(
            job,
            HAND_TO_MAIL_SERVER if message_id else HAND_TO_TENANT,
            now=now,
            evidence={"message_id": message_id} if message_id else {},
            message=Message(message_id, "accepted") if message_id else None,
            next_try_at=None,
            last_error=None,
            ticket_issued_at=ticket_issued_at,
            last_sent_at=now,
            first_sent_at=func.coalesce(Invitation.first_sent_at, now),
        )

    def postpone(
        self,
        job: Invitation,
        *,
        until: datetime,
        reason: str,
        now: datetime,
        costs_attempt: bool,
        message_id: str | None = None,
    ) -> None:
        """Back into the queue until then. `message_id`: the mail server delayed this message.

        Raises LeaseLost.
        """
        self._finish(
            job,
            POSTPONE,
            now=now,
            evidence={"why": reason},
            message=Message(message_id, "delayed", reason) if message_id else None,
            next_try_at=until,
            last_error=reason,
            attempts=Invitation.attempts - (0 if costs_attempt else 1),
        )

    def fail(
        self, job: Invitation, *, reason: str, now: datetime, message_id: str | None = None
    ) -> None:
        """The end, with the reason in one sentence. `message_id`: the mail server refused this one.

        Raises LeaseLost.
        """
        self._finish(
            job,
            FAIL,
            now=now,
            evidence={"why": reason},
            message=Message(message_id, "refused", reason) if message_id else None,
            closed_at=now,
            next_try_at=None,
            last_error=reason,
        )

    def claim_checks(self, *, limit: int, now: datetime) -> Sequence[Invitation]:
        """Invitations the tenant is to be asked about; each is due again if the asker dies."""
        due = (
            select(Invitation.id)
            .where(Invitation.check_at <= now, Invitation.state.in_((State.SENT, State.REVOKED)))
            .order_by(Invitation.check_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        with self._begin() as db:
            return db.scalars(
                update(Invitation)
                .where(Invitation.id.in_(due.scalar_subquery()))
                .values(check_at=now + CHECK_LEASE)
                .returning(Invitation)
            ).all()

    def mark_password_set(self, row: Invitation, *, at: datetime, now: datetime) -> None:
        """The tenant says that the password was chosen, at `at`."""
        with self._begin() as db:
            move(
                db,
                SET_PASSWORD,
                Invitation.id == row.id,
                actor="tenant",
                now=now,
                evidence={"last_password_reset": at.isoformat()},
                password_set_at=at,
                check_at=None,
            )

    def end_check(
        self,
        row: Invitation,
        *,
        again_at: datetime | None,
        now: datetime,
        event: EventKind | None = None,
    ) -> None:
        """The question to the tenant is answered, or is to be asked again at `again_at`."""
        with self._begin() as db:
            db.execute(update(Invitation).where(Invitation.id == row.id).values(check_at=again_at))
            if event:
                record(db, row.id, event, actor="worker", now=now)

    def _finish(
        self,
        job: Invitation,
        transition: Transition,
        *,
        now: datetime,
        evidence: dict[str, Any],
        message: Message | None,
        **columns: Any,
    ) -> None:
        """The worker is done with this row. What became of the message is kept in any case."""
        with self._begin() as db:
            if message:
                _record_message(db, job, message, now)
            moved = move(
                db, transition, *_held(job), actor=job.lease_by or "worker", now=now,
                evidence=evidence, lease_until=None, lease_by=None, **columns,
            )  # fmt: skip
        if not moved:
            raise LeaseLost


def _held(job: Invitation) -> tuple[ColumnElement[bool], ...]:
    """The row, as long as it is still under the very claim that `job` was read from."""
    return (
        Invitation.id == job.id,
        Invitation.lease_by == job.lease_by,
        Invitation.attempts == job.attempts,
        Invitation.generation == job.generation,
    )


def _record_message(db: Session, job: Invitation, message: Message, now: datetime) -> None:
    """One row a message: a retry of the same message writes over what the server said before."""
    row = db.scalar(select(SentMessage).where(SentMessage.message_id == message.message_id))
    if row is None:
        row = SentMessage(
            invitation_id=job.id, generation=job.generation, message_id=message.message_id
        )
        db.add(row)
    row.status, row.smtp_reply, row.at = message.status, message.smtp_reply, now
