"""Asking for a new password: Auth0's `/dbconnections/change_password`, and the page for it.

The answer is the same for every address, so that nobody learns which ones have an account.
"""

from typing import Any

from flask import Blueprint, Response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from ..authentication.authorize import client_of
from ..config import CONNECTION
from ..experience import current_experience
from ..mail.reset_mail import send_reset_mail
from ..store.clients import Client
from ..tenant import Tenant, current_tenant
from ..web import csrf
from .texts import language, texts_of

bp = Blueprint("forgot", __name__)

# Auth0's answer, for every address.
_ANSWER = "We've just sent you an email to reset your password."


@bp.post("/dbconnections/change_password")
def change_password() -> ResponseReturnValue:
    """200 with one sentence, whether or not a mail is sent; 400 for what is missing."""
    tenant = current_tenant()
    body: Any = request.get_json(silent=True) if request.is_json else request.form.to_dict()
    fields = body if isinstance(body, dict) else {}
    # The texts of these are not established: ours.
    for name in ("email", "connection"):
        if not isinstance(fields.get(name), str) or not fields[name].strip():
            return {"error": f"{name} is required"}, 400
    if fields["connection"] != CONNECTION:
        return {"error": "connection does not exist"}, 400
    client_id = fields.get("client_id")
    client = tenant.clients.get(client_id) if isinstance(client_id, str) else None
    if client_id and client is None:
        return {"error": "client_id is unknown"}, 400
    request_password(tenant, fields["email"], client)
    return Response(_ANSWER, content_type="text/html; charset=utf-8")


# Called by programs and scripts, as at Auth0.
csrf.exempt(change_password)


def request_password(tenant: Tenant, email: str, client: Client | None) -> None:
    """Mail the link to an existing user; log the request in any case."""
    address = email.strip().lower()
    user = tenant.users.by_email(address)
    details = {"body": {"email": address, "connection": CONNECTION, "tenant": tenant.tenant_name}}
    if user is None:
        text = "User does not exist."
        tenant.logs.write("fcpr", text, user_name=address, client=client, details=details)
        return
    tenant.logs.write("scpr", "", user=user, client=client, details=details)
    if user.blocked and not tenant.switches["mail_to_blocked"]:
        return
    send_reset_mail(tenant, user, client, language(tenant))


@bp.get("/login/forgot")
@bp.get("/u/reset-password/request", endpoint="ask_universal")
def ask() -> ResponseReturnValue:
    """The form; `state` is the login it was opened from."""
    login_id = request.args.get("state", "")
    params = current_tenant().sessions.pending_login(login_id) or {}
    return _form(login_id, params.get("login_hint", ""))


@bp.post("/login/forgot")
@bp.post("/u/reset-password/request", endpoint="asked_for_universal")
def asked_for() -> ResponseReturnValue:
    """The same page for every address."""
    tenant = current_tenant()
    login_id, email = request.form.get("state", ""), request.form.get("email", "").strip()
    if not email:
        return _form(login_id, "")
    params = tenant.sessions.pending_login(login_id) or {}
    request_password(tenant, email, client_of(tenant, params))
    return render_template(
        "forgot_sent.html",
        texts=texts_of(tenant, "reset-password", "reset-password-email", email=email),
        back=_login_page(tenant, login_id),
        back_text=_texts(tenant)["backToLoginLinkText"],
    )


def _texts(tenant: Tenant) -> dict[str, str]:
    return texts_of(tenant, "reset-password", "reset-password-request")


def _login_page(tenant: Tenant, login_id: str) -> str | None:
    """The page of the login that was started, if it can still be finished."""
    if tenant.sessions.pending_login(login_id) is None:
        return None
    universal = current_experience(tenant).universal_login
    return url_for(
        "universal_login.identifier" if universal else "classic_login.show", state=login_id
    )


def _form(login_id: str, email: str) -> str:
    tenant = current_tenant()
    return render_template(
        "forgot.html",
        texts=_texts(tenant),
        login_id=login_id,
        email=email,
        action=request.path,
        back=_login_page(tenant, login_id),
    )
