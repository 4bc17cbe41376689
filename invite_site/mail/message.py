"""The invitation as a message, and the way to the mail server.

The link in it is a key to the account: it goes to one recipient and is written nowhere else.
"""

import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from urllib.parse import unquote, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from ..errors import CredentialsRefused, MailDelayed, MailRefused, MailUnavailable
from ..settings import ROOT, Settings, is_loopback
from .wording import ended, unlinked

TIMEOUT = 8.0  # seconds the mail server may take for each step; all of them fit into a lease


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
        self._server = urlsplit(settings.smtp_url)
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
    ) -> None:
        """Mail the invitation with this link. Raises MailRefused, MailDelayed, MailUnavailable, CredentialsRefused."""
        settings = self._settings
        self._send(
            self._message(
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
            ),
            to.mailbox,
        )

    def _message(
        self, template: str, to: Recipient, *, message_id: str, now: datetime, **words: object
    ) -> EmailMessage:
        def render(part: str) -> str:
            return self._templates.get_template(f"{template}/{part}").render(words)

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

    def _send(self, message: EmailMessage, recipient: str) -> None:
        try:
            server = self._connect()
            try:
                server.send_message(message, to_addrs=[recipient])
            finally:  # whatever is said to QUIT: by then the message is taken or refused
                with suppress(OSError):  # SMTPException is one
                    server.quit()
                server.close()
        except MailUnavailable:
            raise
        except smtplib.SMTPAuthenticationError as refused:
            raise CredentialsRefused(
                "The mail server does not accept the user and password of SMTP_URL; "
                "correct them and restart the site."
            ) from refused
        except smtplib.SMTPRecipientsRefused as refused:
            code, words = next(iter(refused.recipients.values()))
            raise _refusal(code, words) from refused
        except smtplib.SMTPSenderRefused as refused:
            if _is_final(refused.smtp_code):
                raise CredentialsRefused(
                    "The mail server does not let us send as MAIL_FROM; "
                    "correct it and restart the site."
                ) from refused
            raise _refusal(refused.smtp_code, refused.smtp_error) from refused
        except smtplib.SMTPConnectError as refused:
            raise MailUnavailable("The mail server does not take messages now.") from refused
        except smtplib.SMTPResponseException as refused:
            raise _refusal(refused.smtp_code, refused.smtp_error) from refused
        except smtplib.SMTPNotSupportedError as refused:
            raise MailRefused("The mail server cannot write to such an address.") from refused
        except (OSError, smtplib.SMTPException) as failed:
            raise MailUnavailable("The mail server cannot be reached.") from failed

    def _connect(self) -> smtplib.SMTP:
        url = self._server
        host = url.hostname or ""
        server: smtplib.SMTP
        if url.scheme == "smtps":
            context = ssl.create_default_context()
            server = smtplib.SMTP_SSL(host, url.port or 465, timeout=TIMEOUT, context=context)
        else:
            server = smtplib.SMTP(host, url.port or 587, timeout=TIMEOUT)
        try:
            server.ehlo_or_helo_if_needed()
            if url.scheme == "smtp" and not is_loopback(self._settings.smtp_url):
                # The message holds a key, so it does not cross a network in the clear.
                server.starttls(context=ssl.create_default_context())
            if url.username:
                server.login(unquote(url.username), unquote(url.password or ""))
        except smtplib.SMTPAuthenticationError:
            server.close()
            raise
        except (OSError, ValueError) as failed:  # no message yet, so it says nothing about one
            server.close()
            raise MailUnavailable("The mail server cannot be used as SMTP_URL says.") from failed
        return server


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


def _is_final(code: int) -> bool:
    return 500 <= code < 600


def _refusal(code: int, words: bytes | str) -> MailRefused | MailDelayed | MailUnavailable:
    said = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    said = " ".join(said.split())[:200]
    if code == 421:  # RFC 5321 §3.8: the server itself is closing, whatever the message
        return MailUnavailable("The mail server does not take messages now.")
    if _is_final(code):
        return MailRefused(f"The mail server refused this address: {code} {said}")
    return MailDelayed(f"The mail server asks to try again later: {code} {said}")
