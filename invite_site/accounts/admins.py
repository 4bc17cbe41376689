"""Who may invite: people granted by their `sub`. A grant or its removal counts from the next request."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine, delete, func, select
from sqlalchemy.orm import Session as Transaction
from sqlalchemy.orm import sessionmaker

from ..database.base import INSERTS
from ..errors import GrantRefused
from .sessions import Identity, Session
from .tables import AdminGrant


class Admins:
    """The grants in the database. An address never makes anybody an admin: addresses change hands."""

    def __init__(self, engine: Engine) -> None:
        self._begin = sessionmaker(engine, expire_on_commit=False).begin

    def grant(self, sub: str, *, label: str, now: datetime, by: str = "") -> bool:
        """Let this person invite; False where they may already. `label` is how lists call them, `by` who
        grants it."""
        with self._begin() as db:
            return add_grant(db, sub, label=label, now=now, by=by)

    def revoke(self, sub_or_label: str) -> bool:
        """Take the grant back, also the last one; False where there was none."""
        with self._begin() as db:
            gone = db.scalars(
                delete(AdminGrant)
                .where(
                    (AdminGrant.sub == sub_or_label)
                    | (func.lower(AdminGrant.label) == sub_or_label.lower())
                )
                .returning(AdminGrant.sub)
            )
            return bool(gone.all())

    def withdraw(self, sub: str, *, by: Session, may_be_last: bool) -> bool:
        """Take the grant of this account back, on the word of another admin or their own; False where
        there is none any more.

        Raises GrantRefused where `by` has lost the right meanwhile, as happens when two admins
        withdraw each other, and where the last grant may not go.
        """
        with self._begin() as db:
            # One withdrawal at a time: PostgreSQL by this lock, SQLite by the DELETE.
            db.execute(select(AdminGrant.sub).order_by(AdminGrant.sub).with_for_update())
            gone = db.scalars(
                delete(AdminGrant).where(AdminGrant.sub == sub).returning(AdminGrant.sub)
            ).all()
            left = db.scalars(select(AdminGrant.sub)).all()
            if not by.has_admin_role and by.sub not in (*left, *gone):
                raise GrantRefused(
                    "Your own right to invite was withdrawn a moment ago; nothing was changed."
                )
            if gone and not left and not may_be_last:
                raise GrantRefused(
                    "This is the only admin, and without one nobody could invite or grant. Let "
                    "somebody else invite first, or use `flask admin revoke` on the server."
                )
            return bool(gone)

    def all(self) -> Sequence[AdminGrant]:
        """Who may invite by a grant, oldest first."""
        with self._begin() as db:
            return db.scalars(select(AdminGrant).order_by(AdminGrant.granted_at)).all()

    def find(self, sub: str) -> AdminGrant | None:
        """The grant of this account."""
        with self._begin() as db:
            return db.get(AdminGrant, sub)

    def may_invite(self, who: Identity | Session) -> bool:
        """Whether this person has a grant, or had the admin role at their sign-in."""
        return who.has_admin_role or self.includes(who.sub)

    def includes(self, sub: str) -> bool:
        return self.find(sub) is not None


def add_grant(db: Transaction, sub: str, *, label: str, now: datetime, by: str) -> bool:
    """The same as `Admins.grant` within a transaction of something else."""
    insert = INSERTS[db.get_bind().dialect.name](AdminGrant).on_conflict_do_nothing()
    added = insert.values(sub=sub, label=label, granted_at=now, granted_by=by)
    return bool(db.scalars(added.returning(AdminGrant.sub)).all())
