"""New Universal Login's login: first the address, then the password, on a page each."""

from collections.abc import Mapping

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from ..authentication.authorize import client_of, finish_login, let_form_lead_back, login_is_over
from ..authentication.credentials import WRONG, check
from ..authentication.grants import TenantServer
from ..tenant import State, current_state
from ..web import form_token_is_right
from .classic_login import offered_people
from .texts import words


def create_blueprint(server: TenantServer) -> Blueprint:
    """The pages, with codes made by `server`."""
    blueprint = Blueprint("new_login", __name__, url_prefix="/u/login")

    @blueprint.get("")
    def start() -> AnyResponse:
        """Auth0's shorter address of the first page."""
        return redirect(url_for(".identifier", state=request.args.get("state", "")))

    @blueprint.get("/identifier")
    def identifier() -> AnyResponse:
        login_id = request.args.get("state", "")
        asked = current_state().sessions.pending_login(login_id)
        if asked is None:
            return login_is_over()
        email = request.args.get("login_hint", asked.get("login_hint", ""))
        return _identifier_page(login_id, asked, email)

    @blueprint.post("/identifier")
    def identify() -> AnyResponse:
        state, login_id = current_state(), request.form.get("state", "")
        asked = state.sessions.pending_login(login_id)
        if asked is None or not form_token_is_right(request.form.get("_csrf")):
            return login_is_over()
        email = request.form.get("username", "").strip()
        if not email:
            return _identifier_page(login_id, asked, "")
        # Known or not, the next page is the same.
        state.sessions.note_identifier(login_id, email)
        return redirect(url_for(".password", state=login_id), 303)

    @blueprint.get("/password")
    def password() -> AnyResponse:
        login_id = request.args.get("state", "")
        asked = current_state().sessions.pending_login(login_id)
        if asked is None:
            return login_is_over()
        email = asked.get("login_hint", "")
        if not email:
            return redirect(url_for(".identifier", state=login_id))
        return _password_page(login_id, asked, email)

    @blueprint.post("/password")
    def log_in() -> AnyResponse:
        state, login_id = current_state(), request.form.get("state", "")
        asked = state.sessions.pending_login(login_id)
        if asked is None or not form_token_is_right(request.form.get("_csrf")):
            return login_is_over()
        email = request.form.get("username", asked.get("login_hint", "")).strip()
        found = check(state, email, request.form.get("password", ""), client_of(state, asked))
        if isinstance(found, str):
            page = _password_page(login_id, asked, email, error=found)
            page.status_code = 400
            return page
        return finish_login(server, login_id, asked, found)

    return blueprint


def _client_name(state: State, asked: Mapping[str, str]) -> str:
    client = client_of(state, asked)
    return client.name if client else ""


def _identifier_page(login_id: str, asked: Mapping[str, str], email: str) -> Response:
    state = current_state()
    let_form_lead_back(asked)  # the demo's chip signs in from here
    page = render_template(
        "new/identifier.html",
        texts=words(state, "login-id", "login-id", clientName=_client_name(state, asked)),
        forgot=words(state, "login-password", "login-password")["forgotPasswordText"],
        login_id=login_id,
        email=email,
        people=offered_people(state),
    )
    return make_response(page)


def _password_page(
    login_id: str, asked: Mapping[str, str], email: str, error: str | None = None
) -> Response:
    state = current_state()
    let_form_lead_back(asked)
    name = _client_name(state, asked)
    texts = words(state, "login-password", "login-password", clientName=name)
    if error == WRONG:
        error = texts["wrong-email-credentials"]
    page = render_template(
        "new/password.html", texts=texts, login_id=login_id, email=email, error=error
    )
    return make_response(page)
