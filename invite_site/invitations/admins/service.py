"""What admins do about each other, on the page and on the command line."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from ...accounts.admins import Admins
from ...accounts.sessions import Session
from ...errors import AlreadyInvited, GrantRefused, NotThereYet, TenantRefused
from ...settings import Settings
from ...tenant.management import Tenant
from ..ledger import Ledger
from ..lifecycle import EXPIRED
from ..people import Invitee, Inviter
from ..resending import Resending
from ..service import Invitations
from .ledger import AdminLedger, Awaited

SUB_LENGTH = 255  # OpenID Connect Core §2
NO_SUB = (
    "This is neither an address nor an account id. Enter an email address, or the account id as the "
    "tenant shows it, such as auth0|5f7c8ec7c33c6c004bbafe82."
)


@dataclass(frozen=True, slots=True)
class Granted:
    """What a grant came to: made now, or `is_new` False where it was before; with `invitation_id` it is
    made when that invitation is accepted."""

    is_new: bool
    invitation_id: int | None = None


@dataclass(frozen=True, slots=True)
class Granting:
    """The use cases. `tenant` is that of pages: its calls are bounded. `clock` gives aware UTC."""

    settings: Settings
    admins: Admins
    ledger: Ledger
    admin_ledger: AdminLedger
    invitations: Invitations
    resending: Resending
    tenant: Tenant
    clock: Callable[[], datetime]

    def grant(
        self,
        address_or_sub: str,
        *,
        by: Inviter,
        invites: bool = False,
        is_sub_known: bool = False,
    ) -> Granted:
        """Let the account of this address, or this `sub`, invite. An address counts once, here: what
        is granted is the account that the tenant has verified to own it.

        Where there is none yet, `invites` lets an invitation carry the grant: the open one, or a new
        one. `is_sub_known` grants a `sub` without asking the tenant. Raises NotThereYet, GrantRefused,
        InvalidInvitee, NotPossibleNow, DeliveryError.
        """
        # Account ids have a bar, and may have an address behind it: `google-apps|ada@example.com`.
        if "@" in address_or_sub and "|" not in address_or_sub:
            return self._grant_by_address(address_or_sub, by, invites)
        is_whole = "|" in address_or_sub and len(address_or_sub) <= SUB_LENGTH
        if not is_whole or not address_or_sub.isprintable():
            # Nobody signs in as that, and it would count as an admin when the last one is withdrawn.
            raise GrantRefused(NO_SUB)
        label = address_or_sub if is_sub_known else self._label_of_account(address_or_sub)
        return Granted(self.admins.grant(address_or_sub, label=label, now=self.clock(), by=by.name))

    def withdraw(self, sub: str, *, by: Session) -> bool:
        """Take the grant back; False where there is none any more. The last one stays, unless a role
        can make admins. Raises GrantRefused."""
        return self.admins.withdraw(sub, by=by, may_be_last=self.is_role_configured)

    @property
    def is_role_configured(self) -> bool:
        """Whether a role at the tenant makes people admins as well."""
        return bool(self.settings.admin_role)

    def cancel(self, invitation_id: int, *, by: Inviter) -> bool:
        """Have the acceptance of this invitation grant nothing; False where it would not any more."""
        return self.admin_ledger.cancel(invitation_id, by=by.name, now=self.clock())

    def cancel_of(self, address: str, *, by: Inviter) -> bool:
        """The same for the invitation to this address."""
        found = [each for each in self.awaited() if each.email.lower() == address.lower()]
        return any([self.cancel(each.invitation_id, by=by) for each in found])

    def awaited(self) -> Sequence[Awaited]:
        """Who may invite once they have accepted."""
        return self.admin_ledger.awaited(self.clock())

    def open_from(self, sub: str) -> int:
        """How many open invitations this admin has sent."""
        return self.admin_ledger.open_from(sub)

    def name_of(self, sub: str) -> str:
        """How this person is called here: by their grant, else by their invitations, else by their id."""
        grant = self.admins.find(sub)
        return grant.label if grant else self.admin_ledger.inviter_named(sub) or sub

    def revoke_from(self, sub: str, *, by: Inviter) -> int:
        """Revoke all of them, each with its event and its ticket; returns how many."""
        reason = "All open invitations of this admin were revoked."
        return sum(
            self.admin_ledger.revoke_from(sub, actor=by.name, reason=reason, now=self.clock())
        )

    def _grant_by_address(self, address: str, by: Inviter, invites: bool) -> Granted:
        invitee = Invitee.parse(address, allow_test_domains=self.settings.is_local)
        user = self.tenant.find_user(invitee.email_norm)
        if user is not None and user.email_verified:
            is_new = self.admins.grant(
                user.user_id, label=invitee.email, now=self.clock(), by=by.name
            )
            return Granted(is_new)
        open_now = self.ledger.open_of(invitee.email_norm)
        if user is not None and open_now is None:
            # Anybody may have registered it before its owner came.
            raise GrantRefused(
                "The tenant has not verified that this account owns the address. If you know it to be "
                f"right, grant it by its account id: {user.user_id}"
            )
        if not invites:
            raise NotThereYet(
                "This person is invited, but has not signed in yet, and the tenant has not verified "
                "that the address is theirs."
                if open_now
                else "Nobody at the tenant has this address yet.",
                is_invited=open_now is not None,
            )
        if open_now is None:
            invitation_id = self._invite(invitee.email, by)
        else:
            invitation_id = open_now.id
            if open_now.status(self.clock()) == EXPIRED:
                self.resending.resend(invitation_id, actor=by.name)
        is_new = self.admin_ledger.promise(invitation_id, by=by.name, now=self.clock())
        return Granted(is_new, invitation_id)

    def _invite(self, email: str, by: Inviter) -> int:
        """A new invitation. Who accepted one before has no account any more, so it was removed."""
        try:
            return self.invitations.invite(email, inviter=by, again=True).id
        except AlreadyInvited as taken:  # in this very moment, such as by a second click
            return taken.invitation_id

    def _label_of_account(self, sub: str) -> str:
        """How lists call the account with this id. Raises GrantRefused, DeliveryError."""
        found = None
        with suppress(TenantRefused):  # no account can have this id
            found = self.tenant.get_user(sub)
        if found is None:
            raise GrantRefused(
                "The tenant has no account with this id. Enter an email address, or the account id "
                "as the tenant shows it, such as auth0|5f7c8ec7c33c6c004bbafe82."
            )
        return found.email if found.email and found.email_verified else sub
