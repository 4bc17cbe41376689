"""What a landing link ends in: a token, of which only the hash is stored."""

import hashlib
import secrets


def new_token(ref: str) -> str:
    """The ref, by which an older link is known for what it is, and a secret, which alone opens anything."""
    return f"{ref}.{secrets.token_urlsafe(32)}"


def hash_of(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def ref_in(token: str) -> str:
    """The ref that a token begins with, also one that was cut short on the way."""
    return token.partition(".")[0]
