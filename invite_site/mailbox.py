"""Mail addresses of the settings and of people: what is one, and the name beside it."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mail address and the name beside it; both may be empty."""

    name: str = ""
    address: str = ""

    def __str__(self) -> str:
        """As a header writes it, with the name in quotes."""
        if not self.name:
            return self.address
        escaped = self.name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}" <{self.address}>'


_MAILBOX = re.compile(
    r"""(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^"<>@,;:()\[\]\\]*))\s*<(?P<address>[^<>\s]+)>"""
)
# A dot-atom before the @ and a host name behind it: what every mail server takes.
_ADDRESS = re.compile(
    r"(?=.{1,64}@)[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*"
    r"@(?=.{1,253}$)(?:(?!-)[a-z0-9-]{1,63}(?<!-)\.)*(?!-)[a-z0-9-]{1,63}(?<!-)",
    re.ASCII | re.IGNORECASE,
)


def is_mail_address(text: str) -> bool:
    """Whether this is exactly one address, and one that every mail server takes."""
    return len(text) <= 254 and _ADDRESS.fullmatch(text) is not None


def read_mailbox(value: str) -> Mailbox:
    """An address, or a name and an address. Raises ValueError saying what it must be.

    Our own reader: that of Python answers differently from one patch level to the next.
    """
    found = _MAILBOX.fullmatch(value)
    address = found["address"] if found else value
    if not is_mail_address(address):
        raise ValueError(
            "must be one address, such as invitations@example.com or Acme <invitations@example.com>; "
            'a name with a comma, an @ or the like goes in quotes: "Acme, Inc." <…>'
        )
    name = ""
    if found:
        name = found["plain"] or re.sub(r"\\(.)", r"\1", found["quoted"] or "")
    if not name.isprintable():
        raise ValueError("has a name with characters that cannot be shown")
    return Mailbox(" ".join(name.split()), address)
