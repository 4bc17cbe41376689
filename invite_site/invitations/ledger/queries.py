"""The questions to the ledger that are about single invitations."""

import re
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Engine, bindparam, select
from sqlalchemy.orm import sessionmaker

from ...errors import InvitationNotFound
from ..lifecycle import OPEN_STATES, State
from ..tables import Invitation
from . import landing_links

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


class Queries:
    """Finds invitations. Moments are aware UTC and come from the caller."""

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

    def by_landing_link(self, token: str) -> Invitation | None:
        """The invitation whose newest mail carries this landing link."""
        return self._first(Invitation.landing_hash == landing_links.hash_of(token))

    def accepted_of(self, email_norm: str) -> Invitation | None:
        """The newest accepted invitation of this address."""
        return self._first(*self._of_address(email_norm), Invitation.state == State.ACCEPTED)

    def open_of(self, email_norm: str) -> Invitation | None:
        """The open invitation to this address."""
        return self._first(*self._of_address(email_norm), Invitation.state.in_(OPEN_STATES))

    def has_form(self, form_key: str | None) -> bool:
        """Whether an invitation came of this form."""
        return bool(form_key) and self._first(Invitation.form_key == form_key) is not None

    def of_user(self, user_id: str) -> Sequence[Invitation]:
        """Every invitation of this user of the tenant, newest first; also from before the
        application was replaced by another."""
        with self._read() as db:
            return db.scalars(_OF_USER, {"user_id": user_id, "connection": self._connection}).all()

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

    def _first(self, *conditions: ColumnElement[bool]) -> Invitation | None:
        with self._begin() as db:
            return db.scalars(
                select(Invitation).where(*conditions).order_by(Invitation.id.desc()).limit(1)
            ).one_or_none()

    def _of_address(self, email_norm: str) -> tuple[ColumnElement[bool], ...]:
        return (Invitation.email_norm == email_norm, *self._of_client())

    def _of_client(self) -> tuple[ColumnElement[bool], ...]:
        return (Invitation.connection == self._connection, Invitation.client_id == self._client_id)
