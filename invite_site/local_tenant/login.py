"""The Classic login page: address and password on one form."""

from collections.abc import Mapping

from flask import Blueprint, Response, make_response, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from .authorize import client_of, finish_login, let_form_lead_back, login_is_over
from .credentials import check
from .demo_people import offered_people
from .grants import TenantServer
from .pages import form_token_is_right
from .state import current_state


def create_blueprint(server: TenantServer) -> Blueprint:
    """The page, with codes made by `server`."""
    blueprint = Blueprint("login", __name__)

    @blueprint.get("/login")
    def show() -> AnyResponse:
        asked = current_state().sessions.pending_login(request.args.get("state", ""))
        if asked is None:
            return login_is_over()
        email = request.args.get("login_hint", asked.get("login_hint", ""))
        return _login_page(request.args["state"], asked, email=email)

    @blueprint.post("/login")
    def log_in() -> AnyResponse:
        state, login_id = current_state(), request.form.get("state", "")
        asked = state.sessions.pending_login(login_id)
        if asked is None or not form_token_is_right(request.form.get("_csrf")):
            return login_is_over()
        email = request.form.get("email", "").strip()
        found = check(state, email, request.form.get("password", ""), client_of(state, asked))
        if isinstance(found, str):
            page = _login_page(login_id, asked, email=email, error=found)
            page.status_code = 400
            return page
        return finish_login(server, login_id, asked, found)

    return blueprint


def _login_page(
    login_id: str, asked: Mapping[str, str], *, email: str, error: str | None = None
) -> Response:
    state = current_state()
    client = client_of(state, asked)
    let_form_lead_back(asked)
    page = render_template(
        "login.html",
        application=client.name if client else "",
        login_id=login_id,
        email=email,
        error=error,
        people=offered_people(state),
    )
    return make_response(page)
