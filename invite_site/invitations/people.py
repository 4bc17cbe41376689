"""Who is invited and who invites. The rules of an address and a name, for the form and the command line."""

import unicodedata
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

from ..errors import InvalidInvitee

NAME_LENGTH = 80
JOINERS = "\u200c\u200d"  # invisible, but part of how Persian and Indic names are written
ADDRESS_LENGTH = 254  # RFC 5321 §4.5.3.1.3, less the angle brackets


COMMAND_LINE = "the command line"  # an inviter whom invitees do not know


@dataclass(frozen=True, slots=True)
class Inviter:
    """Who invites: how they are called, and their `sub` (empty on the command line)."""

    name: str
    sub: str = ""


@dataclass(frozen=True, slots=True)
class Invitee:
    """`email` as it was typed, `email_norm` the key it is compared by, `name` possibly empty."""

    email: str
    email_norm: str
    name: str

    @classmethod
    def parse(cls, email: str, name: str = "", *, allow_test_domains: bool = False) -> "Invitee":
        """The person of this address and name.

        The key is the address in lower case with its domain as A-labels; tags and dots stay,
        because only the mail server knows what they mean. `allow_test_domains` lets `x@y.test`
        through on a site that only this machine reaches. Raises InvalidInvitee.
        """
        email = email.strip()
        if len(email) > ADDRESS_LENGTH:
            raise InvalidInvitee("email", "This address is too long; at most 254 characters.")
        try:
            found = validate_email(
                email, check_deliverability=False, test_environment=allow_test_domains
            )
        except EmailNotValidError as refused:
            raise InvalidInvitee("email", _sentence(email)) from refused
        if not found.local_part.isascii():
            # Such a mailbox needs SMTPUTF8 on every server on the way, and look-alike letters
            # would make two people of one address.
            raise InvalidInvitee(
                "email", "Before the @ only letters of the English alphabet can be used."
            )
        domain = (found.ascii_domain or found.domain).lower()
        return cls(
            email=f"{found.local_part}@{found.domain}",
            email_norm=f"{found.local_part.lower()}@{domain}",
            name=_clean_name(name),
        )


def _sentence(email: str) -> str:
    if "," in email or ";" in email or email.count("@") > 1:
        return "Enter one address at a time, such as ada@example.com."
    return "Enter an email address such as ada@example.com."


def _clean_name(name: str) -> str:
    """The name with single spaces. It stands in a mail, so it may not look like a link in one."""
    name = " ".join(unicodedata.normalize("NFC", name).split())
    if len(name) > NAME_LENGTH:
        raise InvalidInvitee("name", f"This name is too long; at most {NAME_LENGTH} characters.")
    if "://" in name or "www." in name.lower():
        raise InvalidInvitee("name", "A name cannot hold a web address.")
    if any(
        unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Co"} and letter not in JOINERS
        for letter in name
    ):
        raise InvalidInvitee("name", "This name holds characters that cannot be shown.")
    return name
