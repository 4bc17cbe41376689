"""Leases for questions to the tenant: whoever asks about an invitation is the only one for a minute."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Engine, Select, bindparam, false, or_, select, update
from sqlalchemy.orm import Session, sessionmaker

from ..ledger.moves import ARRIVED, SETTLED, move, record
from ..lifecycle import SET_PASSWORD, EventKind, State
from ..pacer import Calls, Pacer
from ..tables import Invitation

CHECK_LEASE = timedelta(seconds=60)


class CheckLeases:
    """Invitations that the tenant is to be asked about. Moments are aware UTC.

    `pacer` says how many calls of the tenant may be reserved.
    """

    def __init__(self, engine: Engine, pacer: Pacer) -> None:
        self._engine = engine
        self._pacer = pacer
        self._begin = sessionmaker(engine, expire_on_commit=False).begin

    def claim_checks(
        self,
        states: Sequence[State],
        *,
        limit: int,
        now: datetime,
        calls: Calls,
        keep: float = 0.0,
        is_reserving: bool = True,
    ) -> Sequence[Invitation]:
        """Invitations in these states that the tenant is to be asked about, as many as it takes the
        `calls` of now; each is due again if the asker dies. `keep` is the share of the tenant's limits
        that is left for deliveries. Unless it `is_reserving`, the caller spends the calls that it makes.

        One that is in doubt counts as sent.
        """
        due = _due(tuple(states))
        with self._engine.connect() as looking:  # most looks find nothing
            if looking.scalar(due, {"now": now, "most": 1}) is None:
                return ()
        with self._begin() as db, self._pacer.reserving(db.connection()) as buckets:
            rows = _claim(db, due, buckets.affordable(calls, limit, keep=keep), now)
            buckets.spend(calls, len(rows) if is_reserving else 0)
            return rows

    def spend(self, calls: Calls) -> None:
        """These calls, which were not reserved, are about to be made."""
        self._pacer.spend(calls)

    def mark_password_set(self, row: Invitation, *, at: datetime, now: datetime) -> None:
        """The tenant says that the password was chosen, at `at`."""
        with self._begin() as db:
            move(
                db,
                SET_PASSWORD,
                Invitation.id == row.id,
                or_(Invitation.state == State.SENT, Invitation.in_doubt_at.is_not(None)),
                actor="tenant",
                now=now,
                evidence={"last_password_reset": at.isoformat()},
                password_set_at=at,
                **ARRIVED | SETTLED,
            )

    def record_account(
        self, row: Invitation, *, account: dict[str, object], drift: str | None, now: datetime
    ) -> None:
        """What the tenant says of the account, and how it differs from the invitation; that it does is
        an event, once."""
        seen = update(Invitation).where(Invitation.id == row.id)
        differs = Invitation.drift.is_distinct_from(drift)
        with self._begin() as db:
            is_new = db.scalars(
                seen.where(differs).values(drift=drift).returning(Invitation.id)
            ).one_or_none()
            db.execute(seen.values(asked_at=now, tenant_account=account))
            if is_new and drift:
                record(
                    db, row.id, EventKind.ACCOUNT_DIFFERS,
                    actor="tenant", now=now, evidence={"drift": drift},
                )  # fmt: skip

    def end_check(
        self,
        row: Invitation,
        *,
        again_at: datetime | None,
        now: datetime,
        event: EventKind | None = None,
        evidence: Mapping[str, Any] | None = None,
        **columns: Any,
    ) -> None:
        """The question to the tenant is answered, or is to be asked again at `again_at`; `columns`
        change with it. A check that somebody has asked for meanwhile stays as it is."""
        of_row = update(Invitation).where(Invitation.id == row.id)
        with self._begin() as db:
            if columns:
                db.execute(of_row.values(**columns))
            # Whoever revokes, accepts or comes back during the question wants an answer of their own.
            db.execute(of_row.where(Invitation.check_at == row.check_at).values(check_at=again_at))
            if event:
                found = dict(evidence or {})
                record(db, row.id, event, actor="worker", now=now, evidence=found)


@cache
def _due(states: tuple[State, ...]) -> Select[int]:
    """The first `most` rows of these states that are due `now`; built once, since it is asked for a few
    times a second."""
    is_asked = Invitation.state.in_(states)
    is_in_doubt = Invitation.in_doubt_at.is_not(None) if State.SENT in states else false()
    return (
        select(Invitation.id)
        .where(Invitation.check_at <= bindparam("now"), or_(is_asked, is_in_doubt))
        .order_by(Invitation.check_at)
        .limit(bindparam("most"))
    )


def _claim(db: Session, due: Select[int], limit: int, now: datetime) -> Sequence[Invitation]:
    if not limit:
        return ()
    return db.scalars(
        update(Invitation)
        .where(Invitation.id.in_(due.with_for_update(skip_locked=True).scalar_subquery()))
        .values(check_at=now + CHECK_LEASE)
        .returning(Invitation),
        {"now": now, "most": limit},
    ).all()
