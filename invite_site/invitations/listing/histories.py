"""What happened to single invitations."""

from collections.abc import Sequence

from sqlalchemy import Engine, select
from sqlalchemy.orm import sessionmaker

from ..tables import InvitationEvent


class Histories:
    """The events of invitations."""

    def __init__(self, engine: Engine) -> None:
        self._begin = sessionmaker(engine, expire_on_commit=False).begin

    def events(self, invitation_id: int) -> Sequence[InvitationEvent]:
        """What happened to this invitation, oldest first."""
        return self.events_of([invitation_id]).get(invitation_id, [])

    def events_of(self, ids: Sequence[int]) -> dict[int, list[InvitationEvent]]:
        """What happened to each of these invitations, oldest first."""
        found: dict[int, list[InvitationEvent]] = {}
        with self._begin() as db:
            for event in db.scalars(
                select(InvitationEvent)
                .where(InvitationEvent.invitation_id.in_(ids))
                .order_by(InvitationEvent.id)
            ):
                found.setdefault(event.invitation_id, []).append(event)
        return found
