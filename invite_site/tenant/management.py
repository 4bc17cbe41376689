"""The tenant's Management API, as far as an invitation needs it.

Methods are named after the API's paths. Nothing of requests or Authlib leaves this module: each
answer becomes a value of ours or one of the errors drawn in `errors`.
"""

import secrets
import string
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse, Retry
from urllib3.exceptions import MaxRetryError

from ..errors import CredentialsRefused, TenantRefused, TenantUnavailable, UserExists
from ..settings import ReturnTo, Settings, is_loopback

TIMEOUT = (3.0, 10.0)  # seconds to connect, to answer
PATIENCE = 2.0  # seconds worth waiting inside a call; what is longer goes back into the queue
CONNECTIONS = 10
MARKER = "invitation_id"  # in `app_metadata`: which invitation of ours created this user


@dataclass(frozen=True, slots=True)
class TenantUser:
    """A user of the connection, as far as the site needs to know."""

    user_id: str
    invitation_ref: str | None
    email_verified: bool
    has_logged_in: bool
    last_password_reset: datetime | None


@dataclass(frozen=True, slots=True)
class Ticket:
    """A password change ticket. The address is a key to the account: it is mailed, never kept."""

    url: str
    issued_at: datetime  # by the tenant's clock

    def __repr__(self) -> str:
        return "Ticket(...)"


class Tenant:
    """A client of one tenant's Management API; safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._api = f"{settings.management_url}/api/v2"
        self._session = _ManagementSession(settings)

    def create_user(self, email: str, name: str, invitation_ref: str) -> str:
        """A user for this address, with a password that nobody knows; returns its `user_id`.

        `verify_email` is false, or Auth0 would send a second mail beside ours. Raises UserExists.
        """
        body: dict[str, Any] = {
            "connection": self._settings.connection,
            "email": email,
            "password": throwaway_password(),
            "email_verified": False,
            "verify_email": False,
            "app_metadata": {"invitedToMyApp": True, MARKER: invitation_ref},
        }
        if name:
            body["name"] = name
        answer = self._call("POST", "/users", json=body)
        with _reading():
            return _word(answer.json()["user_id"])

    def find_user(self, email_norm: str) -> TenantUser | None:
        """The user of our connection who has this address.

        The search ignores the connection and compares the address with the stored lower case one.
        """
        answer = self._call("GET", "/users-by-email", params={"email": email_norm})
        with _reading():
            for user in answer.json():
                if any(
                    identity.get("connection") == self._settings.connection
                    for identity in user.get("identities", ())
                ):
                    return _tenant_user(user)
        return None

    def get_user(self, user_id: str) -> TenantUser | None:
        """This user, or None where the tenant has none of that id (any more)."""
        try:
            answer = self._call("GET", f"/users/{quote(user_id, safe='')}")
        except TenantRefused as refused:
            if refused.status == 404:
                return None
            raise
        with _reading():
            return _tenant_user(answer.json())

    def create_ticket(self, user_id: str, *, ref: str, lifetime: int) -> Ticket:
        """A password change ticket that lives `lifetime` seconds. It replaces any earlier one.

        The Classic password page leads back to the ticket's `result_url`; New Universal Login
        knows only the way to the login route of the ticket's `client_id`. Auth0 refuses both in
        one ticket. The lifetime is always said, because Auth0 reads 0 as five days.
        """
        way_back = (
            {"client_id": self._settings.client_id}
            if self._settings.invite_return == ReturnTo.LOGIN_ROUTE
            else {"result_url": f"{self._settings.result_url}?{urlencode({'i': ref})}"}
        )
        answer = self._call(
            "POST",
            "/tickets/password-change",
            json={
                "user_id": user_id,
                "ttl_sec": max(lifetime, 1),
                "mark_email_as_verified": True,
                "includeEmailInRedirect": True,
                **way_back,
            },
        )
        with _reading():
            url = _word(answer.json()["ticket"])
            is_of_the_tenant = self._is_of_the_tenant(url)
        if not is_of_the_tenant:
            raise TenantRefused(
                "The tenant answered with a link to a host that is not its own; nothing was sent. "
                "Set AUTH0_DOMAIN to the tenant's custom domain if it has one."
            )
        return Ticket(url, _date_of(answer))

    def withdraw_ticket(self, user_id: str) -> None:
        """Make the user's live ticket worthless: a newer one replaces it and is thrown away."""
        self.create_ticket(user_id, ref="", lifetime=1)

    def send_password_email(self, email_norm: str) -> datetime:
        """Have the tenant send its own mail with a link; returns when, by the tenant's clock.

        The answer is the same whether or not the address has an account, so it proves nothing.
        """
        try:
            answer = self._session.request(
                "POST",
                f"{self._settings.tenant_url}/dbconnections/change_password",
                withhold_token=True,
                json={
                    "client_id": self._settings.client_id,
                    "email": email_norm,
                    "connection": self._settings.connection,
                },
            )
        except requests.RequestException as failed:
            raise TenantUnavailable("The tenant does not answer.") from failed
        if answer.status_code >= 400:
            raise _error_of(answer)
        return _date_of(answer)

    def _is_of_the_tenant(self, url: str) -> bool:
        ours = (self._settings.tenant_url, self._settings.management_url)
        return urlsplit(url)[:2] in [urlsplit(address)[:2] for address in ours]

    def _call(self, method: str, path: str, **request: Any) -> requests.Response:
        """One call. A refused token is renewed once: the tenant may have changed its keys."""
        try:
            answer = self._session.send_with_token(method, self._api + path, **request)
            if answer.status_code == 401:
                self._session.renew_token(answer.request.headers.get("Authorization", ""))
                answer = self._session.send_with_token(method, self._api + path, **request)
        except OAuthError as refused:
            raise _token_error(refused) from refused
        except (requests.RequestException, ValueError) as failed:
            raise TenantUnavailable("The tenant does not answer.") from failed
        if answer.status_code < 400:
            return answer
        raise _error_of(answer)


