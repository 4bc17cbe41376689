"""The tables of invitations. The rules that must never break are constraints, not only code."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Computed, ForeignKey, Index, String, false, text
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.ext.hybrid import hybrid_method
from sqlalchemy.orm import Mapped, mapped_column

from ...database.base import Base
from ..lifecycle import EXPIRED, ON_THE_WAY, OPEN_STATES, State
from ..people import COMMAND_LINE, safe_name, search_text
from .expressions import latest_of
from .many import Batch as Batch
from .many import BatchRow as BatchRow
from .many import Job as Job
from .running import Outage as Outage
from .running import Pace as Pace
from .running import Tally as Tally
from .running import WorkerHeartbeat as WorkerHeartbeat


def _state_in(states: Iterable[State]) -> str:
    """As literals: the conditions of indexes and constraints take no parameters."""
    return f"state IN ({', '.join(repr(state.value) for state in states)})"


LARGEST_ID = 2**31 - 1  # of a row: what INTEGER holds in PostgreSQL

_OPEN = _state_in(OPEN_STATES)
_HAS_PASSWORD = f"state = '{State.PASSWORD_SET}'"

# What PostgreSQL's search finds the beginnings of: the words of search_text as they stand, those of
# an address at its @, and those at every sign. The index is over this very expression.
SEARCH_WORDS = (
    "array_to_tsvector(array_remove(string_to_array("
    "search_text || translate(search_text, '@', ' ') || "
    "translate(search_text, '!\"#$%&''()*+,-./:;<=>?@[\\]^_`{|}~', repeat(' ', 32)), "
    "' '), ''))"
)


def _found_by(context: DefaultExecutionContext) -> str:
    """The search text of a row that is about to be inserted."""
    given: dict[str, str] = context.get_current_parameters()  # type: ignore[no-untyped-call]
    return search_text(given["email"], given["email_norm"], given["name"])


class Invitation(Base):
    """One invitation of one person. While it is queued, the row is also the job."""

    __tablename__ = "invitation"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(String(43), unique=True)  # opaque; a pointer, not a key
    email: Mapped[str]  # as typed
    email_norm: Mapped[str]
    name: Mapped[str]
    # Whoever changes `email` or `name` changes this too, or the database refuses.
    search_text: Mapped[str] = mapped_column(default=_found_by, server_default="")
    connection: Mapped[str]
    client_id: Mapped[str]
    state: Mapped[str] = mapped_column(String(16))
    inviter: Mapped[str]  # as they were called then; outlives their account
    inviter_sub: Mapped[str]
    form_key: Mapped[str | None] = mapped_column(unique=True)  # one form, one invitation
    supersedes_id: Mapped[int | None] = mapped_column(ForeignKey("invitation.id"))
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("batch.id"))
    place: Mapped[int] = mapped_column(default=0, server_default="0")  # in the queue; 0 goes first
    is_paused: Mapped[bool] = mapped_column(default=False, server_default=false())

    user_id: Mapped[str | None]  # at the tenant
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    first_sent_at: Mapped[datetime | None]
    last_sent_at: Mapped[datetime | None]
    ticket_issued_at: Mapped[datetime | None]  # by the tenant's clock
    landing_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    opened_at: Mapped[datetime | None]  # when the landing link last led on to the tenant
    link_uses: Mapped[int] = mapped_column("openings", default=0, server_default="0")
    result_seen_at: Mapped[datetime | None]
    password_set_at: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]
    accepted_sub: Mapped[str | None]
    accepted_email: Mapped[str | None]
    closed_at: Mapped[datetime | None]
    # When the newest of what is known of it happened; the database computes it.
    changed_at: Mapped[datetime] = mapped_column(
        Computed(
            latest_of(
                "created_at", "last_sent_at", "result_seen_at", "password_set_at", "closed_at"
            )
        )
    )
    # One sentence: why it failed or waits.
    last_error: Mapped[str | None] = mapped_column("trouble")

    generation: Mapped[int] = mapped_column(default=1)  # counts deliberate sends, not retries
    attempts: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    lease_by: Mapped[str | None]
    check_at: Mapped[datetime | None]  # when the worker asks the tenant about this person
    in_doubt_at: Mapped[datetime | None]  # queued again, though the last message may have arrived
    new_email: Mapped[str | None]  # the account's address, where the tenant has changed it

    # How often somebody has sent it again by hand; see `resends`.
    resend_from: Mapped[datetime | None]  # when they may do so again
    resends: Mapped[int] = mapped_column(default=0, server_default="0")  # within the day
    resend_day_ends: Mapped[datetime | None]

    locale: Mapped[str | None] = mapped_column(String(16))  # None: that of the browser, or English
    note: Mapped[str] = mapped_column(default="", server_default="")  # the inviter's own words
    lifetime: Mapped[int | None]  # seconds that each link of it works; None: as the settings say
    # Given at acceptance: ids at the tenant, with the names that they had when they were chosen.
    roles: Mapped[dict[str, str] | None] = mapped_column(JSON(none_as_null=True))
    roles_granted_at: Mapped[datetime | None]
    # Whether its newest mail has no ticket, since the account has been used already.
    asks_to_sign_in: Mapped[bool] = mapped_column(default=False, server_default=false())

    # How often the invitee has asked for a new link; see `resends`.
    renew_from: Mapped[datetime | None]
    renewals: Mapped[int] = mapped_column(default=0, server_default="0")  # within the day
    renewal_day_ends: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]

    asked_at: Mapped[datetime | None]  # when the tenant was last asked what it knows
    tenant_account: Mapped[dict[str, Any] | None] = mapped_column(JSON)  # what it said then
    drift: Mapped[str | None] = mapped_column(String(16))  # how the account differs from this row

    __table_args__ = (
        Index(
            "uq_invitation_open",
            "email_norm",
            "connection",
            "client_id",
            unique=True,
            sqlite_where=text(_OPEN),
            postgresql_where=text(_OPEN),
        ),
        Index("ix_invitation_claim", "state", "is_paused", "place", "next_try_at"),
        Index("ix_invitation_status", "state", "expires_at", "id"),
        Index("ix_invitation_batch", "batch_id", "state", "expires_at", "id"),
        Index("ix_invitation_batch_order", "batch_id", "id"),
        Index("ix_invitation_inviter", "inviter", "state", "expires_at", "id"),
        Index("ix_invitation_inviter_order", "inviter", "id"),
        Index("ix_invitation_created", "created_at", "id"),
        Index("ix_invitation_changed", "changed_at", "id"),
        Index(
            "ix_invitation_with_roles",
            "id",
            sqlite_where=text("roles IS NOT NULL"),
            postgresql_where=text("roles IS NOT NULL"),
        ),
        Index("ix_invitation_address", "email_norm"),
        Index("ix_invitation_user_id", "user_id"),
        Index("ix_invitation_check_at", "check_at"),
        Index(
            "ix_invitation_stuck",
            "state",  # of one value, but without it SQLite would take ix_invitation_status
            "password_set_at",
            "id",
            sqlite_where=text(_HAS_PASSWORD),
            postgresql_where=text(_HAS_PASSWORD),
        ),
        CheckConstraint(_state_in(State), name="state_known"),
        CheckConstraint(
            f"state <> '{State.ACCEPTED}' OR (accepted_at IS NOT NULL AND accepted_sub IS NOT NULL)",
            name="accepted_has_proof",
        ),
        CheckConstraint(f"{_OPEN} OR closed_at IS NOT NULL", name="end_has_time"),
        CheckConstraint(
            f"state <> '{State.SENDING}' OR lease_until IS NOT NULL", name="sending_has_lease"
        ),
    )

    @property
    def inviter_known(self) -> str:
        """Who invites, as the invitee may be told; empty for the command line."""
        return "" if self.inviter == COMMAND_LINE else safe_name(self.inviter)

    @property
    def is_open(self) -> bool:
        """Whether it can still be accepted."""
        return State(self.state).is_open

    @property
    def is_in_doubt(self) -> bool:
        """Whether it waits for another try although the last message may have arrived."""
        return self.state == State.QUEUED and self.in_doubt_at is not None

    @property
    def is_reminder(self) -> bool:
        """Whether its next mail reminds of the one before."""
        return bool(
            self.reminded_at and self.last_sent_at and self.reminded_at >= self.last_sent_at
        )

    @property
    def was_sent_again(self) -> bool:
        """Whether a newer mail has replaced an older one: on purpose, or since nobody knew whether that
        had arrived. A reminder that was not sent has not."""
        return self.generation > 1 + self.is_reminder or self.first_sent_at != self.last_sent_at

    def link_works(self, now: datetime) -> bool:
        """Whether the newest mail may have reached the invitee and its link is to be followed."""
        return (self.state == State.SENT or self.is_in_doubt) and not self.is_expired(now)

    def landing_works(self, now: datetime) -> bool:
        """Whether the landing link that has `landing_hash` is to be followed. Whoever holds it has the
        newest mail, also while another is to follow; one that was mailed to an earlier address opens
        nothing."""
        return self.state in ON_THE_WAY and self.new_email is None and self.expires_at > now

    @hybrid_method
    def is_expired(self, now: datetime) -> bool:
        """Whether its time ran out before it was used. On the class it is the SQL condition: `|`
        and `&` mean the same for both."""
        return ((self.state == State.QUEUED) | (self.state == State.SENT)) & (
            self.expires_at <= now
        )

    def status(self, now: datetime) -> str:
        """What people see: the state, or *expired*."""
        return EXPIRED if self.is_expired(now) else self.state


class InvitationEvent(Base):
    """What happened to an invitation, who did it, on what evidence. Only ever added to."""

    __tablename__ = "invitation_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    invitation_id: Mapped[int] = mapped_column(ForeignKey("invitation.id"), index=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    event: Mapped[str]  # an EventKind
    from_state: Mapped[str | None]
    to_state: Mapped[str | None]
    evidence: Mapped[dict[str, Any]]


class PendingGrant(Base):
    """The acceptance of this invitation grants the right to invite to the account that accepts."""

    __tablename__ = "pending_grant"

    invitation_id: Mapped[int] = mapped_column(ForeignKey("invitation.id"), primary_key=True)
    granted_by: Mapped[str]  # as they were called then
    granted_at: Mapped[datetime]


class SentMessage(Base):
    """One message handed to the mail server: a retry keeps the row, a resend adds one."""

    __tablename__ = "delivery"

    id: Mapped[int] = mapped_column(primary_key=True)
    invitation_id: Mapped[int] = mapped_column(ForeignKey("invitation.id"), index=True)
    generation: Mapped[int]
    message_id: Mapped[str] = mapped_column(unique=True)
    status: Mapped[str]  # a MessageStatus
    smtp_reply: Mapped[str] = mapped_column("server_words")
    at: Mapped[datetime]

    __table_args__ = (Index("ix_delivery_at", "at", "id"),)
