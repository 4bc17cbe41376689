"""Asking for a new password: Auth0's `/dbconnections/change_password`, and the page that does so.

The answer is the same whoever asks: nobody learns here which addresses have an account.
"""

from typing import Any

from flask import Blueprint, Response, jsonify, make_response, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from ..authentication.authorize import client_of
from ..config import CONNECTION
from ..experience import current_experience
from ..mail.reset_mail import send_reset_mail
from ..store.clients import Client
from ..tenant import Tenant, current_tenant
from ..web import csrf
from .texts import language, texts_of

bp = Blueprint("forgot", __name__)

# Auth0's answer, for everybody.
_ANSWER = "We've just sent you an email to reset your password."


@bp.post("/dbconnections/change_password")
def change_password() -> AnyResponse:
    """200 with one sentence, whether or not a mail goes out; 400 for what is missing."""
    tenant = current_tenant()
    body: Any = request.get_json(silent=True) if request.is_json else request.form.to_dict()
    fields = body if isinstance(body, dict) else {}
    # The texts of these are not established: ours.
    for name in ("email", "connection"):
        if not isinstance(fields.get(name), str) or not fields[name].strip():
            return _refused(f"{name} is required")
    if fields["connection"] != CONNECTION:
        return _refused("connection does not exist")
    client_id = fields.get("client_id")
    client = tenant.clients.get(client_id) if isinstance(client_id, str) else None
    if client_id and client is None:
        return _refused("client_id is unknown")
    ask_for_password(tenant, fields["email"], client)
    return Response(_ANSWER, content_type="text/html; charset=utf-8")


csrf.exempt(change_password)


def _refused(why: str) -> AnyResponse:
    return make_response(jsonify({"error": why}), 400)


def ask_for_password(tenant: Tenant, email: str, client: Client | None) -> None:
    """Mail the link to an existing user; log the wish in any case."""
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
def ask() -> AnyResponse:
    """The form; `state` is the login it was opened from."""
    asked = current_tenant().sessions.pending_login(request.args.get("state", "")) or {}
    return _form(request.args.get("state", ""), asked.get("login_hint", ""))


@bp.post("/login/forgot")
@bp.post("/u/reset-password/request", endpoint="asked_for_universal")
def asked_for() -> AnyResponse:
    """The same page for every address."""
    tenant = current_tenant()
    login_id, email = request.form.get("state", ""), request.form.get("email", "").strip()
    asked = tenant.sessions.pending_login(login_id)
    if not email:
        return _form(login_id, "")
    ask_for_password(tenant, email, client_of(tenant, asked or {}))
    texts = texts_of(tenant, "reset-password", "reset-password-email", email=email)
    page = render_template(
        "forgot_sent.html",
        texts=texts,
        back=_login_page(tenant, login_id) if asked else None,
        back_text=_texts(tenant)["backToLoginLinkText"],
    )
    return make_response(page)


def _texts(tenant: Tenant) -> dict[str, str]:
    return texts_of(tenant, "reset-password", "reset-password-request")


def _login_page(tenant: Tenant, login_id: str) -> str:
    new = current_experience(tenant).universal_login
    return url_for("universal_login.identifier" if new else "classic_login.show", state=login_id)


def _form(login_id: str, email: str) -> Response:
    tenant = current_tenant()
    known = tenant.sessions.pending_login(login_id) is not None
    page = render_template(
        "forgot.html",
        texts=_texts(tenant),
        login_id=login_id,
        email=email,
        action=request.path,
        back=_login_page(tenant, login_id) if known else None,
    )
    return make_response(page)
