"""The ledger of invitations: every question to the table and every change of state.

Each change is one conditional UPDATE and one event in one transaction, so two people or two
workers that want the same thing get one winner. The ledger knows the rules of the states; who
may ask for a change, and why, is decided in `invitations`.
"""

import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, and_, bindparam, case, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import sessionmaker

from ..database.base import Base
from ..errors import AlreadyInvited, InvitationNotFound
from .people import Invitee
from .tables import OPEN_STATES, Delivery, Invitation, InvitationEvent, State

RESULT_EVERY = timedelta(minutes=1)  # how often coming back asks the tenant anew
OPENING = timedelta(seconds=3)  # a second click within it waits for the ticket of the first
OPENINGS = 30  # tickets that one landing link gives
REF = re.compile(r"[\w-]{1,43}", re.ASCII)  # PostgreSQL takes no NUL, and addresses may hold one


# Built once: these are asked at every landing and callback, and putting a statement together costs
# more than executing it.
_BY_REF = select(Invitation).where(Invitation.ref == bindparam("ref"))
_OF_USER = (
    select(Invitation)
    .where(
        Invitation.user_id == bindparam("user_id"),
        Invitation.connection == bindparam("connection"),
        Invitation.client_id == bindparam("client_id"),
    )
    .order_by(Invitation.id.desc())
)
_table, _events = (Base.metadata.tables[name] for name in ("invitation", "invitation_event"))
_NOTE_RESULT = (
    update(_table)
    .where(
        _table.c.ref == bindparam("of"),
        _table.c.state == State.SENT,
        or_(_table.c.result_seen_at.is_(None), _table.c.result_seen_at < bindparam("before")),
    )
    .values(result_seen_at=bindparam("now"), check_at=bindparam("now"))
    .returning(_table.c.id)
)
_ADD_EVENT = insert(_events)


