"""The OpenID Connect endpoints that programs call: discovery, keys, tokens, userinfo."""

from typing import Any, cast

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from ..simulation.misbehaviour import DISCOVERY_MISBEHAVIOURS
from ..store.keys import public_jwk
from ..tenant import Tenant, current_tenant
from .grants import Parameters, authorization_server, body_parameters, oauth_error
from .misbehaviour import OTHER_ISSUER, OTHER_KEYS_PATH
from .tokens import profile_claims

_CLAIMS = "aud auth_time email email_verified exp family_name given_name iat iss name nickname picture sub"


def discovery(tenant: Tenant) -> dict[str, Any]:
    """The metadata of the tenant (OpenID Connect Discovery, section 3), true or misbehaving."""
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
    if misbehaviour is not None and misbehaviour.name in DISCOVERY_MISBEHAVIOURS:
        if misbehaviour.name == "discovery_issuer_other":
            document["issuer"] = OTHER_ISSUER
        elif misbehaviour.name == "callback_iss_absent_but_advertised":
            document["authorization_response_iss_parameter_supported"] = True
        elif misbehaviour.name == "end_session_absent":
            del document["end_session_endpoint"]
        elif misbehaviour.name == "alg_none_listed":
            document["id_token_signing_alg_values_supported"] = ["RS256", "none"]
    return document


bp = Blueprint("oidc", __name__)


@bp.get("/.well-known/openid-configuration")
def openid_configuration() -> ResponseReturnValue:
    return discovery(current_tenant())


@bp.get("/.well-known/jwks.json")
def keys() -> ResponseReturnValue:
    tenant = current_tenant()
    listed = [public_jwk(tenant.key.key)]
    if tenant.misbehaviours.lists_second_key():
        listed.append(public_jwk(tenant.misbehaviours.second_key()))
    return {"keys": listed}


@bp.get(OTHER_KEYS_PATH)
def other_keys() -> ResponseReturnValue:
    # For the `jku` misbehaviour: a client that fetches this trusts a token's header.
    return {"keys": [public_jwk(current_tenant().misbehaviours.attacker_key())]}


@bp.post("/oauth/token")
def token() -> Response:
    asked = body_parameters()
    if asked.get("grant_type") == "authorization_code":
        answer = _misbehaving_answer(current_tenant())
        if answer is not None:
            return answer
    response = cast(Response, authorization_server().create_token_response())
    _log_exchange(current_tenant(), asked, response)
    return response


def _misbehaving_answer(tenant: Tenant) -> Response | None:
    """The answer of an ordered misbehaviour of the token endpoint, if there is one."""
    misbehaviour = tenant.misbehaviours.take(
        "token_500", "token_429", "token_html", "token_slow", "invalid_grant"
    )
    if misbehaviour is None:
        return None
    match misbehaviour.name:
        case "token_500":
            return oauth_error(500, "server_error", "Something went wrong")
        case "token_429":
            return oauth_error(429, "too_many_requests", "Rate limit exceeded.")
        case "token_html":
            return Response("<!doctype html><title>Busy</title><h1>Busy</h1>", mimetype="text/html")
        case "invalid_grant":
            return oauth_error(403, "invalid_grant", "Invalid authorization code")
    tenant.stopping.wait(float(misbehaviour.options.get("seconds", 30)))
    return None


def _log_exchange(tenant: Tenant, asked: Parameters, response: Response) -> None:
    kinds = {"authorization_code": "eacft", "client_credentials": "eccft"}
    kind = kinds.get(asked.get("grant_type", ""))
    if kind is None:
        return
    basic = request.authorization
    client_id = asked.get("client_id") or (basic.username if basic else None)
    client = tenant.clients.get(client_id)
    if response.status_code == 200:
        tenant.logs.write(f"s{kind}", client=client)
    else:
        text = (response.get_json(silent=True) or {}).get("error_description", "")
        tenant.logs.write(f"f{kind}", text, client=client)


@bp.route("/userinfo", methods=["GET", "POST"])
def userinfo() -> ResponseReturnValue:
    tenant = current_tenant()
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    holder = tenant.codes.holder(token) if kind.lower() == "bearer" else None
    user = tenant.users.get(holder[0]) if holder else None
    if holder is None or user is None:
        return Response("Unauthorized", status=401, mimetype="text/plain")
    sub = user.user_id
    if tenant.misbehaviours.take("userinfo_sub_differs"):
        sub = "auth0|somebody-else"
    return {"sub": sub, **profile_claims(user, holder[1])}
