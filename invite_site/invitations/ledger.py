"""The ledger of invitations: every question to the table, and the changes that admins make.

Each change is one conditional UPDATE and one event in one transaction, so two people or two
workers that want the same thing get one winner. Which changes there are says `lifecycle`; those
that an invitee's browser causes are in `visits`, those of a worker in `leases`.
"""

import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Engine,
    SQLColumnExpression,
    bindparam,
    case,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from ..errors import AlreadyInvited, InvitationNotFound
from .lifecycle import (
    INVITE,
    OPEN_STATES,
    READDRESS,
    RESEND,
    REVOKE,
    EventKind,
    State,
    Transition,
)
from .people import Invitee, Inviter, search_text
from .resends import Allowance
from .tables import Invitation, InvitationEvent

REF = re.compile(r"[\w-]{1,43}", re.ASCII)  # PostgreSQL takes no NUL, and addresses may hold one

# Built once: these are asked at every landing and callback, and putting a statement together costs
# more than executing it.
_BY_REF = select(Invitation).where(Invitation.ref == bindparam("ref"))
_OF_USER = (
    select(Invitation)
    .where(
        Invitation.user_id == bindparam("user_id"),
        Invitation.connection == bindparam("connection"),
    )
    .order_by(Invitation.id.desc())
)


def record(
    db: Session,
    invitation_id: int,
    event: EventKind,
    *,
    actor: str,
    now: datetime,
    sources: tuple[State, ...] = (),
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
            from_state=sources[0] if len(sources) == 1 else None,
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
            sources=transition.sources, target=transition.target, evidence=evidence,
        )  # fmt: skip
    return rows


# Columns of an invitation that no worker has anything to do for any more, and nobody waits for.
SETTLED: dict[str, Any] = {
    "next_try_at": None,
    "check_at": None,
    "in_doubt_at": None,
    "last_error": None,
}
NO_LEASE: dict[str, Any] = {"lease_until": None, "lease_by": None}


