"""Signing in and out: `/login`, `/callback`, `/logout`."""

import logging
from datetime import timedelta
from urllib.parse import urlsplit

from flask import Blueprint, current_app, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from ..accounts.kept_forms import owner_of
from ..accounts.sessions import SESSION_LIFE, Identity, Write, digest
from ..errors import DeliveryError, LoginError, TenantUnreachable
from ..invitations.people import Invitee, plain_address
from ..invitations.tables import Invitation
from ..invitations.visits import InvitationSummary
from ..tenant.relying_party import LoginContent
from .current import LAST_INVITATION, SIGNED_IN_AS, services, sid_cookie
from .language import is_admin_page, page_language, speak
from .rate_limits import limited_callbacks, limited_logins
from .security import renew_form_token

bp = Blueprint("auth", __name__)
log = logging.getLogger(__name__)

LANDING_LIFE = timedelta(hours=1)
FINISHED = "finished"  # in the signed cookie: which login it finished
# Pages that are no place to go after a sign-in: they begin a login, or end something.
NO_NEXT_PAGE = ("auth.", "landing.", "static")
# Of the parameters of a callback each comes once, or somebody has put together an address.
CALLBACK_PARAMETERS = ("state", "code", "iss", "error")


def start_login(
    *, login_hint: str | None = None, next_page: str = "/", is_fresh: bool = False
) -> Response:
    """An ordinary sign-in at the tenant; a fresh one asks even whoever is signed in there. Raises
    TenantUnreachable, LoginError."""
    prompt = "login" if is_fresh else None
    return _begin(ref=None, next_page=next_page, login_hint=login_hint, prompt=prompt)


def start_invited_login(
    invitation: Invitation | InvitationSummary | None,
    email: str | None = None,
    write: Write | None = None,
) -> Response:
    """The sign-in that follows an invitation, with the address filled in; `write` is done in the
    transaction that keeps the login.

    It asks for a fresh sign-in on our connection: otherwise a session that somebody else left at
    the tenant would answer in the invitee's place. Raises TenantUnreachable, LoginError.
    """
    # Where it is there already, the cookie need not be sent again.
    if invitation and session.get(LAST_INVITATION) != invitation.id:
        session[LAST_INVITATION] = invitation.id
    return _begin(
        ref=invitation.ref if invitation else None,
        write=write,
        login_hint=hint_of(invitation) if invitation else email,
        prompt="login",
        connection=services.settings.connection,
    )


def hint_of(invited: Invitation | InvitationSummary | Invitee) -> str:
    """The address to fill in: the tenant compares it with that of the account, whose domain is in
    A-labels, and not every browser writes them itself."""
    return plain_address(invited.email, invited.email_norm)


@bp.get("/login")
@limited_logins
def login() -> ResponseReturnValue:
    """Ordinary sign-in, and where the tenant sends people whose login it began. `prompt=login` is for
    somebody else than whom the tenant knows in this browser.

    https://openid.net/specs/openid-connect-core-1_0.html#ThirdPartyInitiatedLogin
    """
    senders = request.args.getlist("iss")
    if senders not in ([], [services.settings.issuer]):
        raise LoginError("wrong_issuer")
    if senders and (invitation := came_from_landing()) is not None:
        response = start_invited_login(invitation)
        session.pop("landing")  # only now: while the tenant is away, this is tried again
        return response
    return start_login(
        login_hint=request.args.get("login_hint"),
        next_page=safe_next_path(request.args.get("target_link_uri", "")),
        is_fresh=request.args.get("prompt") == "login",
    )


def remember_landing(ref: str) -> None:
    """Note in this browser's cookie that it went on from this invitation's landing page.

    New Universal Login brings people back by the login route, which names nobody.
    """
    until = services.clock() + LANDING_LIFE
    session["landing"] = [ref, int(until.timestamp())]


def came_from_landing() -> InvitationSummary | None:
    """The invitation that this browser went on from within the last hour, while it is open."""
    ref, until = session.get("landing", ["", 0])
    if not ref or until < services.clock().timestamp():
        return None
    invitation = services.acceptance.find(ref)
    return invitation if invitation and invitation.is_open else None


