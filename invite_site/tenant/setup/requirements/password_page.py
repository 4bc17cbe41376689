"""The page where an invitee chooses a password: Classic or New Universal Login, and its words."""

from collections.abc import Iterator
from typing import Any

from ....settings import Delivery, ReturnTo
from ...answers import ScopeMissing
from ..changes import Change, Skipped, replaced, rewritten
from ..files import OURS
from ..findings import Finding, cannot_tell, note, ok, wrong
from ..requirement import Context

FLEXIBLE = "Flexible Password Policy"  # `password_options`, since July 2026
MENU = "Branding → Universal Login → Advanced Options → Password Reset"


def experience(context: Context) -> Finding:
    """Which password page people meet, and whether INVITE_RETURN fits it.

    The Classic page follows a `result_url`; New Universal Login leads to the login route. A
    customised password page makes this one step Classic, whatever the login is.
    """
    login = (context.tenant.read("/prompts") or {}).get("universal_login_experience")
    is_new = login == "new" and not _page(context).get("enabled")
    if is_new and context.settings.invite_return != ReturnTo.LOGIN_ROUTE:
        return wrong(
            "The password page is New Universal Login's, which does not come back to the site.",
            f"Run `flask tenant apply`, which switches the customised page on ({MENU}), or set "
            "INVITE_RETURN=login_route.",
        )
    if not is_new and context.settings.invite_return == ReturnTo.LOGIN_ROUTE:
        return wrong(
            "The password page is Classic, which does not know the login route.",
            f"Set INVITE_RETURN=result_url, or use New Universal Login without a page under {MENU}.",
        )
    names = "New Universal Login" if login == "new" else "Classic"
    shown = "New Universal Login" if is_new else "Classic"
    fits = ReturnTo.LOGIN_ROUTE if is_new else ReturnTo.RESULT_URL
    return ok(f"Login is {names}, the password page {shown}: INVITE_RETURN={fits} fits.")


def page(context: Context) -> Finding:
    """Whether the Classic page greets an invitee."""
    if context.settings.invite_return == ReturnTo.LOGIN_ROUTE:
        return ok("Not used: people come back by the login route.")
    stored, wanted = _page(context), context.desired.page["html"]
    html = str(stored.get("html") or "")
    if not stored.get("enabled"):
        return note(
            "It is Auth0's own, which speaks of a reset to people who are invited.",
            "Run `flask tenant apply`; it puts a page in place that greets them.",
        )
    if html == wanted:
        return ok("It greets whoever is invited.")
    if OURS in html:
        return note("It is not the one in templates/tenant.", "Run `flask tenant apply`.")
    if "invite" in html and "location.hash" in html:
        return ok("The tenant has one of its own that knows invitations.")
    return note(
        "The tenant has one of its own, which speaks of a reset to people who are invited.",
        "Run `flask tenant apply --replace`, or take over from "
        "templates/tenant/pages/password_reset.html what reads location.hash.",
    )


def policy(context: Context) -> Finding:
    """The connection's rules for passwords go with the page, and its own mail is not barred."""
    found = context.tenant.connection()
    if found is None:
        return cannot_tell("There is no such connection.")
    options = found.get("options") or {}
    where = f"Authentication → Database → {found['name']}"
    if (
        context.settings.delivery == Delivery.TENANT_EMAIL
        and options.get("disable_self_service_change_password") is True
    ):
        return wrong(
            f"{found['name']} lets nobody ask for a change-password mail, which is the invitation.",
            f"Allow self-service password changes under {where}, or set INVITE_DELIVERY=ticket.",
        )
    if options.get("password_options") and _page(context).get("enabled"):
        return note(
            f"{found['name']} has a {FLEXIBLE}, which needs New Universal Login without a "
            "customised password page.",
            f"Choose one: another policy under {where}, or no page under {MENU} together with "
            "INVITE_RETURN=login_route.",
        )
    return ok("It goes with the password page.")


def changes(context: Context) -> Iterator[Change | Skipped]:
    """Put our page in place, or switch it off where it would keep the login route from working."""
    what, stored = "Password page", _page(context)
    html, is_on = str(stored.get("html") or ""), bool(stored.get("enabled"))
    is_ours = OURS in html
    if context.settings.invite_return == ReturnTo.LOGIN_ROUTE:
        if is_on and is_ours:
            yield _change(what, replaced("enabled", True, False), {**stored, "enabled": False})
        return
    if html.strip() and not is_ours and not context.replace:
        off = "" if is_on else "It is switched off. "
        yield Skipped(
            what,
            f"The tenant has one that was not put there by this command; it stays. {off}"
            "With --replace ours takes its place.",
            blocking=not is_on,
        )
        return
    wanted = context.desired.page
    lines = [] if is_on else replaced("enabled", stored.get("enabled"), True)
    lines += rewritten("html", html, wanted["html"])
    if lines:
        if _has_flexible_policy(context):
            yield Skipped(
                "Password policy",
                f"The connection has a {FLEXIBLE}, which needs New Universal Login without a "
                "customised password page. With this page it may not hold; "
                "INVITE_RETURN=login_route does without the page.",
                blocking=False,
            )
        yield _change(what, lines, {**stored, **wanted})


def _has_flexible_policy(context: Context) -> bool:
    try:
        found = context.tenant.connection() or {}
    except ScopeMissing:
        return False  # the section of the connection says so
    return bool((found.get("options") or {}).get("password_options"))


def _change(what: str, lines: list[str], page: dict[str, Any]) -> Change:
    body, path = {"change_password": page}, "/tenants/settings"
    return Change(what, tuple(lines), "PATCH", path, body, "update:tenant_settings")


def _page(context: Context) -> dict[str, Any]:
    page = (context.tenant.read("/tenants/settings") or {}).get("change_password")
    return page if isinstance(page, dict) else {}
