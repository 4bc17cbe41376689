"""`/authorize` and the login page: who is this, and back to the application with a code."""

from collections.abc import Mapping
from typing import Any

from authlib.oauth2 import OAuth2Error
from flask import Blueprint, Response, make_response, redirect, render_template, request, session
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from .addresses import with_query
from .clients import Client
from .forgery import OTHER_ISSUER
from .grants import TenantRequest, TenantServer
from .pages import allow_form_to, form_token_is_right, leave_to, message_page
from .sessions import Session
from .state import State, current_state
from .users import User

# What a hostile party may put into an answer: never to be shown by the site.
ATTACKER_TEXT = "<script>alert(1)</script> Your account is locked: call +1 555 0100"


def signed_in() -> tuple[Session, User] | None:
    """The session of this browser and its user, if there is one."""
    state, session_id = current_state(), session.get("session")
    found = state.sessions.get(session_id) if isinstance(session_id, str) else None
    user = state.users.get(found.user_id) if found else None
    return (found, user) if found and user else None


def sign_out() -> None:
    """End this browser's session at the tenant."""
    session_id = session.pop("session", None)
    if isinstance(session_id, str):
        current_state().sessions.close(session_id)


def _sign_in(user: User) -> Session:
    state = current_state()
    sign_out()
    session["session"], opened = state.sessions.open(user.user_id)
    state.users.note_login(user.user_id, request.remote_addr or "")
    return opened


def create_blueprint(server: TenantServer) -> Blueprint:
    """The endpoints, with codes made by `server`."""
    blueprint = Blueprint("login", __name__)

    @blueprint.route("/authorize", methods=["GET", "POST"])
    def authorize() -> AnyResponse:
        state = current_state()
        client = state.clients.get(request.values.get("client_id"))
        refusal = _refuse_destination(client, request.values.get("redirect_uri"))
        if refusal is not None:
            return refusal
        error = _ill_formed(server, state, request.values)
        if error is not None:
            return error
        asked = request.values.to_dict()
        if state.lies.take("error_callback"):
            return _refuse(asked, "access_denied", ATTACKER_TEXT)
        prompts = asked.get("prompt", "").split()
        known = None if "login" in prompts else signed_in()
        if known is not None and not _is_too_old(state, known[0], asked):
            return _back_with_code(server, asked, *known)
        if "none" in prompts:
            return _refuse(asked, "login_required", "Login required")
        return redirect(with_query("/login", {"state": state.sessions.begin_login(asked)}))

    @blueprint.get("/login")
    def show() -> AnyResponse:
        asked = current_state().sessions.pending_login(request.args.get("state", ""))
        if asked is None:
            return _login_is_over()
        return _login_page(request.args["state"], asked, email=asked.get("login_hint", ""))

    @blueprint.post("/login")
    def log_in() -> AnyResponse:
        state, login_id = current_state(), request.form.get("state", "")
        asked = state.sessions.pending_login(login_id)
        if asked is None or not form_token_is_right(request.form.get("_csrf")):
            return _login_is_over()
        email = request.form.get("email", "").strip()
        user = state.users.by_email(email.lower())
        if user is None or not user.has_password(request.form.get("password", "")):
            page = _login_page(login_id, asked, email=email, error="Wrong email or password.")
            page.status_code = 400
            return page
        state.sessions.end_login(login_id)
        if user.blocked:
            return _refuse(asked, "unauthorized", "user is blocked")
        return _back_with_code(server, asked, _sign_in(user), user)

    return blueprint


def _refuse_destination(client: Client | None, redirect_uri: str | None) -> Response | None:
    """A page of our own for an unknown client or address: never a redirect (RFC 6749, 4.1.2.1)."""
    if client is None:
        return message_page("Unknown client", "No application has this client_id.", 400)
    destination = redirect_uri or client.get_default_redirect_uri()
    if not client.check_redirect_uri(destination):
        told = (
            f"The provided redirect_uri is not in the list of allowed callback URLs: {destination}"
        )
        return message_page("Callback URL mismatch", told, 400)
    return None


def _ill_formed(
    server: TenantServer, state: State, values: MultiDict[str, str]
) -> AnyResponse | None:
    """What Authlib finds wrong with an authorization request, told to the application."""
    asked = TenantRequest(f"{state.url}/authorize", "GET", MultiDict(values))
    try:
        server.authorization_grant(asked)
    except OAuth2Error as error:
        return _refuse(values.to_dict(), str(error.error), str(error.description))
    except ValueError:  # Authlib will not repeat characters that RFC 6749 forbids in a text
        return _refuse(values.to_dict(), "invalid_request", "Ill-formed request")
    return None


def _is_too_old(state: State, known: Session, asked: Mapping[str, str]) -> bool:
    """Whether `max_age` (seconds) asks for a newer login than the session's."""
    limit = asked.get("max_age", "")
    return limit.isdigit() and state.clock.now() - known.created_at > int(limit)


def _destination(asked: Mapping[str, str]) -> str:
    client = current_state().clients.get(asked.get("client_id"))
    return asked.get("redirect_uri") or (client.get_default_redirect_uri() if client else "")


def _refuse(asked: Mapping[str, str], error: str, description: str) -> AnyResponse:
    told = {"error": error, "error_description": description}
    if "state" in asked:
        told["state"] = asked["state"]
    return leave_to(with_query(_destination(asked), told))


def _back_with_code(
    server: TenantServer, asked: Mapping[str, str], known: Session, user: User
) -> AnyResponse:
    state = current_state()
    if user.blocked:
        return _refuse(asked, "unauthorized", "user is blocked")
    oauth_request = TenantRequest(
        f"{state.url}/authorize", "GET", MultiDict(dict(asked)), session=known
    )
    grant = server.authorization_grant(oauth_request, user)
    answer: Any = server.create_authorization_response(oauth_request, user, grant)
    location = answer.location
    if state.lies.take("callback_iss_wrong"):
        location = with_query(location, {"iss": OTHER_ISSUER})
    return leave_to(location)


def _login_page(
    login_id: str, asked: Mapping[str, str], *, email: str, error: str | None = None
) -> Response:
    state = current_state()
    client = state.clients.get(asked.get("client_id"))
    allow_form_to(_destination(asked))
    config = state.config
    page = render_template(
        "login.html",
        application=client.name if client else "",
        login_id=login_id,
        email=email,
        error=error,
        # Said aloud only where the tenant is a toy: with its control plane on.
        demo=(config.admin_email, config.admin_password) if config.control else None,
    )
    return make_response(page)


def _login_is_over() -> Response:
    told = (
        "This login page was open for too long, or has been used. Start again at the application."
    )
    return message_page("Start again", told, 400)
