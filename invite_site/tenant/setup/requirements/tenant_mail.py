"""The mail that the tenant sends itself: its template, where that leads, its provider."""

from collections.abc import Iterator
from typing import Any

from ....mail.smtp import SmtpServer
from ....settings import Delivery, ReturnTo, is_loopback
from ...management import INVITED
from ..changes import Change, Skipped, added, replaced, rewritten
from ..files import OURS
from ..findings import Finding, cannot_tell, note, ok, wrong
from ..requirement import Context

MENU = "Branding → Email Templates → Change Password (Link)"
PROVIDER_MENU = "Branding → Email Provider"
PATH = "/email-templates/reset_email"


def template(context: Context) -> Finding:
    """It tells an invitation from a reset."""
    if not _is_used(context):
        return _not_used()
    stored = context.tenant.read(PATH)
    if stored is None or not stored.get("enabled"):
        return wrong(
            "The change-password mail is Auth0's own, which speaks of a reset."
            if stored is None
            else "The change-password mail is switched off, so the tenant sends none at all.",
            f"Run `flask tenant apply`, or customise it under {MENU}.",
        )
    if "@auth0.com" in str(stored.get("from", "")).lower():
        return wrong(
            "Its sender is at auth0.com, which switches the whole template off.",
            f"Run `flask tenant apply`, or put your own address under {MENU} → From.",
        )
    if not _knows_invitations(stored):
        return wrong(
            "The change-password mail does not tell an invitation from a reset.",
            "Run `flask tenant apply --replace`, or put the condition on "
            f"user.app_metadata.{INVITED} into {MENU}.",
        )
    body = str(stored.get("body"))
    if OURS in body and body != context.desired.template["body"]:
        return note("It is not the one in templates/tenant.", "Run `flask tenant apply`.")
    if "type=invite" not in body and context.settings.invite_return == ReturnTo.RESULT_URL:
        return note(
            "Its link does not tell the password page who is invited, so that speaks of a reset.",
            "Run `flask tenant apply --replace`, or write {{ url }}type=invite&amp;app=… for an "
            f"invitation under {MENU}.",
        )
    life, wanted = stored.get("urlLifetimeInSeconds"), context.settings.invitation_ttl
    if life and life != wanted:
        return note(
            f"Its links live {life} seconds, and INVITATION_TTL_SECONDS is {wanted}.",
            f"Run `flask tenant apply`, or change URL Lifetime under {MENU}.",
        )
    return ok("It invites whoever is marked as invited, and resets for everybody else.")


def result_url(context: Context) -> Finding:
    """It leads back to the site."""
    if not _is_used(context):
        return _not_used()
    if context.settings.invite_return == ReturnTo.LOGIN_ROUTE:
        return ok("Not used: people come back by the login route.")
    wanted = context.settings.result_url
    found = str((context.tenant.read(PATH) or {}).get("resultUrl") or "")
    if found == wanted:
        return ok(f"It leads to {wanted}.")
    if "{{" in found and found.endswith("/invite/complete"):
        return cannot_tell(f"It is written in Liquid ({found}).", f"It should come to {wanted}.")
    return wrong(
        f"It leads to {found}." if found else "It leads nowhere.",
        f"Run `flask tenant apply`, or set Redirect To under {MENU}. Where the tenant may not "
        "set it, use INVITE_DELIVERY=ticket, or INVITE_RETURN=login_route.",
    )


