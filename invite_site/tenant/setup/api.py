"""The Management API, as far as the configuration of a tenant goes."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import requests

from ...errors import CredentialsRefused, TenantRefused, TenantUnavailable
from ...settings import Settings, is_loopback
from ..management import wait_asked_for

TIMEOUT = (3.0, 10.0)  # seconds to connect, to answer
TRIES = 6  # of a call that the tenant puts off
LONGEST_WAIT = 30.0  # seconds that we wait because the tenant asked


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
    def for_setup(cls, client_id: str, client_secret: str) -> "Credentials | None":
        """None unless both are there."""
        if not client_id or not client_secret:
            return None
        return cls("TENANT_SETUP_CLIENT", client_id, client_secret)


class TokenRefused(CredentialsRefused):
    """The tenant gives no token for these credentials; says why and what to do."""

    def __init__(self, says: str, mend: str) -> None:
        self.says = says
        self.mend = mend
        super().__init__(f"{says} {mend}")


class ScopeMissing(CredentialsRefused):
    """The application lacks a permission of the Management API. `scopes`: any of these would do."""

    def __init__(self, scopes: tuple[str, ...], variables: str) -> None:
        self.scopes = scopes
        super().__init__(
            f"The application of {variables}_ID lacks the permission {' or '.join(scopes)}."
        )


def session_for(url: str) -> requests.Session:
    """A session for this address; a proxy of the environment does not know this machine."""
    session = requests.Session()
    session.trust_env = not is_loopback(url)
    return session


class ManagementApi:
    """Calls with one token; waits where the tenant asks us to slow down."""

    def __init__(self, settings: Settings, credentials: Credentials) -> None:
        self._settings = settings
        self._credentials = credentials
        self._session = session_for(settings.management_url)
        self._token: str | None = None
        self._scopes: frozenset[str] | None = None
        self.limit = ""  # the last `x-ratelimit-limit` that a call brought

    def scopes(self) -> frozenset[str] | None:
        """What the token allows; None where the tenant does not say."""
        self._have_token()
        return self._scopes

    def get(self, path: str, **query: str) -> Any | None:
        """What is there, or None where there is nothing (404)."""
        try:
            return self._call("GET", path, params=query)
        except TenantRefused as refused:
            if refused.status == 404:
                return None
            raise

    def each(self, path: str, name: str) -> Iterator[Any]:
        """The items of a list that comes in pages by checkpoint."""
        query: dict[str, str] = {"take": "100"}
        while True:
            page = self._call("GET", path, params=query)
            yield from page[name]
            if not page.get("next"):
                return
            query["from"] = page["next"]

    def send(self, method: str, path: str, body: Any) -> Any:
        return self._call(method, path, json=body)

    def _have_token(self) -> None:
        if self._token is not None:
            return
        answer = self._ask(
            "POST",
            f"{self._settings.management_url}/oauth/token",
            data={
                "grant_type": "client_credentials",
                "client_id": self._credentials.client_id,
                "client_secret": self._credentials.client_secret,
                "audience": self._settings.management_audience,
            },
        )
        if answer.status_code >= 400:
            raise self._token_error(answer)
        try:
            granted = answer.json()
            self._token = str(granted["access_token"])
        except (ValueError, KeyError, TypeError) as failed:
            raise TenantUnavailable("The tenant's answer to a token request is none.") from failed
        scope = granted.get("scope")
        self._scopes = frozenset(scope.split()) if isinstance(scope, str) else None

    def _call(self, method: str, path: str, **request: Any) -> Any:
        self._have_token()
        answer = self._ask(
            method,
            f"{self._settings.management_url}/api/v2{path}",
            headers={"Authorization": f"Bearer {self._token}"},
            **request,
        )
        self.limit = answer.headers.get("x-ratelimit-limit", self.limit)
        if answer.status_code >= 400:
            raise self._error(answer)
        try:
            return answer.json() if answer.content else None
        except ValueError as failed:
            raise TenantUnavailable("The tenant's answer cannot be read.") from failed

    def _ask(self, method: str, url: str, **request: Any) -> requests.Response:
        for _ in range(TRIES):
            try:
                answer = self._session.request(
                    method, url, timeout=TIMEOUT, allow_redirects=False, **request
                )
            except (requests.RequestException, ValueError) as failed:
                raise TenantUnavailable("The tenant does not answer.") from failed
            if answer.status_code != 429:
                break
            time.sleep(min(max(wait_asked_for(answer.headers) or 1.0, 0.1), LONGEST_WAIT))
        if answer.status_code == 429:
            raise TenantUnavailable("The tenant asks us to slow down.")
        if answer.status_code >= 500 and answer.status_code != 501:
            raise TenantUnavailable(
                f"The tenant has trouble of its own (HTTP {answer.status_code})."
            )
        return answer

    def _token_error(self, answer: requests.Response) -> CredentialsRefused:
        said = str(_body(answer).get("error_description", ""))
        variables = self._credentials.variables
        if answer.status_code == 401:
            return TokenRefused(
                f"The tenant does not know the client id and secret of {variables}_ID.",
                f"Copy both from Applications → Settings into {variables}_ID and {variables}_SECRET.",
            )
        if "Service not enabled" in said:
            return TokenRefused(
                f"The tenant has no API called {self._settings.management_audience}.",
                "Set AUTH0_MANAGEMENT_DOMAIN to the tenant's own domain, not its custom one.",
            )
        if "rant type" in said:
            return TokenRefused(
                f"The application of {variables}_ID may not ask for tokens of its own.",
                "Switch Client Credentials on: Applications → Settings → Advanced → Grant Types.",
            )
        return TokenRefused(
            f"The application of {variables}_ID is not authorized for the Auth0 Management API.",
            "Authorize it: Applications → APIs → Auth0 Management API → Machine to Machine.",
        )

    def _error(self, answer: requests.Response) -> CredentialsRefused | TenantRefused:
        status, body = answer.status_code, _body(answer)
        code, said = str(body.get("errorCode", "")), str(body.get("message", ""))
        if status == 401:
            return CredentialsRefused("The tenant does not accept its own Management API token.")
        if status == 403 and code == "insufficient_scope":
            wanted = said.partition("any of: ")[2].replace(" ", "").split(",")
            return ScopeMissing(tuple(filter(None, wanted)), self._credentials.variables)
        words = " ".join(said.split())[:200] or f"HTTP {status}"
        return TenantRefused(f"The tenant refused: {words}", status=status, code=code)


def _body(answer: requests.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
