"""The rate limits of the Management API: which calls count together, and how many a second a plan allows.

https://auth0.com/docs/troubleshoot/customer-support/operational-policies/rate-limit-policy
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from ..settings import Plan


class Kind(enum.StrEnum):
    """Calls that the tenant may count apart from others."""

    WRITE_USERS = "write_users"
    READ_USERS = "read_users"
    TICKETS = "tickets"


@dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket: `burst` calls at once, then `per_second`."""

    burst: int
    per_second: float


_FREE, _NONPRODUCTION, _PRODUCTION = Rate(2, 2), Rate(10, 2), Rate(50, 16)
_READ_USERS, _WRITE_USERS = Rate(40, 500 / 60), Rate(20, 200 / 60)
_BY_KIND = {
    Kind.WRITE_USERS: _WRITE_USERS,
    Kind.READ_USERS: _READ_USERS,
    Kind.TICKETS: _NONPRODUCTION,  # no line of its own, so it shares what is left: the least there is
}
PLANS: Mapping[Plan, Mapping[Kind, Rate]] = {
    Plan.UNKNOWN: {},
    Plan.FREE: dict.fromkeys(Kind, _FREE),
    Plan.ESSENTIALS: _BY_KIND,
    Plan.PROFESSIONAL: _BY_KIND,
    Plan.ENTERPRISE: dict.fromkeys(Kind, _PRODUCTION),
    Plan.ENTERPRISE_NONPRODUCTION: dict.fromkeys(Kind, _NONPRODUCTION),
}
# An answer tells the size of its bucket and not how fast that fills; the published pairs do.
_KNOWN = {
    rate.burst: rate for rate in (_FREE, _NONPRODUCTION, _PRODUCTION, _READ_USERS, _WRITE_USERS)
}


def rate_of(burst: int) -> Rate:
    """The rate of a bucket of this size; of a size that Auth0 does not publish, a slow one."""
    return _KNOWN.get(burst, Rate(burst, max(burst / 10, 0.1)))


def kind_of(method: str, path: str) -> Kind | None:
    """What a call of `/api/v2` counts as, or None where the site does not pace it."""
    if path.startswith("/tickets/"):
        return Kind.TICKETS
    if path.startswith("/users"):
        return Kind.READ_USERS if method == "GET" else Kind.WRITE_USERS
    return None


def limit_in(headers: Mapping[str, str]) -> tuple[int, int] | None:
    """`x-ratelimit-limit` and `x-ratelimit-remaining` of an answer, or None where it has none."""
    limit, remaining = (headers.get(f"x-ratelimit-{name}", "") for name in ("limit", "remaining"))
    return (int(limit), int(remaining)) if limit.isdecimal() and remaining.isdecimal() else None
