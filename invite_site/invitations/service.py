"""The product in one object: what can be done with an invitation, and by whom.

The form, the worker and the command line all call `Invitations`; it calls the ledger, the
tenant and the mailer. Nothing outside is called while somebody waits for a page: a request
changes a row, and the worker does the rest.
"""

import enum
import hashlib
import logging
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from ..accounts.sessions import Identity
from ..errors import (
    AlreadyInvited,
    CredentialsRefused,
    DeliveryError,
    MailDelayed,
    MailRefused,
    MailUnavailable,
    NotPossibleNow,
    TenantRefused,
    TenantUnavailable,
    UserExists,
)
from ..mail.message import Mailer, Recipient, invitation_link
from ..settings import Settings
from ..tenant.management import Tenant, Ticket
from .circuit_breaker import CREDENTIALS_WAIT, Pauses
from .leases import Queue
from .ledger import RESULT_EVERY, Ledger
from .people import Invitee
from .tables import Invitation, State

log = logging.getLogger(__name__)

# A mail server that delays one message gets this much time, after the first, second, … try.
DELAYS = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60))
LANDING_TICKET_LIFE = timedelta(hours=1)
RECHECK = timedelta(seconds=60)


class Arrival(enum.Enum):
    """What a verified sign-in means for the invitations."""

    ACCEPTED = "accepted"
    SIGNED_IN = "signed in"
    WRONG_ACCOUNT = "wrong account"
    WITHDRAWN = "withdrawn"
    UNVERIFIED = "unverified"


@dataclass(frozen=True, slots=True)
class Inviter:
    """Who invites: how they are called, and their `sub` (empty on the command line)."""

    name: str
    sub: str = ""


