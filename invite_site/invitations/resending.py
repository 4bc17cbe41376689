"""Sending an invitation again: by an admin, by its invitee, or with a later end."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..errors import AlreadyInvited, NotPossibleNow, ResentTooSoon
from ..settings import Delivery, LinkKind, Settings
from .extensions import Extensions
from .ledger import Ledger
from .ledger.moves import caused_by
from .lifecycle import RENEW, State
from .options import lifetime_of
from .resends import BY_HAND, BY_INVITEE
from .tables import Invitation

NOBODY = 0  # the number of no invitation
MINUTE, RESOLUTION = timedelta(minutes=1), timedelta.resolution
LONGEST_EXTENSION = 365  # days from now


@dataclass(frozen=True, slots=True)
class Resending:
    """The use cases of *Resend*, *Extend* and *Get a new link*. `clock` gives aware UTC; `on_queued`
    wakes a worker of this process."""

    settings: Settings
    ledger: Ledger
    extensions: Extensions
    clock: Callable[[], datetime]
    on_queued: Callable[[], None]

    def resend(
        self,
        invitation_id: int,
        *,
        actor: str,
        job_id: int | None = None,
        expires_at: datetime | None = None,
    ) -> Invitation:
        """Queue a sent, failed or expired invitation again, with a full life, or one that `expires_at`
        ends; the new ticket replaces the older one. Where the password is set, a mail without a ticket
        asks them to sign in. That may be done by hand once in two minutes and ten times a day, and goes
        out though its batch is paused; what the job with this number does is not by hand.

        Raises InvitationNotFound, NotPossibleNow, ResentTooSoon, AlreadyInvited.
        """
        now = self.clock()
        is_by_hand = job_id is None
        row = self.ledger.requeue(
            invitation_id,
            actor=actor,
            expires_at=expires_at or self._new_end(invitation_id, now),
            now=now,
            allowance=BY_HAND if is_by_hand else None,
            can_sign_in=self.can_mail_sign_in and expires_at is None,
            job_id=job_id,
            is_bulk=not is_by_hand,
        )
        if row is not None:
            self.on_queued()
            return row
        held = self.ledger.get(invitation_id)
        if is_by_hand and (possible_at := self.resend_possible_at(held)) is not None:
            raise ResentTooSoon(possible_at)
        if held.new_email:
            raise NotPossibleNow(
                "The account has another address now. Send the invitation to it, or revoke it."
            )
        raise NotPossibleNow(
            {
                State.QUEUED: "This invitation is already on its way.",
                State.SENDING: "This invitation is already on its way.",
                State.PASSWORD_SET: "This person has chosen a password already. "
                f"Ask them to sign in at {self.settings.site_url}.",
                State.ACCEPTED: "This invitation has been accepted; there is nothing to send.",
                State.FAILED: "This person has accepted another invitation since; there is nothing to send.",
            }.get(State(held.state), "This invitation has ended. Invite the address again.")
        )

    def extend(
        self, invitation_id: int, days: int, *, actor: str, job_id: int | None = None
    ) -> Invitation:
        """Let a queued, sent or expired invitation end so many days from now. Where its mail has a link
        of the tenant, whose life cannot change, a new mail goes out with one that lasts as long. One
        that ends later than that stays as it is.

        Raises InvitationNotFound, NotPossibleNow, ResentTooSoon.
        """
        self.require_extension(days)
        now = self.clock()
        expires_at = now + timedelta(days=days)
        if self.extensions.extend(
            invitation_id,
            expires_at=expires_at,
            actor=actor,
            now=now,
            has_mailed_end=self.mails_to_extend,
            evidence=caused_by(job_id),
        ):
            self.on_queued()
            return self.ledger.get(invitation_id)
        row = self.ledger.get(invitation_id)
        if row.state in (State.QUEUED, State.SENT) and row.expires_at >= expires_at:
            raise NotPossibleNow("This invitation ends later than that already.")
        if row.state == State.SENT:
            return self.resend(invitation_id, actor=actor, job_id=job_id, expires_at=expires_at)
        raise NotPossibleNow(
            {
                State.SENDING: "This invitation is being sent at this moment. Try again in a minute.",
                State.PASSWORD_SET: "This person has chosen a password; such an invitation does not end.",
                State.ACCEPTED: "This invitation has been accepted; it does not end.",
                State.FAILED: "This invitation has failed. Resend it instead.",
            }.get(State(row.state), "This invitation has ended. Invite the address again.")
        )

    def require_extension(self, days: int | None) -> None:
        """Raises NotPossibleNow where the end cannot be chosen, or not so many days from now."""
        if not self.can_extend:
            raise NotPossibleNow(
                "The tenant's own mail decides how long its link works. Resend instead."
            )
        if days is None or not 1 <= days <= LONGEST_EXTENSION:
            raise NotPossibleNow(f"Choose a number of days from 1 to {LONGEST_EXTENSION}.")

    @property
    def can_extend(self) -> bool:
        """Whether the end of an invitation can be chosen."""
        return self.settings.delivery == Delivery.TICKET

    @property
    def mails_to_extend(self) -> bool:
        """Whether a sent invitation needs a new mail for another end, whichever link its mail has."""
        return self.settings.link == LinkKind.TICKET

    def mails_to_extend_one(self, row: Invitation) -> bool:
        """Whether this one does: also where it was sent before INVITE_LINK was changed."""
        return row.state == State.SENT and (
            self.mails_to_extend or not (row.landing_hash or row.asks_to_sign_in)
        )

    def renew(self, ref: str) -> None:
        """Somebody asks for a new link with the ref of a mail. It goes to the stored address, once in
        15 minutes and three times a day, where the invitation is still open. Whether it does is not
        said: whoever asks may not be the invitee.
        """
        now = self.clock()
        row = self.ledger.by_ref(ref)
        # An unknown ref goes the same way, or the time of the answer would tell it from a known one.
        renewed = self.ledger.requeue(
            row.id if row else NOBODY,
            actor="invitee",
            expires_at=now + lifetime_of(row.lifetime if row else None, self.settings),
            now=now,
            transition=RENEW,
            allowance=BY_INVITEE,
            can_sign_in=self.can_mail_sign_in,
        )
        if renewed is not None:
            self.on_queued()

    @property
    def can_mail_sign_in(self) -> bool:
        """Whether people who have a password can be mailed to sign in: the tenant's own mail always
        makes them choose another one."""
        return self.settings.delivery == Delivery.TICKET

    def resend_possible_at(self, row: Invitation) -> datetime | None:
        """The whole minute by which an invitation that was sent again by hand may be so once more; None
        where it may be now, or where its state is what does not allow it."""
        now = self.clock()
        can_resend = row.state in (State.SENT, State.FAILED) or row.is_expired(now)
        can_resend |= row.state == State.PASSWORD_SET and self.can_mail_sign_in
        if not can_resend or row.resend_from is None or row.resend_from <= now:
            return None
        return (row.resend_from + MINUTE - RESOLUTION).replace(second=0, microsecond=0)

    def resend_failed(self, since: datetime, *, actor: str) -> int:
        """Queue again whatever failed at or after this moment; returns how many.

        One that was replaced by another invitation, also an accepted one, stays as it is. None of them
        counts as sent again by hand, and all wait behind single invitations, and for a paused batch.
        """
        now, resent = self.clock(), 0
        for invitation_id in self.ledger.failed_since(since):
            with suppress(AlreadyInvited, NotPossibleNow):
                row = self.ledger.requeue(
                    invitation_id,
                    actor=actor,
                    expires_at=self._new_end(invitation_id, now),
                    now=now,
                    is_bulk=True,
                )
                resent += row is not None
        return resent

    def _new_end(self, invitation_id: int, now: datetime) -> datetime:
        """When a link of this invitation ends that is made now. Raises InvitationNotFound."""
        return now + lifetime_of(self.ledger.get(invitation_id).lifetime, self.settings)
