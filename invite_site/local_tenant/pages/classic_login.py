"""The Classic login page: address and password on one form."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, Response, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response as AnyResponse

from ..authentication.authorize import (
    allow_form_to_client,
    client_of,
    finish_login,
    login_expired_page,
)
from ..authentication.credentials import check
from ..tenant import Tenant, current_tenant

bp = Blueprint("classic_login", __name__)
bp.register_error_handler(CSRFError, lambda _: login_expired_page())


@bp.get("/login")
def show() -> AnyResponse:
    asked = current_tenant().sessions.pending_login(request.args.get("state", ""))
    if asked is None:
        return login_expired_page()
    email = request.args.get("login_hint", asked.get("login_hint", ""))
    return _login_page(request.args["state"], asked, email=email)


@bp.post("/login")
def log_in() -> AnyResponse:
    tenant, login_id = current_tenant(), request.form.get("state", "")
    asked = tenant.sessions.pending_login(login_id)
    if asked is None:
        return login_expired_page()
    email = request.form.get("email", "").strip()
    found = check(tenant, email, request.form.get("password", ""), client_of(tenant, asked))
    if isinstance(found, str):
        page = _login_page(login_id, asked, email=email, error=found)
        page.status_code = 400
        return page
    return finish_login(login_id, asked, found)


def _login_page(
    login_id: str, asked: Mapping[str, str], *, email: str, error: str | None = None
) -> Response:
    tenant = current_tenant()
    client = client_of(tenant, asked)
    allow_form_to_client(asked)
    page = render_template(
        "classic_login.html",
        application=client.name if client else "",
        login_id=login_id,
        email=email,
        error=error,
        people=demo_accounts(tenant),
    )
    return make_response(page)


_OTHERS = 4


@dataclass(frozen=True)
class DemoAccounts:
    """The admin with the password that signs in by one click, and addresses to fill in."""

    admin: tuple[str, str] | None
    others: tuple[str, ...]


def demo_accounts(tenant: Tenant) -> DemoAccounts | None:
    """The seeded admin and the newest people with a password of their own; with `control` alone."""
    config = tenant.config
    if not config.control:
        return None
    admin = tenant.users.by_email(config.admin_email.lower())
    # The words on the page must stay true when somebody changes the password.
    known = admin is not None and admin.has_password(config.admin_password)
    others = [each.email for each in tenant.users.with_own_password(_OTHERS + 1)]
    return DemoAccounts(
        (config.admin_email, config.admin_password) if known else None,
        tuple(each for each in others if each != config.admin_email.lower())[:_OTHERS],
    )
