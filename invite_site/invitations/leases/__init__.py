"""Leases: the ledger is the queue, and the holder of a lease may write to its row.

A worker that dies loses nothing: its lease runs out and the row is due again. Every step of a
worker is allowed only while the row is still under the very claim that it was given.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, func, or_, select, update
from sqlalchemy.orm import Session, sessionmaker

from ...errors import LeaseLost
from ..ledger.many import hold
from ..ledger.moves import BATCH_CANCELLED, NO_LEASE, SETTLED, move, revocation
from ..lifecycle import CLAIM, FIND_PASSWORD, LAPSE, POSTPONE, RELEASE, REVOKE, State, Transition
from ..pacer import Calls, Pacer
from ..tables import Invitation, InvitationEvent, SentMessage
from .statements import (
    ADD_EVENT,
    ADD_MESSAGE,
    CHANGE_MESSAGE,
    CLAIM_ABANDONED,
    CLAIM_PROBE,
    CLAIM_WAITING,
    IS_CANCELLED,
    IS_DUE,
    IS_HELD,
    RETIRE_EXPIRED,
    change,
)

LAPSED = "The queue stood still until the time of this mail was over, so it was not sent."
LEASE = timedelta(seconds=60)  # longer than the tenant's calls, and again than the mail


class MessageStatus(enum.StrEnum):
    """What became of one message at the mail server."""

    STARTED = "started"  # about to be handed over; stays where the process was killed
    ACCEPTED = "accepted"
    DELAYED = "delayed"
    REFUSED = "refused"
    AMBIGUOUS = "ambiguous"
    NOT_TAKEN = "not taken"  # for a reason that meets every message
    IN_DOUBT = "in doubt"


@dataclass(frozen=True, slots=True)
class Message:
    """A message and what became of it. `reply` is ours to compare, never the server's own text."""

    message_id: str
    status: MessageStatus
    reply: str = ""


