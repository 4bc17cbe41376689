"""What happens to accounts at the tenant without the site, and what its ID tokens say of them."""

from dataclasses import replace
from typing import Any

from invite_site.accounts.sessions import Identity
from invite_site.tenant.http import COMMAND, Credentials, ManagementApi

from .running import RunningSite


def api(site: RunningSite) -> ManagementApi:
    """The Management API beside the site, with the site's credentials."""
    return ManagementApi(site.settings, Credentials.of_the_site(site.settings), COMMAND)


def change_user(site: RunningSite, row: Any, **fields: Any) -> None:
    """What an admin does to the account of this invitation in the tenant's dashboard; `deleted`
    removes it."""
    if fields.pop("deleted", False):
        api(site).send("DELETE", f"/users/{row.user_id}", {})
    else:
        api(site).send("PATCH", f"/users/{row.user_id}", fields)


def identity_of(row: Any, **fields: Any) -> Identity:
    """Whoever was invited, as a verified ID token would name them; but for these fields."""
    who = Identity(
        sub=row.user_id,
        email=row.email_norm,
        email_verified=True,
        name="",
        tenant_sid="",
        has_admin_role=False,
    )
    return replace(who, **fields)
