"""The Classic login page: address and password on one form."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, render_template, request, url_for
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
from ..authentication.credentials import authenticate
from ..tenant import Tenant, current_tenant
from ..web import back_to_form, form_error

bp = Blueprint("classic_login", __name__)
bp.register_error_handler(CSRFError, lambda _: login_expired_page())


@bp.get("/login")
def show() -> ResponseReturnValue:
    login_id = request.args.get("state", "")
    params = started_login(login_id)
    return _page(login_id, params, request.args.get("login_hint", params.get("login_hint", "")))


@bp.post("/login")
def log_in() -> ResponseReturnValue:
    tenant, login_id = current_tenant(), request.form.get("state", "")
    params = started_login(login_id)
    email, password = request.form.get("email", "").strip(), request.form.get("password", "")
    found = authenticate(tenant, email, password, client_of(tenant, params))
    if isinstance(found, str):
        tenant.sessions.set_login_hint(login_id, email)
        return back_to_form(url_for(".show", state=login_id), found, "password")
    return finish_login(login_id, params, found)


def _page(login_id: str, params: Mapping[str, str], email: str) -> str:
    tenant = current_tenant()
    _, error = form_error("password")
    allow_form_to_client(params)
    return render_template(
        "classic_login.html",
        application=client_name(params),
        login_id=login_id,
        email=email,
        error=error,
        people=demo_accounts(tenant),
    )


_OTHERS = 4


@dataclass(frozen=True)
class DemoAccounts:
    """The admin with the password that signs in by one click, and addresses to fill in."""

    admin: tuple[str, str] | None
    others: tuple[str, ...]


def demo_accounts(tenant: Tenant) -> DemoAccounts | None:
    """The seeded admin and the newest users with a password of their own; with `control` alone."""
    config = tenant.config
    if not config.control:
        return None
    admin = tenant.users.by_email(config.admin_email.lower())
    # Not shown once somebody has changed the password.
    known = admin is not None and admin.has_password(config.admin_password)
    others = [each.email for each in tenant.users.with_own_password(_OTHERS + 1)]
    return DemoAccounts(
        (config.admin_email, config.admin_password) if known else None,
        tuple(each for each in others if each != config.admin_email.lower())[:_OTHERS],
    )
