"""The two logout endpoints: Auth0's own `/v2/logout` and OpenID Connect's `/oidc/logout`."""

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue

from ..store.clients import Client, is_listed
from ..store.keys import InvalidToken
from ..tenant import Tenant, current_tenant
from ..web import has_valid_token, message_page, redirect_away, with_query
from .credentials import sign_out as end_session
from .credentials import signed_in

bp = Blueprint("logout", __name__)


@bp.get("/v2/logout")
def auth0_logout() -> ResponseReturnValue:
    """Auth0's logout: `client_id` and `returnTo`; without `returnTo` the first listed address."""
    tenant, client_id = current_tenant(), request.args.get("client_id")
    client = tenant.clients.get(client_id) if client_id else None
    _sign_out(tenant, client)
    if client_id and client is None:
        return message_page("Unknown client", "No application has this client_id.", 400)
    target = request.args.get("returnTo") or next(iter(_listed(client)), "")
    return redirect_away(target) if _is_allowed(client, target) else _not_allowed(target)


@bp.route("/oidc/logout", methods=["GET", "POST"])
def oidc_logout() -> ResponseReturnValue:
    """RP-initiated logout 1.0; asks first unless a hint names the session that is here."""
    tenant = current_tenant()
    claims = _hint_claims(tenant, request.values.get("id_token_hint"))
    if claims is None:
        return message_page("Invalid id_token_hint", "This is no ID token of this tenant.", 400)
    client_id = request.values.get("client_id") or claims.get("aud")
    if claims and claims.get("aud") != client_id:
        return message_page("Client mismatch", "client_id is not the id_token_hint's.", 400)
    client = tenant.clients.get(client_id) if client_id else None
    if client_id and client is None:
        return message_page("Unknown client", "No application has this client_id.", 400)
    target = request.values.get("post_logout_redirect_uri")
    if target and not _is_allowed(client, target):
        return _not_allowed(target)
    known = signed_in()
    hints = {request.values.get("logout_hint"), claims.get("sid")} - {None}
    confirmed = request.method == "POST" and has_valid_token(request.form)
    is_asked = tenant.settings.get()["sessions"].get("oidc_logout_prompt_enabled", True)
    if known is not None and is_asked and not confirmed and hints != {known[0].sid}:
        return _confirmation_page(known[1].email)
    _sign_out(tenant, client)
    if not target:
        return message_page("Signed out", "You are signed out of this tenant.")
    text = {"state": request.values["state"]} if "state" in request.values else {}
    return redirect_away(with_query(target, text))


def _sign_out(tenant: Tenant, client: Client | None) -> None:
    known = signed_in()
    end_session()
    if known is not None:
        tenant.logs.write("slo", "User successfully logged out", user=known[1], client=client)


def _hint_claims(tenant: Tenant, hint: str | None) -> dict[str, str] | None:
    """The claims of an `id_token_hint`, expired ones too; None for a token not ours."""
    if not hint:
        return {}
    try:
        return tenant.key.read(hint)
    except InvalidToken:
        return None


def _confirmation_page(email: str) -> str:
    names = ("client_id", "id_token_hint", "logout_hint", "post_logout_redirect_uri", "state")
    kept = {name: request.values[name] for name in names if name in request.values}
    return render_template("logout.html", email=email, kept=kept)


def _listed(client: Client | None) -> tuple[str, ...]:
    """The Allowed Logout URLs of the application; those of the tenant where none is named."""
    if client is not None:
        return client.logout_urls
    return tuple(current_tenant().settings.get()["allowed_logout_urls"])


def _is_allowed(client: Client | None, url: str) -> bool:
    """Whether it is listed; query and fragment do not count (Auth0 docs)."""
    return is_listed(url.partition("#")[0].partition("?")[0], _listed(client))


def _not_allowed(url: str) -> Response:
    text = f"This address is not in the list of allowed logout URLs: {url}"
    return message_page("Logout URL mismatch", text, 400)