class _ManagementSession(OAuth2Session):
    """Requests with a token of our own: fetched once, renewed once, however many threads ask.

    Authlib's own renewal forgets the `audience`, without which Auth0 gives no token.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            settings.management_client_id,
            settings.management_client_secret,
            token_endpoint=f"{settings.management_url}/oauth/token",
            token_endpoint_auth_method="client_secret_post",  # noqa: S106 - a method's name
            default_timeout=TIMEOUT,
        )
        self._audience = settings.management_audience
        self._lock = threading.Lock()
        if is_loopback(settings.management_url):
            self.trust_env = False  # a proxy of the environment does not know this machine
        adapter = HTTPAdapter(pool_maxsize=CONNECTIONS, pool_block=True, max_retries=_ShortWaits())
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def ensure_active_token(self, token: Any = None) -> bool:
        with self._lock:
            if not self.token or self.token.is_expired(leeway=self.leeway):
                self.fetch_token(grant_type="client_credentials", audience=self._audience)
        return True

    def send_with_token(self, method: str, url: str, **request: Any) -> requests.Response:
        self.ensure_active_token()
        return self.request(method, url, **request)

    def renew_token(self, refused: str) -> None:
        """A new token, unless another thread has fetched one since `refused` was sent."""
        with self._lock:
            if self.token and refused == f"Bearer {self.token['access_token']}":
                self.fetch_token(grant_type="client_credentials", audience=self._audience)


class _ShortWaits(Retry):
    """Repeats what the tenant certainly has not done: no connection, or a 429 with a short wait.

    Auth0 says when in `x-ratelimit-reset`, which urllib3 does not know. A POST whose answer was
    lost is never repeated here; the queue settles it by looking the address up.
    """

    RETRY_AFTER_STATUS_CODES = frozenset({429})  # a 503 may have been acted upon

    def __init__(self, total: int = 3, **options: Any) -> None:
        defaults: dict[str, Any] = {
            "connect": 1,
            "read": 0,
            "status": 2,
            "other": 0,
            "redirect": 0,
            "status_forcelist": (429,),
            "allowed_methods": None,
            "backoff_factor": 0.2,
            "backoff_jitter": 0.1,
            "raise_on_status": False,
        }
        super().__init__(total=total, **(defaults | options))

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        return wait_asked_for(response.headers)

    def increment(self, *args: Any, **kwargs: Any) -> Any:
        response = kwargs.get("response")
        if response is not None and (self.get_retry_after(response) or 0) > PATIENCE:
            raise MaxRetryError(kwargs.get("_pool"), "")  # type: ignore[arg-type]  # only its type is read
        return super().increment(*args, **kwargs)


def invitation_link(ticket_url: str, app_name: str) -> str:
    """The ticket with the invitation noted behind its `#`; not one byte before that changes.

    The tenant's page reads the note to greet the invitee. Auth0's tickets end in a bare `#`.
    """
    hash_sign = "" if ticket_url.endswith("#") else "#"
    return f"{ticket_url}{hash_sign}type=invite&app={quote(app_name, safe='')}"


@contextmanager
def _reading() -> Iterator[None]:
    """An answer that is not what the API promises counts as none."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError) as failed:
        raise TenantUnavailable("The tenant's answer cannot be read.") from failed


