"""How many invitations are changed at once: one conditional UPDATE, and one INSERT of their events."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, String, case, exists, func, insert, literal, select, update
from sqlalchemy.orm import Session

from ...database.base import literal_moment
from ..lifecycle import Transition
from ..tables import Batch, Invitation, InvitationEvent

_rows, _events = Invitation.__table__, InvitationEvent.__table__
BEHIND_SINGLE = 1  # the place in the queue behind whoever is invited alone
IS_OF_PAUSED_BATCH = exists().where(Batch.id == Invitation.batch_id, Batch.paused_at.is_not(None))
OPENING_LOCK = 7_261_840  # any number that nothing else on this database uses


def hold(db: Session, *conditions: ColumnElement[bool]) -> None:
    """Let nobody else change these rows until the transaction ends. For what changes many of them at once.

    All take them in the order of their numbers. PostgreSQL finds rows in any order, and two transactions
    that take the same rows in different orders would wait for each other.
    """
    rows = select(Invitation.id).where(*conditions).order_by(Invitation.id)
    db.execute(rows.with_for_update(key_share=True))


def hold_batch(db: Session, invitation_id: int) -> None:
    """Let nobody pause or resume the batch of this invitation until the transaction ends. As everybody, the
    batch before its rows."""
    of_row = select(Invitation.batch_id).where(Invitation.id == invitation_id)
    batch = select(Batch.id).where(Batch.id == of_row.scalar_subquery())
    db.execute(batch.with_for_update(read=True))


def open_alone(db: Session) -> None:
    """Let nobody else open many invitations until the transaction ends. Whoever holds a batch may call it.

    The unique index locks their addresses one after the other, in the order of a plan that nobody
    chooses. Two transactions that open the same addresses could wait for each other; so could one that
    gives an invitation another address.
    """
    if db.get_bind().dialect.name == "postgresql":  # on SQLite whoever writes is alone
        db.execute(select(func.pg_advisory_xact_lock(OPENING_LOCK)))


def move_all(
    db: Session, transition: Transition, *conditions: ColumnElement[bool], values: dict[str, Any]
) -> Sequence[int]:
    """Move many rows along a transition; returns their numbers."""
    return db.scalars(
        update(Invitation)
        .where(Invitation.state.in_(transition.sources), *conditions)
        .values(state=transition.target, **values)
        .returning(Invitation.id)
        .execution_options(synchronize_session=False)
    ).all()


def record_where(
    db: Session,
    transition: Transition,
    *conditions: ColumnElement[bool],
    actor: str,
    now: datetime,
    evidence: dict[str, Any] | None = None,
) -> None:
    """The same event for each row that meets the conditions, within the transaction of the move."""
    source = transition.source
    values = {
        "invitation_id": _rows.c.id,
        "at": literal_moment(now),
        "actor": literal(actor),
        "event": literal(transition.event.value),
        "from_state": literal(source.value if source else None, String),
        "to_state": literal(transition.target.value),
        "evidence": literal(evidence or {}, _events.c.evidence.type),
    }
    moved = select(*(value.label(name) for name, value in values.items())).where(*conditions)
    db.execute(insert(_events).from_select(list(values), moved))


def end_of_life(
    db: Session, *conditions: ColumnElement[bool], default: datetime, now: datetime
) -> ColumnElement[datetime]:
    """When each of these rows ends if it is sent anew: after the life of its own, if it has one."""
    lifetime = Invitation.lifetime
    own = db.scalars(select(lifetime).where(lifetime.is_not(None), *conditions).distinct())
    ends = {each: literal_moment(now + timedelta(seconds=each)) for each in own if each is not None}
    usual = literal_moment(default)
    return case(ends, value=lifetime, else_=usual) if ends else usual
