"""The database connection that invited accounts are in."""

from collections.abc import Iterator

from ..changes import Change, Skipped, added
from ..findings import NO_APPLICATION, Finding, cannot_tell, note, ok, wrong
from ..requirement import Context

NONE = "There is no such connection."
MENU = "Authentication → Database"


def database(context: Context) -> Finding:
    """It is there, and takes people without a user name."""
    name, found = context.settings.connection, context.tenant.connection()
    if found is None:
        return wrong(
            f"The tenant has no connection called {name}.",
            f"Set AUTH0_CONNECTION to the name under {MENU}.",
        )
    if found.get("strategy") != "auth0":
        return wrong(
            f"{name} is not a database connection.",
            f"Set AUTH0_CONNECTION to a name under {MENU}.",
        )
    if (found.get("options") or {}).get("requires_username"):
        return wrong(
            f"{name} wants a user name of everybody, and an invitation has none.",
            f"Switch Requires Username off under {MENU} → {name}.",
        )
    return ok(f"{name} is there.")


def enabled(context: Context) -> Finding:
    """The application may sign people in with it."""
    found = context.tenant.connection()
    if found is None:
        return cannot_tell(NONE)
    if context.tenant.lacks_application(context.settings.client_id):
        return cannot_tell(NO_APPLICATION)
    if _is_enabled(context, _clients_path(found["id"])):
        return ok(f"{found['name']} is enabled for the application.")
    return wrong(
        f"{found['name']} is not enabled for the application: nobody invited could sign in.",
        f"Run `flask tenant apply`, or enable it under {MENU} → {found['name']} → Applications.",
    )


def changes(context: Context) -> Iterator[Change | Skipped]:
    """Enable it for the application."""
    what, name, found = "Connection", context.settings.connection, context.tenant.connection()
    if found is None or found.get("strategy") != "auth0":
        yield Skipped(what, f"The tenant has no database connection called {name}.")
        return
    path, client_id = _clients_path(found["id"]), context.settings.client_id
    if not context.tenant.lacks_application(client_id) and not _is_enabled(context, path):
        lines = tuple(added(f"{name} → Applications", [client_id]))
        body = [{"client_id": client_id, "status": True}]
        yield Change(what, lines, "PATCH", path, body, "update:connections")


def sign_ups(context: Context) -> Finding:
    """With open sign-ups somebody can register an address before its owner is invited."""
    found = context.tenant.connection()
    if found is None:
        return cannot_tell(NONE)
    if (found.get("options") or {}).get("disable_signup"):
        return ok("Nobody can sign up without an invitation.")
    return note(
        "Anybody can sign up, also with the address of somebody who is to be invited.",
        "Where people come by invitation only, switch Disable Sign Ups on under "
        f"{MENU} → {found['name']}.",
    )


def _clients_path(connection_id: str) -> str:
    return f"/connections/{connection_id}/clients"


def _is_enabled(context: Context, path: str) -> bool:
    clients = context.tenant.read_all(path, "clients")
    return any(each["client_id"] == context.settings.client_id for each in clients)
