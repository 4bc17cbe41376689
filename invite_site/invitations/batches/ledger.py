"""The ledger of batches: what an admin does with a batch as a whole, in statements for many rows."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Engine,
    and_,
    case,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased, sessionmaker

from ...errors import BatchNotFound
from ..ledger.many import end_of_life, hold, move_all, open_alone, record_where
from ..ledger.moves import (
    BATCH_CANCELLED,
    has_accepted_since,
    is_of_same_address,
    new_life,
    revocation,
)
from ..lifecycle import EXPIRED, OPEN_STATES, RESEND, REVOKE, STATUSES, State
from ..tables import Batch, Invitation

CHUNK = 500  # rows read at a time


class BatchLedger:
    """Batches in a database. Moments are aware UTC and come from the caller."""

    def __init__(self, engine: Engine) -> None:
        self._begin = sessionmaker(engine, expire_on_commit=False).begin

    def get(self, batch_id: int) -> Batch:
        """Raises BatchNotFound."""
        with self._begin() as db:
            return batch_in(db, batch_id)

    def latest(self, *, before: int | None, size: int) -> Sequence[Batch]:
        """Batches and previews, newest first, of those with a number below `before`."""
        wanted = select(Batch).where(~Batch.is_removed).order_by(Batch.id.desc()).limit(size)
        if before is not None:
            wanted = wanted.where(Batch.id < before)
        with self._begin() as db:
            return db.scalars(wanted).all()

    def under_way(self, batch_ids: Sequence[int], now: datetime) -> set[int]:
        """Those of these batches that have invitations to send still."""
        waits = exists().where(
            Invitation.batch_id == Batch.id,
            Invitation.state.in_((State.QUEUED, State.SENDING)),
            ~Invitation.is_expired(now),
        )
        with self._begin() as db:
            return set(db.scalars(select(Batch.id).where(Batch.id.in_(batch_ids), waits)))

    def pause(self, batch_id: int, now: datetime) -> bool:
        """Claim no more of this batch; False where it is paused or cancelled already."""
        return self._set_paused(batch_id, now)

    def resume(self, batch_id: int) -> bool:
        """Go on with it; False where it is not paused."""
        return self._set_paused(batch_id, None)

    def _set_paused(self, batch_id: int, paused_at: datetime | None) -> bool:
        is_paused = paused_at is not None
        was_not_so = Batch.paused_at.is_(None) if is_paused else Batch.paused_at.is_not(None)
        with self._begin() as db:
            if _change_started(db, batch_id, was_not_so, paused_at=paused_at) is None:
                return False
            are_open = Invitation.batch_id == batch_id, Invitation.state.in_(OPEN_STATES)
            hold(db, *are_open)
            db.execute(update(Invitation).where(*are_open).values(is_paused=is_paused))
            return True

    def cancel(self, batch_id: int, *, actor: str, now: datetime) -> int | None:
        """Revoke what is queued and has not gone out since the start; returns how many, or None where it
        is cancelled already. What is being sent is revoked if it comes back into the queue.

        One that has gone out stays, though another mail about it is queued. One that was sent before
        the batch has a live link, which the worker is to withdraw.
        """
        with self._begin() as db:
            batch = _change_started(db, batch_id, cancelled_at=now, paused_at=None)
            if batch is None:
                return None
            has_not_gone_out = or_(
                Invitation.last_sent_at.is_(None), Invitation.last_sent_at < batch.started_at
            )
            _pause_only(db, batch_id, has_not_gone_out)
            revoked = move_all(
                db,
                REVOKE,
                Invitation.batch_id == batch_id,
                Invitation.state == State.QUEUED,
                has_not_gone_out,
                values=revocation(now),
            )
            record_where(
                db,
                REVOKE,
                Invitation.batch_id == batch_id,
                Invitation.state == State.REVOKED,
                Invitation.closed_at == now,
                actor=actor,
                now=now,
                evidence={"reason": BATCH_CANCELLED},
            )
            return len(revoked)

    def resend_failed(
        self, batch_id: int, *, actor: str, expires_at: datetime, now: datetime
    ) -> int | None:
        """Queue the failed ones again, but for those whose address has an open or accepted invitation by
        now; one with a life of its own ends after that. Those of a paused batch wait as the others do.

        Returns how many, or None where the batch was not sent or is cancelled.
        """

        def resend() -> int | None:
            with self._begin() as db:
                return _resend_failed(db, batch_id, actor=actor, expires_at=expires_at, now=now)

        try:
            return resend()
        except IntegrityError:  # an address was invited while the statement ran; the next sees that
            return resend()

    def failed_left(self, batch_id: int) -> int:
        """How many failed ones that would queue again."""
        with self._begin() as db:
            number = select(func.count()).where(*_failed_left_of(batch_id))
            return db.scalar(number) or 0

    def counts(
        self, batch_id: int, *, now: datetime, since: datetime
    ) -> tuple[dict[str, int], int]:
        """How many of a batch have each status; and how many went out since."""
        is_expired = Invitation.is_expired(now)
        with self._begin() as db:
            rows = db.execute(
                select(
                    Invitation.state,
                    func.count(),
                    func.sum(case((is_expired, 1), else_=0)),
                    func.sum(case((Invitation.last_sent_at >= since, 1), else_=0)),
                )
                .where(Invitation.batch_id == batch_id)
                .group_by(Invitation.state)
            ).all()
        counts = dict.fromkeys(STATUSES, 0)
        for state, number, expired, _ in rows:
            counts[state] = number - expired
            counts[EXPIRED] += expired
        return counts, sum(recent for *_, recent in rows)

    def queued_until_last_of(self, batch_id: int, now: datetime) -> int:
        """How many go out until the last of this batch has, with those of others in between."""
        waiting = and_(
            Invitation.state == State.QUEUED,
            Invitation.is_paused.is_(False),
            Invitation.expires_at > now,
        )
        with self._begin() as db:
            last = db.scalar(
                select(func.max(Invitation.place)).where(Invitation.batch_id == batch_id, waiting)
            )
            if last is None:
                return 0
            return db.scalar(select(func.count()).where(waiting, Invitation.place <= last)) or 0

    def next_try_of(self, batch_id: int, now: datetime) -> datetime | None:
        """When the first of what waits is due; None where each is held for an admin's decision."""
        is_left = Invitation.state == State.QUEUED, Invitation.expires_at > now
        of_batch = select(func.min(Invitation.next_try_at)).where(Invitation.batch_id == batch_id)
        with self._begin() as db:
            return db.scalar(of_batch.where(*is_left))

    def results(self, batch_id: int) -> Iterator[Invitation]:
        """The invitations of a batch."""
        after = 0
        while True:
            with self._begin() as db:
                rows = db.scalars(
                    select(Invitation)
                    .where(Invitation.batch_id == batch_id, Invitation.id > after)
                    .order_by(Invitation.id)
                    .limit(CHUNK)
                ).all()
            yield from rows
            if len(rows) < CHUNK:
                return
            after = rows[-1].id


