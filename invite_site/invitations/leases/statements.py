"""The statements of a delivery, built once: putting one together costs more than executing it, and
each invitation needs a few."""

from functools import cache
from typing import Any

from sqlalchemy import Executable, Select, and_, bindparam, exists, insert, select, update

from ..lifecycle import CLAIM, State, Transition
from ..tables import Batch, Invitation, InvitationEvent, SentMessage

_rows, _events, _messages = (each.__table__ for each in (Invitation, InvitationEvent, SentMessage))
_is_waiting = and_(
    _rows.c.state == State.QUEUED,
    _rows.c.is_paused.is_(False),
    _rows.c.next_try_at <= bindparam("now"),
)
_is_abandoned = and_(_rows.c.state == State.SENDING, _rows.c.lease_until < bindparam("now"))
IS_DUE = select(exists().where(_is_waiting), exists().where(_is_abandoned))
_WAITING = (
    select(_rows.c.id)
    .where(_is_waiting)
    .order_by(_rows.c.place, _rows.c.next_try_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
# By the time alone: what was put back after a probe stands behind all that was due before.
_NEXT_PROBE = _WAITING.order_by(None).order_by(_rows.c.next_try_at, _rows.c.place)
_ABANDONED = (
    select(_rows.c.id)
    .where(_is_abandoned, _rows.c.is_paused.is_(False))
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)


def _claiming(which: Select[int]) -> Executable:
    taken = (
        update(_rows)
        .where(_rows.c.id.in_(which.scalar_subquery()), _rows.c.expires_at > bindparam("now"))
        .values(
            state=CLAIM.target,
            lease_until=bindparam("until"),
            lease_by=bindparam("worker"),
            attempts=_rows.c.attempts + 1,
        )
        .returning(_rows)
    )
    return select(Invitation).from_statement(taken)


CLAIM_WAITING, CLAIM_ABANDONED = _claiming(_WAITING), _claiming(_ABANDONED)
CLAIM_PROBE = _claiming(_NEXT_PROBE)
# What was being sent while its batch was cancelled, and came back into the queue. One that somebody
# sent again since is not paused.
IS_CANCELLED = and_(
    Invitation.state == State.QUEUED,
    Invitation.is_paused.is_(True),
    exists().where(Batch.id == Invitation.batch_id, Batch.cancelled_at.is_not(None)),
)
# A condition on the end of life within the sub-select above would draw SQLite to the index of the
# list, and away from that of the queue. So what has expired there is taken out of the queue.
_EXPIRED = (
    select(_rows.c.id)
    .where(
        _rows.c.state == State.QUEUED,
        _rows.c.expires_at <= bindparam("now"),
        _rows.c.next_try_at.is_not(None),
    )
    .with_for_update(skip_locked=True)
)
RETIRE_EXPIRED = (
    update(_rows).where(_rows.c.id.in_(_EXPIRED.scalar_subquery())).values(next_try_at=None)
)
# The row, as long as it is still under the very claim that the job was read from.
_is_held = and_(
    _rows.c.id == bindparam("held_id"),
    _rows.c.lease_by == bindparam("held_by"),
    _rows.c.attempts == bindparam("held_attempts"),
    _rows.c.generation == bindparam("held_generation"),
)
IS_HELD = select(exists().where(_rows.c.state == State.SENDING, _is_held))
ADD_EVENT = insert(_events)
ADD_MESSAGE = insert(_messages)
CHANGE_MESSAGE = (
    update(_messages)
    .where(_messages.c.message_id == bindparam("of"))
    .values(status=bindparam("now_status"), server_words=bindparam("reply"), at=bindparam("now"))
)


@cache
def change(transition: Transition | None, columns: tuple[str, ...]) -> Executable:
    """The UPDATE of these columns of a row that is held, with a new state if there is a transition."""
    values: dict[str, Any] = {name: bindparam(name) for name in columns}
    if transition:
        values["state"] = transition.target
    sources = transition.sources if transition else (State.SENDING,)
    return update(_rows).where(_rows.c.state.in_(sources), _is_held).values(values)
