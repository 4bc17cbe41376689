"""The tables of what is done with many invitations at once."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, ForeignKey, Index, String
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from ...database.base import Base


class Batch(Base):
    """Many invitations of one list. Until it is started it is a preview, whose rows are BatchRows."""

    __tablename__ = "batch"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]  # of the file, or that the list was pasted
    inviter: Mapped[str]  # as they were called then
    inviter_sub: Mapped[str]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    rows: Mapped[int] = mapped_column(default=0)  # of the list
    opened: Mapped[int] = mapped_column(default=0)  # invitations that came of them
    # Columns that nothing is done with.
    ignored: Mapped[list[str]] = mapped_column(JSON, default=list)

    @hybrid_property
    def is_removed(self) -> bool:
        """Whether this was a preview that has been removed: its row keeps its number from another list."""
        return self.started_at is None and self.cancelled_at is not None

    @is_removed.inplace.expression
    @classmethod
    def _is_removed(cls) -> ColumnElement[bool]:
        return cls.started_at.is_(None) & cls.cancelled_at.is_not(None)


class BatchRow(Base):
    """A row of a list: all of them before the batch starts, then those that became no invitation.

    Kept for a day.
    """

    __tablename__ = "batch_row"

    id: Mapped[int] = mapped_column(primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"))
    line: Mapped[int]
    email: Mapped[str]  # as it stands in the list
    email_norm: Mapped[str | None]  # None where it is no address
    name: Mapped[str]
    fate: Mapped[str] = mapped_column(String(16))  # a Fate
    reason: Mapped[str]  # a sentence; empty for a good row
    # Of the invitation that comes of it:
    ref: Mapped[str] = mapped_column(String(43))
    search_text: Mapped[str]
    locale: Mapped[str | None] = mapped_column(String(16))
    note: Mapped[str] = mapped_column(default="", server_default="")
    roles: Mapped[dict[str, str] | None] = mapped_column(JSON(none_as_null=True))
    invitation_id: Mapped[int | None]  # the one that the address has already

    __table_args__ = (Index("ix_batch_row_order", "batch_id", "fate", "line"),)


class Job(Base):
    """One action on many invitations, which a worker does a few at a time."""

    __tablename__ = "job"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))  # a JobKind
    filters: Mapped[dict[str, Any] | None] = mapped_column(JSON)  # None: those of `numbers`
    numbers: Mapped[list[int] | None] = mapped_column(JSON)
    actor: Mapped[str]
    reason: Mapped[str]
    days: Mapped[int | None]  # from then on, that an extension lasts
    form_key: Mapped[str | None] = mapped_column(unique=True)  # one form, one job
    total: Mapped[int]  # that were counted at its start
    is_exact: Mapped[bool]  # whether there were no more than these
    created_at: Mapped[datetime]
    highest: Mapped[int]  # what `below` was at the start
    below: Mapped[int]  # only invitations with a smaller id are left to look at
    changed: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)
    refusals: Mapped[dict[str, Any]] = mapped_column(default=dict)  # how many by sentence
    ended_at: Mapped[datetime | None]
    is_stopped: Mapped[bool] = mapped_column(default=False)
    lease_until: Mapped[datetime | None]
    lease_by: Mapped[str | None]

    __table_args__ = (Index("ix_job_ended_at", "ended_at"),)

    @property
    def done(self) -> int:
        """How many invitations were looked at that fit."""
        return self.changed + self.refused

    @property
    def share_done(self) -> float:
        """How far it is, from 0 to 1: by its invitations where their number is known, else by their
        ids."""
        if self.ended_at and not self.is_stopped:
            return 1.0
        if self.is_exact:
            return min(self.done / self.total, 1.0) if self.total else 1.0
        return (self.highest - self.below) / self.highest
