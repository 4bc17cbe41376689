"""What admins can do with invitations: invite, change the address, revoke.

Nothing outside is called while somebody waits for a page: a request changes a row, and the
worker does the rest (`sending`). Sending one again is in `resending`; what the invitee's browser
causes is in `acceptance`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ..errors import AlreadyAccepted, AlreadyInvited, InvalidInvitee, NotPossibleNow
from ..settings import Settings
from .ledger import Ledger
from .ledger.moves import caused_by
from .lifecycle import EXPIRED
from .options import NO_OPTIONS, Options, lifetime_of
from .people import Invitee, Inviter, search_text
from .tables import Invitation

ENDED = "This invitation has ended, so its address stays. Invite the other address by itself."


@dataclass(frozen=True, slots=True)
class Invitations:
    """The use cases of the form and the command line. `clock` gives aware UTC; `on_queued` wakes a
    worker of this process."""

    settings: Settings
    ledger: Ledger
    clock: Callable[[], datetime]
    on_queued: Callable[[], None]

    def invite(
        self,
        email: str,
        *,
        name: str = "",
        inviter: Inviter,
        form_key: str | None = None,
        again: bool = False,
        options: Options = NO_OPTIONS,
    ) -> Invitation:
        """Queue an invitation; an expired one to the same address is renewed instead.

        The same `form_key` twice is the same form sent twice, and gives the first result again.
        `again` invites a person who has accepted before, since their account was removed.
        Raises InvalidInvitee, AlreadyInvited, AlreadyAccepted.
        """
        invitee = Invitee.parse(email, name, allow_test_domains=self.settings.is_local)
        accepted = None if again else self.ledger.accepted_of(invitee.email_norm)
        if accepted and accepted.accepted_at:
            raise AlreadyAccepted(accepted.id, accepted.accepted_at)
        now = self.clock()
        expires_at = now + lifetime_of(options.lifetime, self.settings)
        try:
            row = self.ledger.open(
                invitee,
                inviter=inviter,
                expires_at=expires_at,
                now=now,
                form_key=form_key,
                **options.columns,
            )
            self.on_queued()
            return row
        except AlreadyInvited as taken:
            if self.ledger.get(taken.invitation_id).status(now) == EXPIRED:
                renewed = self.ledger.requeue(
                    taken.invitation_id,
                    actor=inviter.name,
                    expires_at=expires_at,
                    now=now,
                    name=invitee.name,
                    search_text=search_text(invitee.email, invitee.email_norm, invitee.name),
                    inviter=inviter.name,
                    inviter_sub=inviter.sub,
                    form_key=None if self.ledger.has_form(form_key) else form_key,
                    **options.columns,
                )
                if renewed is not None:
                    self.on_queued()
                    return renewed
            if self.ledger.get(taken.invitation_id).is_open:  # perhaps renewed in this very moment
                raise
        # It has ended in this very moment: nothing stands in the way, or the person has accepted.
        return self.invite(
            email, name=name, inviter=inviter, form_key=form_key, again=again, options=options
        )

    def readdress(self, invitation_id: int, email: str, *, actor: str) -> Invitation:
        """Send to the address that the account has at the tenant now, as the admin has seen it.

        Raises InvitationNotFound, NotPossibleNow, AlreadyInvited.
        """
        now = self.clock()
        row = self.ledger.readdress(
            invitation_id,
            email=email,
            actor=actor,
            expires_at=now + lifetime_of(self.ledger.get(invitation_id).lifetime, self.settings),
            now=now,
        )
        if row is None:
            raise NotPossibleNow("This invitation does not wait for another address any more.")
        self.on_queued()
        return row

    def change_address(self, invitation_id: int, email: str, *, inviter: Inviter) -> Invitation:
        """Invite another address in place of this one, with all else that the invitation has; the
        invitation of the earlier address is revoked. Returns the new one.

        Raises InvitationNotFound, NotPossibleNow, InvalidInvitee, AlreadyInvited, AlreadyAccepted.
        """
        row = self.ledger.get(invitation_id)
        invitee = Invitee.parse(email, row.name, allow_test_domains=self.settings.is_local)
        if not row.is_open:
            taken = self.ledger.open_of(invitee.email_norm)
            if taken is None:
                raise NotPossibleNow(ENDED)
            # Most often the same form was sent twice, and the first has changed the address.
            raise AlreadyInvited(taken.id, taken.inviter, taken.created_at)
        if invitee.email_norm == row.email_norm:
            raise InvalidInvitee("email", "This is the address that was invited already.")
        # First the new one: where that is refused, the earlier one stays as it is.
        other = self.invite(email, name=row.name, inviter=inviter, options=Options.of(row))
        reason = f"The address was changed: invitation {other.id} took its place."
        now = self.clock()
        if self.ledger.revoke(row.id, actor=inviter.name, reason=reason, now=now) is None:
            reason = f"Invitation {row.id}, whose place it should have taken, ended meanwhile."
            self.ledger.revoke(other.id, actor=inviter.name, reason=reason, now=now)
            raise NotPossibleNow(ENDED)
        return other

    def revoke(
        self, invitation_id: int, *, actor: str, reason: str = "", job_id: int | None = None
    ) -> Invitation:
        """Revoke an open invitation. Raises InvitationNotFound, NotPossibleNow."""
        row = self.ledger.revoke(
            invitation_id, actor=actor, reason=reason, now=self.clock(), evidence=caused_by(job_id)
        )
        if row is None:
            self.ledger.get(invitation_id)
            raise NotPossibleNow("This invitation has ended already; there is nothing to revoke.")
        return row