class Invitations:
    """The use cases. `clock` gives aware UTC."""

    def __init__(
        self,
        settings: Settings,
        *,
        ledger: Ledger,
        queue: Queue,
        pauses: Pauses,
        tenant: Tenant,
        mailer: Mailer,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._queue = queue
        self._pauses = pauses
        self._tenant = tenant
        self._mailer = mailer
        self._clock = clock

    # Asked for by people ------------------------------------------------------------------------

    def invite(
        self, email: str, *, name: str = "", inviter: Inviter, form_key: str | None = None
    ) -> Invitation:
        """Queue an invitation; an expired one to the same address is renewed instead.

        The same `form_key` twice is the same form sent twice, and gives the first result again.
        Raises InvalidInvitee, AlreadyInvited.
        """
        invitee = Invitee.parse(email, name, allow_test_domains=self._settings.is_local)
        now = self._clock()
        try:
            return self._ledger.open(
                invitee,
                inviter=inviter.name,
                inviter_sub=inviter.sub,
                expires_at=now + self._lifetime,
                now=now,
                form_key=form_key,
            )
        except AlreadyInvited as taken:
            if self._ledger.get(taken.invitation_id).status(now) != "expired":
                raise
            renewed = self._ledger.requeue(
                taken.invitation_id,
                actor=inviter.name,
                expires_at=now + self._lifetime,
                now=now,
                name=invitee.name,
                inviter=inviter.name,
                inviter_sub=inviter.sub,
                form_key=form_key,
            )
            if renewed is None:  # somebody else renewed it in this very moment
                raise
            return renewed

    def resend(self, invitation_id: int, *, actor: str) -> Invitation:
        """Queue a sent or expired invitation again, with a full life; its older link dies with the
        new ticket. Raises InvitationNotFound, NotPossibleNow."""
        now = self._clock()
        row = self._ledger.requeue(
            invitation_id, actor=actor, expires_at=now + self._lifetime, now=now
        )
        if row is not None:
            return row
        state = self._ledger.get(invitation_id).state
        raise NotPossibleNow(
            {
                State.QUEUED: "This invitation is already on its way.",
                State.SENDING: "This invitation is already on its way.",
                State.PASSWORD_SET: "This person has chosen a password already. "
                f"Ask them to sign in at {self._settings.site_url}.",
                State.ACCEPTED: "This invitation has been accepted; there is nothing to send.",
            }.get(State(state), "This invitation has ended. Invite the address again.")
        )

    def revoke(self, invitation_id: int, *, actor: str, reason: str = "") -> Invitation:
        """Withdraw an open invitation. Raises InvitationNotFound, NotPossibleNow."""
        row = self._ledger.revoke(invitation_id, actor=actor, reason=reason, now=self._clock())
        if row is None:
            self._ledger.get(invitation_id)
            raise NotPossibleNow("This invitation has ended already; there is nothing to withdraw.")
        return row

    # Asked for by browsers ----------------------------------------------------------------------

    def landed(self, ref: str) -> Invitation | None:
        """The invitation of somebody who came back from the password page with `success=true`."""
        found = self._ledger.by_ref(ref)
        if found is not None and found.state == State.SENT:
            now = self._clock()
            if found.result_seen_at is None or found.result_seen_at < now - RESULT_EVERY:
                self._ledger.note_result(ref, now=now)
        return found

    def find(self, ref: str) -> Invitation | None:
        return self._ledger.by_ref(ref)

    def of_landing(self, token: str) -> Invitation | None:
        """The invitation whose newest mail carries this landing link."""
        return self._ledger.by_landing(_hash(token))

    def follow(self, invitation: Invitation) -> str | None:
        """The button on the landing page was pressed: where at the tenant to go on, or None where
        the password is chosen already and a login is next.

        The ticket is made only now and lives an hour: the mail holds a link of ours, which ends
        when we say so. Raises NotPossibleNow for a second click, and DeliveryError.
        """
        now = self._clock()
        if invitation.status(now) != State.SENT or not invitation.user_id:
            return None
        if invitation.ticket_issued_at and self._has_password(invitation):
            return None
        if not self._ledger.begin_opening(invitation.id, now=now):
            raise NotPossibleNow(
                "This link was opened a moment ago, or very often. Wait a few seconds, then "
                "press the button again."
            )
        left = min(invitation.expires_at - now, LANDING_TICKET_LIFE)
        ticket = self._make_ticket(invitation, invitation.user_id, left)
        if not self._ledger.note_ticket(invitation.id, issued_at=ticket.issued_at):
            with suppress(DeliveryError):
                self._tenant.withdraw_ticket(invitation.user_id)
            raise NotPossibleNow("This invitation has just changed. Open the newest mail again.")
        return invitation_link(ticket.url, self._settings.app_name)

    def arrive(self, identity: Identity, ref: str | None) -> Arrival:
        """Somebody signed in, with a verified ID token, perhaps on the way from invitation `ref`.

        Only here is an invitation accepted, and only by the user it was made for: the `sub` is
        the one the tenant gave us when we created the account.
        """
        invitation = self._ledger.by_ref(ref) if ref else None
        if (
            ref
            and invitation is not None
            and State(invitation.state).is_open
            and invitation.user_id != identity.sub
        ):
            self._ledger.note_wrong_account(ref, now=self._clock())
            return Arrival.WRONG_ACCOUNT
        known = self._ledger.of_user(identity.sub)
        if any(State(row.state).is_open for row in known):
            # With the tenant's own mail the tenant does not say whether it reached its reader; that
            # the password which we made up was replaced, does.
            if not identity.email_verified and self._settings.delivery == "ticket":
                return Arrival.UNVERIFIED
            if self._ledger.accept(sub=identity.sub, email=identity.email, now=self._clock()):
                return Arrival.ACCEPTED
            known = self._ledger.of_user(identity.sub)  # it changed in this very moment
        if known and not any(row.state == State.ACCEPTED for row in known):
            return Arrival.WITHDRAWN
        return Arrival.SIGNED_IN

    # Done by the worker -------------------------------------------------------------------------

    def claim(self, worker: str, *, limit: int) -> list[Invitation]:
        """What this worker may deliver now. After a pause one invitation goes ahead as a probe."""
        now = self._clock()
        pause = self._pauses.current()
        if pause is not None and pause.until > now:
            return []
        return list(self._queue.claim(worker, limit=1 if pause else limit, now=now))

    def deliver(self, job: Invitation) -> None:
        """Account, ticket, mail, in this order. Each step may be done again after a crash.

        A refusal that passes puts the row back into the queue; a final one ends it. Raises
        nothing of the outside world.
        """
        message_id = self._message_id(job)
        try:
            if not self._send(job, message_id):
                return
        except CredentialsRefused as refused:
            self._pause(job, "credentials", refused, wait=CREDENTIALS_WAIT)
        except TenantUnavailable as failed:
            self._pause(job, "tenant", failed, wait=failed.retry_after)
        except MailUnavailable as failed:
            self._pause(job, "mail", failed)
        except MailDelayed as delayed:
            now = self._clock()
            until = now + DELAYS[min(job.attempts, len(DELAYS)) - 1]
            self._queue.postpone(
                job,
                until=until,
                trouble=str(delayed),
                now=now,
                costs_attempt=True,
                message_id=message_id,
            )
        except (TenantRefused, MailRefused) as refused:
            log.info("invitation %s failed: %s", job.id, type(refused).__name__)
            self._queue.fail(
                job,
                trouble=str(refused),
                now=self._clock(),
                message_id=message_id if isinstance(refused, MailRefused) else None,
            )
            self._pauses.end()  # a refusal is an answer: what was away is back
        else:
            self._pauses.end()

    def _send(self, job: Invitation, message_id: str) -> bool:
        """False where the row was taken from this worker: withdrawn, or claimed after its lease."""
        user_id = self._ensure_user(job)
        if not self._queue.note_user(job, user_id):
            return False
        if self._settings.delivery == "tenant_email":
            issued_at = self._tenant.send_password_email(job.email_norm)
            return self._queue.mark_sent(
                job, message_id=None, ticket_issued_at=issued_at, now=self._clock()
            )
        ticket = None
        if self._settings.link == "landing":
            token = secrets.token_urlsafe(32)
            if not self._queue.note_landing(job, _hash(token), now=self._clock()):
                return False
            url = f"{self._settings.site_url}/i/{token}"
        else:
            ticket = self._make_ticket(job, user_id, job.expires_at - self._clock())
            if not self._queue.still_holds(job, now=self._clock()):
                if self._ledger.get(job.id).state == State.REVOKED:
                    self._tenant.withdraw_ticket(user_id)
                return False
            url = invitation_link(ticket.url, self._settings.app_name)
        self._mailer.send_invitation(
            Recipient(job.email, _mailbox(job), job.name),
            url=url,
            inviter=job.inviter_known,
            expires_at=job.expires_at,
            message_id=message_id,
            now=self._clock(),
        )
        return self._queue.mark_sent(
            job,
            message_id=message_id,
            ticket_issued_at=ticket.issued_at if ticket else None,
            now=self._clock(),
        )

    def _make_ticket(self, row: Invitation, user_id: str, lifetime: timedelta) -> Ticket:
        return self._tenant.create_ticket(
            user_id, ref=row.ref, lifetime=int(lifetime.total_seconds())
        )

    def _ensure_user(self, job: Invitation) -> str:
        """The tenant's user for this invitation, created now, by an earlier try, or by an earlier
        invitation of ours that nobody used.

        An account that did not come from here is left alone: whoever made it could have done so
        to be there first, and would share it with the invitee.
        """
        if job.user_id:
            return job.user_id
        invitee = Invitee(job.email, job.email_norm, job.name)
        try:
            return self._tenant.create_user(invitee, job.ref)
        except UserExists:
            user = self._tenant.find_user(job.email_norm)
            if user is not None and user.invitation_ref:
                if user.invitation_ref == job.ref:
                    return user.user_id
                origin = self._ledger.by_ref(user.invitation_ref)
                if origin and origin.email_norm == job.email_norm:
                    if not user.has_logged_in:
                        return user.user_id
                    accepted = any(
                        row.state == State.ACCEPTED for row in self._ledger.of_user(user.user_id)
                    )
                    raise UserExists(
                        "This person has accepted an earlier invitation. Ask them to sign in at "
                        f"{self._settings.site_url}."
                        if accepted
                        else "This person has an account from an earlier invitation that was "
                        "withdrawn, and has tried to sign in with it. Remove the account at the "
                        "tenant, then invite again.",
                        status=409,
                    ) from None
            raise UserExists(
                "This address already has an account that this site did not create. The person "
                "can sign in with it; or remove the account at the tenant and invite again.",
                status=409,
            ) from None

    def _pause(
        self, job: Invitation, cause: str, error: DeliveryError, *, wait: float | None = None
    ) -> None:
        """Nothing would go out now, so everything waits; this row has lost nothing by trying."""
        now = self._clock()
        log.warning("the queue pauses: %s", error)
        until = self._pauses.begin(cause, str(error), now=now, wait=wait)
        self._queue.postpone(job, until=now, trouble=str(error), now=now, costs_attempt=False)
        log.info("next try at %s", until.isoformat(timespec="seconds"))

    def put_back(self, job: Invitation) -> None:
        """Something that nobody foresaw stopped this delivery: again in a while."""
        now = self._clock()
        self._queue.postpone(
            job,
            until=now + DELAYS[min(job.attempts, len(DELAYS)) - 1],
            trouble="Something unexpected went wrong here; the site's log says more.",
            now=now,
            costs_attempt=True,
        )

    def check_with_tenant(self, *, limit: int) -> int:
        """Ask the tenant about people who came back, and withdraw tickets of revoked invitations.

        Returns how many rows were looked at. This can move a row to *password set* and no further.
        """
        now = self._clock()
        pause = self._pauses.current()
        if pause is not None and pause.until > now:
            return 0
        rows = self._queue.claim_checks(limit=limit, now=now)
        for row in rows:
            try:
                self._check(row)
            except DeliveryError as failed:
                log.info("check of invitation %s waits: %s", row.id, type(failed).__name__)
                now = self._clock()
                self._queue.end_check(row, again_at=now + RECHECK, now=now)
        return len(rows)

    def _check(self, row: Invitation) -> None:
        now = self._clock()
        if row.user_id is None:
            self._queue.end_check(row, again_at=None, now=now)
        elif row.state == State.REVOKED:
            if newer := self._ledger.open_of(row.email_norm):
                # Its ticket replaces the old one, and ours here would kill it.
                again_at = None if newer.last_sent_at else now + RECHECK
                self._queue.end_check(row, again_at=again_at, now=now)
                return
            with suppress(TenantRefused):  # the user is gone, and the ticket with it
                self._tenant.withdraw_ticket(row.user_id)
            self._queue.end_check(row, again_at=None, now=now, event="link withdrawn at the tenant")
        else:
            if not self._has_password(row):
                self._queue.end_check(row, again_at=None, now=now)

    def _has_password(self, row: Invitation) -> bool:
        """Ask the tenant whether the password was chosen since the ticket was made; if so, the row
        moves to *password set*."""
        user = self._tenant.get_user(row.user_id) if row.user_id else None
        at = user.last_password_reset if user else None
        if at is None or row.ticket_issued_at is None or at < row.ticket_issued_at:
            return False
        self._queue.mark_password_set(row, at=at, now=self._clock())
        return True

    def start_worker(self, worker: str) -> None:
        """A worker of this name starts: what an earlier one held is due again at once, and a pause
        ends in a try now, since somebody may have restarted because they mended its cause."""
        self._queue.release(worker, now=self._clock())
        self._pauses.try_now(self._clock())

    def stop_worker(self, worker: str) -> None:
        """A worker of this name stops: what it could not finish is due again at once."""
        self._queue.release(worker, now=self._clock())

    # ---------------------------------------------------------------------------------------------

    @property
    def _lifetime(self) -> timedelta:
        return timedelta(seconds=self._settings.invitation_ttl)

    def _message_id(self, job: Invitation) -> str:
        """The same for every retry of one message, so that a mailbox can fold a second copy."""
        host = urlsplit(self._settings.site_url).hostname
        return f"<{job.ref}.{job.generation}@{host}>"


def _mailbox(job: Invitation) -> str:
    """The address as typed before the `@`, and as A-labels behind it."""
    return f"{job.email.rpartition('@')[0]}@{job.email_norm.rpartition('@')[2]}"


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
