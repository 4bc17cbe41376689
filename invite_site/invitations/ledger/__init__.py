"""The ledger of invitations: the questions about single ones, and the changes that admins make.

Each change is one conditional UPDATE and one event in one transaction, so two people or two
workers that want the same thing get one winner. Which changes there are says `lifecycle`; those
that an invitee's browser causes are in `visits`, those of a worker in `leases`.
"""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError

from ...errors import AlreadyInvited, NotPossibleNow
from ..lifecycle import INVITE, OPEN_STATES, READDRESS, RESEND, REVOKE, State, Transition
from ..people import Invitee, Inviter, search_text
from ..resends import Allowance
from ..tables import Invitation
from .many import BEHIND_SINGLE, IS_OF_PAUSED_BATCH, hold_batch, open_alone
from .moves import caused_by, has_accepted_since, is_done_by, move, new_life, record, revocation
from .queries import Queries

JUST_ENDED = "Another invitation to this address has just ended. Try again."


class Ledger(Queries):
    """Invitations in a database: finds them, and makes the changes that admins and the command line ask
    for. Moments are aware UTC and come from the caller."""

    def open(
        self,
        invitee: Invitee,
        *,
        inviter: Inviter,
        expires_at: datetime,
        now: datetime,
        form_key: str | None = None,
        **columns: Any,
    ) -> Invitation:
        """A new queued invitation; the one of the same `form_key` where a form is sent twice. `columns`
        is what it has of its own.

        Raises AlreadyInvited, also where two people ask in the same moment.
        """

        def add(form_key: str | None) -> Invitation:
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

        try:
            return add(form_key)
        except IntegrityError as refused:
            # A unique index refused the row: the same form again, or the address is taken.
            if form_key and (earlier := self._first(Invitation.form_key == form_key)):
                is_same = earlier.email_norm == invitee.email_norm
                if is_same and (earlier.is_open or earlier.state == State.ACCEPTED):
                    return earlier
                # Back, and sent again with another address or after the first has ended: another invitation.
                form_key = None
            if taken := self.open_of(invitee.email_norm):
                raise AlreadyInvited(taken.id, taken.inviter, taken.created_at) from refused
        return add(form_key)  # what had the address has ended between the two statements

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
        job_id: int | None = None,
        is_bulk: bool = False,
        **columns: Any,
    ) -> Invitation | None:
        """A new life and a new message for a sent, failed or expired invitation; with `can_sign_in` also
        for one whose password is set, by a mail that asks to sign in. None in any other state, and for a
        failed one whose person has accepted another since. Raises AlreadyInvited where a failed one has
        been replaced by another, and NotPossibleNow where that one ends in this very moment.

        It counts against an `allowance`, with which None also means: too soon. The job `job_id` does it
        once, also where one worker stood still and another has done it meanwhile. With `is_bulk` it goes
        out behind single invitations, and waits while its batch is paused. `columns` change with it, such
        as who invites this time.
        """
        states = [State.SENT, State.FAILED, *([State.PASSWORD_SET] if can_sign_in else [])]
        in_bulk = {"place": BEHIND_SINGLE, "is_paused": IS_OF_PAUSED_BATCH} if is_bulk else {}
        with self._conflicts_with_open(invitation_id), self._begin() as db:
            if is_bulk:
                hold_batch(db, invitation_id)
            return _one(
                move(
                    db,
                    transition,
                    Invitation.id == invitation_id,
                    or_(Invitation.state.in_(states), Invitation.is_expired(now)),
                    or_(Invitation.state != State.FAILED, ~has_accepted_since()),
                    *((allowance.is_left(now),) if allowance else ()),
                    *((~is_done_by(job_id),) if job_id else ()),
                    actor=actor,
                    now=now,
                    evidence=caused_by(job_id),
                    **new_life(expires_at, now)
                    | {"place": 0}
                    | in_bulk
                    | (allowance.counted(now) if allowance else {})
                    | columns,
                )
            )

    def readdress(
        self, invitation_id: int, *, email: str, actor: str, expires_at: datetime, now: datetime
    ) -> Invitation | None:
        """Send an invitation that is held to the address that the account has now; None where it is
        not held for this address. Raises AlreadyInvited and NotPossibleNow, as `requeue` does."""
        with self._conflicts_with_open(invitation_id), self._begin() as db:
            open_alone(db)  # a list may hold both addresses
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
                    # A password that was chosen by a link to the earlier address proves nothing here.
                    ticket_issued_at=None,
                    landing_hash=None,
                    password_set_at=None,
                    **new_life(expires_at, now) | {"place": 0, "result_seen_at": None},
                )
            )

    def revoke(
        self,
        invitation_id: int,
        *,
        actor: str,
        reason: str,
        now: datetime,
        evidence: dict[str, Any] | None = None,
    ) -> Invitation | None:
        """Revoke an open invitation; None where it has ended already."""
        with self._begin() as db:
            return _one(
                move(
                    db,
                    REVOKE,
                    Invitation.id == invitation_id,
                    actor=actor,
                    now=now,
                    evidence=({"reason": reason} if reason else {}) | (evidence or {}),
                    **revocation(now),
                )
            )

    @contextmanager
    def _conflicts_with_open(self, invitation_id: int) -> Iterator[None]:
        """The unique index refuses a second open invitation to one address: say which is open."""
        try:
            yield
        except IntegrityError as refused:
            row = self.get(invitation_id)
            taken = self._first(  # of the row's own application, which may be an earlier one
                Invitation.email_norm == (row.new_email or row.email_norm),
                Invitation.connection == row.connection,
                Invitation.client_id == row.client_id,
                Invitation.state.in_(OPEN_STATES),
            )
            if taken is None:
                raise NotPossibleNow(JUST_ENDED) from refused
            raise AlreadyInvited(taken.id, taken.inviter, taken.created_at) from refused


def _one(rows: Sequence[Invitation]) -> Invitation | None:
    return rows[0] if rows else None
