"""How the account at the tenant differs from its invitation, since somebody changed it there.

It changes no state: what the tenant did is shown to admins, who decide.
"""

import enum

from ..tenant.management import TenantUser
from .tables import Invitation


class Drift(enum.StrEnum):
    """What admins have to know of an account."""

    DELETED = "deleted"
    BLOCKED = "blocked"
    OTHER_ADDRESS = "other_address"


def drift_of(row: Invitation, user: TenantUser | None) -> Drift | None:
    """How `user`, the account of this invitation at the tenant, differs from it; None for no user is
    that the account is gone."""
    if user is None:
        return Drift.DELETED if row.user_id else None
    if user.blocked:
        return Drift.BLOCKED
    return Drift.OTHER_ADDRESS if user.email != row.email_norm else None


def shown_of(user: TenantUser | None) -> dict[str, object]:
    """What is kept of an account to be shown; empty where there is none. Moments are ISO 8601."""
    if user is None:
        return {}
    return {
        "email": user.email,
        "email_verified": user.email_verified,
        "blocked": user.blocked,
        "logins": user.logins,
        "last_login": user.last_login.isoformat() if user.last_login else None,
    }
