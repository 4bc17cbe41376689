"""The invitation as a message: templates, addresses, and the time left in words.

The link in it is a key to the account: it goes to one recipient and is written nowhere else.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from ..errors import MailRefused
from ..settings import ROOT, Settings
from .smtp import SmtpConnection, SmtpServer
from .wording import ended, unlinked


@dataclass(frozen=True, slots=True)
class Recipient:
    """One person: a message of ours has exactly one.

    `email` is how they write their address; `mailbox` is how the network does, with the domain as
    A-labels, which every mail server understands.
    """

    email: str
    mailbox: str
    name: str


class Mailer:
    """Writes messages from `templates/email` and hands them to the SMTP server of the settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._server = SmtpServer.from_url(settings.smtp_url)
        self._templates = Environment(
            loader=FileSystemLoader(ROOT / "templates" / "email"),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["ended"] = ended

    def send_invitation(
        self,
        to: Recipient,
        *,
        url: str,
        inviter: str,
        expires_at: datetime,
        message_id: str,
        now: datetime,
        first_message_id: str | None = None,
        on_wait: Callable[[], None] | None = None,
    ) -> None:
        """Mail the invitation with this link.

        Raises MailRefused, MailDelayed, MailUnavailable, CredentialsRefused.
        """
        settings = self._settings
        message = self._message(
            "invitation",
            to,
            message_id=message_id,
            now=now,
            url=url,
            app_name=settings.app_name,
            site_url=settings.site_url,
            contact_email=settings.contact_email,
            name=unlinked(to.name),
            email=to.email,
            inviter=unlinked(inviter),
            expires_at=expires_at,
            expires_in=time_left(expires_at - now),
        )
        with closing(SmtpConnection(self._server)) as connection:
            connection.send(message, to.mailbox)

    def _message(
        self, template: str, to: Recipient, *, message_id: str, now: datetime, **context: object
    ) -> EmailMessage:
        def render(part: str) -> str:
            return self._templates.get_template(f"{template}/{part}").render(context)

        message = EmailMessage(policy=SMTP)
        message["Subject"] = " ".join(render("subject.txt").split())
        message["From"] = _address(*parseaddr(self._settings.mail_from))
        # Not a string: "a@x, b@y" would be two recipients, and the second gets the key as well.
        message["To"] = _address(to.name, to.mailbox)
        if self._settings.contact_email:
            message["Reply-To"] = _address("", self._settings.contact_email)
        message["Date"] = format_datetime(now)
        message["Message-ID"] = message_id
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday replies, please
        message.set_content(render("body.txt"))
        message.add_alternative(render("body.html"), subtype="html")
        return message


def time_left(left: timedelta) -> str:
    """The time in words, in whole days, hours or minutes: "5 days", "1 hour".

    Rounded down, but for the moment between the invitation and its mail.
    """
    left += timedelta(seconds=59)
    for unit, seconds in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if count := int(left.total_seconds()) // seconds:
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return "less than a minute"


def _address(name: str, email: str) -> Address:
    """One address for a header. Raises MailRefused for anything that is not exactly one."""
    try:
        address = Address(display_name=name, addr_spec=email)
    except (ValueError, IndexError, HeaderParseError) as refused:
        raise MailRefused("No mail can be written to this address.") from refused
    if not address.username or not address.domain:
        raise MailRefused("No mail can be written to this address.")
    return address
