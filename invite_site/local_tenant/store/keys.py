"""The tenant's signing key and its tokens: RS256, `kid` is the thumbprint (RFC 7638)."""

import json
from collections.abc import Mapping
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from .database import Database


class InvalidToken(Exception):
    """A token that this key has not signed, or that cannot be parsed."""


def new_key() -> RSAKey:
    """A fresh 2048-bit RSA key for signatures."""
    return RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)


def public_jwk(key: RSAKey) -> dict[str, Any]:
    """The public half as a JWKS lists it."""
    return dict(key.as_dict(private=False))


class SigningKey:
    """The key of this database file, created at its first start."""

    def __init__(self, database: Database) -> None:
        stored = database.made_once(
            "signing_key", lambda: json.dumps(new_key().as_dict(private=True))
        )
        self.key = RSAKey.import_key(json.loads(stored))

    @property
    def kid(self) -> str:
        """The key's id in token headers."""
        return str(self.key.kid)

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A compact JWT over `claims`."""
        header = {"alg": "RS256", "typ": "JWT", "kid": self.kid}
        return jwt.encode(header, dict(claims), self.key)

    def read(self, token: str) -> dict[str, Any]:
        """The claims of a token signed here; raises `InvalidToken`. Expiry is not checked."""
        try:
            return dict(jwt.decode(token, self.key, algorithms=["RS256"]).claims)
        except (JoseError, ValueError) as error:
            raise InvalidToken(str(error)) from error
