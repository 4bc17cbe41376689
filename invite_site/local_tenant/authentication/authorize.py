"""`/authorize`: refuse, send on to the login page, or back to the application with a code."""

from collections.abc import Mapping
from typing import Any

from authlib.oauth2 import OAuth2Error
from flask import Blueprint, Response, redirect, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from ..experience import login_path
from ..store.clients import Client
from ..store.sessions import Session
from ..store.users import User
from ..tenant import Tenant, current_tenant
from ..web import allow_form_to, message_page, redirect_away, with_query
from .credentials import sign_in, signed_in
from .grants import TenantRequest, authorization_server
from .misbehaviour import OTHER_ISSUER

# What a hostile party may put into an answer: never to be shown by the site.
ATTACKER_TEXT = "<script>alert(1)</script> Your account is locked: call +1 555 0100"
BLOCKED_BY_ADMIN = "user is blocked"

bp = Blueprint("authorize", __name__)


@bp.route("/authorize", methods=["GET", "POST"])
def authorize() -> AnyResponse:
    tenant = current_tenant()
    client = tenant.clients.get(request.values.get("client_id"))
    refusal = _refuse_destination(client, request.values.get("redirect_uri"))
    if refusal is not None:
        return refusal
    error = _ill_formed(tenant, request.values)
    if error is not None:
        return error
    asked = request.values.to_dict()
    reason = _connection_error(tenant, asked)
    if reason is not None:
        return _refuse(asked, "invalid_request", reason)
    if tenant.misbehaviours.take("error_callback"):
        return _refuse(asked, "access_denied", ATTACKER_TEXT)
    prompts = asked.get("prompt", "").split()
    known = None if "login" in prompts else signed_in()
    if known is not None and not _is_too_old(tenant, known[0], asked):
        return _back_with_code(asked, *known)
    if "none" in prompts:
        return _refuse(asked, "login_required", "Login required")
    return redirect(with_query(login_path(tenant), {"state": tenant.sessions.begin_login(asked)}))


def _refuse_destination(client: Client | None, redirect_uri: str | None) -> Response | None:
    """A page of our own for an unknown client or address: never a redirect (RFC 6749, 4.1.2.1)."""
    if client is None:
        return message_page("Unknown client", "No application has this client_id.", 400)
    destination = redirect_uri or client.get_default_redirect_uri()
    if not client.check_redirect_uri(destination):
        text = (
            f"The provided redirect_uri is not in the list of allowed callback URLs: {destination}"
        )
        return message_page("Callback URL mismatch", text, 400)
    return None


def _ill_formed(tenant: Tenant, values: MultiDict[str, str]) -> AnyResponse | None:
    """What Authlib finds wrong with an authorization request, told to the application."""
    asked = TenantRequest(f"{tenant.url}/authorize", "GET", MultiDict(values))
    try:
        authorization_server().authorization_grant(asked)
    except OAuth2Error as error:
        return _refuse(values.to_dict(), str(error.error), str(error.description))
    except ValueError:  # Authlib will not repeat characters that RFC 6749 forbids in a text
        return _refuse(values.to_dict(), "invalid_request", "Ill-formed request")
    return None


def _connection_error(tenant: Tenant, asked: Mapping[str, str]) -> str | None:
    """Why nobody can log in to this application, or not by that connection (texts are ours)."""
    connection = tenant.connection.get()
    if asked.get("client_id") not in connection["enabled_clients"]:
        return "no connections enabled for the client"
    if asked.get("connection", connection["name"]) != connection["name"]:
        return "the connection was not found"
    return None


def _is_too_old(tenant: Tenant, known: Session, asked: Mapping[str, str]) -> bool:
    """Whether `max_age` (seconds) asks for a newer login than the session's."""
    limit = asked.get("max_age", "")
    return limit.isdigit() and tenant.clock.now() - known.created_at > int(limit)


def _destination(asked: Mapping[str, str]) -> str:
    client = current_tenant().clients.get(asked.get("client_id"))
    return asked.get("redirect_uri") or (client.get_default_redirect_uri() if client else "")


def _refuse(asked: Mapping[str, str], error: str, description: str) -> AnyResponse:
    text = {"error": error, "error_description": description}
    if "state" in asked:
        text["state"] = asked["state"]
    return redirect_away(with_query(_destination(asked), text))


def _back_with_code(asked: Mapping[str, str], known: Session, user: User) -> AnyResponse:
    tenant = current_tenant()
    if user.blocked:
        return _refuse_blocked(tenant, asked, user)
    oauth_request = TenantRequest(
        f"{tenant.url}/authorize", "GET", MultiDict(dict(asked)), session=known
    )
    server = authorization_server()
    grant = server.authorization_grant(oauth_request, user)
    answer: Any = server.create_authorization_response(oauth_request, user, grant)
    location = answer.location
    if tenant.misbehaviours.take("callback_iss_wrong"):
        location = with_query(location, {"iss": OTHER_ISSUER})
    return redirect_away(location)


def _refuse_blocked(tenant: Tenant, asked: Mapping[str, str], user: User) -> AnyResponse:
    tenant.logs.write("f", BLOCKED_BY_ADMIN, user=user, client=client_of(tenant, asked))
    return _refuse(asked, "unauthorized", BLOCKED_BY_ADMIN)


def client_of(tenant: Tenant, asked: Mapping[str, str]) -> Client | None:
    """The application that asked."""
    return tenant.clients.get(asked.get("client_id"))


def allow_form_to_client(asked: Mapping[str, str]) -> None:
    """Let a form of this page end at the application that asked."""
    allow_form_to(_destination(asked))


def finish_login(login_id: str, asked: Mapping[str, str], user: User) -> AnyResponse:
    """The right password was typed: a session, and back to the application."""
    tenant = current_tenant()
    tenant.sessions.end_login(login_id)
    if user.blocked:
        return _refuse_blocked(tenant, asked, user)
    return _back_with_code(asked, sign_in(tenant, user, client_of(tenant, asked)), user)


def login_expired_page() -> Response:
    """For a login page that was open for too long, or has been used."""
    text = (
        "This login page was open for too long, or has been used. Start again at the application."
    )
    return message_page("Start again", text, 400)
