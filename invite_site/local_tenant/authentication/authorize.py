"""`/authorize`: redirects to the login page, or to the application with a code or an error."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from authlib.oauth2 import OAuth2Error
from flask import Blueprint, Response, abort, redirect, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as BaseResponse

from ..experience import login_path
from ..store.clients import Client
from ..store.sessions import Session
from ..store.users import User
from ..tenant import Tenant, current_tenant
from ..web import (
    allow_form_to,
    has_valid_token,
    login_route,
    message_page,
    redirect_away,
    stale_form_page,
    with_query,
)
from .credentials import sign_in, signed_in
from .grants import TenantRequest, authorization_server
from .misbehaviour import OTHER_ISSUER

# An error text of an attacker, which a relying party must not show.
ATTACKER_TEXT = "<script>alert(1)</script> Your account is locked: call +1 555 0100"
BLOCKED_BY_ADMIN = "user is blocked"

bp = Blueprint("authorize", __name__)


@bp.route("/authorize", methods=["GET", "POST"])
def authorize() -> ResponseReturnValue:
    tenant, params = current_tenant(), request.values.to_dict()
    _check_destination(params)
    _check_request(tenant, params)
    if tenant.misbehaviours.take("error_callback"):
        return _refuse(params, "access_denied", ATTACKER_TEXT)
    prompts = params.get("prompt", "").split()
    known = None if "login" in prompts else signed_in()
    if known is not None and not _is_too_old(tenant, known[0], params):
        if _asks_first(tenant, params):
            return _ask_first(params, known[1], is_silent="none" in prompts)
        return _back_with_code(params, *known)
    if "none" in prompts:
        return _refuse(params, "login_required", "Login required")
    return redirect(with_query(login_path(tenant), {"state": tenant.sessions.begin_login(params)}))


@bp.post("/u/callback-confirmation")
def confirm_callback() -> ResponseReturnValue:
    """The button of the page that asks first."""
    if not has_valid_token(request.form):
        return stale_form_page()
    login_id = request.form.get("state", "")
    params, known = started_login(login_id), signed_in()
    if known is None:
        return login_is_over(login_id)
    current_tenant().sessions.end_login(login_id)
    return _back_with_code(params, *known)


def _asks_first(tenant: Tenant, params: Mapping[str, str]) -> bool:
    """Whether a login without a page is confirmed: any program of a machine can listen there.

    https://auth0.com/docs/secure/security-guidance/measures-against-app-impersonation
    """
    host = urlsplit(_destination(params)).hostname or ""
    is_loopback = host in ("localhost", "::1") or host.startswith("127.")
    return is_loopback and bool(tenant.switches["loopback_callback_confirmation"])


def _ask_first(params: Mapping[str, str], user: User, *, is_silent: bool) -> ResponseReturnValue:
    if is_silent:
        return _refuse(params, "interaction_required", "Interaction required")
    tenant = current_tenant()
    allow_form_to_client(params)
    return render_template(
        "confirm_callback.html",
        application=client_name(params),
        email=user.email,
        callback=_destination(params),
        login_id=tenant.sessions.begin_login(params),
    )


def _check_destination(params: Mapping[str, str]) -> None:
    """Abort with a page for an unknown client or address: no redirect (RFC 6749, 4.1.2.1)."""
    client, destination = client_of(current_tenant(), params), _destination(params)
    if client is None:
        abort(message_page("Unknown client", "No application has this client_id.", 400))
    if not client.check_redirect_uri(destination):
        text = "The provided redirect_uri is not in the list of allowed callback URLs"
        abort(message_page("Callback URL mismatch", f"{text}: {destination}", 400))


def _check_request(tenant: Tenant, params: Mapping[str, str]) -> None:
    """Abort with a redirect that has an error, where Authlib or the connection refuses."""
    values = MultiDict(request.values)
    try:
        authorization_server().authorization_grant(
            TenantRequest(f"{tenant.url}/authorize", "GET", values)
        )
    except OAuth2Error as error:
        abort(_refuse(params, str(error.error), str(error.description)))
    except ValueError:  # Authlib will not repeat characters that RFC 6749 forbids in a text
        abort(_refuse(params, "invalid_request", "Ill-formed request"))
    audience = params.get("audience")
    if audience and audience not in (tenant.management_audience, f"{tenant.issuer}userinfo"):
        abort(_refuse(params, "access_denied", f"Service not found: {audience}"))
    connection = tenant.connection.get()
    # The texts of these two are ours.
    if params.get("client_id") not in connection["enabled_clients"]:
        abort(_refuse(params, "invalid_request", "no connections enabled for the client"))
    if params.get("connection", connection["name"]) != connection["name"]:
        abort(_refuse(params, "invalid_request", "the connection was not found"))


def _is_too_old(tenant: Tenant, known: Session, params: Mapping[str, str]) -> bool:
    """Whether `max_age` (seconds) asks for a newer login than the session's."""
    limit = params.get("max_age", "")
    is_number = re.fullmatch("[0-9]{1,9}", limit) is not None
    return is_number and tenant.clock.now() - known.created_at > int(limit)


