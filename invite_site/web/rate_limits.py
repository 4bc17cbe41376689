"""How often a browser that nobody knows may make the site write, or call the tenant.

The figures stop a flood, not a crowd: all of an office, or of a proxy in front of us, come from one
address. Whoever holds the link of an invitation is therefore counted by that invitation. The limits
stand at the routes, in `signin.py` and `landing.py`, and in `admin/kept.py`, whose logins any admin page
begins.
"""

import ipaddress
import math
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, ParamSpec, TypeVar

from flask import Flask, g, request, session
from flask_limiter import Limiter
from limits.errors import ConfigurationError
from limits.storage import MemoryStorage
from werkzeug.wrappers import Response

from ..errors import ConfigError
from ..settings import MEMORY, Settings
from .current import LAST_INVITATION, SIGNED_IN_AS, current_session, landing_invitation, services

ADDRESS_LIMIT = "600/minute"
INVITATION_LIMIT = "60/minute"
CALLBACK_LIMIT = "6000/minute"
# Of all addresses together. A login that is begun is a row for ten minutes, about 0.5 kB.
ALL_LOGINS_LIMIT = "6000/minute"
LOGINS = "auth.login"  # what logins are counted as, also where another page begins them
ALL_CALLBACKS_LIMIT = "12000/minute"
# Callbacks that cost a call of the tenant, whose limit all its applications share, and signed nobody
# in. Those that do are as many as people, however many come from one office.
FAILURES_LIMIT = "30/minute"
ALL_FAILURES_LIMIT = "45/minute"
TEST_MAIL_EVERY = 30  # seconds, for one session

P = ParamSpec("P")
R = TypeVar("R")

PATIENCE = 0.25  # seconds for an answer of Redis: somebody waits for a page meanwhile


def by_address() -> str:
    """Who is counted where nothing else is known. One subscriber's address: with IPv6 that is a whole
    /64."""
    return _of_this_site(f"address:{subscriber(request.remote_addr or '')}")


def subscriber(address: str) -> str:
    """The address without what differs from one request of somebody to the next. Some proxies write
    the port behind it: `192.0.2.1:5000`, `[2001:db8::1]:5000`."""
    if address.startswith("["):
        address = address[1:].partition("]")[0]
    elif address.count(":") == 1:
        address = address.partition(":")[0]
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"  # a proxy's word that is no address; all of those are counted as one
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is None:
            return str(ipaddress.ip_network(f"{found}/64", strict=False))
        found = found.ipv4_mapped
    return str(found)


def by_invitation() -> str:
    """Who is counted at a landing: the invitation, or the address where there is none."""
    invitation = landing_invitation()
    return _of_this_site(f"invitation:{invitation.id}") if invitation else by_address()


def landing_limit() -> str:
    """The limit of what `by_invitation` counts."""
    return INVITATION_LIMIT if landing_invitation() else ADDRESS_LIMIT


def by_session() -> str:
    """Who is signed in, in this browser."""
    opened = current_session()
    # A part of the hash: the library writes into the log who came too often.
    return _of_this_site(f"session:{opened.id_hash[:16]}") if opened else by_address()


def as_one() -> str:
    """All addresses together."""
    return _of_this_site("all")


def by_person_or_address() -> str:
    """Who has signed in with this browser before, or went on from an invitation in it, by what its cookie
    says; strangers by their address."""
    return _person() or by_address()


def by_person_or_as_one() -> str:
    """The same; all strangers together."""
    return _person() or as_one()


def _person() -> str | None:
    if owner := session.get(SIGNED_IN_AS):
        return _of_this_site(f"person:{owner[:16]}")
    if invitation_id := session.get(LAST_INVITATION):
        return _of_this_site(f"invitation:{invitation_id}")
    return None


def _of_this_site(who: str) -> str:
    # Sites of several applications may count at one Redis. Not by RATELIMIT_KEY_PREFIX: the limiter
    # keeps the prefix of the first site of a process for all later ones.
    return f"{services.settings.client_id}/{who}"


