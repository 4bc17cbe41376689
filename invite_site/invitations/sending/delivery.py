"""What a worker does: an account at the tenant, a link, a mail; each may be done again after a crash.

What became of it, and what each refusal means, is in `outcomes`.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from ...errors import AccountInUse, DeliveryError, LeaseLost, TenantRefused, UserExists
from ...settings import Settings
from ...tenant.management import Tenant, TenantUser
from ...tenant.rate_limits import Kind
from ..checks import Checks, password_chosen_at
from ..circuit_breaker import OF_THE_TENANT, CircuitBreaker
from ..leases import Leases, Message, MessageStatus
from ..ledger import Ledger
from ..lifecycle import COUNT_AS_SENT
from ..pacer import Pacer
from ..tables import Invitation
from .channels import Channel, Outgoing, Sent, SignInMail
from .outcomes import UNCONFIRMED, Outcomes
from .turns import Turns

FIND_USER = {Kind.READ_USERS: 1}
BLOCKED = "The tenant has blocked this account. Unblock it there, then send the invitation again."


@dataclass(frozen=True, slots=True)
class Deliveries:
    """The use cases of the worker. `clock` gives aware UTC."""

    settings: Settings
    ledger: Ledger
    leases: Leases
    circuit_breaker: CircuitBreaker
    outcomes: Outcomes
    checks: Checks
    pacer: Pacer
    tenant: Tenant
    channel: Channel
    sign_in_mail: SignInMail | None  # None where the tenant sends its own mail
    turns: Turns
    clock: Callable[[], datetime]

    def start(self, worker: str) -> None:
        """A worker of this name starts: what an earlier one held is due again at once, and an
        outage is probed now, since somebody may have restarted because they mended its cause."""
        self.leases.release(worker, now=self.clock())
        self.circuit_breaker.half_open(self.clock())
        self.pacer.start()

    def sign_in(self) -> None:
        """Have a token of the tenant before the first invitation waits for one. Where that fails, the
        first delivery says why."""
        with suppress(DeliveryError):
            self.tenant.sign_in()

    def stop(self, worker: str) -> None:
        """A worker of this name stops: what it could not finish is due again at once."""
        self.leases.release(worker, now=self.clock())

    def claim(self, worker: str, *, limit: int, in_flight: int = 0) -> Sequence[Invitation]:
        """What this worker may deliver now, besides the `in_flight` deliveries that it has.

        As many as the tenant takes calls for; after an outage one goes ahead alone as a probe.
        """
        now = self.clock()
        if limit <= 0 or self.seconds_until_next() > 0 or not self.leases.is_due(now):
            return ()
        calls, outage = self.channel.calls, self.circuit_breaker.outage()
        if outage is None:
            return self.leases.claim(worker, limit=limit, now=now, calls=calls)
        if in_flight or outage.until > now:
            return ()
        return self.leases.claim(worker, limit=1, now=now, calls=calls, is_probe=True)

    def seconds_until_next(self) -> float:
        """Until the tenant takes the calls of one more invitation, as far as this process knows."""
        return self.pacer.seconds_until(self.channel.calls)

    def known_rate(self) -> float | None:
        """Invitations a second that the tenant takes in the long run, as far as this process knows;
        None where it sets no limit."""
        return self.pacer.known_rate(self.channel.calls)

    def rate(self) -> float | None:
        """The same as all workers know it."""
        return self.pacer.now().rate(self.channel.calls)

    def deliver(self, job: Invitation) -> None:
        """Account, link, mail, in this order. Raises nothing of the tenant or the mail server."""
        with self.turns.one() as take_turn, suppress(LeaseLost), _withdrawing_if_lost(self, job):
            outgoing = _outgoing(self, job, take_turn)
            try:
                self._send(job, outgoing)
            except DeliveryError as refused:
                self.outcomes.refused(job, refused, outgoing.message_id)

    def put_back(self, job: Invitation) -> None:
        """Something that nobody foresaw stopped this delivery: again in a while. Raises LeaseLost."""
        with _withdrawing_if_lost(self, job):
            self.outcomes.postponed(
                job, "Something unexpected went wrong here; the site's log says more."
            )

    def check(self, *, limit: int) -> int:
        """Ask the tenant what there is to ask, unless it is away; returns how many rows. That the mail
        server is away keeps no link alive that is to be withdrawn."""
        now = self.clock()
        outage = self.circuit_breaker.outage()
        if outage and outage.cause in OF_THE_TENANT and outage.until > now:
            return 0
        return self.checks.run(limit=limit, keep=0.5 if self.leases.is_due(now) else 0.0)

    def _send(self, job: Invitation, outgoing: Outgoing) -> None:
        user = self.tenant.get_user(job.user_id) if job.user_id else None
        if user is not None:
            return self._send_to_known(job, user, outgoing)
        if job.password_set_at:  # that of an account which is gone
            job.password_set_at = None
            self.leases.extend(job, now=self.clock(), password_set_at=None)
        try:
            user_id = self.tenant.create_user(job.email_norm, job.name, job.ref)
        except UserExists:
            return self._send_to_existing(job, outgoing)
        self._send_link(job, user_id, outgoing)

    def _send_to_known(self, job: Invitation, user: TenantUser, outgoing: Outgoing) -> None:
        """To the account that an earlier try, or an earlier mail of this invitation, was for."""
        if user.email != job.email_norm:
            self.leases.require(job)
            self.tenant.withdraw_ticket(user.user_id)  # the older link stops working as well
            return self.outcomes.held(job, user.email)
        if user.blocked:
            raise TenantRefused(BLOCKED)
        # Then nothing about the account shows that a message in doubt arrived.
        had_password = job.password_set_at or (job.asks_to_sign_in and user.is_in_use)
        if had_password and not outgoing.is_out_twice:
            return self._mail_sign_in(job, user, outgoing)
        at = password_chosen_at(job, user, self.settings.delivery)
        if job.in_doubt_at:
            if at:
                return self.outcomes.confirmed(job, at)
            if user.has_logged_in:
                return self.outcomes.sent(job, COUNT_AS_SENT)
            if outgoing.is_out_twice:
                return self.outcomes.sent(job, COUNT_AS_SENT, last_error=UNCONFIRMED)
        if at and job.generation > 1:
            # By the link of an earlier mail, and they never came back: only the sign-in is left.
            if job.is_reminder:
                return self.outcomes.confirmed(job, at)
            self.leases.record_password(job, at=at, now=self.clock())
            return self._mail_sign_in(job, user, outgoing)
        if user.is_in_use:
            return self._mail_sign_in(job, user, outgoing)
        self._send_link(job, user.user_id, outgoing)

    def _send_link(self, job: Invitation, user_id: str, outgoing: Outgoing) -> None:
        """The invitation itself, to an account that nobody has used yet."""
        job.user_id = user_id
        self._sent(job, self.channel.send(job, user_id, outgoing))

    def _send_to_existing(self, job: Invitation, outgoing: Outgoing) -> None:
        """The address has an account already.

        One of ours that nobody has used, made by an earlier try or by an earlier invitation, gets
        the link. One that its owner uses, who has shown that the address is theirs, gets a mail that
        asks them to sign in. Any other is left alone: whoever made it could have done so to be there
        first, and would share it with the invitee. Raises UserExists.
        """
        self.pacer.spend(FIND_USER)
        user = self.tenant.find_user(job.email_norm)
        if user is None:
            raise UserExists(
                "The tenant says that this address has an account, and does not find it. Wait a "
                "minute, then send the invitation again.",
                status=409,
            )
        if user.blocked:
            raise TenantRefused(BLOCKED)
        if user.is_in_use:
            return self._mail_sign_in(job, user, outgoing)
        origin = self.ledger.by_ref(user.invitation_ref or "")
        # Renamed since: whoever chose a password under the earlier address would accept for this one.
        is_ours = origin is not None and (
            origin.email_norm == job.email_norm or user.last_password_reset is None
        )
        if not is_ours or (user.has_logged_in and user.invitation_ref != job.ref):
            raise UserExists(
                "This address already has an account that this site did not create for it, and the tenant "
                "has not verified whose address it is. The person can sign in with it and verify "
                "it; or remove the account at the tenant and invite again.",
                status=409,
            )
        self._send_link(job, user.user_id, outgoing)

    def _mail_sign_in(self, job: Invitation, user: TenantUser, outgoing: Outgoing) -> None:
        """The account is in use: its next sign-in accepts the invitation. Raises AccountInUse where
        we send no mail of our own."""
        job.user_id = user.user_id
        if self.sign_in_mail is None:
            raise AccountInUse(
                "This person has an account that is in use, and the tenant's own mail would make "
                f"them choose another password. Ask them to sign in at {self.settings.site_url}.",
                status=409,
            )
        self._sent(job, self.sign_in_mail.send(job, user.user_id, outgoing))

    def _sent(self, job: Invitation, sent: Sent) -> None:
        message = Message(sent.message_id, MessageStatus.ACCEPTED) if sent.message_id else None
        self.outcomes.sent(
            job,
            sent.transition,
            message=message,
            ticket_issued_at=sent.ticket_issued_at,
            password_set_at=job.password_set_at,
        )


@contextmanager
def _withdrawing_if_lost(deliveries: Deliveries, job: Invitation) -> Iterator[None]:
    """Where somebody revoked it meanwhile, a check looks after the ticket: that knows whether the
    address was invited again, and this delivery does not. Passes LeaseLost on."""
    try:
        yield
    except LeaseLost:
        if job.user_id:  # else nothing was made
            deliveries.leases.withdraw_later(job, now=deliveries.clock())
        raise


def _outgoing(deliveries: Deliveries, job: Invitation, take_turn: Callable[[], None]) -> Outgoing:
    """The message of this try. Once a worker died with one, it is in doubt from the moment in which
    the mail server can have it, so that one more death is not followed by a third copy.

    Before that moment the lease is looked at once more: whoever stood still until somebody else had the
    row would mail a link that works no more, behind the one that does.
    """
    is_first_try = job.attempts == 1 and job.last_error is None
    earlier = () if is_first_try else deliveries.leases.messages(job)
    statuses = [each.status for each in earlier]
    is_interrupted = MessageStatus.STARTED in statuses
    # One of its own for each try: it carries another link, and mailboxes show only one of two
    # messages with the same id.
    host = urlsplit(deliveries.settings.site_url).hostname
    message_id = f"<{job.ref}.{job.generation}.{secrets.token_hex(4)}@{host}>"

    def hand_over(**columns: Any) -> None:
        take_turn()
        if is_interrupted:
            deliveries.leases.doubt(job, message_id, now=deliveries.clock(), **columns)
        elif columns:
            deliveries.leases.extend(job, now=deliveries.clock(), **columns)
        else:
            deliveries.leases.require(job)

    return Outgoing(
        message_id=message_id,
        first_message_id=earlier[0].message_id if earlier else None,
        on_end=hand_over,
        is_out_twice=is_interrupted and MessageStatus.IN_DOUBT in statuses,
    )
