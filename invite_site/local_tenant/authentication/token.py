"""The token endpoint: Authlib's answer, or that of an ordered misbehaviour."""

from typing import cast

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from ..tenant import Tenant, current_tenant
from .grants import Parameters, authorization_server, body_parameters

bp = Blueprint("token", __name__)


@bp.post("/oauth/token")
def token() -> ResponseReturnValue:
    params = body_parameters()
    if params.get("grant_type") == "authorization_code":
        answer = _misbehaving_answer(current_tenant())
        if answer is not None:
            return answer
    response = cast(Response, authorization_server().create_token_response())
    _log_exchange(current_tenant(), params, response)
    return response


def _misbehaving_answer(tenant: Tenant) -> ResponseReturnValue | None:
    """The answer of an ordered misbehaviour of the token endpoint, if there is one."""
    misbehaviour = tenant.misbehaviours.take(
        "token_500", "token_429", "token_html", "token_slow", "invalid_grant"
    )
    if misbehaviour is None:
        return None
    match misbehaviour.name:
        case "token_500":
            return {"error": "server_error", "error_description": "Something went wrong"}, 500
        case "token_429":
            return {"error": "too_many_requests", "error_description": "Rate limit exceeded."}, 429
        case "token_html":
            return Response("<!doctype html><title>Busy</title><h1>Busy</h1>", mimetype="text/html")
        case "invalid_grant":
            return {
                "error": "invalid_grant",
                "error_description": "Invalid authorization code",
            }, 403
    tenant.stopping.wait(float(misbehaviour.options.get("seconds", 30)))
    return None


def _log_exchange(tenant: Tenant, params: Parameters, response: Response) -> None:
    kinds = {"authorization_code": "eacft", "client_credentials": "eccft"}
    kind = kinds.get(params.get("grant_type", ""))
    if kind is None:
        return
    basic = request.authorization
    client_id = params.get("client_id") or (basic.username if basic else None)
    client = tenant.clients.get(client_id)
    if response.status_code == 200:
        tenant.logs.write(f"s{kind}", client=client)
    else:
        text = (response.get_json(silent=True) or {}).get("error_description", "")
        tenant.logs.write(f"f{kind}", text, client=client)
