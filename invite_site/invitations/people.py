"""Who is invited and who invites. The rules of an address and a name, for the form and the command line."""

import re
import unicodedata
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

from ..errors import InvalidInvitee
from ..printable import JOINERS

NAME_LENGTH = 80
ADDRESS_LENGTH = 254  # RFC 5321 §4.5.3.1.3, less the angle brackets
ADDRESS_TOO_LONG = f"This address is too long; at most {ADDRESS_LENGTH} characters."
NAME_TOO_LONG = f"This name is too long; at most {NAME_LENGTH} characters."
LOCAL_PART_LENGTH = 64  # RFC 5321 §4.5.3.1.1

# Drawn as nothing though Unicode counts them among letters, marks and symbols.
_BLANKS = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\ufe0e\ufe0f\uffa0"
_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"}  # control, format, surrogate, separators
_LINK = re.compile(r"[/\\@]|:(?=/)|www\.", re.IGNORECASE)
# Of Latin, Greek and Cyrillic letters. In other scripts a mark makes another letter, such as か and が.
_ACCENTS = re.compile("[\u0300-\u036f]+")
# Letters that Unicode does not take apart.
_STROKES = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "\u0131": "i", "æ": "ae", "œ": "oe"}
)

COMMAND_LINE = "the command line"  # an inviter whom invitees do not know


@dataclass(frozen=True, slots=True)
class Inviter:
    """Who invites: how they are called here, and their `sub` (empty on the command line).

    The name may come from an ID token. Invitees are told what `safe_name` leaves of it.
    """

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
        email = _without_invisible_ends(email)
        local_part = email.rpartition("@")[0]
        # Before anything is normalised: that turns look-alikes into the letters they look like.
        if any(map(_is_invisible, email)):
            raise InvalidInvitee(
                "email",
                "This address contains an invisible character. Delete the address and type it by "
                "hand, without pasting.",
            )
        if len(email) > ADDRESS_LENGTH:
            raise InvalidInvitee("email", ADDRESS_TOO_LONG)
        if not local_part.isascii() and email.count("@") == 1:
            # Such a mailbox needs SMTPUTF8 on every server on the way, and look-alike letters
            # would make two people of one address.
            raise InvalidInvitee(
                "email", "Before the @ only letters of the English alphabet can be used."
            )
        if len(local_part) > LOCAL_PART_LENGTH and email.count("@") == 1:
            raise InvalidInvitee("email", "Before the @ there are at most 64 characters.")
        try:
            found = validate_email(
                email, check_deliverability=False, test_environment=allow_test_domains
            )
        except EmailNotValidError as refused:
            raise InvalidInvitee("email", _sentence(email)) from refused
        key = (found.ascii_domain or found.domain).lower()
        return cls(
            email=f"{found.local_part}@{found.domain}",
            email_norm=f"{found.local_part.lower()}@{key}",
            name=_checked_name(name),
        )


def plain_address(email: str, email_norm: str) -> str:
    """The address as every mail server and the tenant compare it: as typed before the `@`, and as
    A-labels behind it."""
    return f"{email.rpartition('@')[0]}@{email_norm.rpartition('@')[2]}"


def _sentence(email: str) -> str:
    if "," in email or ";" in email or email.count("@") > 1:
        return "Enter one address at a time, such as ada@example.com."
    return "Enter an email address such as ada@example.com."


def _is_invisible(letter: str) -> bool:
    """Whether nobody sees this on the screen; what the keyboard types between words counts as seen."""
    if letter in _BLANKS or "\U000e0100" <= letter <= "\U000e01ef":
        return True
    return unicodedata.category(letter) in _HIDDEN and letter not in " \t\n\r"


def _without_invisible_ends(text: str) -> str:
    """What comes along when an address is copied out of a page or a table."""
    start, end = 0, len(text)
    while start < end and (text[start].isspace() or _is_invisible(text[start])):
        start += 1
    while start < end and (text[end - 1].isspace() or _is_invisible(text[end - 1])):
        end -= 1
    return text[start:end]


# Searches -----------------------------------------------------------------------------------------


def fold(text: str) -> str:
    """The text as searches compare it: one form for letters that mean the same, and no accents, which
    people leave out where they search.

    Both databases store and are asked what this returns, because their own rules of upper and
    lower case differ. Migration 0016 has the same rule.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", folded)).translate(_STROKES)
    return unicodedata.normalize("NFKC", plain)


def search_text(email: str, email_norm: str, name: str) -> str:
    """What an invitation is found by: each word of its address and name, folded, after two spaces.

    Three letters are what SQLite's index finds. With the spaces, one or two letters at the beginning
    of a word are three.
    """
    words = dict.fromkeys(fold(f"{email} {email_norm} {name}").split())
    return "".join(f"  {word}" for word in words)


# Names --------------------------------------------------------------------------------------------


def _tidy(name: str) -> str:
    """The name with single spaces, and each letter in the one form that Unicode prefers."""
    return " ".join(unicodedata.normalize("NFC", name).split())


def is_unfit(letter: str) -> bool:
    """Whether this is no letter to show: control, format, surrogate or private ones."""
    return unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Co"} and letter not in JOINERS


def _checked_name(name: str) -> str:
    """A name that somebody typed. It stands in a mail, so it may not look like a link in one."""
    name = _tidy(name)
    if len(name) > NAME_LENGTH:
        raise InvalidInvitee("name", NAME_TOO_LONG)
    if _LINK.search(unicodedata.normalize("NFKC", name)):
        raise InvalidInvitee(
            "name", "A name cannot hold a web address or an email address, nor the signs / and @."
        )
    if any(is_unfit(letter) for letter in name):
        raise InvalidInvitee("name", "This name holds characters that cannot be shown.")
    return name


def safe_name(name: str) -> str:
    """What the rules above leave of a name that nobody here can correct; possibly nothing."""
    name = "".join(letter for letter in _tidy(name) if not is_unfit(letter))
    kept: list[str] = []
    for word in name.split():
        plain = unicodedata.normalize("NFKC", word)
        if _LINK.search(plain):
            # Of an address who it is, of a link its parts.
            kept += _LINK.split(plain.partition("@")[0])
        else:
            kept.append(word)
    name = _tidy(" ".join(kept))
    return name if len(name) <= NAME_LENGTH else f"{name[: NAME_LENGTH - 1].rstrip()}…"
