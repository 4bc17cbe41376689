"""What became of a delivery, written where its lease ends: sent, in doubt, held, or refused.

A refusal that passes puts the row back into the queue; a final one ends it; one that would meet
every row opens the circuit breaker. The row shows what the mail server or the tenant said, as long as
it matters; events, which stay, are in our own words.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ...errors import (
    AccountInUse,
    CredentialsRefused,
    DeliveryError,
    MailAmbiguous,
    MailDelayed,
    MailFailure,
    MailInDoubt,
    MailRefused,
    MailUnavailable,
    SenderRefused,
    TenantBusy,
    TenantRefused,
    TenantUnavailable,
)
from ..checks import LOOKS, next_check
from ..circuit_breaker import CREDENTIALS_WAIT, CircuitBreaker
from ..leases import LEASE, Leases, Message, MessageStatus
from ..ledger.moves import SETTLED
from ..lifecycle import (
    CONFIRM,
    COUNT_AS_SENT,
    FAIL,
    HOLD,
    POSTPONE,
    SEND_SIGN_IN_MAIL,
    State,
    Transition,
)
from ..tables import Invitation

log = logging.getLogger(__name__)

# A mail server that delays one message gets this much time, after the first, second, … try.
DELAYS = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60))
# A message that the mail server did not confirm is sent again after so long, and no more than that.
DOUBT_DELAYS = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=4))
ABOUT_US = 3  # people refused in a row with the same words
AMBIGUOUS_TRIES = 3
# Seconds that the tenant asks for when its rate limit is reached, and for which the pacer waits.
SHORT_WAIT = 10.0

UNCONFIRMED = "The mail server did not confirm the message, which was sent several times."
REMINDER_REFUSED = "No reminder was sent, and the invitation stays open."
REMINDER_ENDED_LINK = "No reminder was sent, and the link in the mail before works no more: send the invitation again."
NEWER_REFUSED = "No newer mail was sent, and the link in the one before works."
ADDRESS_CHANGED = "The account has another address at the tenant now, so nothing was sent."


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Ends the leases of a worker. Each method raises LeaseLost. `clock` gives aware UTC."""

    leases: Leases
    circuit_breaker: CircuitBreaker
    clock: Callable[[], datetime]

    def sent(
        self,
        job: Invitation,
        transition: Transition,
        *,
        message: Message | None = None,
        last_error: str | None = None,
        **columns: Any,
    ) -> None:
        """The mail server or the tenant took it; `columns` change with it."""
        now = self.clock()
        is_asked = not (transition == SEND_SIGN_IN_MAIL or job.password_set_at)
        self.leases.finish(
            job,
            transition.keeping(State.PASSWORD_SET) if job.password_set_at else transition,
            now=now,
            message=message,
            evidence={"message_id": message.message_id} if message else {},
            last_sent_at=now,
            first_sent_at=job.first_sent_at or job.in_doubt_at or now,
            drift=None,  # the account was made, or looked at, for this mail
            **SETTLED
            | {
                "last_error": last_error,
                # Whether a password was chosen; with a mail that asks to sign in none is.
                "check_at": min(now + LOOKS[0], job.expires_at) if is_asked else None,
            }
            | columns,
        )
        self.circuit_breaker.close(began=_began(job))

    def confirmed(self, job: Invitation, at: datetime) -> None:
        """The password was chosen since the last message, which is in doubt or was to be followed by a
        reminder: it has arrived."""
        sent_at = job.in_doubt_at or job.last_sent_at
        self.leases.finish(
            job,
            CONFIRM,
            now=self.clock(),
            evidence={"last_password_reset": at.isoformat()},
            password_set_at=at,
            first_sent_at=job.first_sent_at or sent_at,
            last_sent_at=sent_at,
            **SETTLED,
        )
        self.circuit_breaker.close(began=_began(job))

    def held(self, job: Invitation, new_email: str) -> None:
        """The account has another address: neither the old one gets a link to it, nor the new one
        without an admin who says so."""
        self.leases.finish(
            job,
            HOLD,
            now=self.clock(),
            evidence={"why": ADDRESS_CHANGED},
            **SETTLED | {"new_email": new_email, "last_error": ADDRESS_CHANGED},
        )

    def refused(self, job: Invitation, refused: DeliveryError, message_id: str) -> None:
        """What this refusal means for the row and for the queue."""
        # Else it would look like one whose worker died, which may have arrived.
        not_taken = Message(message_id, MessageStatus.NOT_TAKEN)
        match refused:
            case SenderRefused():
                self._open_breaker(job, "sender", refused, wait=CREDENTIALS_WAIT, message=not_taken)
            case CredentialsRefused():
                self._open_breaker(job, "credentials", refused, wait=CREDENTIALS_WAIT)
            case TenantBusy(is_counted=True) if (refused.retry_after or 0.0) <= SHORT_WAIT:
                self._put_back(job, refused)
            case TenantUnavailable():
                self._open_breaker(job, "tenant", refused, wait=refused.retry_after)
            case MailUnavailable():
                self._open_breaker(job, "mail", refused, message=not_taken)
            case MailDelayed():
                self._postpone(job, refused, Message(message_id, MessageStatus.DELAYED))
            case MailInDoubt():
                self._book_doubt(job, refused, message_id)
            case MailAmbiguous():
                self._book_ambiguous(job, refused, message_id)
            case MailRefused():
                self._fail(job, refused, Message(message_id, MessageStatus.REFUSED))
            case TenantRefused():
                self._fail(job, refused)

    def postponed(self, job: Invitation, reason: str) -> None:
        """Again in a while, for this reason of ours; the later, the more tries there were."""
        self._postpone(job, DeliveryError(reason))

    def _postpone(
        self, job: Invitation, error: DeliveryError, message: Message | None = None
    ) -> None:
        """Again later, and the later, the more tries there were."""
        wait = DELAYS[min(job.attempts, len(DELAYS)) - 1]
        self._requeue(job, error, message, next_try_at=self.clock() + wait)

    def _book_doubt(self, job: Invitation, doubt: MailInDoubt, message_id: str) -> None:
        """The message may have arrived: try again later and later, then count it as sent."""
        message = Message(message_id, MessageStatus.IN_DOUBT)
        earlier = sum(
            each.status == MessageStatus.IN_DOUBT and each.message_id != message_id
            for each in self.leases.messages(job)
        )
        if earlier >= len(DOUBT_DELAYS):
            return self.sent(job, COUNT_AS_SENT, message=message, last_error=UNCONFIRMED)
        reason = f"{doubt} It is sent again later, unless the person comes before."
        now = self.clock()
        self.leases.finish(
            job,
            POSTPONE,
            now=now,
            message=message,
            evidence={"why": reason},
            next_try_at=now + DOUBT_DELAYS[earlier],
            last_error=reason,
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
            self._postpone(job, refused, message)
        else:
            self._fail(job, refused, message)

    def _fail(
        self, job: Invitation, refused: DeliveryError, message: Message | None = None
    ) -> None:
        log.info("invitation %s failed: %s", job.id, type(refused).__name__)
        now = self.clock()
        transition, columns = _failing(job, refused, now)
        self.leases.finish(
            job,
            transition,
            now=now,
            message=message,
            evidence={"why": refused.for_record},
            **SETTLED | columns,
        )
        self.circuit_breaker.close(began=_began(job))  # a refusal is an answer: it is back

    def _open_breaker(
        self,
        job: Invitation,
        cause: str,
        error: DeliveryError,
        *,
        wait: float | None = None,
        message: Message | None = None,
    ) -> None:
        """Nothing would go out now, so everything waits; this row has lost nothing by trying. Unless it
        met the same before and others did not: then it alone waits."""
        if self._is_about_this_row(job, error):
            return self._postpone(job, error, message)
        now = self.clock()
        log.warning("the circuit breaker opens: %s", error)
        until = self.circuit_breaker.open(cause, str(error), now=now, wait=wait)
        log.info("next try at %s", until.isoformat(timespec="seconds"))
        self._put_back(job, error, message)

    def _is_about_this_row(self, job: Invitation, error: DeliveryError) -> bool:
        """Whether others got through after this row had met the same: nothing else closes the circuit
        breaker."""
        if isinstance(error, TenantBusy | MailAmbiguous):  # these say whom they are about
            return False
        if job.last_error is None or self.circuit_breaker.outage() is not None:
            return False
        return self.leases.reason_of_last_wait(job) == error.for_record

    def _put_back(
        self, job: Invitation, error: DeliveryError, message: Message | None = None
    ) -> None:
        """Due again at once. It was not about this row, so it costs no try."""
        self._requeue(job, error, message, next_try_at=self.clock(), attempts=job.attempts - 1)

    def _requeue(
        self, job: Invitation, error: DeliveryError, message: Message | None, **columns: Any
    ) -> None:
        self.leases.finish(
            job,
            POSTPONE,
            now=self.clock(),
            message=message,
            evidence={"why": error.for_record},
            last_error=str(error),
            user_id=job.user_id,  # an account may have been made before
            **columns,
        )


def _failing(
    job: Invitation, refused: DeliveryError, now: datetime
) -> tuple[Transition, dict[str, Any]]:
    """Where a refusal leads, and the columns that change with it.

    It is *failed*, unless the invitation can be accepted all the same: the password is set; only a
    reminder was refused; the mail before has a link of ours, which a refused mail has not replaced; or
    its account is in use and the next sign-in accepts it.
    """
    if job.password_set_at:
        return FAIL.keeping(State.PASSWORD_SET), {"last_error": str(refused)}
    is_of_mail = isinstance(refused, MailFailure)
    if job.is_reminder:
        # The tenant's link for it was made before the mail, and has ended the one before.
        ends_link = is_of_mail and not job.landing_hash
        words = REMINDER_ENDED_LINK if ends_link else REMINDER_REFUSED
        return _staying_sent(job, f"{words} {refused}", now)
    if is_of_mail and job.landing_hash and job.last_sent_at:
        return _staying_sent(job, f"{NEWER_REFUSED} {refused}", now)
    if isinstance(refused, AccountInUse) and job.last_sent_at:
        return _staying_sent(job, str(refused), now)
    return FAIL, {"last_error": str(refused), "closed_at": now}


def _staying_sent(job: Invitation, reason: str, now: datetime) -> tuple[Transition, dict[str, Any]]:
    return FAIL.keeping(State.SENT), {"last_error": reason, "check_at": next_check(job, now)}


def _began(job: Invitation) -> datetime:
    """When this delivery was claimed."""
    return job.lease_until - LEASE if job.lease_until else job.created_at
