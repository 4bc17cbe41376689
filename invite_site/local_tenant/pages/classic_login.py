"""The Classic login page: address and password on one form."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, Response, make_response, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from ..authentication.authorize import client_of, finish_login, let_form_lead_back, login_is_over
from ..authentication.credentials import check
from ..authentication.grants import TenantServer
from ..tenant import State, current_state
from ..web import form_token_is_right


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


_OTHERS = 4


@dataclass(frozen=True)
class People:
    """The admin with the password that signs in by one click, and addresses to fill in."""

    admin: tuple[str, str] | None
    others: tuple[str, ...]


def offered_people(state: State) -> People | None:
    """The seeded admin and the newest people with a password of their own; with `control` alone."""
    config = state.config
    if not config.control:
        return None
    admin = state.users.by_email(config.admin_email.lower())
    # The words on the page must stay true when somebody changes the password.
    known = admin is not None and admin.has_password(config.admin_password)
    others = [each.email for each in state.users.with_own_password(_OTHERS + 1)]
    return People(
        (config.admin_email, config.admin_password) if known else None,
        tuple(each for each in others if each != config.admin_email.lower())[:_OTHERS],
    )
