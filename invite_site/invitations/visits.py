"""What an invitee's browser causes in the ledger: link opened, result seen, account accepted."""

from datetime import datetime, timedelta

from sqlalchemy import Engine, bindparam, func, insert, or_, update
from sqlalchemy.orm import sessionmaker

from ..database.base import Base
from .ledger import NO_LEASE, move, record
from .lifecycle import ACCEPT, EventKind, State
from .tables import Invitation

RESULT_EVERY = timedelta(minutes=1)  # how often coming back asks the tenant anew
OPENING = timedelta(seconds=3)  # a second click within it waits for the ticket of the first
LINK_USES = 30  # tickets that one landing link gives

# Built once: putting a statement together costs more than executing it.
_table, _events = (Base.metadata.tables[name] for name in ("invitation", "invitation_event"))
_RECORD_RESULT = (
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


class Visits:
    """Changes of invitations on the way to their acceptance. Moments are aware UTC."""

    def __init__(self, engine: Engine, connection: str, client_id: str) -> None:
        self._engine = engine
        self._begin = sessionmaker(engine, expire_on_commit=False).begin
        self._of_client = (
            Invitation.connection == connection,
            Invitation.client_id == client_id,
        )

    def record_result(self, ref: str, *, now: datetime) -> None:
        """Somebody came back with `success=true`. A hint: it starts a check and proves nothing."""
        with self._engine.begin() as db:
            row_id = db.execute(
                _RECORD_RESULT, {"of": ref, "now": now, "before": now - RESULT_EVERY}
            ).scalar_one_or_none()
            if row_id is not None:
                db.execute(
                    _ADD_EVENT,
                    {
                        "invitation_id": row_id,
                        "at": now,
                        "actor": "invitee",
                        "event": EventKind.RESULT_SEEN,
                        "evidence": {},
                    },
                )

    def open_link(self, invitation_id: int, *, now: datetime) -> bool:
        """Whether the landing link may lead on to the tenant now: one ticket at a time, so that a
        second click does not replace the ticket of the first, and at most LINK_USES times."""
        with self._begin() as db:
            row_id = db.scalars(
                update(Invitation)
                .where(
                    Invitation.id == invitation_id,
                    Invitation.state == State.SENT,
                    Invitation.link_uses < LINK_USES,
                    or_(Invitation.opened_at.is_(None), Invitation.opened_at < now - OPENING),
                )
                .values(opened_at=now, link_uses=Invitation.link_uses + 1)
                .returning(Invitation.id)
            ).one_or_none()
            if row_id is not None:
                record(db, row_id, EventKind.LINK_OPENED, actor="invitee", now=now)
            return row_id is not None

    def record_ticket(self, invitation_id: int, *, issued_at: datetime) -> bool:
        """A ticket for the landing page was made then, by the tenant's clock. False: meanwhile the
        invitation was withdrawn or sent anew."""
        with self._begin() as db:
            recorded = db.scalars(
                update(Invitation)
                .where(Invitation.id == invitation_id, Invitation.state == State.SENT)
                .values(ticket_issued_at=issued_at)
                .returning(Invitation.id)
            )
            return bool(recorded.all())

    def record_wrong_account(self, invitation_id: int, *, now: datetime) -> None:
        """Somebody else signed in on the way from this invitation; it stays as it is."""
        with self._begin() as db:
            record(db, invitation_id, EventKind.WRONG_ACCOUNT, actor="invitee", now=now)

    def accept(self, *, sub: str, email: str, now: datetime) -> bool:
        """Accept the open invitation of the user that a verified ID token named; False: there is none.

        The caller has verified the token and that the tenant calls the address verified.
        """
        with self._begin() as db:
            accepted = move(
                db,
                ACCEPT,
                *self._of_client,
                Invitation.user_id == sub,
                actor="invitee",
                now=now,
                evidence={"proof": "ID token", "sub": sub},
                accepted_at=now,
                accepted_sub=sub,
                accepted_email=email,
                closed_at=now,
                password_set_at=func.coalesce(Invitation.password_set_at, now),
                check_at=None,
                **NO_LEASE,
            )
            return bool(accepted)