class Leases:
    """Invitations that a worker has something to do for. Moments are aware UTC.

    `pacer` says how many calls of the tenant may be reserved.
    """

    def __init__(self, engine: Engine, pacer: Pacer) -> None:
        self._engine = engine
        self._pacer = pacer
        self._begin = sessionmaker(engine, expire_on_commit=False).begin

    def is_due(self, now: datetime) -> bool:
        """Whether anything waits to be claimed. Reads only, so that an idle worker writes nothing."""
        with self._engine.connect() as db:
            return any(db.execute(IS_DUE, {"now": now}).one())

    def claim(
        self,
        worker: str,
        *,
        limit: int,
        now: datetime,
        calls: Calls,
        is_probe: bool = False,
    ) -> Sequence[Invitation]:
        """Take up to `limit` invitations that are due, for as long as a lease lasts, and reserve the
        `calls` that each of them needs.

        Due is a queued row whose time has come, or one whose worker died with the lease. Single
        invitations go first, then batches in turns; as a probe goes what has waited longest, so that
        no row is the probe again and again. Nobody else gets the same row meanwhile; SKIP
        LOCKED keeps workers on PostgreSQL from waiting for each other.
        """
        with self._begin() as db, self._pacer.reserving(db.connection()) as buckets:
            rows = self._claim(db, worker, buckets.affordable(calls, limit), now, is_probe)
            buckets.spend(calls, len(rows))
            return rows

    def _claim(
        self, db: Session, worker: str, limit: int, now: datetime, is_probe: bool
    ) -> Sequence[Invitation]:
        if limit <= 0:
            return ()
        values = {"now": now, "until": now + LEASE, "worker": worker}
        waiting = CLAIM_PROBE if is_probe else CLAIM_WAITING
        rows: list[Invitation] = []
        if db.execute(IS_DUE, {"now": now}).one()[1]:
            # Where its worker died and then its time ran out, it goes back and is expired, so that it can be
            # sent again. Where its batch was paused or cancelled, it goes back so that nobody sends it.
            is_kept = or_(Invitation.expires_at <= now, Invitation.is_paused)
            hold(db, Invitation.state == State.SENDING, Invitation.lease_until < now, is_kept)
            back = move(
                db, RELEASE, Invitation.lease_until < now, is_kept,
                actor=worker, now=now, lease_until=None, lease_by=None,
            )  # fmt: skip
            _revoke_cancelled(db, [row.id for row in back], worker, now)
            rows += db.scalars(CLAIM_ABANDONED, values | {"most": limit})
        if len(rows) < limit:
            rows += db.scalars(waiting, values | {"most": limit - len(rows)})
        if len(rows) < limit and _retire_expired(db, worker, now):  # they stood in front of others
            rows += db.scalars(waiting, values | {"most": limit - len(rows)})
        if rows:
            db.execute(ADD_EVENT, [_event(row, CLAIM, worker, now, {}) for row in rows])
        return rows

    def release(self, worker: str, *, now: datetime) -> None:
        """Give back what this worker holds. For a worker that starts or stops."""
        with self._begin() as db:
            hold(db, Invitation.lease_by == worker)
            released = move(
                db, RELEASE, Invitation.lease_by == worker,
                actor=worker, now=now, next_try_at=now, lease_until=None, lease_by=None,
            )  # fmt: skip
            _revoke_cancelled(db, [row.id for row in released], worker, now)

    def require(self, job: Invitation) -> None:
        """For what cannot be taken back, such as a ticket, which ends the one before it. Raises
        LeaseLost."""
        with self._engine.connect() as db:
            if not db.scalar(IS_HELD, _claim_of(job)):
                raise LeaseLost

    def extend(
        self, job: Invitation, *, now: datetime, message_id: str | None = None, **columns: Any
    ) -> None:
        """A full lease for what comes next; `columns` change with it. Raises LeaseLost.

        `message_id` is that of a message about to be handed over.
        """
        columns["lease_until"] = now + LEASE
        with self._engine.begin() as db:
            if not _is_changed(db, job, None, columns):
                raise LeaseLost
            if message_id:
                _add_message(db, job, Message(message_id, MessageStatus.STARTED), now)

    def doubt(self, job: Invitation, message_id: str, *, now: datetime, **columns: Any) -> None:
        """From now on this message may arrive, whatever becomes of its worker; `columns` change with
        that. Raises LeaseLost."""
        columns |= {"in_doubt_at": now, "lease_until": now + LEASE}
        with self._engine.begin() as db:
            if not _is_changed(db, job, None, columns):
                raise LeaseLost
            _record_message(db, job, Message(message_id, MessageStatus.IN_DOUBT), now)

    def record_password(self, job: Invitation, *, at: datetime, now: datetime) -> None:
        """The tenant says that the password was chosen then, by the link of an earlier mail; another one
        follows. Raises LeaseLost."""
        columns = {"password_set_at": at, "lease_until": now + LEASE}
        evidence = {"last_password_reset": at.isoformat()}
        with self._engine.begin() as db:
            if not _is_changed(db, job, FIND_PASSWORD, columns):
                raise LeaseLost
            actor = job.lease_by or "worker"
            db.execute(ADD_EVENT, _event(job, FIND_PASSWORD, actor, now, evidence))
        job.password_set_at = at

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

        What became of the message is kept in any case. What comes back into the queue of a batch that
        was cancelled meanwhile is revoked.
        """
        with self._engine.begin() as db:
            if message:
                _record_message(db, job, message, now)
            is_moved = _is_changed(db, job, transition, columns | NO_LEASE)
            if is_moved:
                actor = job.lease_by or "worker"
                db.execute(ADD_EVENT, _event(job, transition, actor, now, evidence or {}))
                if job.batch_id and transition.target == State.QUEUED:
                    with Session(db) as session, session.begin():  # within that of `db`
                        _revoke_cancelled(session, [job.id], actor, now)
        if not is_moved:
            raise LeaseLost

    def withdraw_later(self, job: Invitation, *, now: datetime) -> None:
        """For whoever has lost the lease: if the invitation was revoked meanwhile, its ticket is to be
        withdrawn, also one that was made after the check which that had asked for."""
        with self._begin() as db:
            db.execute(
                update(Invitation)
                .where(Invitation.id == job.id, Invitation.state == State.REVOKED)
                .values(check_at=now, user_id=func.coalesce(Invitation.user_id, job.user_id))
            )

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

    def reason_of_last_wait(self, job: Invitation) -> str | None:
        """Why this row went back into the queue the last time, in our own words."""
        latest = (
            select(InvitationEvent.evidence)
            .where(
                InvitationEvent.invitation_id == job.id,
                InvitationEvent.event == POSTPONE.event,
            )
            .order_by(InvitationEvent.id.desc())
            .limit(1)
        )
        with self._begin() as db:
            return (db.scalar(latest) or {}).get("why")

    def refused_in_a_row(self, reply: str, *, besides: int, limit: int) -> int:
        """How many people, one after the other and last of all, were refused with this reply; the
        invitation `besides` is not counted. Looks at a few tries of `limit` people."""
        latest = (
            select(SentMessage)
            .where(SentMessage.status.not_in((MessageStatus.STARTED, MessageStatus.NOT_TAKEN)))
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


def _retire_expired(db: Session, worker: str, now: datetime) -> bool:
    """Take what has expired out of the queue; returns whether there was any. Where the password is set
    only the mail has, and the invitation is what it was before."""
    if not db.connection().execute(RETIRE_EXPIRED, {"now": now}).rowcount:
        return False
    move(
        db, LAPSE, Invitation.expires_at <= now, Invitation.password_set_at.is_not(None),
        Invitation.new_email.is_(None), Invitation.next_try_at.is_(None),
        actor=worker, now=now, evidence={"why": LAPSED}, **SETTLED | {"last_error": LAPSED},
    )  # fmt: skip
    return True


def _revoke_cancelled(db: Session, back: Sequence[int], worker: str, now: datetime) -> None:
    """Revoke those of these rows, which came back into the queue, whose batch was cancelled while they
    were being sent."""
    if back:
        move(
            db, REVOKE, Invitation.id.in_(back), IS_CANCELLED,
            actor=worker, now=now, evidence={"reason": BATCH_CANCELLED}, **revocation(now),
        )  # fmt: skip


def _is_changed(
    db: Connection, job: Invitation, transition: Transition | None, columns: dict[str, Any]
) -> bool:
    # By the names of the table, which differ from those of the class in a few places.
    values = {Invitation.__mapper__.columns[name].name: value for name, value in columns.items()}
    return db.execute(change(transition, tuple(values)), _claim_of(job) | values).rowcount == 1


def _claim_of(job: Invitation) -> dict[str, Any]:
    return {
        "held_id": job.id,
        "held_by": job.lease_by,
        "held_attempts": job.attempts,
        "held_generation": job.generation,
    }


def _event(
    row: Invitation,
    transition: Transition,
    actor: str,
    now: datetime,
    evidence: dict[str, Any],
) -> dict[str, Any]:
    return {
        "invitation_id": row.id,
        "at": now,
        "actor": actor,
        "event": transition.event,
        "from_state": transition.source,
        "to_state": transition.target,
        "evidence": evidence,
    }


def _record_message(db: Connection, job: Invitation, message: Message, now: datetime) -> None:
    values = {
        "of": message.message_id,
        "now_status": message.status,
        "reply": message.reply,
        "now": now,
    }
    if not db.execute(CHANGE_MESSAGE, values).rowcount:
        _add_message(db, job, message, now)


def _add_message(db: Connection, job: Invitation, message: Message, now: datetime) -> None:
    db.execute(
        ADD_MESSAGE,
        {
            "invitation_id": job.id,
            "generation": job.generation,
            "message_id": message.message_id,
            "status": message.status,
            "server_words": message.reply,
            "at": now,
        },
    )