def template_changes(context: Context) -> Iterator[Change | Skipped]:
    """Put our template in the place of none, or of one of ours."""
    if not _is_used(context):
        return
    what, wanted = "Mail template", dict(context.desired.template)
    if context.settings.invite_return == ReturnTo.LOGIN_ROUTE:
        del wanted["resultUrl"]  # New Universal Login takes no notice of it
    stored = context.tenant.read(PATH)
    if stored and OURS not in str(stored.get("body")) and not context.replace:
        yield Skipped(
            what,
            "The tenant has one that was not put there by this command; it stays. "
            "With --replace ours takes its place.",
            blocking=not _knows_invitations(stored),
        )
        return
    if stored and not wanted["from"]:
        del wanted["from"]  # without MAIL_FROM the sender that is there stays
    if stored is None:
        call = ("POST", "/email-templates", wanted, "create:email_templates")
    else:
        body = {name: value for name, value in wanted.items() if stored.get(name) != value}
        call = ("PATCH", PATH, body, "update:email_templates")
    lines = _lines(stored or {}, call[2])
    if lines:
        yield Change(what, lines, *call, optional_key="resultUrl")


def provider(context: Context) -> Finding:
    """Only with a provider does a tenant use its templates."""
    if not _is_used(context):
        return _not_used()
    found = context.tenant.read("/emails/provider")
    if found is None:
        return wrong(
            "There is none, so the tenant sends its stock mail and not the invitation.",
            f"Run `flask tenant apply`, or configure one under {PROVIDER_MENU}.",
        )
    if not _is_on(found):
        return wrong(
            "It is switched off, so the tenant sends its stock mail and not the invitation.",
            f"Switch it on under {PROVIDER_MENU}.",
        )
    return ok(f"The tenant sends by {found.get('name')}.")


def provider_changes(context: Context) -> Iterator[Change | Skipped]:
    """Let the tenant send by SMTP_URL where it has no provider."""
    if not _is_used(context):
        return
    what, settings = "Mail provider", context.settings
    found = context.tenant.read("/emails/provider")
    if found is not None:
        if not _is_on(found):
            yield Skipped(what, f"It is switched off; switch it on under {PROVIDER_MENU}.")
        return
    if not settings.smtp_url or not settings.mail_from.address:
        yield Skipped(
            what,
            "The tenant has none. Set SMTP_URL and MAIL_FROM while you run this, or configure one "
            f"under {PROVIDER_MENU}.",
        )
        return
    if is_loopback(settings.smtp_url) and not is_loopback(settings.management_url):
        yield Skipped(
            what,
            "The tenant has none and cannot reach the mail server of SMTP_URL; configure one "
            f"under {PROVIDER_MENU}.",
        )
        return
    server = SmtpServer.from_url(settings.smtp_url, settings.site_url)
    credentials: dict[str, Any] = {"smtp_host": server.host, "smtp_port": server.port}
    if server.user:
        credentials |= {"smtp_user": server.user, "smtp_pass": server.password}
    body = {
        "name": "smtp",
        "enabled": True,
        "default_from_address": settings.mail_from.address,
        "credentials": credentials,
    }
    lines = tuple(added("SMTP", [f"{server.host}:{server.port}, with what SMTP_URL says"]))
    yield Change(what, lines, "POST", "/emails/provider", body, "create:email_provider")


def welcome_mail(context: Context) -> Finding:
    """Auth0 sends it the moment an account is made: a second mail beside the invitation."""
    stored = context.tenant.read("/email-templates/welcome_email")
    if stored is None or not stored.get("enabled"):
        return ok("It is off.")
    return note(
        "It is on: people get a second mail beside their invitation.",
        "Switch it off under Branding → Email Templates → Welcome Email.",
    )


def _is_used(context: Context) -> bool:
    return context.settings.delivery == Delivery.TENANT_EMAIL


def _is_on(provider: dict[str, Any]) -> bool:
    return bool(provider.get("enabled", True))


def _not_used() -> Finding:
    return ok("Not used: the site sends its own mail.")


def _knows_invitations(stored: dict[str, Any]) -> bool:
    return INVITED in str(stored.get("body"))


def _lines(stored: dict[str, Any], body: dict[str, Any]) -> tuple[str, ...]:
    """The difference that people see."""
    lines: list[str] = []
    for name, value in body.items():
        lines += (rewritten if name == "body" else replaced)(name, stored.get(name), value)
    return tuple(lines)