def _holds_invitation() -> bool:
    return landing_invitation() is not None


def _has_redeemed_nothing(_: Response) -> bool:
    return bool(g.get("has_redeemed_nothing"))


class CountingInMemory(MemoryStorage):
    """What `memory://` names here: it takes the place of the class whose scheme it has.

    In limits 5.8 two threads that count at the same moment can start one timer twice, and the request of
    one of them fails. Mended there and not yet released: https://github.com/alisaifee/limits/pull/352
    """

    STORAGE_SCHEME = ["memory"]  # noqa: RUF012 - as limits has it

    def __init__(self, *args: Any, **options: Any) -> None:
        self._counting = threading.Lock()
        super().__init__(*args, **options)

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count `amount` for `key`, which is kept for `expiry` seconds; returns the sum."""
        with self._counting:
            return super().incr(key, expiry, amount)


limiter = Limiter(by_address, key_prefix="invite-site")
# By address alone: a limit of each invitation would say which refs are known.
limited_renewals = limiter.limit(ADDRESS_LIMIT, key_func=by_address)


def limited_by_invitation(view: Callable[P, R]) -> Callable[P, R]:
    """Limit a page that may begin the login of an invitee. Whoever names no invitation is anybody, and
    counts among all as at `limited_logins`."""
    view = limiter.limit(landing_limit, key_func=by_invitation)(view)
    return limiter.shared_limit(
        ALL_LOGINS_LIMIT, LOGINS, key_func=as_one, exempt_when=_holds_invitation
    )(view)


def limited_logins(view: Callable[P, R]) -> Callable[P, R]:
    """Limit what begins logins for anybody, wherever it does."""
    # The innermost counts first, and who is refused by it does not count for all.
    view = limiter.shared_limit(ADDRESS_LIMIT, LOGINS)(view)
    return limiter.shared_limit(ALL_LOGINS_LIMIT, LOGINS, key_func=as_one)(view)


def limited_callbacks(view: Callable[P, R]) -> Callable[P, R]:
    """Limit the end of logins. A view that asked the tenant in vain sets `g.has_redeemed_nothing`."""
    view = limiter.limit(CALLBACK_LIMIT)(view)
    # Not by address alone: two addresses could keep everybody from signing in.
    for limit, key in (
        (FAILURES_LIMIT, by_person_or_address),
        (ALL_FAILURES_LIMIT, by_person_or_as_one),
    ):
        view = limiter.limit(
            limit, key_func=key, deduct_when=_has_redeemed_nothing, scope="failures"
        )(view)
    return limiter.limit(ALL_CALLBACKS_LIMIT, key_func=as_one)(view)


def limited_test_mail() -> AbstractContextManager[None]:
    """Counts a mail that somebody sends to themselves, in a `with` around it: two clicks at once send one.
    Raises RateLimitExceeded."""
    return limiter.limit(f"1 per {TEST_MAIL_EVERY} seconds", key_func=by_session, scope="test mail")


def init_app(app: Flask, settings: Settings) -> None:
    """Count at RATE_LIMIT_URL. While a Redis there does not answer, each process counts for itself.
    Raises ConfigError where the package for it is missing.
    """
    app.config.update(
        RATELIMIT_STORAGE_URI=settings.rate_limit_url,
        RATELIMIT_STORAGE_OPTIONS={
            "socket_timeout": PATIENCE,
            "socket_connect_timeout": PATIENCE,
        },
        RATELIMIT_IN_MEMORY_FALLBACK_ENABLED=settings.rate_limit_url != MEMORY,
    )
    try:
        limiter.init_app(app)
    except ConfigurationError as missing:
        raise ConfigError(
            ["RATE_LIMIT_URL needs the package redis: install the extra invite-site[redis]."]
        ) from missing


def seconds_left() -> int:
    """For how many seconds the request that was refused will be refused again."""
    # By the time of the machine: the library asks no clock of ours.
    refused = limiter.current_limit
    return max(math.ceil(refused.reset_at - time.time()), 1) if refused else 60
