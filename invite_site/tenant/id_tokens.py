"""The checks of an ID token's claims, at a time that the caller names."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from authlib.oidc.core import CodeIDToken, ImplicitIDToken


def claims_at(now: datetime, token: Mapping[str, Any]) -> type:
    """The class that Authlib would choose for this answer of the token endpoint, but that compares
    `exp` and `iat` with `now` (aware UTC) instead of the clock of the machine."""
    seconds = int(now.timestamp())
    # Authlib hands the access token, which `at_hash` belongs to, to classes of its own choice alone.
    extra = {name: token[name] for name in ("access_token",) if name in token}

    class Claims(CodeIDToken if extra else ImplicitIDToken):  # type: ignore[misc]  # one of two
        def __init__(self, payload: Any, header: Any, options: Any, params: Any) -> None:
            super().__init__(payload, header, options, params | extra)

        def validate(self, _: int | None = None, leeway: int = 0) -> None:
            super().validate(seconds, leeway)

    return Claims


def text_of(value: object) -> str:
    """The claim as text that can be stored and shown; anything else as none."""
    return "".join(c for c in value if c.isprintable()) if isinstance(value, str) else ""
