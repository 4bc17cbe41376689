"""The checks of an ID token's claims, at a time that the caller names, and the person whom they name."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from authlib.oidc.core import CodeIDToken, ImplicitIDToken

from ..accounts.sessions import Identity
from ..errors import LoginError
from ..printable import printable
from ..settings import Settings

LEEWAY = 30  # seconds that the clocks of the tenant and of this machine may differ


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


def identity_of(claims: Mapping[str, Any] | None, settings: Settings) -> Identity:
    """The person of a verified ID token, where it says all that we asked for. Raises LoginError.

    Authlib passes a missing token, an empty `sub`, and an audience that is not us or not us alone
    (OpenID Connect Core §3.1.3.7).
    """
    if not claims:
        raise LoginError("token_missing")
    sub, client_id = text_of(claims.get("sub")), settings.client_id
    if not sub or claims.get("aud") not in (client_id, [client_id]):
        raise LoginError("token_invalid")
    return Identity(
        sub=sub,
        email=text_of(claims.get("email")),
        email_verified=claims.get("email_verified") is True,
        name=name_of(claims.get("name")),
        tenant_sid=text_of(claims.get("sid")),
        has_admin_role=_has_admin_role(claims, settings),
    )


def text_of(value: object) -> str:
    """The claim as it is where it is text that is printed, else none: to leave letters out would make an
    id or an address that of somebody else."""
    return value if isinstance(value, str) and value.isprintable() else ""


def name_of(value: object) -> str:
    """The claim as a name that can be stored and shown; anything but text as none."""
    return printable(value) if isinstance(value, str) else ""


def _has_admin_role(claims: Mapping[str, Any], settings: Settings) -> bool:
    claim, role = settings.admin_role_claim, settings.admin_role
    held = claims.get(claim) if claim else None
    return bool(role) and (held == role or (isinstance(held, list) and role in held))
