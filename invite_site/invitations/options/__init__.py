"""What an inviter may add to an invitation: a note, how long its link works, roles, a language."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import TypedDict

from ...errors import InvalidInvitee
from ...languages import LANGUAGES
from ...settings import DAY, Delivery, Settings
from ..people import is_unfit
from ..tables import Invitation

NOTE_LENGTH = 500
LIFETIMES = tuple(days * DAY for days in (1, 2, 5, 14, 30))  # seconds
LONGEST_LIFETIME = max(LIFETIMES)
TENANT_WRITES = "The tenant sends its own mail: it takes no note and no language, and its link lives as long as its template says."


class Columns(TypedDict):
    """As the table has them."""

    note: str
    lifetime: int | None
    roles: dict[str, str] | None
    locale: str | None


@dataclass(frozen=True, slots=True)
class Options:
    """`note` is plain text; `lifetime` is seconds, None for that of the settings; `roles` are ids at
    the tenant with the names that they had when they were chosen; `language` is a code, None for that
    of the browser (and English in the mail)."""

    note: str = ""
    lifetime: int | None = None
    roles: Mapping[str, str] = field(default_factory=dict)
    language: str | None = None

    @classmethod
    def parse(
        cls,
        settings: Settings,
        *,
        note: str = "",
        lifetime: int | None = None,
        roles: Mapping[str, str] = MappingProxyType({}),
        language: str | None = None,
    ) -> "Options":
        """The options of one invitation. Raises InvalidInvitee, which names the field."""
        if (note.strip() or lifetime is not None) and not takes_words(settings):
            raise InvalidInvitee("note" if note.strip() else "lifetime", TENANT_WRITES)
        if lifetime is not None and not 1 <= lifetime <= LONGEST_LIFETIME:
            raise InvalidInvitee(
                "lifetime", f"A link works for at most {LONGEST_LIFETIME // DAY} days."
            )
        if language is not None and language not in LANGUAGES:
            raise InvalidInvitee("language", f"Choose one of {', '.join(LANGUAGES.values())}.")
        if language is not None and not takes_words(settings):
            raise InvalidInvitee("language", TENANT_WRITES)
        return cls(_checked_note(note), lifetime, dict(roles), language)

    @classmethod
    def of(cls, row: Invitation) -> "Options":
        """Those that this invitation has."""
        return cls(row.note, row.lifetime, row.roles or {}, row.locale)

    @property
    def columns(self) -> Columns:
        """The columns of an invitation that these are kept in."""
        return Columns(
            note=self.note,
            lifetime=self.lifetime,
            roles=dict(self.roles) or None,
            locale=self.language,
        )


NO_OPTIONS = Options()


def takes_words(settings: Settings) -> bool:
    """Whether the mail is ours, so that it can hold a note and the link can live as long as we say."""
    return settings.delivery == Delivery.TICKET


def lifetime_of(lifetime: int | None, settings: Settings) -> timedelta:
    """How long the links of an invitation with this `lifetime` work; None is that of the settings."""
    return timedelta(seconds=settings.invitation_ttl if lifetime is None else lifetime)


def _checked_note(note: str) -> str:
    """The note with its line breaks, one empty line at most between two paragraphs, and without what
    nobody sees: such letters could turn the order of the words around it."""
    note = unicodedata.normalize("NFC", "\n".join(note.splitlines()))
    note = "".join(c for c in note.replace("\t", " ") if c == "\n" or not is_unfit(c))
    note = re.sub(r" *\n *", "\n", note).strip()
    note = re.sub(r"\n{3,}", "\n\n", note)
    if len(note) > NOTE_LENGTH:
        raise InvalidInvitee(
            "note", f"This note is too long: {len(note)} characters; at most {NOTE_LENGTH}."
        )
    return note
