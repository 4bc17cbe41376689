"""The invitation as a message: templates, addresses, and the time left in words.

The link in it is a key to the account: it goes to one recipient and is written nowhere else.
"""

import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid

from ..errors import MailRefused
from ..languages import ENGLISH, LANGUAGES, time_left
from ..mailbox import Mailbox, is_mail_address
from ..settings import LinkKind, Settings
from .connections import Connections
from .conversation import Patience
from .smtp import SmtpConnection, SmtpServer
from .templates import TEST, load_templates
from .templates import MailKind as MailKind
from .wording import unlinked, unlinked_text

# No 8-bit text, which a server need not take (RFC 6152) and a relay may damage. Headers that we have
# written ourselves stay as they are.
POLICY = SMTP.clone(cte_type="7bit", refold_source="none")
# Somebody waits for a page meanwhile.
SOMEBODY_WAITS = Patience(connect=5, command=10, block=10, final=10, quit=1)
_PLAIN_NAME = re.compile(r"[A-Za-z0-9'. -]{1,40}")  # as it is, on one line, in any mail program


@dataclass(frozen=True, slots=True)
class Recipient:
    """One person: a message of ours has exactly one.

    `email` is how they write their address; `mailbox` is how the network does, with the domain as
    A-labels, which every mail server understands.
    """

    email: str
    mailbox: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What an invitation says. `renew_url` is where the invitee asks for a new link; `note` is the
    inviter's own; `first_message_id` is that of the message that this one follows; without a
    `language` it is English."""

    url: str = field(repr=False)  # a key to the account
    renew_url: str
    inviter: str
    expires_at: datetime
    message_id: str
    now: datetime
    kind: MailKind = MailKind.INVITATION
    note: str = ""
    is_reminder: bool = False
    first_message_id: str | None = None
    language: str | None = None


class Mailer:
    """Writes messages from `templates/email` and hands them to the SMTP server of the settings. Raises
    ConfigError for a MAIL_TEMPLATES that cannot be used."""

    def __init__(self, settings: Settings, patience: Patience | None = None) -> None:
        self._settings = settings
        self._patience = patience
        self._server = SmtpServer.from_url(settings.smtp_url, settings.site_url)
        self.connections = Connections(self._server, patience)
        self._templates = {
            each: load_templates(settings.mail_templates, each) for each in LANGUAGES
        }

    def send_invitation(
        self,
        to: Recipient,
        words: Words,
        *,
        on_wait: Callable[[], None] | None = None,
        on_end: Callable[[], None] | None = None,
    ) -> None:
        """Mail the invitation with this link, or that its account can sign in there.

        `on_wait` is called now and then while the mail server takes its time, `on_end` just before it
        can have the whole. Raises MailRefused, MailAmbiguous, MailDelayed, MailInDoubt, MailUnavailable,
        SenderRefused, and what `on_wait` and `on_end` raise.
        """
        message = self.invitation(to, words)
        sender = self._settings.mail_from.address
        self.connections.send(message, sender, to.mailbox, on_wait, on_end)

    def send_sample(self, to: Recipient, words: Words) -> None:
        """Mail the same to whoever wants to see it, with *Test* in its subject. Raises what
        `send_invitation` does."""
        message = self.invitation(to, words)
        subject = str(message["Subject"])
        message.replace_header("Subject", f"Test: {subject}")
        with closing(SmtpConnection(self._server, self._patience or SOMEBODY_WAITS)) as connection:
            connection.send(message, self._settings.mail_from.address, to.mailbox)

    def invitation(self, to: Recipient, words: Words) -> EmailMessage:
        """The message as it is sent. Raises MailRefused for an address that no header can hold."""
        settings = self._settings
        wanted = words.language
        language = wanted if wanted and wanted in LANGUAGES else ENGLISH
        message = self._message(
            words.kind,
            to,
            language=language,
            message_id=words.message_id,
            now=words.now,
            url=words.url,
            renew_url=words.renew_url,
            app_name=settings.app_name,
            site_url=settings.site_url,
            contact_email=settings.contact_email.address if settings.contact_email else "",
            name=unlinked(to.name),
            email=to.email,
            inviter=unlinked(words.inviter),
            note=unlinked_text(words.note),
            is_reminder=words.is_reminder,
            expires_at=words.expires_at,
            expires_in=time_left(words.expires_at - words.now, language),
            works_once=settings.link == LinkKind.TICKET,
        )
        if words.first_message_id:  # a retry with another link: shown together with the first
            message.set_raw("In-Reply-To", words.first_message_id)
            message.set_raw("References", words.first_message_id)
        return message

    def send_test(self, address: str, *, now: datetime, transcript: Callable[[str], None]) -> None:
        """Mail a few words to this address; `transcript` gets the conversation, without secrets.

        Raises what `send_invitation` does.
        """
        message_id = make_msgid(domain=self._server.our_name)
        to = Recipient(address, address, "")
        app_name = self._settings.app_name
        message = self._message(TEST, to, message_id=message_id, now=now, app_name=app_name)
        connection = SmtpConnection(
            self._server,
            self._patience,
            on_wait=lambda: transcript("  (waiting for the mail server)"),
            transcript=transcript,
        )
        with closing(connection):
            connection.send(message, self._settings.mail_from.address, address)

    def _message(
        self,
        template: str,
        to: Recipient,
        *,
        message_id: str,
        now: datetime,
        language: str = ENGLISH,
        **context: object,
    ) -> EmailMessage:
        def render(part: str) -> str:
            return self._templates[language].get_template(f"{template}/{part}").render(context)

        message = EmailMessage(policy=POLICY)
        message["Subject"] = " ".join(render("subject.txt").split())
        # Raw, because Python's own folding takes long names and ids apart.
        message.set_raw("From", mailbox_header(self._settings.mail_from))
        message.set_raw("To", mailbox_header(Mailbox(to.name, to.mailbox)))
        if self._settings.contact_email:
            message.set_raw("Reply-To", mailbox_header(self._settings.contact_email))
        message["Date"] = format_datetime(now)
        message.set_raw("Message-ID", message_id)
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday replies, please
        message.set_content(render("body.txt"))
        message.add_alternative(render("body.html"), subtype="html")
        message["Content-Language"] = language  # after the content, which takes such headers away
        return message


def part_of(message: EmailMessage, subtype: str) -> str:
    """The body of this kind, `plain` or `html`."""
    part = message.get_body((subtype,))
    return str(part.get_content()) if part else ""


def mailbox_header(mailbox: Mailbox) -> str:
    """One mailbox as a header has it. Raises MailRefused for anything that is not exactly one.

    "a@x, b@y" would be two, and the second gets the key as well. A name with other signs, or a
    long one, is written as encoded words (RFC 2047), which hold no comma and no quote: Python's
    folding loses quotes (https://github.com/python/cpython/issues/80222), and then a comma in the
    name makes several recipients of one.
    """
    if not is_mail_address(mailbox.address):
        raise MailRefused("No mail can be written to this address.")
    name = " ".join(mailbox.name.split())
    if not name:
        return mailbox.address
    if _PLAIN_NAME.fullmatch(name):
        return f'"{name}" <{mailbox.address}>'
    name = Header(name, "utf-8", header_name="Reply-To").encode(linesep="\r\n")
    return f"{name}\r\n <{mailbox.address}>"
