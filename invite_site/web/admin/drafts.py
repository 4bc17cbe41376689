"""What is typed in the form, as an address of the mail in the frame beside it.

A frame is loaded by its address, and addresses stand in the logs of proxies: so it is encrypted, by the
keys of SECRET_KEY. Nothing is kept here.
"""

import hashlib
import json
from base64 import urlsafe_b64encode
from dataclasses import asdict, dataclass

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

LIFE = 12 * 60 * 60  # seconds


class UnreadableDraft(ValueError):
    """An address that was not made here, or too long ago."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What the mail depends on; `lifetime` is seconds, None for that of the settings; `language` is a
    code."""

    email: str
    name: str
    note: str
    lifetime: int | None
    language: str | None = None

    def sealed(self, secret_keys: tuple[str, ...]) -> str:
        """As a word that only this site can read; servers take addresses of some 4,000 letters."""
        content = json.dumps(asdict(self), ensure_ascii=False)
        return _fernet(secret_keys).encrypt(content.encode()).decode("ascii")

    @classmethod
    def opened(cls, word: str, secret_keys: tuple[str, ...]) -> "Draft":
        """What was sealed in this word. Raises UnreadableDraft."""
        try:
            content = _fernet(secret_keys).decrypt(word.encode(), ttl=LIFE)
        except InvalidToken as unreadable:
            raise UnreadableDraft from unreadable
        return cls(**json.loads(content))


def _fernet(secret_keys: tuple[str, ...]) -> MultiFernet:
    """The first key seals; the others, which it has replaced, still open."""
    digests = (hashlib.sha256(f"draft of a mail {key}".encode()).digest() for key in secret_keys)
    return MultiFernet([Fernet(urlsafe_b64encode(each)) for each in digests])