def _destination(params: Mapping[str, str]) -> str:
    client = client_of(current_tenant(), params)
    return params.get("redirect_uri") or (client.get_default_redirect_uri() if client else "")


def _refuse(params: Mapping[str, str], error: str, description: str) -> BaseResponse:
    text = {"error": error, "error_description": description}
    if "state" in params:
        text["state"] = params["state"]
    return redirect_away(with_query(_destination(params), text))


def _back_with_code(params: Mapping[str, str], known: Session, user: User) -> ResponseReturnValue:
    tenant = current_tenant()
    if user.blocked:
        return _refuse_blocked(tenant, params, user)
    oauth_request = TenantRequest(
        f"{tenant.url}/authorize", "GET", MultiDict(dict(params)), session=known
    )
    server = authorization_server()
    grant = server.authorization_grant(oauth_request, user)
    answer: Any = server.create_authorization_response(oauth_request, user, grant)
    location = answer.location
    if tenant.misbehaviours.take("callback_iss_wrong"):
        location = with_query(location, {"iss": OTHER_ISSUER})
    return redirect_away(location)


def _refuse_blocked(tenant: Tenant, params: Mapping[str, str], user: User) -> ResponseReturnValue:
    tenant.logs.write("f", BLOCKED_BY_ADMIN, user=user, client=client_of(tenant, params))
    return _refuse(params, "unauthorized", BLOCKED_BY_ADMIN)


def client_of(tenant: Tenant, params: Mapping[str, str]) -> Client | None:
    """The application of a login."""
    return tenant.clients.get(params.get("client_id"))


def client_name(params: Mapping[str, str]) -> str:
    """What that is called; empty where there is none."""
    client = client_of(current_tenant(), params)
    return client.name if client else ""


def started_login(login_id: str) -> Mapping[str, str]:
    """The parameters of a started login; aborts where it is unknown, used or too old."""
    params = current_tenant().sessions.pending_login(login_id)
    if params is None:
        abort(login_is_over(login_id))
    return params


def allow_form_to_client(params: Mapping[str, str]) -> None:
    """Let a form of this page end at the application of a login."""
    allow_form_to(_destination(params))


def finish_login(login_id: str, params: Mapping[str, str], user: User) -> ResponseReturnValue:
    """After the right password: open a session, and redirect to the application."""
    tenant = current_tenant()
    tenant.sessions.end_login(login_id)
    if user.blocked:
        return _refuse_blocked(tenant, params, user)
    return _back_with_code(params, sign_in(tenant, user, client_of(tenant, params)), user)


def login_is_over(login_id: str) -> BaseResponse:
    """For a login page that was open for too long, has been used, or was bookmarked: to where its
    application begins a login, else to where the tenant does; a page without either."""
    tenant = current_tenant()
    client = tenant.clients.get(tenant.sessions.client_id_of(login_id))
    route = login_route(tenant, client)
    return redirect_away(route) if route else login_expired_page()


def login_expired_page() -> Response:
    """Where nobody knows which application to begin again at."""
    text = (
        "This login page was open for too long, or has been used. Start again at the application."
    )
    return message_page("Start again", text, 400)