def batch_in(db: Session, batch_id: int) -> Batch:
    """The batch or preview with this number. Raises BatchNotFound."""
    batch = db.get(Batch, batch_id)
    if batch is None or batch.is_removed:
        raise BatchNotFound("There is no such batch. A preview is kept for a day.")
    return batch


def _change_started(
    db: Session, batch_id: int, *conditions: ColumnElement[bool], **values: datetime | None
) -> Batch | None:
    """Change a batch that is sent and not cancelled; None where it is not so. Nobody else changes it
    before the transaction ends."""
    is_started = Batch.started_at.is_not(None), Batch.cancelled_at.is_(None)
    return db.scalars(
        update(Batch)
        .where(Batch.id == batch_id, *is_started, *conditions)
        .values(**values)
        .returning(Batch)
    ).one_or_none()


def _resend_failed(
    db: Session, batch_id: int, *, actor: str, expires_at: datetime, now: datetime
) -> int | None:
    batch = _change_started(db, batch_id, cancelled_at=None)  # as it is: this holds the row
    if batch is None:
        return None
    open_alone(db)
    is_left = _failed_left_of(batch_id)
    hold(db, *is_left)
    ends = end_of_life(db, *is_left, default=expires_at, now=now)
    values = new_life(ends, now) | {"is_paused": batch.paused_at is not None}
    resent = move_all(db, RESEND, *is_left, values=values)
    is_resent = Invitation.state == State.QUEUED, Invitation.next_try_at == now
    record_where(db, RESEND, Invitation.batch_id == batch_id, *is_resent, actor=actor, now=now)
    return len(resent)


def _failed_left_of(batch_id: int) -> tuple[ColumnElement[bool], ...]:
    """Those of a batch that failed, and whose address has no other invitation that stands for them."""
    return (
        Invitation.batch_id == batch_id,
        Invitation.state == State.FAILED,
        ~_is_replaced(),
        ~has_accepted_since(),
    )


def _is_replaced() -> ColumnElement[bool]:
    """Whether the address of a row that has failed has an open invitation, or a later one that failed
    in the same batch, where an account got another address."""
    other = aliased(Invitation)
    return (
        select(other.id)
        .where(
            is_of_same_address(other),
            or_(
                other.state.in_(OPEN_STATES),
                and_(
                    other.state == State.FAILED,
                    other.batch_id == Invitation.batch_id,
                    other.id > Invitation.id,
                ),
            ),
        )
        .exists()
    )


def _pause_only(db: Session, batch_id: int, condition: ColumnElement[bool]) -> None:
    """Of the open ones let no others be paused than those that meet the condition: also those that are
    being sent, so that they are not claimed again.

    All are held, also where nothing changes. Else one that a worker claims or puts back meanwhile
    would be missed.
    """
    are_open = Invitation.batch_id == batch_id, Invitation.state.in_(OPEN_STATES)
    hold(db, *are_open)
    db.execute(
        update(Invitation)
        .where(*are_open, Invitation.is_paused != condition)
        .values(is_paused=condition)
        .execution_options(synchronize_session=False)
    )
