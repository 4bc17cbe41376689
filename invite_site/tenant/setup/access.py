"""Facts about reaching the tenant: its address, its clock, and what our credentials open."""

from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from ...errors import TenantRefused, TenantUnavailable
from ..http import TokenRefused
from .finding import Verdict, cannot_tell, note, ok, wrong
from .look import Look

NEEDED = ("create:users", "read:users", "create:user_tickets")
# Each of these switches a feature of the site on.
OPTIONAL = frozenset(
    {
        "delete:users",
        "update:users",
        "read:roles",
        "create:role_members",
        "delete:role_members",
        "read:logs",
    }
)
LEEWAY = 30  # seconds that an ID token's times may be off at sign-in
SLOW = 2  # calls at once; Auth0's free plan
GRANT = "Applications → APIs → Auth0 Management API → Machine to Machine"


def domain(look: Look) -> Verdict:
    """The discovery document, and whether it is that of the tenant we mean."""
    settings = look.settings
    try:
        answer = look.discovery()
        issuer = answer.json()["issuer"] if answer.status_code == 200 else None
    except TenantUnavailable as failed:
        return wrong(
            f"{settings.tenant_url}: {failed}",
            "Check AUTH0_DOMAIN and that this machine reaches it.",
        )
    except (ValueError, KeyError, TypeError):
        issuer = None
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


def clock(look: Look) -> Verdict:
    """The tenant's time against ours: tokens are only good within theirs."""
    try:
        theirs = parsedate_to_datetime(look.discovery().headers["Date"])
    except (KeyError, ValueError):
        return cannot_tell("The tenant does not say what time it has.")
    apart = abs((look.now() - theirs).total_seconds())
    if apart > LEEWAY:
        return wrong(
            f"This machine's clock is {apart:.0f} seconds away from the tenant's.",
            "Set the clock by NTP: sign-ins fail from 30 seconds on.",
        )
    if apart > LEEWAY / 3:
        return note(
            f"This machine's clock is {apart:.0f} seconds away from the tenant's.",
            "Set the clock by NTP before it is 30.",
        )
    return ok("The clocks agree.")


def credentials(look: Look) -> Verdict:
    """Whether the running site gets a token for the Management API."""
    try:
        look.scopes_of_the_site()
    except TokenRefused as refused:
        return wrong(refused.message, refused.advice)
    except TenantUnavailable as failed:
        own, public = look.settings.management_url, look.settings.tenant_url
        if own == public:
            raise
        return wrong(f"{own}: {failed}", "Set AUTH0_MANAGEMENT_DOMAIN to the tenant's own domain.")
    return ok("The site gets a token for the Management API.")


def scopes(look: Look) -> Verdict:
    """What the running site may do there: enough, and not too much."""
    granted = look.scopes_of_the_site()
    if granted is None:
        return cannot_tell("The tenant does not say what the site's token allows.")
    missing = [scope for scope in NEEDED if scope not in granted]
    if missing:
        return wrong(
            f"The site lacks the permission {', '.join(missing)}.",
            f"Run `flask tenant apply`, or add it under {GRANT}.",
        )
    more = sorted(granted - set(NEEDED) - OPTIONAL)
    if more:
        return note(
            f"The site may do more than it has a use for: {', '.join(more)}.",
            f"Take it away under {GRANT}; setting a tenant up needs an application of its own.",
        )
    return ok(f"{', '.join(scope for scope in sorted(granted))}.")


def setup_credentials(look: Look) -> Verdict:
    """The credentials of this command, where it has some of its own."""
    if look.setup is None:
        return note(
            "There are none, so some facts cannot be told.",
            "Set TENANT_SETUP_CLIENT_ID and TENANT_SETUP_CLIENT_SECRET while you set the tenant up.",
        )
    try:
        look.scopes_for_setup()
    except TokenRefused as refused:
        return wrong(refused.message, refused.advice)
    if look.setup.client_id == look.settings.management_client_id:
        return note(
            "The running site uses the same ones, with all their permissions.",
            "Give the site an application of its own: AUTH0_MANAGEMENT_CLIENT_ID and _SECRET.",
        )
    return ok("They give a token for the Management API.")


def ticket_host(look: Look) -> Verdict:
    """Tickets carry the tenant's custom domain where it has one, and the site must expect it."""
    ours = {
        urlsplit(url).netloc for url in (look.settings.tenant_url, look.settings.management_url)
    }
    if len(ours) > 1:
        return ok(f"Links may carry {' or '.join(sorted(ours))}, and the site expects both.")
    try:
        domains = look.read("/custom-domains") or []
    except TenantRefused as refused:
        return cannot_tell(
            f"Whether the tenant has a custom domain is not known (HTTP {refused.status}).",
            "If it has one, set AUTH0_DOMAIN to it and AUTH0_MANAGEMENT_DOMAIN to the tenant's own.",
        )
    ready = [each["domain"] for each in domains if each.get("status") == "ready"]
    strange = [each for each in ready if each not in ours]
    if strange:
        own = urlsplit(look.settings.management_url).netloc
        return wrong(
            f"Links will carry {strange[0]}, which the site does not expect; it sends none of them.",
            f"Set AUTH0_DOMAIN={strange[0]} and AUTH0_MANAGEMENT_DOMAIN={own}.",
        )
    return ok(f"Links carry {next(iter(ours))}.")


def rate_limit(look: Look) -> Verdict:
    """What the Management API lets through at once; asked last, so that there were calls before."""
    if not look.limit.isdecimal():
        return cannot_tell("The tenant names no rate limit.")
    if int(look.limit) <= SLOW:
        return note(
            f"The Management API takes {look.limit} calls at once: about one invitation a second.",
            "A paid plan takes more; the site keeps to whatever the limit is.",
        )
    return ok(f"The Management API takes {look.limit} calls at once.")
