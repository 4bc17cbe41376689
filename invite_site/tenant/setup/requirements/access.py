"""Reaching the tenant: its address, its clock, the host of its links, its rate limit."""

from urllib.parse import urlsplit

from ....errors import TenantRefused, TenantUnavailable
from ...answers import date_of, json_object
from ...id_tokens import LEEWAY
from ..findings import Finding, cannot_tell, note, ok, wrong
from ..requirement import Context

SLOW = 2  # calls at once; Auth0's free plan


def domain(context: Context) -> Finding:
    """The discovery document is there, and is that of the tenant we mean."""
    settings = context.settings
    try:
        answer = context.tenant.discovery()
    except TenantUnavailable as failed:
        return wrong(
            f"{settings.tenant_url}: {failed}",
            "Check AUTH0_DOMAIN and that this machine reaches it.",
        )
    issuer = json_object(answer).get("issuer") if answer.status_code == 200 else None
    if not isinstance(issuer, str):
        return wrong(
            f"{settings.tenant_url} is no tenant: it has no discovery document.",
            "Set AUTH0_DOMAIN to the Domain under Applications → Settings.",
        )
    if issuer != settings.issuer:
        return wrong(
            f"{settings.tenant_url} calls itself {issuer}.",
            f"Set AUTH0_DOMAIN to {urlsplit(issuer).netloc or issuer}.",
        )
    return ok(f"{issuer} answers.")


def clock(context: Context) -> Finding:
    """The tenant's time against ours: tokens are only good within theirs."""
    theirs = date_of(context.tenant.discovery().headers)
    if theirs is None:
        return cannot_tell("The tenant does not say what time it has.")
    apart = abs((context.now() - theirs).total_seconds())
    if apart > LEEWAY:
        return wrong(
            f"This machine's clock is {apart:.0f} seconds away from the tenant's.",
            f"Set the clock by NTP: sign-ins fail from {LEEWAY} seconds on.",
        )
    if apart > LEEWAY / 3:
        return note(
            f"This machine's clock is {apart:.0f} seconds away from the tenant's.",
            f"Set the clock by NTP before it is {LEEWAY}.",
        )
    return ok("The clocks agree.")


def ticket_host(context: Context) -> Finding:
    """Tickets carry the tenant's custom domain where it has one, and the site must expect it."""
    ours = {
        urlsplit(url).netloc
        for url in (context.settings.tenant_url, context.settings.management_url)
    }
    if len(ours) > 1:
        return ok(f"Links may carry {' or '.join(sorted(ours))}, and the site expects both.")
    try:
        domains = context.tenant.read("/custom-domains") or []
    except TenantRefused as refused:
        return cannot_tell(
            f"Whether the tenant has a custom domain is not known (HTTP {refused.status}).",
            "If it has one, set AUTH0_DOMAIN to it and AUTH0_MANAGEMENT_DOMAIN to the tenant's own.",
        )
    ready = [each["domain"] for each in domains if each.get("status") == "ready"]
    strange = [each for each in ready if each not in ours]
    if strange:
        own = urlsplit(context.settings.management_url).netloc
        return wrong(
            f"Links will carry {strange[0]}, which the site does not expect; it sends none of them.",
            f"Set AUTH0_DOMAIN={strange[0]} and AUTH0_MANAGEMENT_DOMAIN={own}.",
        )
    return ok(f"Links carry {next(iter(ours))}.")


def rate_limit(context: Context) -> Finding:
    """What the Management API lets through at once, as the calls before this one told."""
    if not context.tenant.rate_limit.isdecimal():
        return cannot_tell("The tenant names no rate limit.")
    if int(context.tenant.rate_limit) <= SLOW:
        return note(
            f"The Management API takes {context.tenant.rate_limit} calls at once: about one invitation a second.",
            "A paid plan takes more; the site keeps to whatever the limit is.",
        )
    return ok(f"The Management API takes {context.tenant.rate_limit} calls at once.")
