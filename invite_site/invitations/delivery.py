"""What a worker does: an account at the tenant, a link, a mail, and what each refusal means.

Each step may be done again after a crash. A refusal that passes puts the row back into the
queue; a final one ends it; one that would meet every row opens the circuit breaker.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from ..errors import (
    CredentialsRefused,
    DeliveryError,
    LeaseLost,
    MailDelayed,
    MailRefused,
    MailUnavailable,
    TenantRefused,
    TenantUnavailable,
    UserExists,
)
from ..settings import Settings
from ..tenant.management import Tenant, TenantUser
from .channels import Channel
from .checks import Checks
from .circuit_breaker import CREDENTIALS_WAIT, CircuitBreaker
from .leases import Leases
from .ledger import Ledger
from .lifecycle import State
from .tables import Invitation

log = logging.getLogger(__name__)

# A mail server that delays one message gets this much time, after the first, second, … try.
DELAYS = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60))


@dataclass(frozen=True, slots=True)
class Deliveries:
    """The use cases of the worker. `clock` gives aware UTC."""

    settings: Settings
    ledger: Ledger
    leases: Leases
    circuit_breaker: CircuitBreaker
    checks: Checks
    tenant: Tenant
    channel: Channel
    clock: Callable[[], datetime]

    def start(self, worker: str) -> None:
        """A worker of this name starts: what an earlier one held is due again at once, and an
        outage is probed now, since somebody may have restarted because they mended its cause."""
        self.leases.release(worker, now=self.clock())
        self.circuit_breaker.half_open(self.clock())

    def stop(self, worker: str) -> None:
        """A worker of this name stops: what it could not finish is due again at once."""
        self.leases.release(worker, now=self.clock())

    def claim(self, worker: str, *, limit: int, in_flight: int = 0) -> Sequence[Invitation]:
        """What this worker may deliver now, besides the `in_flight` deliveries that it has.

        After an outage one invitation goes ahead alone as a probe.
        """
        now = self.clock()
        if outage := self.circuit_breaker.outage():
            limit = 1 if outage.until <= now and not in_flight else 0
        return self.leases.claim(worker, limit=limit, now=now) if limit > 0 else ()

    def deliver(self, job: Invitation) -> None:
        """Account, link, mail, in this order. Raises nothing of the tenant or the mail server."""
        message_id = self._message_id(job)
        try:
            self._send(job, message_id)
        except LeaseLost:
            return
        except DeliveryError as refused:
            try:
                self._book(job, refused, message_id)
            except LeaseLost:
                return

    def put_back(self, job: Invitation) -> None:
        """Something that nobody foresaw stopped this delivery: again in a while. Raises LeaseLost."""
        self._postpone(job, "Something unexpected went wrong here; the site's log says more.")

    def check(self, *, limit: int) -> int:
        """Ask the tenant what there is to ask, unless it is away; returns how many rows."""
        outage = self.circuit_breaker.outage()
        return 0 if outage and outage.until > self.clock() else self.checks.run(limit=limit)

    def _send(self, job: Invitation, message_id: str) -> None:
        user_id = self._ensure_user(job)
        self.leases.extend(job, now=self.clock(), user_id=user_id)
        sent = self.channel.send(job, user_id, message_id)
        self.leases.mark_sent(
            job,
            message_id=sent.message_id,
            ticket_issued_at=sent.ticket_issued_at,
            now=self.clock(),
        )
        self.circuit_breaker.close()

    def _book(self, job: Invitation, refused: DeliveryError, message_id: str) -> None:
        """What this refusal means for the row and for the queue."""
        match refused:
            case CredentialsRefused():
                self._open_breaker(job, "credentials", refused, wait=CREDENTIALS_WAIT)
            case TenantUnavailable():
                self._open_breaker(job, "tenant", refused, wait=refused.retry_after)
            case MailUnavailable():
                self._open_breaker(job, "mail", refused)
            case MailDelayed():
                self._postpone(job, str(refused), message_id)
            case TenantRefused() | MailRefused():
                log.info("invitation %s failed: %s", job.id, type(refused).__name__)
                self.circuit_breaker.close()  # a refusal is an answer: what was away is back
                is_mail = isinstance(refused, MailRefused)
                self.leases.fail(
                    job,
                    reason=str(refused),
                    now=self.clock(),
                    message_id=message_id if is_mail else None,
                )

    def _open_breaker(
        self, job: Invitation, cause: str, error: DeliveryError, *, wait: float | None = None
    ) -> None:
        """Nothing would go out now, so everything waits; this row has lost nothing by trying."""
        now = self.clock()
        log.warning("the circuit breaker opens: %s", error)
        until = self.circuit_breaker.open(cause, str(error), now=now, wait=wait)
        log.info("next try at %s", until.isoformat(timespec="seconds"))
        self.leases.postpone(job, until=now, reason=str(error), now=now, costs_attempt=False)

    def _postpone(self, job: Invitation, reason: str, message_id: str | None = None) -> None:
        now = self.clock()
        self.leases.postpone(
            job,
            until=now + DELAYS[min(job.attempts, len(DELAYS)) - 1],
            reason=reason,
            now=now,
            costs_attempt=True,
            message_id=message_id,
        )

    def _ensure_user(self, job: Invitation) -> str:
        """The tenant's user for this invitation: created now, or by an earlier try. Raises
        UserExists where the address has an account that cannot be used."""
        if job.user_id:
            return job.user_id
        try:
            return self.tenant.create_user(job.email_norm, job.name, job.ref)
        except UserExists:
            return self._adopt(job, self.tenant.find_user(job.email_norm))

    def _adopt(self, job: Invitation, user: TenantUser | None) -> str:
        """The account that has the address already, where it came from this invitation, or from an
        earlier one of ours that nobody used.

        An account that did not come from here is left alone: whoever made it could have done so
        to be there first, and would share it with the invitee.
        """
        if user and user.invitation_ref == job.ref:
            return user.user_id
        origin = self.ledger.by_ref(user.invitation_ref or "") if user else None
        if user is None or origin is None or origin.email_norm != job.email_norm:
            raise UserExists(
                "This address already has an account that this site did not create. The person "
                "can sign in with it; or remove the account at the tenant and invite again.",
                status=409,
            )
        if not user.has_logged_in:
            return user.user_id
        if any(row.state == State.ACCEPTED for row in self.ledger.of_user(user.user_id)):
            raise UserExists(
                "This person has accepted an earlier invitation. Ask them to sign in at "
                f"{self.settings.site_url}.",
                status=409,
            )
        raise UserExists(
            "This person has an account from an earlier invitation that was withdrawn, and has "
            "tried to sign in with it. Remove the account at the tenant, then invite again.",
            status=409,
        )

    def _message_id(self, job: Invitation) -> str:
        """The same for every retry of one message, so that a mailbox can fold a second copy."""
        host = urlsplit(self.settings.site_url).hostname
        return f"<{job.ref}.{job.generation}@{host}>"
