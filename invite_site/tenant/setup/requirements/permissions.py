"""What our credentials open at the Management API."""

from collections.abc import Collection, Iterator

from ....errors import TenantUnavailable
from ....settings import Delivery
from ...answers import TokenRefused
from ...roles import ROLE_SCOPES
from ..changes import Change, added
from ..findings import Finding, cannot_tell, note, ok, wrong
from ..requirement import Context

# Permissions that `check` does not call too many. `update:users…` and those of ROLE_SCOPES switch
# features on; the site makes no use of the others.
OPTIONAL = frozenset(
    {
        "delete:users",
        "update:users",
        "update:users_app_metadata",
        "read:roles",
        "create:role_members",
        "delete:role_members",
        "read:logs",
    }
)
# Either takes the marker off an account whose invitation was accepted; the second allows no more.
ENDS_INVITATIONS = ("update:users", "update:users_app_metadata")
GRANT = "Applications → APIs → Auth0 Management API → Machine to Machine"


def credentials(context: Context) -> Finding:
    """The running site gets a token."""
    try:
        context.tenant.site_scopes()
    except TokenRefused as refused:
        return wrong(refused.message, refused.advice)
    except TenantUnavailable as failed:
        own, public = context.settings.management_url, context.settings.tenant_url
        if own == public:
            raise
        return wrong(f"{own}: {failed}", "Set AUTH0_MANAGEMENT_DOMAIN to the tenant's own domain.")
    return ok("The site gets a token for the Management API.")


def scopes(context: Context) -> Finding:
    """The running site may do enough there, and not too much."""
    granted = context.tenant.site_scopes()
    if granted is None:
        return cannot_tell("The tenant does not say what the site's token allows.")
    needed = context.desired.grant["scope"]
    missing = [scope for scope in needed if scope not in granted]
    if missing:
        return wrong(
            f"The site lacks the permission {', '.join(missing)}.",
            f"Run `flask tenant apply`, or add it under {GRANT}.",
        )
    if _lacks_end_of_invitations(context, granted):
        return note(
            f"The site lacks the permission {ENDS_INVITATIONS[0]}: whoever has accepted stays marked "
            "as invited, so that a forgotten password brings them the invitation again.",
            f"Run `flask tenant apply`, or add it under {GRANT}; {ENDS_INVITATIONS[1]} is enough.",
        )
    more = sorted(granted - set(needed) - OPTIONAL)
    if more:
        return note(
            f"The site may do more than it has a use for: {', '.join(more)}.",
            f"Take it away under {GRANT}; setting a tenant up needs an application of its own.",
        )
    return ok(f"{', '.join(sorted(granted))}. {_of_roles(granted)}")


def _of_roles(granted: Collection[str]) -> str:
    """What these permissions mean for roles, which nobody has to use."""
    missing = [scope for scope in ROLE_SCOPES if scope not in granted]
    if not missing:
        return "An invitation can give roles."
    return (
        f"With {', '.join(missing)} an invitation could give roles too: add what you like under {GRANT}, "
        "then restart the site."
    )


def grant_changes(context: Context) -> Iterator[Change]:
    """Add what the site needs to its grant. What the grant allows besides stays."""
    what, wanted = "Permissions of the site", context.desired.grant
    if context.tenant.lacks_application(wanted["client_id"]):
        return  # the section of that application says so
    found = context.tenant.read(
        "/client-grants", client_id=wanted["client_id"], audience=wanted["audience"]
    )
    present = found[0]["scope"] if found else []
    missing = [scope for scope in wanted["scope"] if scope not in present]
    if _lacks_end_of_invitations(context, present):
        missing.append(ENDS_INVITATIONS[0])
    lines = tuple(added("Auth0 Management API", missing))
    if not found:
        body = {**wanted, "scope": missing}
        yield Change(what, lines, "POST", "/client-grants", body, "create:client_grants")
    elif missing:
        body, path = {"scope": [*present, *missing]}, f"/client-grants/{found[0]['id']}"
        yield Change(what, lines, "PATCH", path, body, "update:client_grants")


def _lacks_end_of_invitations(context: Context, granted: Collection[str]) -> bool:
    """Only the tenant's own mail looks at the marker."""
    is_needed = context.settings.delivery == Delivery.TENANT_EMAIL
    return is_needed and not any(scope in granted for scope in ENDS_INVITATIONS)


def setup_credentials(context: Context) -> Finding:
    """The credentials of this command, where it has some of its own, and the site has others."""
    setup = context.tenant.setup
    if setup is None:
        return note(
            "There are none, so some facts cannot be told.",
            "Set TENANT_SETUP_CLIENT_ID and TENANT_SETUP_CLIENT_SECRET while you set the tenant up.",
        )
    try:
        context.tenant.setup_scopes()
    except TokenRefused as refused:
        return wrong(refused.message, refused.advice)
    if setup.credentials.client_id == context.settings.management_client_id:
        return note(
            "The running site uses the same ones, with all their permissions.",
            "Give the site an application of its own: AUTH0_MANAGEMENT_CLIENT_ID and _SECRET.",
        )
    return ok("They give a token for the Management API.")
