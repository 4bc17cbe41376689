"""How an invitation is changed: one conditional UPDATE and one event, in one transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, and_, case, func, select, update
from sqlalchemy.orm import Session, aliased

from ..lifecycle import EventKind, State, Transition
from ..tables import Invitation, InvitationEvent


def record(
    db: Session,
    invitation_id: int,
    event: EventKind,
    *,
    actor: str,
    now: datetime,
    source: State | None = None,
    target: State | None = None,
    evidence: dict[str, Any] | None = None,
) -> None:
    """Add an event within the transaction of the change that it records."""
    db.add(
        InvitationEvent(
            invitation_id=invitation_id,
            at=now,
            actor=actor,
            event=event,
            from_state=source,
            to_state=target,
            evidence=evidence or {},
        )
    )


def move(
    db: Session,
    transition: Transition,
    *conditions: ColumnElement[bool],
    actor: str,
    now: datetime,
    evidence: dict[str, Any] | None = None,
    **values: Any,
) -> Sequence[Invitation]:
    """Move the rows that meet `conditions` along this transition, each with its event.

    Returns the rows that moved. One UPDATE decides, so of several callers one wins.
    """
    rows = db.scalars(
        update(Invitation)
        .where(Invitation.state.in_(transition.sources), *conditions)
        .values(state=transition.target, **values)
        .returning(Invitation)
        .execution_options(populate_existing=True)
    ).all()
    for row in rows:
        record(
            db, row.id, transition.event, actor=actor, now=now,
            source=transition.source, target=transition.target, evidence=evidence,
        )  # fmt: skip
    return rows


def is_of_same_address(
    other: type[Invitation], row: Invitation | type[Invitation] = Invitation
) -> ColumnElement[bool]:
    """Whether `other` is an invitation of the same address to the same application as `row`; one of both
    may be an alias."""
    return and_(
        other.email_norm == row.email_norm,
        other.connection == row.connection,
        other.client_id == row.client_id,
    )


def has_accepted_since() -> ColumnElement[bool]:
    """Whether the address of a row has accepted another invitation since the row was made. After that
    an older one that failed is of no use."""
    other = aliased(Invitation)
    return (
        select(other.id)
        .where(
            is_of_same_address(other),
            other.id != Invitation.id,
            other.state == State.ACCEPTED,
            other.accepted_at > Invitation.created_at,
        )
        .exists()
    )


def caused_by(job_id: int | None) -> dict[str, int]:
    """What an event says of the job that caused it."""
    return {} if job_id is None else {"job": job_id}


def was_caused_by(job_id: int) -> ColumnElement[bool]:
    """Whether an event says that."""
    is_its: ColumnElement[bool] = InvitationEvent.evidence["job"].as_integer() == job_id
    return is_its


def is_done_by(job_id: int) -> ColumnElement[bool]:
    """Whether this job has changed a row already."""
    return (
        select(InvitationEvent.id)
        .where(InvitationEvent.invitation_id == Invitation.id, was_caused_by(job_id))
        .exists()
    )


# Columns of an invitation that no worker has anything to do for any more, and nobody waits for.
SETTLED: dict[str, Any] = {
    "next_try_at": None,
    "check_at": None,
    "in_doubt_at": None,
    "last_error": None,
}
# Columns of an invitation whose invitee has come: a message that was in doubt counts as sent.
ARRIVED: dict[str, Any] = {
    "first_sent_at": func.coalesce(Invitation.first_sent_at, Invitation.in_doubt_at),
    "last_sent_at": func.coalesce(Invitation.in_doubt_at, Invitation.last_sent_at),
}
NO_LEASE: dict[str, Any] = {"lease_until": None, "lease_by": None}
BATCH_CANCELLED = "The batch was cancelled."  # why an invitation was revoked


def new_life(expires_at: datetime | SQLColumnExpression[datetime], now: datetime) -> dict[str, Any]:
    """Columns of an invitation that is to be sent anew."""
    return SETTLED | {
        "expires_at": expires_at,
        "next_try_at": now,
        "generation": Invitation.generation + 1,
        "attempts": 0,
        "result_seen_at": case(
            (Invitation.password_set_at.is_not(None), Invitation.result_seen_at), else_=None
        ),
        "closed_at": None,
        "new_email": None,
        "reminded_at": None,
        "is_paused": False,
    }


def revocation(now: datetime) -> dict[str, Any]:
    """Columns of an invitation that is revoked. Its ticket still lives at the tenant: `check_at` asks
    the worker to withdraw it."""
    check_at = case((Invitation.user_id.is_not(None), now), else_=None)
    return SETTLED | NO_LEASE | {"closed_at": now, "check_at": check_at}
