"""How often a browser that nobody knows may make the site write, or call the tenant.

The figures stop a flood and no crowd: all of an office, or of a proxy in front of us, come from one
address. Whoever holds the link of an invitation is therefore counted by that invitation.
"""

import ipaddress
from collections.abc import Callable
from datetime import datetime

from flask import Flask, request
from werkzeug.exceptions import TooManyRequests

from .current import invitation_named, services
from .request_counts import Counts

ADDRESS_LIMIT = 600  # a minute
INVITATION_LIMIT = 60
# It reaches the tenant only with a login that was begun, which the other limits bound.
CALLBACK_LIMIT = 6000

Limit = tuple[str, int]  # what is counted, and how often it may come in a minute


def init_app(app: Flask, counts: Counts) -> None:
    """Refuse with 429 what comes too often."""

    @app.before_request
    def check() -> None:
        limit_of = LIMITS.get(request.endpoint or "")
        if limit_of is None:
            return
        key, limit = limit_of()
        now = services.clock()
        if counts.add(f"{request.endpoint}:{key}", now) > limit:
            raise TooManyRequests(retry_after=_seconds_left(now))


def _by_address(limit: int = ADDRESS_LIMIT) -> Limit:
    return f"address:{_network(request.remote_addr or '')}", limit


def _by_ref() -> Limit:
    invitation = invitation_named(request.values.get("i", ""))
    return (f"invitation:{invitation.id}", INVITATION_LIMIT) if invitation else _by_address()


def _by_link() -> Limit:
    token = (request.view_args or {}).get("token", "")
    invitation = services.acceptance.find_by_link(token)
    return (f"invitation:{invitation.id}", INVITATION_LIMIT) if invitation else _by_address()


LIMITS: dict[str, Callable[[], Limit]] = {
    "auth.login": _by_address,
    "auth.callback": lambda: _by_address(CALLBACK_LIMIT),
    "landing.complete": _by_ref,
    "landing.switch_account": _by_ref,
    "landing.open_link": _by_link,
}


def _network(address: str) -> str:
    """One subscriber's address: with IPv6 that is a whole /64."""
    if ":" not in address:
        return address
    return str(ipaddress.ip_network(f"{address.partition('%')[0]}/64", strict=False))


def _seconds_left(now: datetime) -> int:
    """Until the next minute begins."""
    return 60 - int(now.timestamp()) % 60
