"""Facts about what people see at the tenant: its pages, its texts, its own mail."""

from typing import Any

from ...settings import Delivery, ReturnTo
from .files import OURS, PROMPT
from .finding import Verdict, cannot_tell, note, ok, wrong
from .look import Look

NOT_USED = "Not used: the site sends its own mail."
TEMPLATE = "Branding → Email Templates → Change Password (Link)"
PAGE = "Branding → Universal Login → Advanced Options → Password Reset"


def experience(look: Look) -> Verdict:
    """Which password page people meet, and whether INVITE_RETURN fits it.

    The Classic page follows a `result_url`; New Universal Login leads to the login route. A
    customised password page makes this one step Classic, whatever the login is.
    """
    login = (look.read("/prompts") or {}).get("universal_login_experience")
    is_new = login == "new" and not _page(look).get("enabled")
    if is_new and look.settings.invite_return != ReturnTo.LOGIN_ROUTE:
        return wrong(
            "The password page is New Universal Login's, which does not come back to the site.",
            f"Run `flask tenant apply`, which switches the customised page on ({PAGE}), or set "
            "INVITE_RETURN=login_route.",
        )
    if not is_new and look.settings.invite_return == ReturnTo.LOGIN_ROUTE:
        return wrong(
            "The password page is Classic, which does not know the login route.",
            f"Set INVITE_RETURN=result_url, or use New Universal Login without a page under {PAGE}.",
        )
    names = "New Universal Login" if login == "new" else "Classic"
    page = "New Universal Login" if is_new else "Classic"
    fits = ReturnTo.LOGIN_ROUTE if is_new else ReturnTo.RESULT_URL
    return ok(f"Login is {names}, the password page {page}: INVITE_RETURN={fits} fits.")


def password_page(look: Look) -> Verdict:
    """Whether the Classic page greets an invitee."""
    if look.settings.invite_return == ReturnTo.LOGIN_ROUTE:
        return ok("Not used: people come back by the login route.")
    page, wanted = _page(look), look.wanted.page["html"]
    html = str(page.get("html") or "")
    if not page.get("enabled"):
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


def texts(look: Look) -> Verdict:
    """Whether New Universal Login's screens have words that suit an invitation."""
    if look.settings.invite_return != ReturnTo.LOGIN_ROUTE:
        return ok("Not used: people come back by the Classic password page.")
    missing = []
    for language, screens in look.wanted.texts.items():
        present: dict[str, Any] = look.read(f"/prompts/{PROMPT}/custom-text/{language}") or {}
        if any(not words.items() <= present.get(at, {}).items() for at, words in screens.items()):
            missing.append(language)
    if missing:
        return note(
            f"The screens speak of a reset to people who are invited ({', '.join(missing)}).",
            "Run `flask tenant apply`, or change them under Branding → Universal Login → "
            "Advanced Options → Custom Text → reset-password.",
        )
    return ok(f"The screens have our words in {', '.join(look.wanted.texts)}.")


def mail_template(look: Look) -> Verdict:
    """The tenant's mail, where it carries the invitation."""
    if look.settings.delivery != Delivery.TENANT_EMAIL:
        return ok(NOT_USED)
    stored = look.read("/email-templates/reset_email")
    if stored is None or not stored.get("enabled"):
        return wrong(
            "The change-password mail is Auth0's own, which speaks of a reset.",
            f"Run `flask tenant apply`, or customise it under {TEMPLATE}.",
        )
    if "@auth0.com" in str(stored.get("from", "")).lower():
        return wrong(
            "Its sender is at auth0.com, which switches the whole template off.",
            f"Run `flask tenant apply`, or put your own address under {TEMPLATE} → From.",
        )
    if "invitedToMyApp" not in str(stored.get("body")):
        return wrong(
            "The change-password mail does not tell an invitation from a reset.",
            "Run `flask tenant apply --replace`, or put the condition on "
            f"user.app_metadata.invitedToMyApp into {TEMPLATE}.",
        )
    life, wanted = stored.get("urlLifetimeInSeconds"), look.settings.invitation_ttl
    if life and life != wanted:
        return note(
            f"Its links live {life} seconds, and INVITATION_TTL_SECONDS is {wanted}.",
            f"Run `flask tenant apply`, or change URL Lifetime under {TEMPLATE}.",
        )
    return ok("It invites whoever is marked as invited, and resets for everybody else.")


def template_result_url(look: Look) -> Verdict:
    """Where the tenant's own mail leads back to."""
    if look.settings.delivery != Delivery.TENANT_EMAIL:
        return ok(NOT_USED)
    if look.settings.invite_return == ReturnTo.LOGIN_ROUTE:
        return ok("Not used: people come back by the login route.")
    wanted = look.settings.result_url
    found = str((look.read("/email-templates/reset_email") or {}).get("resultUrl") or "")
    if found == wanted:
        return ok(f"It leads to {wanted}.")
    if "{{" in found and found.endswith("/invite/complete"):
        return cannot_tell(f"It is written in Liquid ({found}).", f"It should come to {wanted}.")
    return wrong(
        f"It leads to {found}." if found else "It leads nowhere.",
        f"Run `flask tenant apply`, or set Redirect To under {TEMPLATE}. Where the tenant may not "
        "set it, use INVITE_DELIVERY=ticket, or INVITE_RETURN=login_route.",
    )


def welcome_mail(look: Look) -> Verdict:
    """Auth0 sends it the moment an account is made: a second mail beside the invitation."""
    stored = look.read("/email-templates/welcome_email")
    if stored is None or not stored.get("enabled"):
        return ok("It is off.")
    return note(
        "It is on: people get a second mail beside their invitation.",
        "Switch it off under Branding → Email Templates → Welcome Email.",
    )


def mail_provider(look: Look) -> Verdict:
    """Only with a provider does a tenant use its templates."""
    if look.settings.delivery != Delivery.TENANT_EMAIL:
        return ok(NOT_USED)
    provider = look.read("/emails/provider")
    if provider is None or not provider.get("enabled", True):
        return wrong(
            "There is none, so the tenant sends its stock mail and not the invitation.",
            "Run `flask tenant apply`, or configure one under Branding → Email Provider.",
        )
    return ok(f"The tenant sends by {provider.get('name')}.")


def _page(look: Look) -> dict[str, Any]:
    page = (look.read("/tenants/settings") or {}).get("change_password")
    return page if isinstance(page, dict) else {}