class Ledger:
    """Invitations in a database. Moments are aware UTC and come from the caller."""

    def __init__(self, engine: Engine, connection: str, client_id: str) -> None:
        self._read = sessionmaker(engine, expire_on_commit=False)
        self._begin = self._read.begin
        self._connection = connection
        self._client_id = client_id

    def get(self, invitation_id: int) -> Invitation:
        """Raises InvitationNotFound."""
        found = self._first(Invitation.id == invitation_id)
        if found is None:
            raise InvitationNotFound("There is no such invitation.")
        return found

    def by_ref(self, ref: str) -> Invitation | None:
        """The invitation that the opaque ref of a link points to, if it has the shape of one."""
        if not REF.fullmatch(ref):
            return None
        with self._read() as db:
            return db.scalars(_BY_REF, {"ref": ref}).one_or_none()

    def by_landing(self, landing_hash: str) -> Invitation | None:
        """The invitation whose newest mail carries the landing link with this hash."""
        return self._first(Invitation.landing_hash == landing_hash)

    def accepted_of(self, email_norm: str) -> Invitation | None:
        """The newest accepted invitation of this address."""
        with self._read() as db:
            return db.scalars(
                select(Invitation)
                .where(*self._of_address(email_norm), Invitation.state == State.ACCEPTED)
                .order_by(Invitation.id.desc())
                .limit(1)
            ).one_or_none()

    def open_of(self, email_norm: str) -> Invitation | None:
        """The open invitation to this address."""
        return self._first(*self._of_address(email_norm), Invitation.state.in_(OPEN_STATES))

    def of_user(self, user_id: str) -> Sequence[Invitation]:
        """Every invitation of this user of the tenant, newest first; also from before the
        application was replaced by another."""
        with self._read() as db:
            return db.scalars(_OF_USER, {"user_id": user_id, "connection": self._connection}).all()

    def open(
        self,
        invitee: Invitee,
        *,
        inviter: Inviter,
        expires_at: datetime,
        now: datetime,
        form_key: str | None = None,
        is_second_try: bool = False,
        **columns: Any,
    ) -> Invitation:
        """A new queued invitation; the one of the same `form_key` where a form is sent twice. `columns`
        is what it has of its own.

        Raises AlreadyInvited, also where two people ask in the same moment.
        """
        try:
            with self._begin() as db:
                row = Invitation(
                    ref=secrets.token_urlsafe(16),
                    email=invitee.email,
                    email_norm=invitee.email_norm,
                    name=invitee.name,
                    connection=self._connection,
                    client_id=self._client_id,
                    state=INVITE.target,
                    inviter=inviter.name,
                    inviter_sub=inviter.sub,
                    form_key=form_key,
                    supersedes_id=db.scalar(
                        select(func.max(Invitation.id)).where(*self._of_address(invitee.email_norm))
                    ),
                    created_at=now,
                    expires_at=expires_at,
                    next_try_at=now,
                    **columns,
                )
                db.add(row)
                db.flush()
                record(db, row.id, INVITE.event, actor=inviter.name, now=now, target=INVITE.target)
                return row
        except IntegrityError:
            if is_second_try:
                raise
        # A unique index refused the row: the same form again, or the address is taken.
        if form_key and (earlier := self._first(Invitation.form_key == form_key)):
            if earlier.email_norm == invitee.email_norm:
                return earlier
            form_key = None  # Back, another address, and sent again: another invitation
        taken = self.open_of(invitee.email_norm)
        if taken is None:  # it ended between the two statements
            return self.open(
                invitee,
                inviter=inviter,
                expires_at=expires_at,
                now=now,
                form_key=form_key,
                is_second_try=True,
                **columns,
            )
        raise AlreadyInvited(taken.id, taken.inviter, taken.created_at)

    def requeue(
        self,
        invitation_id: int,
        *,
        actor: str,
        expires_at: datetime,
        now: datetime,
        transition: Transition = RESEND,
        allowance: Allowance | None = None,
        can_sign_in: bool = False,
        evidence: dict[str, Any] | None = None,
        place: int = 0,
        **columns: Any,
    ) -> Invitation | None:
        """A new life and a new message for a sent, failed or expired invitation, and where the mail
        `can_sign_in` people for one whose password is set; None in any other state. Raises
        AlreadyInvited where a failed one has been replaced by another.

        With an `allowance` it counts, and None also means: too soon. `place` is that in the queue.
        `columns` change with it, such as who invites this time.
        """
        states = [State.SENT, State.FAILED, *([State.PASSWORD_SET] if can_sign_in else [])]
        with self._conflicts_with_open(invitation_id), self._begin() as db:
            return _one(
                move(
                    db,
                    transition,
                    Invitation.id == invitation_id,
                    or_(Invitation.state.in_(states), Invitation.is_expired(now)),
                    *((allowance.is_left(now),) if allowance else ()),
                    actor=actor,
                    now=now,
                    evidence=evidence,
                    **new_life(expires_at, now)
                    | {"place": place}
                    | (allowance.counted(now) if allowance else {})
                    | columns,
                )
            )

    def readdress(
        self, invitation_id: int, *, email: str, actor: str, expires_at: datetime, now: datetime
    ) -> Invitation | None:
        """Send an invitation that is held to the address that the account has now; None where it is
        not held for this address. Raises AlreadyInvited."""
        with self._conflicts_with_open(invitation_id), self._begin() as db:
            name = db.scalar(select(Invitation.name).where(Invitation.id == invitation_id))
            return _one(
                move(
                    db,
                    READDRESS,
                    Invitation.id == invitation_id,
                    Invitation.new_email == email,
                    actor=actor,
                    now=now,
                    email=email,
                    email_norm=email,
                    search_text=search_text(email, email, name or ""),
                    **new_life(expires_at, now) | {"place": 0},
                )
            )

    def failed_since(self, since: datetime) -> Sequence[int]:
        """The numbers of the invitations that failed at or after this moment, oldest first."""
        with self._begin() as db:
            return db.scalars(
                select(Invitation.id)
                .where(
                    Invitation.state == State.FAILED,
                    Invitation.closed_at >= since,
                    *self._of_client(),
                )
                .order_by(Invitation.id)
            ).all()

    def revoke(
        self,
        invitation_id: int,
        *,
        actor: str,
        reason: str,
        now: datetime,
        evidence: dict[str, Any] | None = None,
    ) -> Invitation | None:
        """Withdraw an open invitation; None where it has ended already."""
        with self._begin() as db:
            return _one(
                move(
                    db,
                    REVOKE,
                    Invitation.id == invitation_id,
                    actor=actor,
                    now=now,
                    evidence=({"reason": reason} if reason else {}) | (evidence or {}),
                    **withdrawn(now),
                )
            )

    @contextmanager
    def _conflicts_with_open(self, invitation_id: int) -> Iterator[None]:
        """The unique index refuses a second open invitation to one address: say which is open."""
        try:
            yield
        except IntegrityError as refused:
            row = self.get(invitation_id)
            taken = self.open_of(row.new_email or row.email_norm)
            if taken is None:
                raise
            raise AlreadyInvited(taken.id, taken.inviter, taken.created_at) from refused

    def _first(self, *conditions: ColumnElement[bool]) -> Invitation | None:
        with self._begin() as db:
            return db.scalars(
                select(Invitation).where(*conditions).order_by(Invitation.id.desc()).limit(1)
            ).one_or_none()

    def _of_address(self, email_norm: str) -> tuple[ColumnElement[bool], ...]:
        return (Invitation.email_norm == email_norm, *self._of_client())

    def _of_client(self) -> tuple[ColumnElement[bool], ...]:
        return (Invitation.connection == self._connection, Invitation.client_id == self._client_id)


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
        "is_paused": False,
    }


def withdrawn(now: datetime) -> dict[str, Any]:
    """Columns of an invitation that is withdrawn. The tenant's live ticket still has to be: `check_at`
    asks the worker for that."""
    check_at = case((Invitation.user_id.is_not(None), now), else_=None)
    return SETTLED | NO_LEASE | {"closed_at": now, "check_at": check_at}


def _one(rows: Sequence[Invitation]) -> Invitation | None:
    return rows[0] if rows else None
