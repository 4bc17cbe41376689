"""The mail of an invitation that is not there yet: to look at, and to send to whoever writes it."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage

from ...mail.message import Mailer, MailKind, Recipient, Words
from ...settings import Settings
from ..options import Options, lifetime_of
from ..people import Invitee, Inviter
from ..tables import Invitation
from .words import recipient_of, words_of

SAMPLE_REF = "sample"  # of no invitation


@dataclass(frozen=True, slots=True)
class Samples:
    """Messages as `channels` sends them, but for their link, which leads to the start page. `clock`
    gives aware UTC."""

    settings: Settings
    mailer: Mailer
    clock: Callable[[], datetime]

    def message(self, invitee: Invitee, options: Options, inviter: Inviter) -> EmailMessage:
        """The first mail of this invitation. Raises MailRefused for an address that no header can hold."""
        row = self._row(invitee, options, inviter)
        return self.mailer.invitation(recipient_of(row), self._words(row))

    def send(self, address: str, invitee: Invitee, options: Options, inviter: Inviter) -> None:
        """Mail it to `address`, marked as a test. Raises MailFailure."""
        row = self._row(invitee, options, inviter)
        self.mailer.send_sample(Recipient(row.email, address, ""), self._words(row))

    def _row(self, invitee: Invitee, options: Options, inviter: Inviter) -> Invitation:
        now = self.clock()
        return Invitation(
            ref=SAMPLE_REF,
            email=invitee.email,
            email_norm=invitee.email_norm,
            name=invitee.name,
            inviter=inviter.name,
            inviter_sub=inviter.sub,
            expires_at=now + lifetime_of(options.lifetime, self.settings),
            **options.columns,
        )

    def _words(self, row: Invitation) -> Words:
        site_url = self.settings.site_url
        return words_of(
            row,
            kind=MailKind.INVITATION,
            url=f"{site_url}/#sample-link",
            site_url=site_url,
            message_id=f"<{SAMPLE_REF}.{secrets.token_hex(8)}@invite-site.invalid>",
            first_message_id=None,
            now=self.clock(),
        )
