"""A later end for an invitation whose link has not been used."""

from datetime import datetime
from typing import Any

from sqlalchemy import Engine, case, func
from sqlalchemy.orm import sessionmaker

from .ledger.moves import move
from .lifecycle import EXTEND_QUEUED, EXTEND_SENT, State, Transition
from .tables import Invitation

HAS_TENANTS_LINK = Invitation.landing_hash.is_(None) & Invitation.asks_to_sign_in.is_(False)


class Extensions:
    """Moves ends of life. Moments are aware UTC and come from the caller."""

    def __init__(self, engine: Engine) -> None:
        self._begin = sessionmaker(engine, expire_on_commit=False).begin

    def extend(
        self,
        invitation_id: int,
        *,
        expires_at: datetime,
        actor: str,
        now: datetime,
        has_mailed_end: bool,
        evidence: dict[str, Any],
    ) -> bool:
        """Whether the end was moved to a later one: that of a queued invitation, and of a sent one
        unless its mail has a link whose life the tenant has been told. All have one where
        `has_mailed_end`; else those do that were sent before INVITE_LINK was changed."""
        # One that had expired in the queue has been taken out of it; one that is held stays so.
        is_out = (Invitation.next_try_at.is_(None)) & Invitation.new_email.is_(None)
        columns: dict[Transition, dict[str, Any]] = {
            EXTEND_QUEUED: {"next_try_at": case((is_out, now), else_=Invitation.next_try_at)},
            # Once it had expired nothing was asked about it any more; now somebody may use its link.
            EXTEND_SENT: {
                "reminded_at": None,  # that was of the earlier end
                "check_at": func.coalesce(
                    Invitation.check_at, case((Invitation.asks_to_sign_in, None), else_=now)
                ),
            },
        }
        with self._begin() as db:
            for transition in (EXTEND_QUEUED,) if has_mailed_end else (EXTEND_QUEUED, EXTEND_SENT):
                moved = move(
                    db,
                    transition,
                    Invitation.id == invitation_id,
                    Invitation.expires_at < expires_at,
                    (Invitation.state == State.QUEUED) | ~HAS_TENANTS_LINK,
                    actor=actor,
                    now=now,
                    evidence={"until": f"{expires_at:%Y-%m-%d %H:%M} UTC"} | evidence,
                    expires_at=expires_at,
                    **columns[transition],
                )
                if moved:
                    return True
        return False
