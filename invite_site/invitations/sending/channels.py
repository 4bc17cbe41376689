"""How an invitation is sent: the tenant's link or ours in our mail, or the tenant's own mail.

A channel sends one invitation whose account exists, and says what it cannot do.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, Protocol

from ...errors import DeliveryError, MailInDoubt
from ...mail.message import Mailer, MailKind
from ...settings import Delivery, LinkKind, ReturnTo, Settings
from ...tenant.management import Tenant, invitation_link
from ...tenant.rate_limits import Kind
from ..leases import Leases
from ..ledger import landing_links
from ..lifecycle import (
    HAND_TO_MAIL_SERVER,
    HAND_TO_TENANT,
    SEND_SIGN_IN_MAIL,
    Transition,
)
from ..pacer import Calls
from ..tables import Invitation
from .words import recipient_of, words_of


@dataclass(frozen=True, slots=True)
class Outgoing:
    """The ids of a message of ours: its own, and that of the first one where it is a retry, so that a
    mailbox shows them together.

    `on_end` is called just before the mail server can have the whole of it, with columns that change with
    it, and may raise LeaseLost. `is_out_twice`: two earlier ones may have arrived, which is enough.
    """

    message_id: str
    first_message_id: str | None
    on_end: Callable[..., None]
    is_out_twice: bool


@dataclass(frozen=True, slots=True)
class Sent:
    """What was handed over, and to whom. `ticket_issued_at` is the tenant's time of the link, or
    None while no ticket is made."""

    transition: Transition
    message_id: str | None
    ticket_issued_at: datetime | None


class Channel(Protocol):
    """`calls`: what one invitation asks of the tenant, its account included.

    `send` raises DeliveryError, and LeaseLost where somebody else has the row meanwhile. It keeps the
    `user_id` before anything is handed over.
    """

    calls: ClassVar[Calls]

    def send(self, job: Invitation, user_id: str, outgoing: Outgoing) -> Sent: ...


@dataclass(frozen=True, slots=True)
class _OurMail:
    """What sends a mail of ours."""

    settings: Settings
    mailer: Mailer
    leases: Leases
    clock: Callable[[], datetime]

    def _send_mail(
        self,
        job: Invitation,
        url: str,
        outgoing: Outgoing,
        kind: MailKind = MailKind.INVITATION,
    ) -> None:
        """Mail this link to the invitee; the lease is extended while the mail server takes its time."""
        self.mailer.send_invitation(
            recipient_of(job),
            words_of(
                job,
                kind=kind,
                url=url,
                site_url=self.settings.site_url,
                message_id=outgoing.message_id,
                first_message_id=outgoing.first_message_id,
                now=self.clock(),
            ),
            on_wait=lambda: self.leases.extend(job, now=self.clock()),
            on_end=outgoing.on_end,
        )


@dataclass(frozen=True, slots=True)
class TicketLink(_OurMail):
    """Our mail with the tenant's password change ticket."""

    calls: ClassVar[Calls] = {Kind.WRITE_USERS: 1, Kind.TICKETS: 1}

    tenant: Tenant

    def send(self, job: Invitation, user_id: str, outgoing: Outgoing) -> Sent:
        lifetime = int((job.expires_at - self.clock()).total_seconds())
        # Who has stood still too long would end the link that another worker has mailed meanwhile.
        self.leases.require(job)
        ticket = self.tenant.create_ticket(user_id, ref=job.ref, lifetime=lifetime)
        self.leases.extend(
            job,
            now=self.clock(),
            message_id=outgoing.message_id,
            user_id=user_id,
            ticket_issued_at=ticket.issued_at,
            landing_hash=None,
            asks_to_sign_in=False,
        )
        with _link_before_stays(self, job):
            self._send_mail(job, invitation_link(ticket.url, self.settings.app_name), outgoing)
        return Sent(HAND_TO_MAIL_SERVER, outgoing.message_id, ticket.issued_at)


