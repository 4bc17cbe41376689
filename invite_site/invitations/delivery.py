"""What a worker does: an account at the tenant, a link, a mail, and what each refusal means.

Each step may be done again after a crash. A refusal that passes puts the row back into the
queue; a final one ends it; one that would meet every row opens the circuit breaker.
"""

import logging
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from ..errors import (
    CredentialsRefused,
    DeliveryError,
    LeaseLost,
    MailAmbiguous,
    MailDelayed,
    MailInDoubt,
    MailRefused,
    MailUnavailable,
    SenderRefused,
    TenantRefused,
    TenantUnavailable,
    UserExists,
)
from ..settings import Settings
from ..tenant.management import Tenant, TenantUser
from .channels import Channel, Outgoing
from .checks import LOOKS, Checks, password_chosen_at
from .circuit_breaker import CREDENTIALS_WAIT, CircuitBreaker
from .leases import Leases, Message, MessageStatus
from .ledger import SETTLED, Ledger
from .lifecycle import CONFIRM, COUNT_AS_SENT, FAIL, HOLD, POSTPONE, State, Transition
from .tables import Invitation

log = logging.getLogger(__name__)

# A mail server that delays one message gets this much time, after the first, second, … try.
DELAYS = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60))
# A message that the mail server did not confirm is sent again after so long, and no more than that.
DOUBT_DELAYS = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=4))
ABOUT_US = 3  # people refused in a row with the same words
AMBIGUOUS_TRIES = 3

