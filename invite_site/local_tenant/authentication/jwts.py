"""ID tokens, and access tokens for the Management API."""

from typing import Any

from ..simulation.clock import iso
from ..simulation.misbehaviour import ID_TOKEN_MISBEHAVIOURS
from ..store.clients import Client
from ..store.codes import AuthorizationCode
from ..store.users import User
from ..tenant import Tenant
from .misbehaviour import forge

# Auth0's defaults: ten hours for an ID token, a day for a Management API token.
ID_TOKEN_SECONDS = 36_000
MANAGEMENT_TOKEN_SECONDS = 86_400


def profile_claims(user: User, scope: str) -> dict[str, Any]:
    """The claims of the scopes `profile` and `email` (OpenID Connect Core, 5.4).

    `updated_at` is an ISO string: Auth0 differs from the specification here.
    """
    scopes = scope.split()
    claims: dict[str, Any] = {}
    if "profile" in scopes:
        for name in ("given_name", "family_name", "nickname", "name", "picture"):
            if name in user.profile:
                claims[name] = user.profile[name]
        claims["updated_at"] = iso(user.updated_at)
    if "email" in scopes:
        claims["email"] = user.email
        claims["email_verified"] = user.email_verified
    return claims


def id_token(tenant: Tenant, client: Client, user: User, code: AuthorizationCode) -> str:
    """The ID token for an exchanged code, forged where a misbehaviour is ordered."""
    now = int(tenant.clock.now())
    claims: dict[str, Any] = {
        **profile_claims(user, code.scope),
        "iss": tenant.issuer,
        "aud": client.client_id,
        "sub": user.user_id,
        "iat": now,
        "exp": now + ID_TOKEN_SECONDS,
        "sid": code.sid,
    }
    if code.auth_time is not None:
        claims["auth_time"] = int(code.auth_time)
    if code.nonce is not None:
        claims["nonce"] = code.nonce
    if claim := tenant.role_claim.get().get("claim"):
        claims[claim] = [role["name"] for role in tenant.roles.of(user.user_id)]
    misbehaviour = tenant.misbehaviours.take(*ID_TOKEN_MISBEHAVIOURS)
    token = forge(tenant, misbehaviour, claims, client) if misbehaviour else tenant.key.sign(claims)
    tenant.issued.record("id_tokens", token)
    return token


def management_token(tenant: Tenant, client: Client, scope: str) -> str:
    """An access token for the Management API with these scopes."""
    now = int(tenant.clock.now())
    token = tenant.key.sign(
        {
            "iss": tenant.issuer,
            "sub": f"{client.client_id}@clients",
            "aud": tenant.management_audience,
            "iat": now,
            "exp": now + MANAGEMENT_TOKEN_SECONDS,
            "azp": client.client_id,
            "scope": scope,
            "gty": "client-credentials",
        }
    )
    tenant.issued.record("access_tokens", token)
    return token