@dataclass(frozen=True, slots=True)
class LandingLink(_OurMail):
    """Our mail with a link to a page of ours, which makes the ticket when its button is pressed."""

    calls: ClassVar[Calls] = {Kind.WRITE_USERS: 1}

    def send(self, job: Invitation, user_id: str, outgoing: Outgoing) -> Sent:
        token = landing_links.new_token(job.ref)
        self.leases.extend(job, now=self.clock(), message_id=outgoing.message_id, user_id=user_id)
        with ExitStack() as handed_over:

            def replace_link() -> None:
                """Only now: until then the link in the mail before is the one that people have, also
                where this worker dies."""
                outgoing.on_end(
                    landing_hash=landing_links.hash_of(token),
                    link_uses=0,
                    ticket_issued_at=None,
                    asks_to_sign_in=False,
                )
                handed_over.enter_context(_link_before_stays(self, job))

            url = f"{self.settings.site_url}/i/{token}"
            self._send_mail(job, url, replace(outgoing, on_end=replace_link))
        return Sent(HAND_TO_MAIL_SERVER, outgoing.message_id, None)


@dataclass(frozen=True, slots=True)
class TenantMail:
    """The tenant's own "change password" mail, from its template."""

    calls: ClassVar[Calls] = {Kind.WRITE_USERS: 1}

    tenant: Tenant
    leases: Leases
    clock: Callable[[], datetime]

    def send(self, job: Invitation, user_id: str, outgoing: Outgoing) -> Sent:
        self.leases.extend(
            job, now=self.clock(), user_id=user_id, landing_hash=None, asks_to_sign_in=False
        )
        with _link_before_stays(self, job):
            return Sent(HAND_TO_TENANT, None, self.tenant.send_password_email(job.email_norm))


@dataclass(frozen=True, slots=True)
class SignInMail(_OurMail):
    """Our mail to somebody whose account is in use: a link to the login, without a ticket, which would
    make them choose another password."""

    def send(self, job: Invitation, user_id: str, outgoing: Outgoing) -> Sent:
        """Raises DeliveryError and LeaseLost, as channels do."""
        self.leases.extend(
            job,
            now=self.clock(),
            message_id=outgoing.message_id,
            user_id=user_id,
            asks_to_sign_in=True,
        )
        url = f"{self.settings.site_url}/invite/sign-in?i={job.ref}"
        self._send_mail(job, url, outgoing, kind=MailKind.SIGN_IN)
        return Sent(SEND_SIGN_IN_MAIL, outgoing.message_id, job.ticket_issued_at)


@contextmanager
def _link_before_stays(
    channel: TicketLink | LandingLink | TenantMail, job: Invitation
) -> Iterator[None]:
    """Where nobody has got the new link, the one in the mail before stays as it was. It may have been of
    another INVITE_LINK."""
    try:
        yield
    except MailInDoubt:
        raise
    except DeliveryError:
        channel.leases.extend(
            job,
            now=channel.clock(),
            landing_hash=job.landing_hash,
            link_uses=job.link_uses,
            ticket_issued_at=job.ticket_issued_at,
        )
        raise


def describe(settings: Settings) -> tuple[str, list[str]]:
    """One sentence for admins about the channel in use, and one for each thing it cannot do."""
    if settings.delivery == Delivery.TENANT_EMAIL:
        return (
            "The tenant sends its own mail, from its template.",
            [
                "It knows no name of the inviter, and its link lives as long as the template says.",
                "Nobody hears whether the mail went out; the tenant's own log says so.",
                "People come back without a trace of their invitation, so they may have to type "
                "their address. The account that signs in still shows whose invitation it was.",
            ],
        )
    limits = []
    if settings.link == LinkKind.LANDING:
        sentence = "Our mail, with a link to a page of ours that leads on to the tenant."
    else:
        sentence = "Our mail, with the tenant's own link."
    if settings.invite_return == ReturnTo.LOGIN_ROUTE:
        sentence += " People come back by the tenant's button to the login."
        if settings.link == LinkKind.TICKET:
            limits.append(
                "The tenant's button names nobody, so people type their address when they sign in."
            )
        limits.append(
            "Nobody comes back by itself: after choosing a password people press the button, or "
            "sign in later."
        )
    return sentence, limits


def channel_of(
    settings: Settings,
    tenant: Tenant,
    mailer: Mailer,
    leases: Leases,
    clock: Callable[[], datetime],
) -> Channel:
    """The channel of INVITE_DELIVERY and INVITE_LINK."""
    if settings.delivery == Delivery.TENANT_EMAIL:
        return TenantMail(tenant, leases, clock)
    if settings.link == LinkKind.LANDING:
        return LandingLink(settings, mailer, leases, clock)
    return TicketLink(settings, mailer, leases, clock, tenant)
