"""What the worker asks the tenant about people: is the password set; is the old ticket withdrawn; has
whoever accepted the roles that were chosen for them.

A check can move an invitation to *password set* and no further. Sent invitations are asked about
from time to time, so that somebody who chose a password and never came back here is seen.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..errors import DeliveryError, TenantRefused
from ..settings import Delivery, Settings
from ..tenant.management import Tenant, TenantUser
from ..tenant.rate_limits import Kind
from .drift import drift_of, shown_of
from .leases.checks import CheckLeases
from .ledger import Ledger
from .lifecycle import EventKind, State
from .options.roles import give_roles
from .tables import Invitation

log = logging.getLogger(__name__)

RECHECK = timedelta(seconds=60)
LOOKS = (timedelta(hours=1), timedelta(hours=6))  # after the mail; then daily
DAY = timedelta(days=1)
WITHDRAW = {Kind.TICKETS: 1}
ASK = {Kind.READ_USERS: 1}


@dataclass(frozen=True, slots=True)
class Checks:
    """Questions to the tenant, outside of any delivery. `clock` gives aware UTC."""

    settings: Settings
    ledger: Ledger
    leases: CheckLeases
    tenant: Tenant
    clock: Callable[[], datetime]

    def run(self, *, limit: int, keep: float) -> int:
        """Ask about up to `limit` rows that are due; returns how many there were.

        Links that are to be withdrawn come first; the other questions leave the share `keep` of the
        tenant's limits to deliveries.
        """
        now = self.clock()
        rows = [
            *self.leases.claim_checks(
                (State.REVOKED,), limit=limit, now=now, calls=WITHDRAW, is_reserving=False
            ),
            *self.leases.claim_checks(
                (State.SENT, State.ACCEPTED), limit=limit, now=now, calls=ASK, keep=keep
            ),
        ]
        for row in rows:
            try:
                self._check(row)
            except DeliveryError as failed:
                log.info("check of invitation %s waits: %s", row.id, type(failed).__name__)
                self._end(row, again_at=self.clock() + RECHECK)
        return len(rows)

    def has_password(self, row: Invitation, user: TenantUser | None = None) -> bool:
        """Whether the password was chosen since the ticket was made; if so, the row moves to
        *password set*. Asks the tenant unless `user` is given. Raises DeliveryError."""
        user = user or (self.tenant.get_user(row.user_id) if row.user_id else None)
        at = password_chosen_at(row, user, self.settings.delivery) if user else None
        if at:
            self.leases.mark_password_set(row, at=at, now=self.clock())
        return at is not None

    def ask(self, row: Invitation) -> None:
        """Write down what the tenant knows of the account now; a password that was chosen moves the row
        to *password set*. Raises DeliveryError."""
        user = self.tenant.get_user(row.user_id) if row.user_id else None
        self._record_account(row, user)
        if user is not None:
            self.has_password(row, user)

    def _record_account(self, row: Invitation, user: TenantUser | None) -> None:
        self.leases.record_account(
            row, account=shown_of(user), drift=drift_of(row, user), now=self.clock()
        )

    def _check(self, row: Invitation) -> None:
        if row.user_id is None:
            self._end(row)
        elif row.state == State.REVOKED:
            self._withdraw_ticket(row, row.user_id)
        elif row.state == State.ACCEPTED:
            self._complete(row, row.user_id)
        else:
            user = self.tenant.get_user(row.user_id)
            if drift_of(row, user) != row.drift:
                self._record_account(row, user)
            if user is None or not self.has_password(row, user):
                self._end(row, again_at=next_check(row, self.clock()))

    def _complete(self, row: Invitation, user_id: str) -> None:
        """What is left to do at the tenant once an invitation is accepted."""
        grant = give_roles(row, self.tenant.roles, self.clock)
        again_at = grant.again_at
        try:
            self.tenant.clear_invited_marker(user_id)
        except DeliveryError:
            again_at = again_at or self.clock() + RECHECK
        self.leases.end_check(
            row,
            again_at=again_at,
            now=self.clock(),
            event=grant.event,
            evidence=grant.evidence,
            **grant.columns,
        )

    def _withdraw_ticket(self, row: Invitation, user_id: str) -> None:
        """A ticket replaces every older one of its account: one is made that nobody gets, unless a newer
        invitation of the account has done so. Made after that, it would end that one's link.

        Many may wait for the newer one, which has to find calls left: only the one made here is spent.
        """
        rows = [
            each
            for each in self.ledger.of_user(user_id)
            if each.is_open and not each.asks_to_sign_in
        ]
        since = row.last_sent_at or row.created_at
        if any(each.last_sent_at and each.last_sent_at > since for each in rows):
            return self._end(row)
        if any(not each.last_sent_at for each in rows) or self._invited_without_account(row):
            return self._end(row, again_at=self.clock() + RECHECK)
        self.leases.spend(WITHDRAW)
        with suppress(TenantRefused):  # the user is gone, and the ticket with it
            self.tenant.withdraw_ticket(user_id)
        self._end(row, event=EventKind.TICKET_WITHDRAWN)

    def _invited_without_account(self, earlier: Invitation) -> bool:
        """Whether the delivery of an open invitation to this address may still find the account of it."""
        row = self.ledger.open_of(earlier.email_norm)
        return row is not None and row.user_id is None

    def _end(
        self, row: Invitation, *, again_at: datetime | None = None, event: EventKind | None = None
    ) -> None:
        self.leases.end_check(row, again_at=again_at, now=self.clock(), event=event)


def password_chosen_at(row: Invitation, user: TenantUser, delivery: Delivery) -> datetime | None:
    """When the password was chosen by the link of this invitation, if it was: since its ticket was made.

    Our tickets verify the address with it. Where it is not verified somebody has set the password in
    another way, such as in the tenant's dashboard, and the sign-in is refused until the link is used.
    """
    at = user.last_password_reset
    if not at or not row.ticket_issued_at or at < row.ticket_issued_at:
        return None
    return at if user.email_verified or delivery == Delivery.TENANT_EMAIL else None


def next_check(row: Invitation, now: datetime) -> datetime | None:
    """When to ask about a sent invitation whose invitee has not come back: an hour, six, a day after
    it was sent, then daily, and once at its end."""
    if not row.last_sent_at or now >= row.expires_at:
        return None
    for wait in LOOKS:
        if now < row.last_sent_at + wait:
            return min(row.last_sent_at + wait, row.expires_at)
    days = (now - row.last_sent_at) // DAY + 1
    return min(row.last_sent_at + days * DAY, row.expires_at)
