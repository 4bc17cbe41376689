"""What the worker asks the tenant about people: is the password set; is the old ticket withdrawn.

A check can move an invitation to *password set* and no further.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..errors import DeliveryError, TenantRefused
from ..tenant.management import Tenant
from .leases import Leases
from .ledger import Ledger
from .lifecycle import EventKind, State
from .tables import Invitation

log = logging.getLogger(__name__)

RECHECK = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Checks:
    """Questions to the tenant, outside of any delivery. `clock` gives aware UTC."""

    ledger: Ledger
    leases: Leases
    tenant: Tenant
    clock: Callable[[], datetime]

    def run(self, *, limit: int) -> int:
        """Ask about up to `limit` rows that are due; returns how many there were."""
        rows = self.leases.claim_checks(limit=limit, now=self.clock())
        for row in rows:
            try:
                self._check(row)
            except DeliveryError as failed:
                log.info("check of invitation %s waits: %s", row.id, type(failed).__name__)
                self._end(row, again_in=RECHECK)
        return len(rows)

    def has_password(self, row: Invitation) -> bool:
        """Whether the password was chosen since the ticket was made; if so, the row moves to
        *password set*. Raises DeliveryError."""
        user = self.tenant.get_user(row.user_id) if row.user_id else None
        at = user.last_password_reset if user else None
        if at is None or row.ticket_issued_at is None or at < row.ticket_issued_at:
            return False
        self.leases.mark_password_set(row, at=at, now=self.clock())
        return True

    def _check(self, row: Invitation) -> None:
        if row.user_id is None:
            self._end(row)
        elif row.state == State.REVOKED:
            self._withdraw_ticket(row, row.user_id)
        elif not self.has_password(row):
            self._end(row)

    def _withdraw_ticket(self, row: Invitation, user_id: str) -> None:
        if newer := self.ledger.open_of(row.email_norm):
            # Its ticket replaces the old one, and one made here would replace its.
            self._end(row, again_in=None if newer.last_sent_at else RECHECK)
            return
        with suppress(TenantRefused):  # the user is gone, and the ticket with it
            self.tenant.withdraw_ticket(user_id)
        self._end(row, event=EventKind.TICKET_WITHDRAWN)

    def _end(
        self, row: Invitation, *, again_in: timedelta | None = None, event: EventKind | None = None
    ) -> None:
        now = self.clock()
        again_at = now + again_in if again_in else None
        self.leases.end_check(row, again_at=again_at, now=now, event=event)
