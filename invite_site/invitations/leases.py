"""The queue, which is the ledger: a queued invitation is a job, and its lease says who does it.

A worker that dies loses nothing: its lease runs out and the row is due again. Every step of a
worker is allowed only while the row is still under the very claim that it was given.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, and_, func, or_, select, update
from sqlalchemy.orm import Session, sessionmaker

from .tables import Delivery, Invitation, InvitationEvent, State

LEASE = timedelta(seconds=60)  # longer than the tenant's calls, and again than the mail
CHECK_LEASE = timedelta(seconds=60)


class Queue:
    """Invitations that a worker has something to do for. Moments are aware UTC."""

    def __init__(self, engine: Engine) -> None:
        self._begin = sessionmaker(engine, expire_on_commit=False).begin

    def claim(self, worker: str, *, limit: int, now: datetime) -> Sequence[Invitation]:
        """Take up to `limit` invitations that are due, for as long as a lease lasts.

        Due is a queued row whose time has come, or one whose worker died with the lease. Nobody
        else gets the same row meanwhile; SKIP LOCKED keeps workers on PostgreSQL from waiting
        for each other.
        """
        due = (
            select(Invitation.id)
            .where(
                or_(
                    and_(Invitation.state == State.QUEUED, Invitation.next_try_at <= now),
                    and_(Invitation.state == State.SENDING, Invitation.lease_until < now),
                ),
                Invitation.expires_at > now,
            )
            .order_by(Invitation.next_try_at, Invitation.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        with self._begin() as db:
            # Its worker died and then its time ran out: expired, so that it can be sent again.
            over = db.scalars(
                update(Invitation)
                .where(
                    Invitation.state == State.SENDING,
                    Invitation.lease_until < now,
                    Invitation.expires_at <= now,
                )
                .values(state=State.QUEUED, lease_until=None, lease_by=None)
                .returning(Invitation.id)
            ).all()
            for row_id in over:
                InvitationEvent.note(
                    db, row_id, now, worker, "lease released", State.SENDING, State.QUEUED
                )
            rows = db.scalars(
                update(Invitation)
                .where(Invitation.id.in_(due.scalar_subquery()))
                .values(
                    state=State.SENDING,
                    lease_until=now + LEASE,
                    lease_by=worker,
                    attempts=Invitation.attempts + 1,
                )
                .returning(Invitation)
            ).all()
            for row in rows:
                InvitationEvent.note(
                    db, row.id, now, worker, "delivery started", to_state=State.SENDING
                )
            return rows

    def release(self, worker: str, *, now: datetime) -> int:
        """Give back what this worker holds; returns how many rows. For a worker that restarts."""
        with self._begin() as db:
            rows = db.scalars(
                update(Invitation)
                .where(Invitation.state == State.SENDING, Invitation.lease_by == worker)
                .values(state=State.QUEUED, next_try_at=now, lease_until=None, lease_by=None)
                .returning(Invitation.id)
            ).all()
            for row_id in rows:
                InvitationEvent.note(
                    db, row_id, now, worker, "lease released", State.SENDING, State.QUEUED
                )
            return len(rows)

    def note_user(self, job: Invitation, user_id: str) -> bool:
        """Remember the tenant's user of this invitation. False: the row is no longer this worker's."""
        return self._as_holder(job, {"user_id": user_id})

    def still_holds(self, job: Invitation, *, now: datetime) -> bool:
        """Whether the worker that claimed this row still holds it; if so, with a full lease for
        what comes next."""
        return self._as_holder(job, {"lease_until": now + LEASE})

    def note_landing(self, job: Invitation, landing_hash: str, *, now: datetime) -> bool:
        """From now on this is the invitation's one landing link. Answers as `still_holds` does."""
        return self._as_holder(
            job, {"landing_hash": landing_hash, "openings": 0, "lease_until": now + LEASE}
        )

    def mark_sent(
        self,
        job: Invitation,
        *,
        message_id: str | None,
        ticket_issued_at: datetime | None,
        now: datetime,
    ) -> bool:
        """The mail server took the message; without a `message_id` it is the tenant that sends it.

        False: somebody else had the row by then.
        """
        return self._leave(
            job,
            State.SENT,
            "handed to the mail server" if message_id else "handed to the tenant",
            now=now,
            evidence={"message_id": message_id} if message_id else {},
            message=(message_id, "accepted", "") if message_id else None,
            next_try_at=None,
            trouble=None,
            ticket_issued_at=ticket_issued_at,
            last_sent_at=now,
            first_sent_at=func.coalesce(Invitation.first_sent_at, now),
        )

    def postpone(
        self,
        job: Invitation,
        *,
        until: datetime,
        trouble: str,
        now: datetime,
        costs_attempt: bool,
        message_id: str | None = None,
    ) -> bool:
        """Back into the queue until then. `message_id`: the mail server delayed this message."""
        return self._leave(
            job,
            State.QUEUED,
            "waiting",
            now=now,
            evidence={"why": trouble},
            message=(message_id, "delayed", trouble) if message_id else None,
            next_try_at=until,
            trouble=trouble,
            attempts=Invitation.attempts - (0 if costs_attempt else 1),
        )

    def fail(
        self, job: Invitation, *, trouble: str, now: datetime, message_id: str | None = None
    ) -> bool:
        """The end, with the reason in one sentence. `message_id`: the mail server refused this one."""
        return self._leave(
            job,
            State.FAILED,
            "failed",
            now=now,
            evidence={"why": trouble},
            message=(message_id, "refused", trouble) if message_id else None,
            closed_at=now,
            next_try_at=None,
            trouble=trouble,
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

    def mark_password_set(self, row: Invitation, *, at: datetime, now: datetime) -> bool:
        """The tenant says that the password was chosen, at `at`."""
        with self._begin() as db:
            changed = db.scalars(
                update(Invitation)
                .where(Invitation.id == row.id, Invitation.state == State.SENT)
                .values(state=State.PASSWORD_SET, password_set_at=at, check_at=None)
                .returning(Invitation.id)
            ).all()
            if changed:
                evidence = {"last_password_reset": at.isoformat()}
                InvitationEvent.note(
                    db, row.id, now, "tenant", "password set",
                    State.SENT, State.PASSWORD_SET, evidence,
                )  # fmt: skip
            return bool(changed)

    def end_check(
        self, row: Invitation, *, again_at: datetime | None, now: datetime, event: str = ""
    ) -> None:
        """The question to the tenant is answered, or is to be asked again at `again_at`."""
        with self._begin() as db:
            db.execute(update(Invitation).where(Invitation.id == row.id).values(check_at=again_at))
            if event:
                InvitationEvent.note(db, row.id, now, "worker", event)

    def _as_holder(self, job: Invitation, values: dict[str, Any]) -> bool:
        with self._begin() as db:
            return _update_held(db, job, values)

    def _leave(
        self,
        job: Invitation,
        to_state: State,
        event: str,
        *,
        now: datetime,
        evidence: dict[str, Any],
        message: tuple[str, str, str] | None,
        **values: Any,
    ) -> bool:
        """The worker is done with this row. `message` is an id, a status and the server's words."""
        values |= {"state": to_state, "lease_until": None, "lease_by": None}
        with self._begin() as db:
            if message:
                _record_delivery(db, job, *message, now)
            if not _update_held(db, job, values):
                return False
            actor = job.lease_by or "worker"
            InvitationEvent.note(db, job.id, now, actor, event, State.SENDING, to_state, evidence)
            return True


def _update_held(db: Session, job: Invitation, values: dict[str, Any]) -> bool:
    done = db.scalars(update(Invitation).where(*_held(job)).values(values).returning(Invitation.id))
    return bool(done.all())


def _held(job: Invitation) -> tuple[Any, ...]:
    """The row, as long as it is still under the very claim that `job` was read from."""
    return (
        Invitation.id == job.id,
        Invitation.state == State.SENDING,
        Invitation.lease_by == job.lease_by,
        Invitation.attempts == job.attempts,
        Invitation.generation == job.generation,
    )


def _record_delivery(
    db: Session, job: Invitation, message_id: str, status: str, words: str, now: datetime
) -> None:
    """One row a message: a retry of the same message writes over what the server said before."""
    row = db.scalar(select(Delivery).where(Delivery.message_id == message_id))
    if row is None:
        row = Delivery(invitation_id=job.id, generation=job.generation, message_id=message_id)
        db.add(row)
    row.status, row.server_words, row.at = status, words, now