@bp.get("/callback")
@limited_callbacks
def callback() -> ResponseReturnValue:
    """The end of a login: the only place where an invitation is accepted."""
    try:
        is_doubled = any(len(request.args.getlist(name)) > 1 for name in CALLBACK_PARAMETERS)
        # HEAD changes nothing (RFC 9110 §9.2.1), and Authlib would look for the code in a form.
        if is_doubled or request.method == "HEAD":
            raise LoginError("unknown_state")
        finished = services.relying_party.finish()
    except LoginError:
        if session.get(FINISHED) != _named(request.args.get("state", "")):
            raise
        return redirect(url_for("account.home"), 303)  # Back, or a reload, after it went well
    ref, next_page = finished.content["invitation"], finished.content["next"]
    if isinstance(finished.result, LoginError):
        g.has_redeemed_nothing = "code" in request.args
        log.info("sign-in refused: %s", finished.result.code)
        _speak_as_invited(ref)
        return login_refused(finished.result, ref, next_page)
    identity = finished.result
    try:
        outcome = services.acceptance.complete_login(identity, ref)
    except DeliveryError as away:  # the login is used up: only another one leads on
        log.warning("a sign-in had to do without the tenant: %s", type(away).__name__)
        _speak_as_invited(ref)
        return login_refused(TenantUnreachable(), ref)
    if not outcome.has_access:
        _speak_as_invited(ref)
        log.info("sign-in without access: %s", outcome.value)
        page = render_template(
            "auth/no_access.html", outcome=outcome.name, identity=identity, ref=ref
        )
        return page, 403
    session[FINISHED] = _named(request.args["state"])
    return _sign_in(identity, next_page)


@bp.post("/logout")
def logout() -> ResponseReturnValue:
    """End our session, then the tenant's. Where ours has run out on an open page, and the browser has
    dropped its cookie with it, the tenant's lives on."""
    session.pop(SIGNED_IN_AS, None)
    name = sid_cookie(services.settings)
    cookie = request.cookies.get(name, "")
    ended = services.sessions.find(cookie)
    target = services.relying_party.logout_url(ended.tenant_sid if ended else "")
    services.sessions.close(cookie)
    response = redirect(target or url_for("account.home"), 303)
    response.delete_cookie(name, secure=services.settings.is_https, httponly=True, samesite="Lax")
    renew_form_token()
    return response


def login_refused(
    refused: LoginError, ref: str | None = None, next_page: str | None = None
) -> ResponseReturnValue:
    """The page for a sign-in that could not be finished, with a button that begins it again, for the same
    invitation or page.

    Where it could not even be begun, that is the same request again, with all that it says.
    """
    is_begun = request.endpoint == "auth.callback"
    page = render_template(
        "auth/refused.html",
        code=refused.code,
        ref=ref,
        next_page=next_page,
        is_same_again=isinstance(refused, TenantUnreachable) and not is_begun,
    )
    if isinstance(refused, TenantUnreachable):
        return page, 503, {"Retry-After": "10"}
    return page, 400 if refused.code == "unknown_state" else 403


def safe_next_path(target: str) -> str:
    """The path of a page of this site that can be opened, else the start page.

    Only what the routes know passes: filters of bad addresses have all been got round.
    """
    try:
        parts = urlsplit(target.removeprefix(services.settings.site_url))
    except ValueError:
        return "/"
    path = parts.path
    if parts.scheme or parts.netloc or not path.startswith("/"):
        return "/"
    adapter = current_app.url_map.bind("", "/")
    try:
        endpoint, arguments = adapter.match(path, method="GET")
    except HTTPException:  # a redirect to another spelling is one too
        return "/"
    return "/" if endpoint.startswith(NO_NEXT_PAGE) else adapter.build(endpoint, arguments)


def _speak_as_invited(ref: str | None) -> None:
    if ref and (invitation := services.acceptance.find(ref)):
        speak(invitation.locale)


def _begin(
    *, ref: str | None, next_page: str = "/", write: Write | None = None, **params: str | None
) -> Response:
    content = LoginContent(invitation=ref, next=next_page)
    response = services.relying_party.begin(
        content=content, write=write, ui_locales=_language_at_tenant(), **params
    )
    if request.method == "POST":
        response.status_code = 303  # the browser goes on with GET (RFC 9110 §15.4.4)
    return response


def _named(state: str) -> str:
    """A login by its state, which is a secret while it lasts."""
    return digest(state)[:16]


def _language_at_tenant() -> str | None:
    """That of our pages. To an admin the tenant speaks as their browser asks."""
    return None if is_admin_page() else page_language()


def _sign_in(identity: Identity, next_page: str) -> Response:
    """A new session, whatever the browser had before."""
    settings = services.settings
    name = sid_cookie(settings)
    if earlier := request.cookies.get(name):
        services.sessions.close(earlier)
    owner = owner_of(identity.sub)
    if session.get(SIGNED_IN_AS) != owner:  # who signs in again still has forms in other tabs
        renew_form_token()
    session[SIGNED_IN_AS] = owner
    response = redirect(next_page, 303)
    response.set_cookie(
        name,
        services.sessions.open(identity),
        max_age=int(SESSION_LIFE.total_seconds()),
        secure=settings.is_https,
        httponly=True,
        samesite="Lax",
    )
    return response
