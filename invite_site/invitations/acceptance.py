"""What the invitee's browser causes: link opened, result seen, login completed.

What stands in a URL starts things and proves nothing. Only a verified ID token of the right
account accepts an invitation, and only `complete_login` does so.
"""

import enum
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..accounts.admins import Admins
from ..accounts.sessions import Identity, Write
from ..errors import AccountUnusable, DeliveryError, InvalidInvitee, NotPossibleNow
from ..languages import marked
from ..settings import Delivery, Settings
from ..tenant.management import Tenant, invitation_link
from .checks import Checks
from .ledger import Ledger, landing_links
from .lifecycle import EventKind, State
from .people import Invitee
from .tables import Invitation
from .visits import InvitationSummary, Visits

LANDING_TICKET_LIFE = timedelta(hours=1)


class LoginOutcome(enum.Enum):
    """What a verified login means for the invitations."""

    ACCEPTED = "accepted"
    SIGNED_IN = "signed in"
    WRONG_ACCOUNT = "wrong account"
    REVOKED = "revoked"
    UNVERIFIED = "unverified"
    OTHER_ACCOUNT = "other account of the same address"

    @property
    def has_access(self) -> bool:
        return self in (LoginOutcome.ACCEPTED, LoginOutcome.SIGNED_IN)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The use cases of an invitee, from the mail to the first login. `clock` gives aware UTC."""

    settings: Settings
    ledger: Ledger
    visits: Visits
    checks: Checks
    tenant: Tenant
    admins: Admins
    clock: Callable[[], datetime]

    def find(self, ref: str) -> InvitationSummary | None:
        """The invitation that this ref points to."""
        return self.visits.find(ref)

    def find_by_link(self, token: str) -> Invitation | None:
        """The invitation whose newest mail carries this landing link."""
        return self.ledger.by_landing_link(token)

    def find_behind_link(self, token: str) -> Invitation | None:
        """The invitation that a landing link belonged to, though a newer mail has replaced it or a part
        of it was lost on the way. It opens nothing."""
        return self.ledger.by_ref(landing_links.ref_in(token))

    def chose_password(self, invitation: Invitation) -> bool:
        """Whether the password was chosen, as far as the tenant can be asked now. For somebody whose
        link the tenant calls used: what they did may not have been seen here yet."""
        with suppress(DeliveryError):
            return self.checks.has_password(invitation)
        return False

    def write_of_result(self, invitation: InvitationSummary | None) -> Write | None:
        """Somebody came back from the password page with `success=true`: what to write of it when
        their login begins. None where there is nothing to write."""
        return self.visits.write_of_result(invitation, now=self.clock()) if invitation else None

    def record_result(self, invitation: InvitationSummary | None) -> None:
        """The same where no login begins yet."""
        if write := self.write_of_result(invitation):
            self.visits.execute(write)

    def open_link(self, invitation: Invitation) -> str | None:
        """The button on the landing page was pressed: where at the tenant to go on, or None where
        there is no password to choose and a login is next.

        The ticket is made only now and lives an hour: the mail holds a link of ours, which ends
        when we say so. Raises NotPossibleNow for a second click, after LINK_USES tickets, and where
        the invitation was changed; AccountUnusable where the account was; and DeliveryError.
        """
        now = self.clock()
        if (
            not invitation.landing_works(now)
            or not invitation.user_id
            or invitation.asks_to_sign_in
        ):
            return None
        user = self.tenant.get_user(invitation.user_id)
        if user is None:  # a new link makes it anew
            raise AccountUnusable(is_gone=True)
        if user.email != invitation.email_norm or user.blocked:
            raise AccountUnusable(is_gone=False)
        if invitation.ticket_issued_at and self.checks.has_password(invitation, user):
            return None
        if not self.visits.open_link(invitation, now=now):
            raise NotPossibleNow(
                marked(
                    "This link was opened a moment ago, or very often. Wait a few seconds, then "
                    "press the button again. If that does not help, use “Get a new link” in the mail."
                )
            )
        left = min(invitation.expires_at - now, LANDING_TICKET_LIFE)
        ticket = self.tenant.create_ticket(
            invitation.user_id, ref=invitation.ref, lifetime=int(left.total_seconds())
        )
        if not self.visits.record_ticket(invitation, issued_at=ticket.issued_at):
            with suppress(DeliveryError):
                self.tenant.withdraw_ticket(invitation.user_id)
            raise NotPossibleNow(
                marked("This invitation has just changed. Open the newest mail again.")
            )
        return invitation_link(ticket.url, self.settings.app_name)

    def complete_login(self, identity: Identity, ref: str | None) -> LoginOutcome:
        """Somebody signed in, with a verified ID token, perhaps on the way from invitation `ref`.

        Only here is an invitation accepted, and only by the user it was made for: the `sub` is
        the one the tenant gave us when we created the account, or that of an account which has
        taken its place. Raises DeliveryError where the tenant has to be asked about `ref` and is
        away.
        """
        invitation = self.ledger.by_ref(ref) if ref else None
        if invitation and invitation.is_open and invitation.user_id != identity.sub:
            return self._login_of_another(identity, invitation)
        known = self.ledger.of_user(identity.sub)
        if not known and self._accept_in_place(identity):
            return LoginOutcome.ACCEPTED
        opened = next((row for row in known if row.is_open), None)
        if opened:
            # With the tenant's own mail the tenant does not say whether it reached its reader; that
            # the password which we made up was replaced, does.
            if not identity.email_verified and self.settings.delivery == Delivery.TICKET:
                return LoginOutcome.UNVERIFIED
            if self._accept(opened, identity):
                return LoginOutcome.ACCEPTED
            known = self.ledger.of_user(identity.sub)  # it changed in this very moment
        states = {row.state for row in known}  # a failed one has taken nothing from anybody
        is_withdrawn = State.REVOKED in states and State.ACCEPTED not in states
        if is_withdrawn and not self.admins.may_invite(identity):
            return LoginOutcome.REVOKED
        return LoginOutcome.SIGNED_IN

    def _login_of_another(self, identity: Identity, invitation: Invitation) -> LoginOutcome:
        """A `sub` that is not the invited one: its account was linked into another or made anew, or
        it is somebody else's."""
        is_same_address = _address_of(identity) == invitation.email_norm
        is_same_person = (
            is_same_address
            and identity.email_verified
            and self._takes_place_of(invitation, identity)
        )
        if is_same_person and self._accept(invitation, identity):
            return LoginOutcome.ACCEPTED
        outcome = LoginOutcome.OTHER_ACCOUNT if is_same_address else LoginOutcome.WRONG_ACCOUNT
        event = EventKind.OTHER_ACCOUNT if is_same_address else EventKind.WRONG_ACCOUNT
        self.visits.record_login(invitation.id, event, now=self.clock())
        return outcome

    def _accept_in_place(self, identity: Identity) -> bool:
        """Accept the open invitation of this address, if its account has become this one.

        An ordinary login goes on without it where the tenant cannot be asked.
        """
        address = _address_of(identity) if identity.email_verified else ""
        invitation = self.ledger.open_of(address) if address else None
        with suppress(DeliveryError):
            return (
                invitation is not None
                and self._takes_place_of(invitation, identity)
                and self._accept(invitation, identity)
            )
        return False

    def _takes_place_of(self, invitation: Invitation, identity: Identity) -> bool:
        """Whether the tenant says that the invited account is gone, or part of this one.

        https://auth0.com/docs/manage-users/user-accounts/user-account-linking
        """
        if not invitation.user_id:
            return False
        if self.tenant.get_user(invitation.user_id) is None:
            return True
        user = self.tenant.get_user(identity.sub)
        return user is not None and invitation.user_id in user.linked_ids

    def _accept(self, invitation: Invitation, identity: Identity) -> bool:
        return self.visits.accept(
            invitation.user_id or "",
            sub=identity.sub,
            email=identity.email,
            address=_address_of(identity),
            now=self.clock(),
            has_marker=self.settings.delivery == Delivery.TENANT_EMAIL,
        )


def _address_of(identity: Identity) -> str:
    """The address of a token as invitations are compared by; empty where it cannot be one."""
    try:
        return Invitee.parse(identity.email, allow_test_domains=True).email_norm
    except InvalidInvitee:
        return ""
