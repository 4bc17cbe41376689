"""HTTP to the Management API: one session, its token, its waits.

The running site (`management`) and the setup commands (`setup`) call the API through this module
alone. Requests and Authlib end here: a call returns an answer or raises an error of ours.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from urllib3 import Retry

from ..errors import TenantRefused, TenantUnavailable
from ..settings import Settings, is_loopback
from .answers import error_of, json_object, reading_answer, token_refused, wait_asked_for
from .bounded import BoundedAdapter
from .rate_limits import Kind, kind_of

TIMEOUT = (3.0, 10.0)  # seconds to connect, to answer
CONNECTIONS = 32  # kept open; as many as a worker has threads

# Told of each answer: what the call counts as, the status, the headers, how many seconds it took.
Observer = Callable[[Kind, int, Mapping[str, str], float], None]


@dataclass(frozen=True, slots=True)
class Credentials:
    """A client of the Management API; `variables` is what its two settings begin with."""

    variables: str
    client_id: str
    client_secret: str = field(repr=False)

    @classmethod
    def of_the_site(cls, settings: Settings) -> "Credentials":
        return cls(
            "AUTH0_MANAGEMENT_CLIENT",
            settings.management_client_id,
            settings.management_client_secret,
        )

    @classmethod
    def for_setup(cls, client_id: str, client_secret: str) -> "Credentials":
        return cls("TENANT_SETUP_CLIENT", client_id, client_secret)


@dataclass(frozen=True, slots=True)
class Patience:
    """What a call does about a 429: tries in all, and the longest wait between two, in seconds.

    `reconnects` is how often it connects again where nobody answered.
    """

    tries: int
    longest_wait: float
    reconnects: int


# The row goes back into the queue, which knows when the tenant takes calls again.
WORKER = Patience(tries=1, longest_wait=0.0, reconnects=1)
# Somebody waits for a page.
PAGE = Patience(tries=3, longest_wait=2.0, reconnects=1)
# Somebody waits at a terminal: no queue to come back from, and an address may be mistyped.
COMMAND = Patience(tries=6, longest_wait=60.0, reconnects=0)


class ManagementApi:
    """Calls of one tenant's Management API with one client's token; safe to share between threads.

    Every call raises TenantUnavailable (no answer, an unreadable one, 429, 5xx), CredentialsRefused
    (with TokenRefused and ScopeMissing where the cause is known), or TenantRefused for any other 4xx.
    """

    def __init__(
        self,
        settings: Settings,
        credentials: Credentials,
        patience: Patience,
        on_answer: Observer | None = None,
    ) -> None:
        self.rate_limit = ""  # the newest `x-ratelimit-limit`
        self._url = f"{settings.management_url}/api/v2"
        self.credentials = credentials
        self._on_answer = on_answer
        self._session = _Session(settings, credentials, patience)

    def sign_in(self) -> None:
        """Have a token, which the first call would else wait for."""
        with transport_errors():
            self._session.ensure_active_token()

    def scopes(self) -> frozenset[str] | None:
        """What the token allows, or None where the tenant does not say."""
        self.sign_in()
        scope = self._session.token.get("scope")
        return frozenset(scope.split()) if isinstance(scope, str) else None

    def get(self, path: str, **query: str) -> Any | None:
        """What is at this path, or None where there is nothing (404)."""
        try:
            return _json(self.call("GET", path, params=query), is_optional=False)
        except TenantRefused as refused:
            if refused.status == 404:
                return None
            raise

    def each(self, path: str, name: str) -> Iterator[Any]:
        """The items of a list that comes in pages by checkpoint."""
        query: dict[str, str] = {"take": "100"}
        while True:
            page = _json(self.call("GET", path, params=query))
            with reading_answer():
                items, query["from"] = page[name], page.get("next", "")
            yield from items
            if not query["from"]:
                return

    def send(self, method: str, path: str, body: Any) -> Any:
        """Send a body; returns the answer's, or None where it has none."""
        return _json(self.call(method, path, json=body))

    def call(self, method: str, path: str, **request: Any) -> requests.Response:
        """One call. A refused token is renewed once: the tenant may have changed its keys."""
        with transport_errors():
            answer = self._request(method, path, **request)
            if answer.status_code == 401:
                self._session.renew_token(answer.request.headers.get("Authorization", ""))
                answer = self._request(method, path, **request)
        self.rate_limit = answer.headers.get("x-ratelimit-limit", self.rate_limit)
        kind = kind_of(method, path)
        if self._on_answer and kind:
            seconds = answer.elapsed.total_seconds()
            self._on_answer(kind, answer.status_code, answer.headers, seconds)
        return self._accepted(answer, is_counted=kind is not None)

    def post_without_token(self, url: str, body: Any) -> requests.Response:
        """A call of the Authentication API, which takes no token."""
        with transport_errors():
            answer = self._session.request("POST", url, withhold_token=True, json=body)
        return self._accepted(answer)

    def _request(self, method: str, path: str, **request: Any) -> requests.Response:
        self._session.ensure_active_token()
        return self._session.request(method, self._url + path, **request)

    def _accepted(
        self, answer: requests.Response, *, is_counted: bool = False
    ) -> requests.Response:
        if answer.status_code < 400:
            return answer
        raise error_of(answer, self.credentials.variables, is_counted=is_counted)


