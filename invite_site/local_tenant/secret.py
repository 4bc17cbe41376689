"""Random codes, and what of them may be kept: a hash."""

import hashlib
import secrets
import string

_ALPHABET = string.ascii_letters + string.digits


def random_code(length: int) -> str:
    """A random string of `length` characters out of A-Z, a-z and 0-9."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def digest(code: str) -> str:
    """The SHA-256 of a code in hex. Codes are random, so no salt is needed."""
    return hashlib.sha256(code.encode()).hexdigest()
