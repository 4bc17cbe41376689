"""The counts of the rate limiter, so that a test need not send a whole flood."""

from invite_site.web.rate_limits import limiter

from .running import RunningSite

ADDRESS_LIMIT, INVITATION_LIMIT, CALLBACK_LIMIT = 600, 60, 6000  # a minute
HERE = "address:127.0.0.1"


def key_of(site: RunningSite, page: str, limit: int = ADDRESS_LIMIT, *, who: str = HERE) -> str:
    """What the storage calls the count of `who` at this page (its endpoint)."""
    return f"LIMITER/invite-site/{site.settings.client_id}/{who}/{page}/{limit}/1/minute"


def came(
    site: RunningSite, times: int, page: str, limit: int = ADDRESS_LIMIT, *, who: str = HERE
) -> None:
    """As if `who` had sent so many requests in this minute."""
    limiter.storage.incr(key_of(site, page, limit, who=who), 60, amount=times)
