"""New Universal Login's login: first the address, then the password, on a page each."""

from collections.abc import Mapping

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response as AnyResponse

from ..authentication.authorize import (
    allow_form_to_client,
    client_of,
    finish_login,
    login_expired_page,
)
from ..authentication.credentials import WRONG, check
from ..tenant import Tenant, current_tenant
from .classic_login import demo_accounts
from .texts import texts_of

bp = Blueprint("universal_login", __name__, url_prefix="/u/login")
bp.register_error_handler(CSRFError, lambda _: login_expired_page())


@bp.get("")
def start() -> AnyResponse:
    """Auth0's shorter address of the first page."""
    return redirect(url_for(".identifier", state=request.args.get("state", "")))


@bp.get("/identifier")
def identifier() -> AnyResponse:
    login_id = request.args.get("state", "")
    asked = current_tenant().sessions.pending_login(login_id)
    if asked is None:
        return login_expired_page()
    email = request.args.get("login_hint", asked.get("login_hint", ""))
    return _identifier_page(login_id, asked, email)


@bp.post("/identifier")
def identify() -> AnyResponse:
    tenant, login_id = current_tenant(), request.form.get("state", "")
    asked = tenant.sessions.pending_login(login_id)
    if asked is None:
        return login_expired_page()
    email = request.form.get("username", "").strip()
    if not email:
        return _identifier_page(login_id, asked, "")
    # Known or not, the next page is the same.
    tenant.sessions.set_login_hint(login_id, email)
    return redirect(url_for(".password", state=login_id), 303)


@bp.get("/password")
def password() -> AnyResponse:
    login_id = request.args.get("state", "")
    asked = current_tenant().sessions.pending_login(login_id)
    if asked is None:
        return login_expired_page()
    email = asked.get("login_hint", "")
    if not email:
        return redirect(url_for(".identifier", state=login_id))
    return _password_page(login_id, asked, email)


@bp.post("/password")
def log_in() -> AnyResponse:
    tenant, login_id = current_tenant(), request.form.get("state", "")
    asked = tenant.sessions.pending_login(login_id)
    if asked is None:
        return login_expired_page()
    email = request.form.get("username", asked.get("login_hint", "")).strip()
    found = check(tenant, email, request.form.get("password", ""), client_of(tenant, asked))
    if isinstance(found, str):
        page = _password_page(login_id, asked, email, error=found)
        page.status_code = 400
        return page
    return finish_login(login_id, asked, found)


def _client_name(tenant: Tenant, asked: Mapping[str, str]) -> str:
    client = client_of(tenant, asked)
    return client.name if client else ""


def _identifier_page(login_id: str, asked: Mapping[str, str], email: str) -> Response:
    tenant = current_tenant()
    allow_form_to_client(asked)  # the demo's chip signs in from here
    page = render_template(
        "universal/identifier.html",
        texts=texts_of(tenant, "login-id", "login-id", clientName=_client_name(tenant, asked)),
        forgot=texts_of(tenant, "login-password", "login-password")["forgotPasswordText"],
        login_id=login_id,
        email=email,
        people=demo_accounts(tenant),
    )
    return make_response(page)


def _password_page(
    login_id: str, asked: Mapping[str, str], email: str, error: str | None = None
) -> Response:
    tenant = current_tenant()
    allow_form_to_client(asked)
    name = _client_name(tenant, asked)
    texts = texts_of(tenant, "login-password", "login-password", clientName=name)
    if error == WRONG:
        error = texts["wrong-email-credentials"]
    page = render_template(
        "universal/password.html", texts=texts, login_id=login_id, email=email, error=error
    )
    return make_response(page)