class Ledger:
    """Invitations in a database. Moments are aware UTC and come from the caller."""

    def __init__(self, engine: Engine, *, connection: str, client_id: str) -> None:
        self._engine = engine
        self._look = sessionmaker(engine, expire_on_commit=False)
        self._begin = self._look.begin
        self._connection = connection
        self._client_id = client_id

    # Opening and reading ------------------------------------------------------------------------

    def open(
        self,
        invitee: Invitee,
        *,
        inviter: str,
        inviter_sub: str,
        expires_at: datetime,
        now: datetime,
        form_key: str | None = None,
    ) -> Invitation:
        """A new queued invitation; the one of the same `form_key` where a form is sent twice.

        Raises AlreadyInvited, also where two people ask in the same moment.
        """
        with suppress(IntegrityError), self._begin() as db:
            row = Invitation(
                ref=secrets.token_urlsafe(16),
                email=invitee.email,
                email_norm=invitee.email_norm,
                name=invitee.name,
                connection=self._connection,
                client_id=self._client_id,
                state=State.QUEUED,
                inviter=inviter,
                inviter_sub=inviter_sub,
                form_key=form_key,
                supersedes_id=db.scalar(
                    select(func.max(Invitation.id)).where(*self._of_address(invitee.email_norm))
                ),
                created_at=now,
                expires_at=expires_at,
                next_try_at=now,
            )
            db.add(row)
            db.flush()
            InvitationEvent.note(db, row.id, now, inviter, "invited", to_state=State.QUEUED)
            return row
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
                inviter_sub=inviter_sub,
                expires_at=expires_at,
                now=now,
                form_key=form_key,
            )
        raise AlreadyInvited(taken.id, taken.inviter, taken.created_at)

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
        with self._look() as db:
            return db.scalars(_BY_REF, {"ref": ref}).one_or_none()

    def by_landing(self, landing_hash: str) -> Invitation | None:
        """The invitation whose newest mail carries the landing link with this hash."""
        return self._first(Invitation.landing_hash == landing_hash)

    def open_of(self, email_norm: str) -> Invitation | None:
        """The open invitation to this address."""
        return self._first(*self._of_address(email_norm), Invitation.state.in_(OPEN_STATES))

    def of_user(self, user_id: str) -> Sequence[Invitation]:
        """Every invitation of this user of the tenant, newest first."""
        with self._look() as db:
            whose = {
                "user_id": user_id,
                "connection": self._connection,
                "client_id": self._client_id,
            }
            return db.scalars(_OF_USER, whose).all()

    def page(
        self,
        *,
        now: datetime,
        query: str = "",
        status: str = "",
        before: int | None = None,
        size: int = 50,
    ) -> Sequence[Invitation]:
        """At most `size` invitations, newest first, of those with a number below `before`."""
        wanted = select(Invitation).order_by(Invitation.id.desc()).limit(size)
        if query:
            pattern = f"%{_like(query.lower())}%"
            wanted = wanted.where(
                or_(
                    Invitation.email_norm.like(pattern, escape="\\"),
                    func.lower(Invitation.email).like(pattern, escape="\\"),
                    func.lower(Invitation.name).like(pattern, escape="\\"),
                )
            )
        over = and_(Invitation.state.in_((State.QUEUED, State.SENT)), Invitation.expires_at <= now)
        if status == "expired":
            wanted = wanted.where(over)
        elif status:
            wanted = wanted.where(Invitation.state == status, ~over)
        if before is not None:
            wanted = wanted.where(Invitation.id < before)
        with self._begin() as db:
            return db.scalars(wanted).all()

    def events(self, invitation_id: int) -> Sequence[InvitationEvent]:
        """What happened to this invitation, oldest first."""
        with self._begin() as db:
            return db.scalars(
                select(InvitationEvent)
                .where(InvitationEvent.invitation_id == invitation_id)
                .order_by(InvitationEvent.id)
            ).all()

    def deliveries(self, invitation_id: int) -> Sequence[Delivery]:
        """The messages handed to the mail server for this invitation, oldest first."""
        with self._begin() as db:
            return db.scalars(
                select(Delivery)
                .where(Delivery.invitation_id == invitation_id)
                .order_by(Delivery.id)
            ).all()

    def requeue(
        self,
        invitation_id: int,
        *,
        actor: str,
        expires_at: datetime,
        now: datetime,
        **anew: str | None,
    ) -> Invitation | None:
        """A new life and a new message for a sent or expired invitation; None in any other state.

        `anew` are columns that change with it, such as who invites this time.
        """
        with self._begin() as db:
            before = db.get(Invitation, invitation_id)
            row = db.scalars(
                update(Invitation)
                .where(
                    Invitation.id == invitation_id,
                    or_(
                        Invitation.state == State.SENT,
                        and_(Invitation.state == State.QUEUED, Invitation.expires_at <= now),
                    ),
                )
                .values(
                    state=State.QUEUED,
                    expires_at=expires_at,
                    next_try_at=now,
                    generation=Invitation.generation + 1,
                    attempts=0,
                    trouble=None,
                    check_at=None,
                    result_seen_at=None,
                    **anew,
                )
                .returning(Invitation)
                .execution_options(populate_existing=True)
            ).one_or_none()
            if row is not None:
                was = before.state if before else None
                InvitationEvent.note(db, row.id, now, actor, "sent again", was, State.QUEUED)
            return row

    def revoke(
        self, invitation_id: int, *, actor: str, reason: str, now: datetime
    ) -> Invitation | None:
        """Withdraw an open invitation; None where it has ended already.

        The tenant's live ticket still has to die: `check_at` asks the worker for that.
        """
        with self._begin() as db:
            row = db.scalars(
                update(Invitation)
                .where(Invitation.id == invitation_id, Invitation.state.in_(OPEN_STATES))
                .values(
                    state=State.REVOKED,
                    closed_at=now,
                    lease_until=None,
                    lease_by=None,
                    next_try_at=None,
                    trouble=None,
                    check_at=case((Invitation.user_id.is_not(None), now), else_=None),
                )
                .returning(Invitation)
            ).one_or_none()
            if row is not None:
                InvitationEvent.note(
                    db, row.id, now, actor, "revoked", to_state=State.REVOKED,
                    evidence={"reason": reason} if reason else {},
                )  # fmt: skip
            return row

    def note_result(self, ref: str, *, now: datetime) -> None:
        """Somebody came back with `success=true`. A hint: it starts a check and proves nothing."""
        with self._engine.begin() as db:
            row_id = db.execute(
                _NOTE_RESULT, {"of": ref, "now": now, "before": now - RESULT_EVERY}
            ).scalar_one_or_none()
            if row_id is not None:
                db.execute(
                    _ADD_EVENT,
                    {
                        "invitation_id": row_id,
                        "at": now,
                        "actor": "invitee",
                        "event": "came back from the password page",
                        "evidence": {},
                    },
                )

    def begin_opening(self, invitation_id: int, *, now: datetime) -> bool:
        """Whether the landing link may lead on to the tenant now: one ticket at a time, so that a
        second click does not kill the ticket of the first, and not for ever."""
        with self._begin() as db:
            row_id = db.scalars(
                update(Invitation)
                .where(
                    Invitation.id == invitation_id,
                    Invitation.state == State.SENT,
                    Invitation.openings < OPENINGS,
                    or_(Invitation.opened_at.is_(None), Invitation.opened_at < now - OPENING),
                )
                .values(opened_at=now, openings=Invitation.openings + 1)
                .returning(Invitation.id)
            ).one_or_none()
            if row_id is not None:
                InvitationEvent.note(db, row_id, now, "invitee", "opened the link")
            return row_id is not None

    def note_ticket(self, invitation_id: int, *, issued_at: datetime) -> bool:
        """A ticket for the landing page was made then, by the tenant's clock. False: meanwhile the
        invitation was withdrawn or sent anew."""
        with self._begin() as db:
            noted = db.scalars(
                update(Invitation)
                .where(Invitation.id == invitation_id, Invitation.state == State.SENT)
                .values(ticket_issued_at=issued_at)
                .returning(Invitation.id)
            )
            return bool(noted.all())

    def note_wrong_account(self, ref: str, *, now: datetime) -> None:
        """Somebody else signed in on the way from this invitation; it stays as it is."""
        with self._begin() as db:
            row_id = db.scalar(select(Invitation.id).where(Invitation.ref == ref))
            if row_id is not None:
                InvitationEvent.note(db, row_id, now, "invitee", "wrong account")

    def accept(self, *, sub: str, email: str, now: datetime) -> Invitation | None:
        """Accept the open invitation of the user that a verified ID token named; None: there is none.

        The caller has verified the token and that the tenant calls the address verified.
        """
        with self._begin() as db:
            before = db.scalar(
                select(Invitation.state).where(
                    Invitation.user_id == sub,
                    Invitation.connection == self._connection,
                    Invitation.client_id == self._client_id,
                    Invitation.state.in_(OPEN_STATES),
                )
            )
            row = db.scalars(
                update(Invitation)
                .where(
                    Invitation.user_id == sub,
                    Invitation.connection == self._connection,
                    Invitation.client_id == self._client_id,
                    Invitation.state.in_(OPEN_STATES),
                )
                .values(
                    state=State.ACCEPTED,
                    accepted_at=now,
                    accepted_sub=sub,
                    accepted_email=email,
                    closed_at=now,
                    password_set_at=func.coalesce(Invitation.password_set_at, now),
                    lease_until=None,
                    lease_by=None,
                    next_try_at=None,
                    check_at=None,
                    trouble=None,
                )
                .returning(Invitation)
            ).one_or_none()
            if row is not None:
                InvitationEvent.note(
                    db, row.id, now, "invitee", "accepted", before, State.ACCEPTED,
                    {"proof": "ID token", "sub": sub},
                )  # fmt: skip
            return row

    def _first(self, *conditions: Any) -> Invitation | None:
        with self._begin() as db:
            return db.scalars(
                select(Invitation).where(*conditions).order_by(Invitation.id.desc()).limit(1)
            ).one_or_none()

    def _of_address(self, email_norm: str) -> tuple[Any, ...]:
        return (
            Invitation.email_norm == email_norm,
            Invitation.connection == self._connection,
            Invitation.client_id == self._client_id,
        )


def _like(text: str) -> str:
    for special in ("\\", "%", "_"):
        text = text.replace(special, f"\\{special}")
    return text
