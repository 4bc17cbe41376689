"""The tables of what all workers share, and of counts."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from ...database.base import Base


class Outage(Base):
    """Why the circuit breaker is open. At most one row, and every worker heeds it."""

    __tablename__ = "pause"

    id: Mapped[int] = mapped_column(primary_key=True)
    cause: Mapped[str]  # credentials or tenant: of the tenant; sender or mail: of the mail server
    sentence: Mapped[str]
    since: Mapped[datetime]
    until: Mapped[datetime]
    failures: Mapped[int] = mapped_column("rounds")  # probes that failed, one after the other

    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)


class Pace(Base):
    """How fast the tenant may be called: one row, which whoever reserves calls has locked meanwhile."""

    __tablename__ = "pace"

    id: Mapped[int] = mapped_column(primary_key=True)
    buckets: Mapped[dict[str, Any]]  # by kind of call, as the pacer writes them

    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)


class WorkerHeartbeat(Base):
    """A worker that runs, and when it last said so. Gone once it has stopped in order."""

    __tablename__ = "worker_heartbeat"

    name: Mapped[str] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime]


class Tally(Base):
    """A part of a count: the count is their sum. Triggers of the table of invitations add them in the
    transaction of each change (migration 0013), so nobody waits for a row that all would change."""

    __tablename__ = "tally"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    bucket: Mapped[int]  # hours, days or seconds: `statistics` says which
    amount: Mapped[int]
