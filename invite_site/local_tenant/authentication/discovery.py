"""The tenant's metadata and its public keys (OpenID Connect Discovery)."""

from typing import Any

from flask import Blueprint
from flask.typing import ResponseReturnValue

from ..store.keys import public_jwk
from ..tenant import Tenant, current_tenant
from .misbehaviour import OTHER_ISSUER, OTHER_KEYS_PATH

_CLAIMS = "aud auth_time email email_verified exp family_name given_name iat iss name nickname picture sub"

bp = Blueprint("discovery", __name__)


@bp.get("/.well-known/openid-configuration")
def openid_configuration() -> ResponseReturnValue:
    return metadata(current_tenant())


@bp.get("/.well-known/jwks.json")
def keys() -> ResponseReturnValue:
    tenant = current_tenant()
    listed = [public_jwk(tenant.key.key)]
    if tenant.misbehaviours.lists_second_key():
        listed.append(public_jwk(tenant.misbehaviours.second_key()))
    return {"keys": listed}


@bp.get(OTHER_KEYS_PATH)
def other_keys() -> ResponseReturnValue:
    # For the misbehaviour `jku`: a relying party must not fetch this.
    return {"keys": [public_jwk(current_tenant().misbehaviours.attacker_key())]}


def metadata(tenant: Tenant) -> dict[str, Any]:
    """The tenant's metadata (OpenID Connect Discovery, section 3), with an ordered misbehaviour."""
    url = tenant.url
    document: dict[str, Any] = {
        "issuer": tenant.issuer,
        "authorization_endpoint": f"{url}/authorize",
        "token_endpoint": f"{url}/oauth/token",
        "userinfo_endpoint": f"{url}/userinfo",
        "jwks_uri": f"{url}/.well-known/jwks.json",
        "end_session_endpoint": f"{url}/oidc/logout",
        "scopes_supported": ["openid", "profile", "email"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "client_credentials"],
        "code_challenge_methods_supported": ["S256", "plain"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "claims_supported": _CLAIMS.split(),
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }
    misbehaviour = tenant.misbehaviours.current()
    match misbehaviour and misbehaviour.name:  # the names of DISCOVERY_MISBEHAVIOURS
        case "discovery_issuer_other":
            document["issuer"] = OTHER_ISSUER
        case "callback_iss_absent_but_advertised":
            document["authorization_response_iss_parameter_supported"] = True
        case "end_session_absent":
            del document["end_session_endpoint"]
        case "alg_none_listed":
            document["id_token_signing_alg_values_supported"] = ["RS256", "none"]
    return document
