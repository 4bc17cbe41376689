"""New Universal Login's login: first the address, then the password, on a page each."""

from collections.abc import Mapping

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError

from ..authentication.authorize import (
    allow_form_to_client,
    client_name,
    client_of,
    finish_login,
    login_expired_page,
    started_login,
)
from ..authentication.credentials import WRONG_CREDENTIALS, authenticate
from ..tenant import current_tenant
from ..web import back_to_form, form_error
from .classic_login import demo_accounts
from .texts import texts_of

bp = Blueprint("universal_login", __name__, url_prefix="/u/login")
bp.register_error_handler(CSRFError, lambda _: login_expired_page())


@bp.get("")
def start() -> ResponseReturnValue:
    """Auth0's shorter address of the first page."""
    return redirect(url_for(".identifier", state=request.args.get("state", "")))


@bp.get("/identifier")
def identifier() -> ResponseReturnValue:
    login_id = request.args.get("state", "")
    params = started_login(login_id)
    email = request.args.get("login_hint", params.get("login_hint", ""))
    return _identifier_page(login_id, params, email)


@bp.post("/identifier")
def identify() -> ResponseReturnValue:
    login_id, email = request.form.get("state", ""), request.form.get("username", "").strip()
    params = started_login(login_id)
    if not email:
        return _identifier_page(login_id, params, "")
    # The next page is the same whether or not there is such a user.
    current_tenant().sessions.set_login_hint(login_id, email)
    return redirect(url_for(".password", state=login_id), 303)


@bp.get("/password")
def password() -> ResponseReturnValue:
    login_id = request.args.get("state", "")
    params = started_login(login_id)
    email = params.get("login_hint", "")
    if not email:
        return redirect(url_for(".identifier", state=login_id))
    return _password_page(login_id, params, email)


@bp.post("/password")
def log_in() -> ResponseReturnValue:
    tenant, login_id = current_tenant(), request.form.get("state", "")
    params = started_login(login_id)
    email = request.form.get("username", params.get("login_hint", "")).strip()
    typed = request.form.get("password", "")
    found = authenticate(tenant, email, typed, client_of(tenant, params))
    if isinstance(found, str):
        tenant.sessions.set_login_hint(login_id, email)
        return back_to_form(url_for(".password", state=login_id), found, "password")
    return finish_login(login_id, params, found)


def _identifier_page(login_id: str, params: Mapping[str, str], email: str) -> str:
    tenant = current_tenant()
    allow_form_to_client(params)  # the demo's button signs in from here
    return render_template(
        "universal/identifier.html",
        texts=texts_of(tenant, "login-id", "login-id", clientName=client_name(params)),
        forgot=texts_of(tenant, "login-password", "login-password")["forgotPasswordText"],
        login_id=login_id,
        email=email,
        people=demo_accounts(tenant),
    )


def _password_page(login_id: str, params: Mapping[str, str], email: str) -> str:
    tenant = current_tenant()
    _, error = form_error("password")
    allow_form_to_client(params)
    name = client_name(params)
    texts = texts_of(tenant, "login-password", "login-password", clientName=name)
    if error == WRONG_CREDENTIALS:
        error = texts["wrong-email-credentials"]
    return render_template(
        "universal/password.html", texts=texts, login_id=login_id, email=email, error=error
    )
