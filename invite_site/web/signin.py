"""Signing in and out: `/login`, `/callback`, `/logout`, and the door of the admin pages."""

import logging
from datetime import timedelta
from urllib.parse import urlsplit

from flask import Blueprint, current_app, redirect, render_template, request, session, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response

from ..accounts.sessions import SESSION_LIFE, Identity
from ..errors import LoginError, TenantUnreachable
from ..invitations.service import Arrival
from ..invitations.tables import Invitation, State
from .current import is_admin, sid_cookie, signed_in, site

bp = Blueprint("auth", __name__)
log = logging.getLogger(__name__)

LANDING_LIFE = timedelta(hours=1)

View = str | Response | tuple[str, int] | tuple[str, int, dict[str, str]]


def start_login(
    *,
    invitation: Invitation | None = None,
    login_hint: str | None = None,
    from_invitation: bool = False,
    next_page: str = "/",
) -> Response:
    """Send this browser to the tenant's login page.

    A login that follows an invitation asks for a fresh sign-in on our connection: otherwise a
    session that somebody else left at the tenant would answer in the invitee's place. Raises
    TenantUnreachable, LoginError.
    """
    url = site().relying_party.begin(
        content={"invitation": invitation.ref if invitation else None, "next": next_page},
        login_hint=login_hint,
        prompt="login" if from_invitation else None,
        connection=site().settings.connection if from_invitation else None,
    )
    return redirect(url, 303 if request.method == "POST" else 302)


@bp.get("/login")
def login() -> View:
    """Ordinary sign-in, and the door for logins that the tenant begins.

    https://openid.net/specs/openid-connect-core-1_0.html#ThirdPartyInitiatedLogin
    """
    iss = request.args.get("iss")
    if iss is not None and iss != site().settings.issuer:
        raise LoginError("wrong_issuer")
    if iss is not None and (invitation := came_from_landing()) is not None:
        return start_login(invitation=invitation, login_hint=invitation.email, from_invitation=True)
    return start_login(
        login_hint=request.args.get("login_hint", "")[:254] or None,
        next_page=page_of_ours(request.args.get("target_link_uri", "")),
    )


def remember_landing(ref: str) -> None:
    """Note in this browser's cookie that it went on from this invitation's landing page.

    New Universal Login brings people back by the login route, which names nobody.
    """
    until = site().clock() + LANDING_LIFE
    session["landing"] = [ref, int(until.timestamp())]


def came_from_landing() -> Invitation | None:
    """The invitation that this browser went on from within the last hour, while it is open."""
    ref, until = session.pop("landing", ["", 0])
    if not ref or until < site().clock().timestamp():
        return None
    invitation = site().invitations.find(ref)
    return invitation if invitation and State(invitation.state).is_open else None


@bp.get("/callback")
def callback() -> View:
    """The end of a login: the only place where an invitation is accepted."""
    content = site().relying_party.take(request.args.get("state", ""))
    if content is None:
        if signed_in() is not None:  # Back, or a reload, after it went well
            return redirect(url_for("account.home"), 303)
        raise LoginError("unknown_state")
    ref = content["invitation"]
    try:
        identity = site().relying_party.finish(request.args)
    except LoginError as refused:
        log.info("sign-in refused: %s", refused.code)
        return login_refused(refused, ref)
    arrival = site().invitations.arrive(identity, ref)
    if arrival is Arrival.WITHDRAWN and _may_invite(identity):
        arrival = Arrival.SIGNED_IN
    if arrival not in (Arrival.ACCEPTED, Arrival.SIGNED_IN):
        log.info("sign-in without access: %s", arrival.value)
        page = render_template(
            "auth/no_access.html", arrival=arrival.name, identity=identity, ref=ref
        )
        return page, 403
    return _sign_in(identity, content["next"])


@bp.post("/logout")
def logout() -> View:
    """End our session, then the tenant's."""
    name = sid_cookie(site().settings)
    who = signed_in()
    home = url_for("account.home")
    response = redirect(
        (site().relying_party.logout_url(who.tenant_sid) or home) if who else home, 303
    )
    if who is not None:
        site().sessions.close(request.cookies[name])
    response.delete_cookie(name, secure=site().settings.is_https, httponly=True, samesite="Lax")
    return response


def require_admin() -> View | None:
    """Before every request of the admin pages: who is not known signs in, who may not is told."""
    who = signed_in()
    if who is None:
        next_page = request.path if request.method == "GET" else url_for("admin.overview")
        return start_login(next_page=next_page)
    if not is_admin():
        return render_template("auth/not_admin.html"), 403
    return None


def login_refused(refused: LoginError, ref: str | None = None) -> View:
    """The page for a sign-in that could not be finished. One next step; no dead end."""
    again = url_for("landing.complete", i=ref, success="true") if ref else url_for("auth.login")
    page = render_template("auth/refused.html", code=refused.code, again=again)
    if isinstance(refused, TenantUnreachable):
        return page, 503, {"Retry-After": "10"}
    return page, 400 if refused.code == "unknown_state" else 403


def page_of_ours(target: str) -> str:
    """The path of a page of this site that can be opened, else the start page.

    Only what the routes know passes: filters of bad addresses have all been got round.
    """
    try:
        parts = urlsplit(target.removeprefix(site().settings.site_url))
    except ValueError:
        return "/"
    path = parts.path
    if parts.scheme or parts.netloc or not path.startswith("/"):
        return "/"
    adapter = current_app.url_map.bind("", "/")
    try:
        endpoint, arguments = adapter.match(path, method="GET")
    except (HTTPException, RequestRedirect):
        return "/"
    return adapter.build(endpoint, arguments) if endpoint != "static" else "/"


def _may_invite(identity: Identity) -> bool:
    return identity.has_admin_role or site().admins.includes(identity.sub)


def _sign_in(identity: Identity, next_page: str) -> Response:
    """A new session, whatever the browser had before."""
    settings = site().settings
    name = sid_cookie(settings)
    if earlier := request.cookies.get(name):
        site().sessions.close(earlier)
    response = redirect(next_page, 303)
    response.set_cookie(
        name,
        site().sessions.open(identity),
        max_age=int(SESSION_LIFE.total_seconds()),
        secure=settings.is_https,
        httponly=True,
        samesite="Lax",
    )
    return response
