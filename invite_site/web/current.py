"""What a view may reach: the services of the running site, and who sends this request."""

from typing import cast
from urllib.parse import urlsplit

from flask import current_app, g, request
from werkzeug.local import LocalProxy

from ..accounts.sessions import Session
from ..invitations.tables import Invitation
from ..invitations.visits import InvitationSummary
from ..services import Services
from ..settings import Settings

EXTENSION = "invite_site"
# In the cookie that Flask signs: who signed in with this browser last, as `owner_of` names them, and the
# number of the invitation that it last went on from.
SIGNED_IN_AS, LAST_INVITATION = "signed_in_as", "last_invitation"


def own_services() -> Services:
    """The services of the running site, for threads: those have no current application."""
    return cast(Services, current_app.extensions[EXTENSION])


services = cast(Services, LocalProxy(own_services))


def sid_cookie(settings: Settings) -> str:
    """The name of the session's cookie."""
    return _cookie("sid", settings)


def login_cookie(settings: Settings) -> str:
    """The name of the cookie that Flask signs: this browser's key and its CSRF token."""
    return _cookie("login", settings)


def _cookie(word: str, settings: Settings) -> str:
    """`__Host-` binds a cookie to this host, which only https allows. Cookies know no ports, and on
    this machine several sites share one host."""
    if settings.is_https:
        return f"__Host-{word}"
    return f"{word}-{urlsplit(settings.site_url).port or 80}"


def current_session() -> Session | None:
    """The session of whoever sends this request, or None. Read once for each request, and only
    where a page asks: the redirect of an invitee to the login needs none."""
    if "session" not in g:
        cookie = request.cookies.get(sid_cookie(services.settings), "")
        g.session = _live_session(cookie) if cookie else None
    return cast(Session | None, g.session)


def is_admin() -> bool:
    """Whether whoever sends this request may invite."""
    session = current_session()
    return session is not None and services.admins.may_invite(session)


def invitation_named() -> InvitationSummary | None:
    """The invitation whose ref is the `i` of this address or form. Read once for each request: the limit
    of its page and the page itself both ask."""
    if "invitation_named" not in g:
        given = request.form if request.method == "POST" else request.args
        g.invitation_named = services.acceptance.find(given.get("i", ""))
    return cast(InvitationSummary | None, g.invitation_named)


def invitation_of_link() -> Invitation | None:
    """The invitation whose newest mail carries the landing link that this address is. Read once too."""
    if "invitation_of_link" not in g:
        token = (request.view_args or {})["token"]
        g.invitation_of_link = services.acceptance.find_by_link(token)
    return cast(Invitation | None, g.invitation_of_link)


def landing_invitation() -> InvitationSummary | Invitation | None:
    """The invitation that a landing is about."""
    return invitation_of_link() if request.view_args else invitation_named()


def is_asked_by_script() -> bool:
    """Whether an open page sends this request by itself, to show what is new. Nobody uses the session
    by that, so it may not keep an admin signed in."""
    return "HX-Request" in request.headers


def _live_session(cookie: str) -> Session | None:
    """The session of this cookie. An admin's ends after half an hour that nobody used it, and no
    page may revive it."""
    sessions = services.sessions
    session = sessions.find(cookie)
    if session is None:
        return None
    if not sessions.is_fresh_for_admin(session) and services.admins.may_invite(session):
        sessions.close(cookie)
        return None
    if not is_asked_by_script():
        sessions.touch(session)
    return session
