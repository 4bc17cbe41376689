"""What an invitee's browser causes in the ledger: link opened, result seen, account accepted."""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    bindparam,
    case,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm import sessionmaker

from ..accounts.sessions import Write
from .admins.ledger import fulfil
from .ledger.moves import ARRIVED, NO_LEASE, SETTLED, move, record
from .ledger.queries import REF
from .lifecycle import ACCEPT, ON_THE_WAY, EventKind, State
from .tables import Invitation, InvitationEvent

RESULT_EVERY = timedelta(minutes=1)  # how often coming back asks the tenant anew
# After a return the login is next, and its callback says more than the tenant could be asked for:
# only where none comes within this time is there anything to ask.
CHECK_AFTER = timedelta(seconds=15)
OPENING = timedelta(seconds=3)  # a second click within it waits for the ticket of the first
LINK_USES = 30  # tickets that one landing link gives


@dataclass(frozen=True, slots=True)
class InvitationSummary:
    """The columns of an invitation that a landing needs: to load the whole row takes longer than
    the rest of the redirect."""

    id: int
    ref: str
    email: str
    email_norm: str
    state: str
    user_id: str | None
    locale: str | None
    in_doubt_at: datetime | None
    result_seen_at: datetime | None

    @property
    def is_open(self) -> bool:
        """Whether it can still be accepted."""
        return State(self.state).is_open


# Built once: putting a statement together costs more than executing it.
_table, _events = Invitation.__table__, InvitationEvent.__table__
_FIND = select(*(_table.c[column.name] for column in fields(InvitationSummary))).where(
    _table.c.ref == bindparam("ref")
)
_RECORD_RESULT = (
    update(_table)
    .where(
        _table.c.id == bindparam("of"),
        or_(_table.c.state == State.SENT, _table.c.in_doubt_at.is_not(None)),
        or_(_table.c.result_seen_at.is_(None), _table.c.result_seen_at < bindparam("before")),
    )
    .values(result_seen_at=bindparam("now"), check_at=bindparam("check_at"))
)
_ADD_EVENT = insert(_events)


class Visits:
    """Changes of invitations on the way to their acceptance. Moments are aware UTC."""

    def __init__(self, engine: Engine, connection: str) -> None:
        self._engine = engine
        self._begin = sessionmaker(engine, expire_on_commit=False).begin
        self._connection = connection

    def find(self, ref: str) -> InvitationSummary | None:
        """The invitation that the opaque ref of a link points to, if it has the shape of one."""
        if not REF.fullmatch(ref):
            return None
        with self._engine.connect() as db:
            row = db.execute(_FIND, {"ref": ref}).one_or_none()
        return InvitationSummary(*row) if row else None

    def write_of_result(self, invitation: InvitationSummary, *, now: datetime) -> Write | None:
        """What records that somebody came back with `success=true`; None where it would not change
        anything. A hint: it starts a check and proves nothing.

        Being a hint, it may share the transaction of the login that begins, though a power cut
        could lose that.
        """
        is_awaited = invitation.state == State.SENT or invitation.in_doubt_at is not None
        seen_at = invitation.result_seen_at
        if not is_awaited or (seen_at is not None and seen_at >= now - RESULT_EVERY):
            return None

        def write(db: Connection) -> None:
            times = {"now": now, "before": now - RESULT_EVERY, "check_at": now + CHECK_AFTER}
            if db.execute(_RECORD_RESULT, {"of": invitation.id, **times}).rowcount:
                db.execute(
                    _ADD_EVENT,
                    {
                        "invitation_id": invitation.id,
                        "at": now,
                        "actor": "invitee",
                        "event": EventKind.RESULT_SEEN,
                        "evidence": {},
                    },
                )

        return write

    def execute(self, write: Write) -> None:
        """Do this write in a transaction of its own."""
        with self._engine.begin() as db:
            write(db)

    def open_link(self, invitation: Invitation, *, now: datetime) -> bool:
        """Whether the landing link may lead on to the tenant now: one ticket at a time, so that a
        second click does not replace the ticket of the first, and at most LINK_USES times."""
        with self._begin() as db:
            row_id = db.scalars(
                update(Invitation)
                .where(
                    *_landing_works(invitation),
                    Invitation.link_uses < LINK_USES,
                    or_(Invitation.opened_at.is_(None), Invitation.opened_at < now - OPENING),
                )
                .values(opened_at=now, link_uses=Invitation.link_uses + 1)
                .returning(Invitation.id)
            ).one_or_none()
            if row_id is not None:
                record(db, invitation.id, EventKind.LINK_OPENED, actor="invitee", now=now)
            return row_id is not None

    def record_ticket(self, invitation: Invitation, *, issued_at: datetime) -> bool:
        """A ticket for the landing page was made then, by the tenant's clock. False: meanwhile the
        invitation has ended, or a newer mail has replaced its link."""
        with self._begin() as db:
            recorded = db.scalars(
                update(Invitation)
                .where(*_landing_works(invitation))
                .values(ticket_issued_at=issued_at)
                .returning(Invitation.id)
            )
            return bool(recorded.all())

    def record_login(self, invitation_id: int, event: EventKind, *, now: datetime) -> None:
        """Another account signed in on the way from this invitation; it stays as it is."""
        with self._begin() as db:
            record(db, invitation_id, event, actor="invitee", now=now)

    def accept(
        self,
        user_id: str,
        *,
        sub: str,
        email: str,
        address: str,
        now: datetime,
        has_marker: bool = False,
    ) -> bool:
        """Accept the open invitations of this user of the tenant; False: there is none. The tenant has
        something left to do for each that has roles, and for all where accounts carry a marker.

        The caller has verified the token of `sub`, that the tenant calls the address verified, and
        that `sub` is that user or has taken its place. An application that was replaced meanwhile
        changes nothing: the account is the same. A grant that waited for this is made for `sub`, where
        `address`, that of the token as invitations are compared by, is the invited one.
        """
        is_unfinished = Invitation.roles.is_not(None) | literal(has_marker)
        with self._begin() as db:
            accepted = move(
                db,
                ACCEPT,
                Invitation.connection == self._connection,
                Invitation.user_id == user_id,
                actor="invitee",
                now=now,
                evidence={"proof": "ID token", "sub": sub},
                user_id=sub,
                accepted_at=now,
                accepted_sub=sub,
                accepted_email=email,
                closed_at=now,
                password_set_at=func.coalesce(Invitation.password_set_at, now),
                drift=None,  # they have signed in with it, so it is there, and not blocked
                **ARRIVED | SETTLED | NO_LEASE | {"check_at": case((is_unfinished, now))},
            )
            for row in accepted:
                fulfil(db, row, sub=sub, address=address, now=now)
            return bool(accepted)


def _landing_works(invitation: Invitation) -> tuple[ColumnElement[bool], ...]:
    """The conditions under which this landing link leads on; its end was looked at before."""
    return (
        Invitation.id == invitation.id,
        Invitation.landing_hash == invitation.landing_hash,
        Invitation.state.in_(ON_THE_WAY),
        Invitation.new_email.is_(None),
    )
