"""Erasure: all that is stored about a person is deleted, and nothing else ever deletes an invitation.

People may ask for it: https://eur-lex.europa.eu/eli/reg/2016/679/art_17/oj
"""

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Engine, delete, func, or_, select, update
from sqlalchemy.orm import Session, sessionmaker

from ..accounts import tables as accounts
from ..errors import InvitationNotFound, NotPossibleNow
from .ledger.many import hold
from .ledger.moves import SETTLED
from .lifecycle import OPEN_STATES, State
from .people import Invitee
from .tables import BatchRow, Invitation, InvitationEvent, PendingGrant, SentMessage

NOBODY = "erased@nobody.invalid"  # a name that no host has: RFC 2606
# What belongs to an invitation, and goes before it.
OF_INVITATION = (InvitationEvent, SentMessage, PendingGrant)


class Erasure:
    """`clock` gives aware UTC."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._begin = sessionmaker(engine, expire_on_commit=False).begin
        self._clock = clock

    def find(self, address: str) -> Sequence[Invitation]:
        """The invitations of this person, oldest first: of the address, and of accounts that have it now.
        Raises InvalidInvitee; InvitationNotFound where there is none."""
        with self._begin() as db:
            return _found(db, _is_of(address))

    def erase(self, address: str) -> Sequence[str]:
        """Delete the invitations of this person with their history, their rows of lists, and where they are
        signed in; returns the ids of their accounts, which the tenant still has.

        Raises InvalidInvitee, InvitationNotFound, and NotPossibleNow while an invitation can still be
        accepted, while there is something to settle with the tenant, or where the person may invite.
        """
        is_of_person = _is_of(address)
        key = _key(address)
        with self._begin() as db:
            # A change comes first: on SQLite nobody else changes anything from here on.
            db.execute(delete(BatchRow).where(BatchRow.email_norm == key))
            hold(db, is_of_person)
            rows = _found(db, is_of_person)
            user_ids = sorted({each for row in rows for each in _accounts(row)})
            _require_ended(db, rows, user_ids)
            _delete(db, [row.id for row in rows], self._clock())
            signed_in = accounts.Session
            is_theirs = or_(func.lower(signed_in.email) == key, signed_in.sub.in_(user_ids))
            db.execute(delete(signed_in).where(is_theirs))
        return user_ids

    def write_file_anew(self) -> None:
        """On SQLite, whose file keeps what was deleted until something else takes its place. Others cannot
        write meanwhile. Raises DatabaseUnusable."""
        if self._engine.dialect.name != "sqlite":
            return
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
            db.exec_driver_sql("VACUUM")
            db.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


def _key(address: str) -> str:
    return Invitee.parse(address, allow_test_domains=True).email_norm


def _is_of(address: str) -> ColumnElement[bool]:
    key = _key(address)
    return or_(
        Invitation.email_norm == key,
        func.lower(Invitation.accepted_email) == key,
        func.lower(Invitation.new_email) == key,
    )


def _found(db: Session, is_of_person: ColumnElement[bool]) -> Sequence[Invitation]:
    rows = db.scalars(select(Invitation).where(is_of_person).order_by(Invitation.id)).all()
    if not rows:
        raise InvitationNotFound("There is no invitation of this address.")
    return rows


def _accounts(row: Invitation) -> set[str]:
    return {each for each in (row.user_id, row.accepted_sub) if each}


def _require_ended(db: Session, rows: Sequence[Invitation], user_ids: Sequence[str]) -> None:
    for row in rows:
        if row.state in OPEN_STATES:
            raise NotPossibleNow(f"Invitation {row.id} has not ended. Revoke it first.")
        if row.check_at is not None:
            raise NotPossibleNow(
                f"A worker has still to ask the tenant about invitation {row.id}, or to withdraw its "
                "link. Try again in a minute."
            )
    may_invite = accounts.AdminGrant.sub.in_(user_ids)
    if label := db.scalar(select(accounts.AdminGrant.label).where(may_invite)):
        raise NotPossibleNow(f"{label} may invite. Take that right away first.")


def _delete(db: Session, numbers: Sequence[int], now: datetime) -> None:
    """Delete these invitations. The newest one of all stays as a row of nobody until the next erasure, since
    SQLite would give its number to the next invitation."""
    is_one = Invitation.id.in_(numbers)
    of_nobody = {"email": NOBODY, "email_norm": "", "name": "", "search_text": ""}
    db.execute(update(Invitation).where(is_one).values(of_nobody))
    for kind in OF_INVITATION:
        db.execute(delete(kind).where(kind.invitation_id.in_(numbers)))
    follows = Invitation.supersedes_id.in_(numbers)
    db.execute(update(Invitation).where(follows).values(supersedes_id=None))
    newest = select(func.max(Invitation.id)).scalar_subquery()
    db.execute(delete(Invitation).where(Invitation.email_norm == "", Invitation.id < newest))
    left = {
        "ref": secrets.token_urlsafe(16),
        "state": State.REVOKED,
        "closed_at": func.coalesce(Invitation.closed_at, now),
        "note": "",
        "user_id": None, "accepted_at": None, "accepted_sub": None, "accepted_email": None,
        "new_email": None, "tenant_account": None, "landing_hash": None, "form_key": None,
        "roles": None, "drift": None,
    }  # fmt: skip
    db.execute(update(Invitation).where(is_one).values(SETTLED | left))
