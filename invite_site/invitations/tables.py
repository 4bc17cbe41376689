"""The tables. The rules that must never break stand here as constraints, not only in code."""

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.orm import Session as OrmSession

from ..database.base import Base


class State(enum.StrEnum):
    """Where an invitation stands. *Expired* is not stored: see `Invitation.status`."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    PASSWORD_SET = "password_set"  # noqa: S105 - a state, not a password
    ACCEPTED = "accepted"
    REVOKED = "revoked"
    FAILED = "failed"

    @property
    def is_open(self) -> bool:
        return self in OPEN_STATES


COMMAND_LINE = "the command line"  # an inviter whom invitees do not know
OPEN_STATES = (State.QUEUED, State.SENDING, State.SENT, State.PASSWORD_SET)
_OPEN = "state IN ('queued', 'sending', 'sent', 'password_set')"


class Invitation(Base):
    """One invitation of one person. While it is queued, the row is also the job."""

    __tablename__ = "invitation"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(String(43), unique=True)  # opaque; a pointer, not a key
    email: Mapped[str]  # as typed
    email_norm: Mapped[str]
    name: Mapped[str]
    connection: Mapped[str]
    client_id: Mapped[str]
    state: Mapped[str] = mapped_column(String(16))
    inviter: Mapped[str]  # as they were called then; outlives their account
    inviter_sub: Mapped[str]
    form_key: Mapped[str | None] = mapped_column(unique=True)  # one form, one invitation
    supersedes_id: Mapped[int | None] = mapped_column(ForeignKey("invitation.id"))

    user_id: Mapped[str | None]  # at the tenant
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    first_sent_at: Mapped[datetime | None]
    last_sent_at: Mapped[datetime | None]
    ticket_issued_at: Mapped[datetime | None]  # by the tenant's clock
    landing_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    opened_at: Mapped[datetime | None]  # when the landing link last led on to the tenant
    openings: Mapped[int] = mapped_column(default=0, server_default="0")
    result_seen_at: Mapped[datetime | None]
    password_set_at: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]
    accepted_sub: Mapped[str | None]
    accepted_email: Mapped[str | None]
    closed_at: Mapped[datetime | None]
    trouble: Mapped[str | None]  # one sentence: why it failed or waits

    generation: Mapped[int] = mapped_column(default=1)  # counts deliberate sends, not retries
    attempts: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    lease_by: Mapped[str | None]
    check_at: Mapped[datetime | None]  # when the worker asks the tenant about this person

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
        Index("ix_invitation_claim", "state", "next_try_at"),
        Index("ix_invitation_user_id", "user_id"),
        Index("ix_invitation_check_at", "check_at"),
        CheckConstraint(
            "state IN ('queued', 'sending', 'sent', 'password_set',"
            " 'accepted', 'revoked', 'failed')",
            name="state_known",
        ),
        CheckConstraint(
            "state <> 'accepted' OR (accepted_at IS NOT NULL AND accepted_sub IS NOT NULL)",
            name="accepted_has_proof",
        ),
        CheckConstraint(f"{_OPEN} OR closed_at IS NOT NULL", name="end_has_time"),
        CheckConstraint("state <> 'sending' OR lease_until IS NOT NULL", name="sending_has_lease"),
    )

    @property
    def inviter_known(self) -> str:
        """Who invites, as the invitee may be told; empty for the command line."""
        return "" if self.inviter == COMMAND_LINE else self.inviter

    def status(self, now: datetime) -> str:
        """The word for people: the state, or `expired` when its life ran out before it was used."""
        if self.state in (State.QUEUED, State.SENT) and self.expires_at <= now:
            return "expired"
        return self.state


class InvitationEvent(Base):
    """What happened to an invitation, who did it, on what evidence. Only ever added to."""

    __tablename__ = "invitation_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    invitation_id: Mapped[int] = mapped_column(ForeignKey("invitation.id"), index=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    event: Mapped[str]
    from_state: Mapped[str | None]
    to_state: Mapped[str | None]
    evidence: Mapped[dict[str, Any]]

    @classmethod
    def note(
        cls,
        db: OrmSession,
        invitation_id: int,
        at: datetime,
        actor: str,
        event: str,
        from_state: str | None = None,
        to_state: str | None = None,
        evidence: dict[str, Any] | None = None,
    ) -> None:
        """Add an event within the transaction of the change that it records."""
        db.add(
            cls(
                invitation_id=invitation_id,
                at=at,
                actor=actor,
                event=event,
                from_state=from_state,
                to_state=to_state,
                evidence=evidence or {},
            )
        )


class Delivery(Base):
    """One message handed to the mail server: a retry keeps the row, a resend adds one."""

    __tablename__ = "delivery"

    id: Mapped[int] = mapped_column(primary_key=True)
    invitation_id: Mapped[int] = mapped_column(ForeignKey("invitation.id"), index=True)
    generation: Mapped[int]
    message_id: Mapped[str] = mapped_column(unique=True)
    status: Mapped[str]  # accepted, delayed, refused
    server_words: Mapped[str]
    at: Mapped[datetime]


class Pause(Base):
    """Why nothing goes out at the moment. At most one row, and every worker heeds it."""

    __tablename__ = "pause"

    id: Mapped[int] = mapped_column(primary_key=True)
    cause: Mapped[str]  # credentials, tenant, mail
    sentence: Mapped[str]
    since: Mapped[datetime]
    until: Mapped[datetime]
    rounds: Mapped[int]

    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)
