"""What a view may reach: the parts of the running site, typed, and who is asking."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from flask import current_app, g, request
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import Engine

from ..accounts.admins import Admins
from ..accounts.sessions import Sessions
from ..invitations.circuit_breaker import Pauses
from ..invitations.ledger import Ledger
from ..invitations.service import Invitations
from ..settings import Settings
from ..tenant.management import Tenant
from ..tenant.relying_party import RelyingParty

csrf = CSRFProtect()


@dataclass(frozen=True, slots=True)
class Site:
    """The parts that `create_app` put together."""

    settings: Settings
    engine: Engine
    invitations: Invitations
    ledger: Ledger
    pauses: Pauses
    sessions: Sessions
    admins: Admins
    tenant: Tenant
    relying_party: RelyingParty
    clock: Callable[[], datetime]


def site() -> Site:
    """The running site."""
    return cast(Site, current_app.extensions["invite_site"])


def sid_cookie(settings: Settings) -> str:
    """The session cookie's name. `__Host-` binds it to this host, which only https allows."""
    return "__Host-sid" if settings.is_https else "sid"


def signed_in() -> Any | None:
    """The session row of whoever sends this request, or None. Read once for each request."""
    if "signed_in" not in g:
        cookie = request.cookies.get(sid_cookie(site().settings), "")
        g.signed_in = _live_session(cookie) if cookie else None
    return g.signed_in


def _live_session(cookie: str) -> Any | None:
    """The session of this cookie. An admin's ends after half an hour that nobody used it, and no
    page may revive it."""
    sessions = site().sessions
    row = sessions.find(cookie)
    if row is None:
        return None
    if not sessions.is_fresh_for_admin(row) and _may_invite(row):
        sessions.close(cookie)
        return None
    sessions.touch(row)
    return row


def _may_invite(row: Any) -> bool:
    return bool(row.has_admin_role or site().admins.includes(row.sub))


def is_admin() -> bool:
    """Whether whoever sends this request may invite."""
    who = signed_in()
    return who is not None and _may_invite(who)
