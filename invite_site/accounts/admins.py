"""Who may invite: people granted by their `sub`. A grant or its removal counts from the next request."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import sessionmaker

from .sessions import Identity, Session
from .tables import AdminGrant


class Admins:
    """The grants in the database. An address never makes anybody an admin: addresses change hands."""

    def __init__(self, engine: Engine) -> None:
        self._begin = sessionmaker(engine, expire_on_commit=False).begin

    def grant(self, sub: str, *, label: str, now: datetime) -> bool:
        """Let this person invite; False where they may already. `label` is how lists call them."""
        with self._begin() as db:
            if db.get(AdminGrant, sub) is not None:
                return False
            db.add(AdminGrant(sub=sub, label=label, granted_at=now))
            return True

    def revoke(self, sub_or_label: str) -> bool:
        """Take the grant back; False where there was none."""
        with self._begin() as db:
            gone = db.scalars(
                delete(AdminGrant)
                .where((AdminGrant.sub == sub_or_label) | (AdminGrant.label == sub_or_label))
                .returning(AdminGrant.sub)
            )
            return bool(gone.all())

    def all(self) -> Sequence[AdminGrant]:
        with self._begin() as db:
            return db.scalars(select(AdminGrant).order_by(AdminGrant.granted_at)).all()

    def may_invite(self, who: Identity | Session) -> bool:
        """Whether this person has a grant, or had the admin role at their sign-in."""
        return who.has_admin_role or self.includes(who.sub)

    def includes(self, sub: str) -> bool:
        with self._begin() as db:
            return db.get(AdminGrant, sub) is not None
