"""Auth0's plans: how many calls each lets through, and how long it keeps logs."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Rate:
    """A token bucket: so many calls at once, and so many a second once it is empty."""

    burst: int
    per_second: float


@dataclass(frozen=True)
class Plan:
    """One plan. A kind of call without a rate of its own falls under the one for all."""

    name: str
    rates: Mapping[str, Rate]
    log_days: int


def _per_minute(burst: int, a_minute: float) -> Rate:
    return Rate(burst, a_minute / 60)


# Auth0's rate limit policy; the same figures hold for every plan.
_EVERYWHERE = {
    "change_password": _per_minute(10, 1),  # by IP address and email
    "userinfo": _per_minute(10, 5),  # by user
    "login": _per_minute(20, 10),  # by user and IP address
    "keys": Rate(20, 20),
    "token": Rate(30, 30),
}

OFF = "off"
PLANS = {
    plan.name: plan
    for plan in (
        Plan(OFF, {}, 30),
        Plan(
            "free",
            {**_EVERYWHERE, "management": Rate(2, 2), "authentication": _per_minute(300, 300)},
            1,
        ),
        # Essentials and Professional have figures for each kind of call. What is not
        # among them shares the bucket of a tenant that is not for production (ours).
        Plan(
            "professional",
            {
                **_EVERYWHERE,
                "management": Rate(10, 2),
                "read_users": _per_minute(40, 500),
                "write_users": _per_minute(20, 200),
                "delete_users": _per_minute(20, 200),
                "read_logs": _per_minute(10, 100),
                "write_email_templates": _per_minute(5, 25),
                "read_email_templates": _per_minute(10, 50),
                "email_provider": _per_minute(5, 25),
                "authentication": Rate(25, 25),
            },
            10,
        ),
        Plan(
            "enterprise",
            {
                **_EVERYWHERE,
                "management": Rate(50, 16),
                "write_email_templates": _per_minute(10, 100),
                "read_email_templates": _per_minute(15, 150),
                "email_provider": _per_minute(10, 100),
                "authentication": Rate(100, 100),
            },
            30,
        ),
    )
}
