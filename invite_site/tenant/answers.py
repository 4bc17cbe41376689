"""What the answers of the Management API mean: waits, dates, and errors of ours."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import requests

from ..errors import CredentialsRefused, TenantBusy, TenantRefused, TenantUnavailable


class TokenRefused(CredentialsRefused):
    """The tenant gives no token for these credentials: why, and what to do about it."""

    def __init__(self, message: str, advice: str) -> None:
        self.message = message
        self.advice = advice
        super().__init__(f"{message} {advice}")


class ScopeMissing(CredentialsRefused):
    """The application lacks a permission of the Management API. `scopes`: any of these would do."""

    def __init__(self, scopes: tuple[str, ...], variables: str) -> None:
        self.scopes = scopes
        super().__init__(
            f"The application of {variables}_ID lacks the permission {' or '.join(scopes)}."
        )


@contextmanager
def reading_answer() -> Iterator[None]:
    """Around code that takes an answer apart. Raises TenantUnavailable where it is not as promised."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError) as failed:
        raise TenantUnavailable("The tenant's answer cannot be read.") from failed


def wait_asked_for(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait: `Retry-After`, else Auth0's `x-ratelimit-reset` (UNIX seconds), else None."""
    after = headers.get("Retry-After", "")
    if after.isdecimal():
        return float(after)
    reset = headers.get("x-ratelimit-reset", "")
    if reset.isdecimal():
        # By the tenant's own clock where it says what time it has: `reset` is told by that.
        answered_at = date_of(headers) or datetime.now(UTC)
        return max(float(reset) - answered_at.timestamp(), 0.0)
    return None


def json_object(answer: requests.Response) -> dict[str, Any]:
    """The object in an answer; an empty one where there is something else, or nothing."""
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def date_of(headers: Mapping[str, str]) -> datetime | None:
    """The time at the tenant when it answered."""
    try:
        date = parsedate_to_datetime(headers["Date"])
    except (KeyError, ValueError):
        return None
    # One of the formats of HTTP writes no zone, and UTC is meant (RFC 9110 §5.6.7).
    return date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC)


def error_of(
    answer: requests.Response, variables: str, *, is_counted: bool = False
) -> TenantUnavailable | CredentialsRefused | TenantRefused:
    """What an answer of 400 and above means for a client whose settings begin with `variables`, to a call
    that the pacer counts or to another one."""
    status, body = answer.status_code, json_object(answer)
    code, message = str(body.get("errorCode", "")), str(body.get("message", ""))
    if status == 429:
        wait = wait_asked_for(answer.headers)
        return TenantBusy(
            "The tenant asks us to slow down.", retry_after=wait, is_counted=is_counted
        )
    if status == 408 or (status >= 500 and status != 501):
        return TenantUnavailable(f"The tenant has trouble of its own (HTTP {status}).")
    if status == 401:
        return CredentialsRefused("The tenant does not accept its own Management API token.")
    if status == 403 and code == "insufficient_scope":
        scopes = message.partition("any of: ")[2].replace(" ", "").split(",")
        return ScopeMissing(tuple(filter(None, scopes)), variables)
    if not body and status != 403:  # that of something on the way, which knows nothing of anybody
        return TenantUnavailable(f"The tenant's answer cannot be read (HTTP {status}).")
    said = " ".join(message.split())[:200] or f"HTTP {status}"
    return TenantRefused("The tenant refused", said=said, status=status, code=code)


def token_refused(answer: requests.Response, variables: str, audience: str) -> TokenRefused:
    """What a 4xx of the token endpoint means."""
    reason = str(json_object(answer).get("error_description", ""))
    if answer.status_code == 401:
        return TokenRefused(
            f"The tenant does not know the client id and secret of {variables}_ID.",
            f"Copy both from Applications → Settings into {variables}_ID and {variables}_SECRET.",
        )
    if "Service not enabled" in reason:
        return TokenRefused(
            f"The tenant has no API called {audience}.",
            "Set AUTH0_MANAGEMENT_DOMAIN to the tenant's own domain, not its custom one.",
        )
    if "rant type" in reason:
        return TokenRefused(
            f"The application of {variables}_ID may not ask for tokens of its own.",
            "Switch Client Credentials on: Applications → Settings → Advanced → Grant Types.",
        )
    return TokenRefused(
        f"The application of {variables}_ID is not authorized for the Auth0 Management API.",
        "Authorize it: Applications → APIs → Auth0 Management API → Machine to Machine.",
    )
