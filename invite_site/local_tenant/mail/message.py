"""A stored mail, parsed for the mailbox page and its JSON."""

import email
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC
from email.headerregistry import Address, AddressHeader
from email.message import EmailMessage
from email.policy import default
from email.utils import parsedate_to_datetime
from html import unescape
from typing import Any

from ..simulation.clock import iso
from ..store.mails import Mail

SNIPPET_LENGTH = 250


@dataclass(frozen=True)
class Message:
    """A parsed mail."""

    mail: Mail
    headers: tuple[tuple[str, str], ...]
    subject: str
    message_id: str
    date: str
    sender: dict[str, str]
    to: list[dict[str, str]]
    cc: list[dict[str, str]]
    reply_to: list[dict[str, str]]
    text: str
    html: str

    def summary(self) -> dict[str, Any]:
        """The mail as in a list of Mailpit's API."""
        return {
            "ID": self.mail.id,
            "MessageID": self.message_id,
            "Read": self.mail.read,
            "From": self.sender,
            "To": self.to,
            "Cc": self.cc,
            "Bcc": [],
            "ReplyTo": self.reply_to,
            "Subject": self.subject,
            "Created": iso(self.mail.created_at),
            "Tags": [],
            "Size": len(self.mail.raw),
            "Attachments": 0,
            "Snippet": " ".join(self.text.split())[:SNIPPET_LENGTH],
        }

    def whole(self) -> dict[str, Any]:
        """The mail as Mailpit's API shows one alone."""
        return {
            **self.summary(),
            "ReturnPath": self.mail.sender,
            "Date": self.date,
            "Text": self.text,
            "HTML": self.html,
        }


def read_mail(mail: Mail) -> Message:
    """Parse a stored mail; what cannot be parsed gives empty fields, not an error."""
    parsed = email.message_from_bytes(mail.raw, policy=default)
    text = parsed.get_body(("plain",))
    html = parsed.get_body(("html",))
    senders = _addresses(parsed, "From")
    return Message(
        mail=mail,
        headers=tuple((name, str(value)) for name, value in parsed.items()),
        subject=str(parsed.get("Subject", "")),
        message_id=str(parsed.get("Message-ID", "")).strip().strip("<>"),
        date=_date(str(parsed.get("Date", "")), mail),
        sender=senders[0] if senders else {"Name": "", "Address": mail.sender},
        to=_addresses(parsed, "To") or [{"Name": "", "Address": each} for each in mail.recipients],
        cc=_addresses(parsed, "Cc"),
        reply_to=_addresses(parsed, "Reply-To"),
        text=_content(text),
        html=_content(html),
    )


def _addresses(parsed: EmailMessage, name: str) -> list[dict[str, str]]:
    header = parsed.get(name)
    found: Iterable[Address] = header.addresses if isinstance(header, AddressHeader) else ()
    return [{"Name": each.display_name, "Address": each.addr_spec} for each in found]


def _content(part: Any) -> str:
    if part is None:
        return ""
    try:
        return str(part.get_content())
    except (LookupError, ValueError):  # an unknown encoding
        return str(part.get_payload())


def _date(text: str, mail: Mail) -> str:
    try:
        return iso(parsedate_to_datetime(text).astimezone(UTC).timestamp())
    except ValueError:
        return iso(mail.created_at)


_HREF = re.compile(r'<a\b[^>]*\bhref="(https?://[^"]+)"', re.IGNORECASE)
_LINK = re.compile(r"https?://[^\s<>\"]+")


def first_link(message: Message) -> str:
    """The first address that the mail links to, in its text or else in its HTML; or an empty text."""
    found = (address for _, address in split_links(message.text) if address)
    in_html = (unescape(address) for address in _HREF.findall(message.html))
    return next(found, None) or next(in_html, "")


def split_links(text: str) -> list[tuple[str, str | None]]:
    """A text split into pieces, each with the address it links to, or None."""
    cut: list[tuple[str, str | None]] = []
    end = 0
    for match in _LINK.finditer(text):
        address = match[0].rstrip(".,;:!?)'")
        cut.append((text[end : match.start()], None))
        cut.append((address, address))
        end = match.start() + len(address)
    cut.append((text[end:], None))
    return [piece for piece in cut if piece[0]]
