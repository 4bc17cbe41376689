"""Leases: the ledger is the queue, and the holder of a lease may write to its row.

A worker that dies loses nothing: its lease runs out and the row is due again. Every step of a
worker is allowed only while the row is still under the very claim that it was given.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Engine, and_, or_, select, update
from sqlalchemy.orm import Session, sessionmaker

from ..errors import LeaseLost
from .ledger import SETTLED, move, record
from .lifecycle import CLAIM, RELEASE, SET_PASSWORD, EventKind, State, Transition
from .tables import Invitation, SentMessage

LEASE = timedelta(seconds=60)  # longer than the tenant's calls, and again than the mail
CHECK_LEASE = timedelta(seconds=60)


class MessageStatus(enum.StrEnum):
    """What became of one message at the mail server."""

    STARTED = "started"  # about to be handed over; stays where the process was killed
    ACCEPTED = "accepted"
    DELAYED = "delayed"
    REFUSED = "refused"
    AMBIGUOUS = "ambiguous"
    IN_DOUBT = "in doubt"


@dataclass(frozen=True, slots=True)
class Message:
    """A message and what became of it. `reply` is ours to compare, never the server's own text."""

    message_id: str
    status: MessageStatus
    reply: str = ""


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
        is_queued = and_(
            Invitation.state == State.QUEUED,
            Invitation.is_paused.is_(False),
            Invitation.next_try_at <= now,
        )
        due = (
            select(Invitation.id)
            .where(or_(is_queued, is_abandoned), Invitation.expires_at > now)
            .order_by(Invitation.place, Invitation.next_try_at, Invitation.id)
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
                db, CLAIM, Invitation.id.in_(due.scalar_subquery()), actor=worker, now=now,
                lease_until=now + LEASE, lease_by=worker, attempts=Invitation.attempts + 1,
            )  # fmt: skip

    def release(self, worker: str, *, now: datetime) -> int:
        """Give back what this worker holds; returns how many rows. For a worker that restarts."""
        with self._begin() as db:
            released = move(
                db, RELEASE, Invitation.lease_by == worker,
                actor=worker, now=now, next_try_at=now, lease_until=None, lease_by=None,
            )  # fmt: skip
            return len(released)

    def extend(
        self, job: Invitation, *, now: datetime, message_id: str | None = None, **columns: Any
    ) -> None:
        """A full lease for what comes next; `columns` change with it. Raises LeaseLost.

        `message_id` is that of a message about to be handed over.
        """
        with self._begin() as db:
            held = db.scalars(
                update(Invitation)
                .where(Invitation.state == State.SENDING, *_held(job))
                .values(lease_until=now + LEASE, **columns)
                .returning(Invitation.id)
            )
            if not held.all():
                raise LeaseLost
            if message_id:
                _record_message(db, job, Message(message_id, MessageStatus.STARTED), now)

    def finish(
        self,
        job: Invitation,
        transition: Transition,
        *,
        now: datetime,
        message: Message | None = None,
        evidence: dict[str, Any] | None = None,
        **columns: Any,
    ) -> None:
        """The worker is done with this row; `columns` change with it. Raises LeaseLost.

        What became of the message is kept in any case.
        """
        with self._begin() as db:
            if message:
                _record_message(db, job, message, now)
            moved = move(
                db, transition, *_held(job), actor=job.lease_by or "worker", now=now,
                evidence=evidence, lease_until=None, lease_by=None, **columns,
            )  # fmt: skip
        if not moved:
            raise LeaseLost

    def messages(self, job: Invitation) -> Sequence[SentMessage]:
        """The messages of this send and its retries, oldest first."""
        with self._begin() as db:
            return db.scalars(
                select(SentMessage)
                .where(
                    SentMessage.invitation_id == job.id, SentMessage.generation == job.generation
                )
                .order_by(SentMessage.id)
            ).all()

    def refused_in_a_row(self, reply: str, *, besides: int, limit: int) -> int:
        """How many people, one after the other and last of all, were refused with this reply; the
        invitation `besides` is not counted. Looks at a few tries of `limit` people."""
        latest = (
            select(SentMessage)
            .where(SentMessage.status != MessageStatus.STARTED)
            .order_by(SentMessage.at.desc(), SentMessage.id.desc())
            .limit(limit * 4)
        )
        with self._begin() as db:
            people: set[int] = set()
            for message in db.scalars(latest):
                if (message.status, message.smtp_reply) != (MessageStatus.AMBIGUOUS, reply):
                    break
                people.add(message.invitation_id)
            return len(people - {besides})

    def claim_checks(self, *, limit: int, now: datetime) -> Sequence[Invitation]:
        """Invitations the tenant is to be asked about; each is due again if the asker dies."""
        states = (State.SENT, State.REVOKED, State.ACCEPTED)
        has_question = or_(Invitation.state.in_(states), Invitation.in_doubt_at.is_not(None))
        due = (
            select(Invitation.id)
            .where(Invitation.check_at <= now, has_question)
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
                or_(Invitation.state == State.SENT, Invitation.in_doubt_at.is_not(None)),
                actor="tenant",
                now=now,
                evidence={"last_password_reset": at.isoformat()},
                password_set_at=at,
                **SETTLED,
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


def _held(job: Invitation) -> tuple[ColumnElement[bool], ...]:
    """The row, as long as it is still under the very claim that `job` was read from."""
    return (
        Invitation.id == job.id,
        Invitation.lease_by == job.lease_by,
        Invitation.attempts == job.attempts,
        Invitation.generation == job.generation,
    )


def _record_message(db: Session, job: Invitation, message: Message, now: datetime) -> None:
    row = db.scalar(select(SentMessage).where(SentMessage.message_id == message.message_id))
    if row is None:
        row = SentMessage(
            invitation_id=job.id, generation=job.generation, message_id=message.message_id
        )
        db.add(row)
    row.status, row.smtp_reply, row.at = message.status, message.reply, now