def _word(value: object) -> str:
    """A text that has to be there. Raises ValueError, which `_reading` turns into an answer of none."""
    if not isinstance(value, str) or not value:
        raise ValueError("a text is missing")
    return value


def wait_asked_for(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait: `Retry-After`, else Auth0's `x-ratelimit-reset` (UNIX seconds), else None."""
    after = headers.get("Retry-After", "")
    if after.isdecimal():
        return float(after)
    reset = headers.get("x-ratelimit-reset", "")
    if reset.isdecimal():
        return max(float(reset) - time.time(), 0.0)
    return None


def throwaway_password() -> str:
    """A password for nobody, strong enough for every policy of Auth0, and within bcrypt's 72 bytes.

    No letter comes three times in a row: each is drawn unlike the one before it.
    """
    letters: list[str] = []
    for kind in (string.ascii_lowercase, string.ascii_uppercase, string.digits, "!@#$%^&*") * 10:
        letters.append(secrets.choice([c for c in kind if c not in letters[-1:]]))
    return "".join(letters)


def _tenant_user(user: Mapping[str, Any]) -> TenantUser:
    reset = user.get("last_password_reset")
    marker = (user.get("app_metadata") or {}).get(MARKER)
    return TenantUser(
        user_id=_word(user["user_id"]),
        invitation_ref=marker if isinstance(marker, str) else None,
        email_verified=user.get("email_verified") is True,
        has_logged_in=bool(user.get("logins_count")),
        last_password_reset=datetime.fromisoformat(reset) if isinstance(reset, str) else None,
    )


def _date_of(answer: requests.Response) -> datetime:
    try:
        return parsedate_to_datetime(answer.headers["Date"]).astimezone(UTC)
    except (KeyError, ValueError):
        return datetime.now(UTC)


def _token_error(refused: OAuthError) -> CredentialsRefused | TenantUnavailable:
    if str(refused.error).lower().replace(" ", "_") == "too_many_requests":
        return TenantUnavailable("The tenant asks us to slow down.")
    return CredentialsRefused(
        "The tenant does not accept the Management API credentials. Check "
        "AUTH0_MANAGEMENT_CLIENT_ID and AUTH0_MANAGEMENT_CLIENT_SECRET, and that this "
        "application is authorized for the Auth0 Management API; then restart the site."
    )


def _error_of(
    answer: requests.Response,
) -> TenantRefused | TenantUnavailable | CredentialsRefused:
    status = answer.status_code
    if status == 429:
        return TenantUnavailable(
            "The tenant asks us to slow down.", retry_after=wait_asked_for(answer.headers)
        )
    if status >= 500 or status == 408:
        return TenantUnavailable(f"The tenant has trouble of its own (HTTP {status}).")
    if status == 401:
        return CredentialsRefused("The tenant does not accept our Management API token.")
    if status == 403:
        return CredentialsRefused(
            "The Management API application lacks a permission. It needs the scopes "
            "create:users, read:users and create:user_tickets; then restart the site."
        )
    try:
        code = str(answer.json().get("errorCode", ""))
    except (ValueError, AttributeError):
        code = ""
    if status == 409:
        return UserExists("This address already has an account.", status=status, code=code)
    words = f"HTTP {status} {code}".rstrip()
    return TenantRefused(f"The tenant refused this invitation ({words}).", status=status, code=code)