UNCONFIRMED = "The mail server did not confirm the message, which was sent several times."
ADDRESS_CHANGED = "The account has another address at the tenant now, so nothing was sent."


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
        outgoing = Outgoing(self._message_id(job), self._first_message_id(job))
        with suppress(LeaseLost):
            try:
                self._send(job, outgoing)
            except DeliveryError as refused:
                self._book(job, refused, outgoing.message_id)

    def put_back(self, job: Invitation) -> None:
        """Something that nobody foresaw stopped this delivery: again in a while. Raises LeaseLost."""
        self._postpone(job, "Something unexpected went wrong here; the site's log says more.")

    def check(self, *, limit: int) -> int:
        """Ask the tenant what there is to ask, unless it is away; returns how many rows."""
        outage = self.circuit_breaker.outage()
        return 0 if outage and outage.until > self.clock() else self.checks.run(limit=limit)

    def _send(self, job: Invitation, outgoing: Outgoing) -> None:
        user = self.tenant.get_user(job.user_id) if job.user_id else None
        if user and user.email != job.email_norm:
            return self._hold(job, user)
        if user and user.blocked:
            raise TenantRefused(
                "The tenant has blocked this account. Unblock it there, then send the invitation "
                "again."
            )
        if job.in_doubt_at and user:
            if at := password_chosen_at(job, user):
                return self._confirm(job, at)
            if user.has_logged_in:
                return self._finish_sent(job, COUNT_AS_SENT)
        user_id = user.user_id if user else self._create_user(job)
        self.leases.extend(job, now=self.clock(), user_id=user_id)
        sent = self.channel.send(job, user_id, outgoing)
        message = Message(sent.message_id, MessageStatus.ACCEPTED) if sent.message_id else None
        self._finish_sent(
            job, sent.transition, message=message, ticket_issued_at=sent.ticket_issued_at
        )

    def _book(self, job: Invitation, refused: DeliveryError, message_id: str) -> None:
        """What this refusal means for the row and for the queue."""
        match refused:
            case SenderRefused():
                self._open_breaker(job, "sender", refused, wait=CREDENTIALS_WAIT)
            case CredentialsRefused():
                self._open_breaker(job, "credentials", refused, wait=CREDENTIALS_WAIT)
            case TenantUnavailable():
                self._open_breaker(job, "tenant", refused, wait=refused.retry_after)
            case MailUnavailable():
                self._open_breaker(job, "mail", refused)
            case MailDelayed():
                self._postpone(job, str(refused), Message(message_id, MessageStatus.DELAYED))
            case MailInDoubt():
                self._book_doubt(job, refused, message_id)
            case MailAmbiguous():
                self._book_ambiguous(job, refused, message_id)
            case MailRefused():
                self._fail(job, refused, Message(message_id, MessageStatus.REFUSED))
            case TenantRefused():
                self._fail(job, refused)

    def _book_doubt(self, job: Invitation, doubt: MailInDoubt, message_id: str) -> None:
        """The message may have arrived: try again later and later, then count it as sent."""
        message = Message(message_id, MessageStatus.IN_DOUBT)
        earlier = sum(m.status == MessageStatus.IN_DOUBT for m in self.leases.messages(job))
        if earlier >= len(DOUBT_DELAYS):
            return self._finish_sent(job, COUNT_AS_SENT, message=message, last_error=UNCONFIRMED)
        now = self.clock()
        self.leases.finish(
            job,
            POSTPONE,
            now=now,
            message=message,
            evidence={"why": str(doubt)},
            next_try_at=now + DOUBT_DELAYS[earlier],
            last_error=str(doubt),
            in_doubt_at=now,
        )

    def _book_ambiguous(self, job: Invitation, refused: MailAmbiguous, message_id: str) -> None:
        """The same words for three people in a row are about us; else, after a few tries, they are
        about this person."""
        message = Message(message_id, MessageStatus.AMBIGUOUS, refused.words)
        before = self.leases.refused_in_a_row(refused.words, besides=job.id, limit=ABOUT_US)
        if before + 1 >= ABOUT_US:
            self._open_breaker(job, "sender", refused, wait=CREDENTIALS_WAIT, message=message)
        elif job.attempts < AMBIGUOUS_TRIES:
            self._postpone(job, str(refused), message)
        else:
            self._fail(job, refused, message)

    def _fail(
        self, job: Invitation, refused: DeliveryError, message: Message | None = None
    ) -> None:
        log.info("invitation %s failed: %s", job.id, type(refused).__name__)
        now = self.clock()
        self.leases.finish(
            job,
            FAIL,
            now=now,
            message=message,
            evidence={"why": str(refused)},
            **SETTLED | {"closed_at": now, "last_error": str(refused)},
        )
        self.circuit_breaker.close()  # a refusal is an answer: what was away is back

    def _finish_sent(
        self,
        job: Invitation,
        transition: Transition,
        *,
        message: Message | None = None,
        last_error: str | None = None,
        **columns: Any,
    ) -> None:
        now = self.clock()
        self.leases.finish(
            job,
            transition,
            now=now,
            message=message,
            evidence={"message_id": message.message_id} if message else {},
            last_sent_at=now,
            first_sent_at=job.first_sent_at or now,
            **SETTLED
            | {"last_error": last_error, "check_at": min(now + LOOKS[0], job.expires_at)}
            | columns,
        )
        self.circuit_breaker.close()

    def _confirm(self, job: Invitation, at: datetime) -> None:
        """The password was chosen since the message that is in doubt: it has arrived."""
        self.leases.finish(
            job,
            CONFIRM,
            now=self.clock(),
            evidence={"last_password_reset": at.isoformat()},
            password_set_at=at,
            last_sent_at=job.in_doubt_at,
            **SETTLED,
        )
        self.circuit_breaker.close()

    def _hold(self, job: Invitation, user: TenantUser) -> None:
        """The account has another address: neither the old one gets a link to it, nor the new one
        without an admin who says so. The older link stops working as well."""
        self.tenant.withdraw_ticket(user.user_id)
        self.leases.finish(
            job,
            HOLD,
            now=self.clock(),
            evidence={"why": ADDRESS_CHANGED},
            **SETTLED | {"new_email": user.email, "last_error": ADDRESS_CHANGED},
        )

    def _open_breaker(
        self,
        job: Invitation,
        cause: str,
        error: DeliveryError,
        *,
        wait: float | None = None,
        message: Message | None = None,
    ) -> None:
        """Nothing would go out now, so everything waits; this row has lost nothing by trying."""
        now = self.clock()
        log.warning("the circuit breaker opens: %s", error)
        until = self.circuit_breaker.open(cause, str(error), now=now, wait=wait)
        log.info("next try at %s", until.isoformat(timespec="seconds"))
        self.leases.finish(
            job,
            POSTPONE,
            now=now,
            message=message,
            evidence={"why": str(error)},
            next_try_at=now,
            last_error=str(error),
            attempts=job.attempts - 1,
        )

    def _postpone(self, job: Invitation, reason: str, message: Message | None = None) -> None:
        now = self.clock()
        self.leases.finish(
            job,
            POSTPONE,
            now=now,
            message=message,
            evidence={"why": reason},
            next_try_at=now + DELAYS[min(job.attempts, len(DELAYS)) - 1],
            last_error=reason,
        )

    def _create_user(self, job: Invitation) -> str:
        """A user of the tenant for this invitation: made now, by an earlier try, or by an earlier
        invitation. Raises UserExists where the address has an account that cannot be used."""
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
        """One of its own for each try: it carries another link, and mailboxes show only one of two
        messages with the same id."""
        host = urlsplit(self.settings.site_url).hostname
        return f"<{job.ref}.{job.generation}.{secrets.token_hex(4)}@{host}>"

    def _first_message_id(self, job: Invitation) -> str | None:
        """Of the message that a retry follows, so that a mailbox shows them together."""
        if job.attempts == 1 and job.last_error is None:
            return None
        earlier = self.leases.messages(job)
        return earlier[0].message_id if earlier else None
