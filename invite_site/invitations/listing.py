"""Lists for people: the invitations page by page, and what happened to one of them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine, func, or_, select
from sqlalchemy.orm import sessionmaker

from .lifecycle import EXPIRED
from .tables import Invitation, InvitationEvent, SentMessage


class Listing:
    """Reads and changes nothing. Moments are aware UTC and come from the caller."""

    def __init__(self, engine: Engine) -> None:
        self._begin = sessionmaker(engine, expire_on_commit=False).begin

    def page(
        self,
        *,
        now: datetime,
        query: str = "",
        status: str = "",
        before: int | None = None,
        size: int = 50,
    ) -> Sequence[Invitation]:
        """At most `size` invitations, newest first, of those with a number below `before`."""
        wanted = select(Invitation).order_by(Invitation.id.desc()).limit(size)
        if query:
            pattern = f"%{_like(query.lower())}%"
            wanted = wanted.where(
                or_(
                    Invitation.email_norm.like(pattern, escape="\\"),
                    func.lower(Invitation.email).like(pattern, escape="\\"),
                    func.lower(Invitation.name).like(pattern, escape="\\"),
                )
            )
        is_expired = Invitation.is_expired(now)
        if status == EXPIRED:
            wanted = wanted.where(is_expired)
        elif status:
            wanted = wanted.where(Invitation.state == status, ~is_expired)
        if before is not None:
            wanted = wanted.where(Invitation.id < before)
        with self._begin() as db:
            return db.scalars(wanted).all()

    def events(self, invitation_id: int) -> Sequence[InvitationEvent]:
        """What happened to this invitation, oldest first."""
        with self._begin() as db:
            return db.scalars(
                select(InvitationEvent)
                .where(InvitationEvent.invitation_id == invitation_id)
                .order_by(InvitationEvent.id)
            ).all()

    def messages(self, invitation_id: int) -> Sequence[SentMessage]:
        """The messages handed to the mail server for this invitation, oldest first."""
        with self._begin() as db:
            return db.scalars(
                select(SentMessage)
                .where(SentMessage.invitation_id == invitation_id)
                .order_by(SentMessage.id)
            ).all()


def _like(text: str) -> str:
    for special in ("\\", "%", "_"):
        text = text.replace(special, f"\\{special}")
    return text