class _Session(OAuth2Session):
    """Requests with a token of our own: fetched once, renewed once, however many threads ask.

    Authlib's own renewal forgets the `audience`, without which Auth0 gives no token.
    """

    def __init__(self, settings: Settings, credentials: Credentials, patience: Patience) -> None:
        super().__init__(
            credentials.client_id,
            credentials.client_secret,
            token_endpoint=f"{settings.management_url}/oauth/token",
            token_endpoint_auth_method="client_secret_post",  # noqa: S106 - a method's name
            default_timeout=TIMEOUT,
        )
        self._audience = settings.management_audience
        self._variables = credentials.variables
        self._patience = patience
        self._lock = threading.Lock()
        self.register_compliance_hook("access_token_response", self._check_token_answer)
        if is_loopback(settings.management_url):
            self.trust_env = False  # a proxy of the environment does not know this machine
        # Repeats only what the tenant has certainly not seen. After a lost answer the queue looks
        # the address up instead, and `send` sees to a 429.
        retry = Retry(
            connect=patience.reconnects,
            read=0,
            other=0,
            status=0,
            backoff_factor=0.2,
            respect_retry_after_header=False,
        )
        adapter = BoundedAdapter(pool_maxsize=CONNECTIONS, max_retries=retry)
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Every request passes here, the one for a token included. Repeats it after a 429.

        No redirect is followed: it would carry a token, a secret or an address somewhere else.
        """
        options["allow_redirects"] = False
        for attempt in range(1, self._patience.tries + 1):
            answer = super().send(request, **options)
            if answer.status_code != 429 or attempt == self._patience.tries:
                break
            wait = wait_asked_for(answer.headers)
            wait = 0.1 * 2**attempt if wait is None else max(wait, 0.1)
            if wait > self._patience.longest_wait:
                break
            time.sleep(wait)
        if 300 <= answer.status_code < 400:
            raise TenantUnavailable("The tenant's answer cannot be read.")
        return answer

    def ensure_active_token(self, token: Any = None) -> bool:
        with self._lock:
            if not self.token or self.token.is_expired(leeway=self.leeway):
                self._fetch_own_token()
        return True

    def renew_token(self, refused: str) -> None:
        """A new token, unless another thread has fetched one since `refused` was sent."""
        with self._lock:
            if self.token and refused == f"Bearer {self.token['access_token']}":
                self._fetch_own_token()

    def _fetch_own_token(self) -> None:
        self.fetch_token(grant_type="client_credentials", audience=self._audience)

    def _check_token_answer(self, answer: requests.Response) -> requests.Response:
        if answer.status_code == 429:
            raise error_of(answer, self._variables)
        if 400 <= answer.status_code < 500:
            raise token_refused(answer, self._variables, self._audience)
        if answer.status_code < 300 and not _is_token(answer):
            # Authlib would keep it for the process's life: nothing says when it runs out.
            raise TenantUnavailable("The tenant's answer cannot be read.")
        return answer


def _is_token(answer: requests.Response) -> bool:
    """Whether this is a token that a request can carry."""
    body = json_object(answer)
    token, kind = body.get("access_token"), body.get("token_type", "Bearer")
    is_text = isinstance(token, str) and token.isascii() and token.isprintable() and token != ""
    return is_text and isinstance(kind, str) and kind.lower() == "bearer"


@contextmanager
def transport_errors() -> Iterator[None]:
    """Around a request. Raises TenantUnavailable where no answer came."""
    try:
        yield
    except (requests.RequestException, OAuthError, ValueError) as failed:
        raise TenantUnavailable("The tenant does not answer.") from failed


def _json(answer: requests.Response, *, is_optional: bool = True) -> Any:
    with reading_answer():
        body = answer.json() if answer.content else None
        if body is None and not is_optional:
            raise ValueError("the answer is empty")
        return body
