"""A look at the tenant: each thing is asked for once, and whoever asks again gets the same answer."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar, cast
from urllib.parse import quote

import requests

from ...errors import CredentialsRefused, InviteSiteError, TenantUnavailable
from ...settings import Settings, is_loopback
from ..http import COMMAND, TIMEOUT, Credentials, ManagementApi
from .files import Wanted

T = TypeVar("T")


class Look:
    """Reads with the setup credentials where there are any that work, else with the site's."""

    def __init__(
        self,
        settings: Settings,
        wanted: Wanted,
        setup: Credentials | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.settings = settings
        self.wanted = wanted
        self.setup = setup
        self.now = now
        self._site_api = ManagementApi(settings, Credentials.of_the_site(settings), COMMAND)
        self._setup_api = ManagementApi(settings, setup, COMMAND) if setup else None
        self._session = requests.Session()
        self._session.trust_env = not is_loopback(settings.tenant_url)
        self._seen: dict[Any, Any] = {}

    def scopes_of_the_site(self) -> frozenset[str] | None:
        return self._once("site", self._site_api.scopes)

    def scopes_for_setup(self) -> frozenset[str] | None:
        api = self._setup_api
        return self._once("setup", api.scopes) if api else frozenset()

    @property
    def limit(self) -> str:
        """What the Management API said of its rate, if it did."""
        return (self._setup_api.rate_limit if self._setup_api else "") or self._site_api.rate_limit

    def discovery(self) -> requests.Response:
        return self._once("discovery", lambda: self.visit("/.well-known/openid-configuration"))

    def read(self, path: str, **query: str) -> Any | None:
        """What the Management API has there, or None. Raises ScopeMissing and its kin."""
        key = (path, tuple(sorted(query.items())))
        return self._once(key, lambda: self._reader().get(path, **query))

    def listed(self, path: str, name: str) -> list[Any]:
        return self._once((path, name), lambda: list(self._reader().each(path, name)))

    def visit(self, path: str, method: str = "GET", **request: Any) -> requests.Response:
        """The tenant as anybody sees it, without cookies and without following a redirect."""
        try:
            answer = self._session.request(
                method,
                self.settings.tenant_url + path,
                timeout=TIMEOUT,
                allow_redirects=False,
                **request,
            )
        except (requests.RequestException, ValueError) as failed:
            raise TenantUnavailable("The tenant does not answer.") from failed
        finally:
            self._session.cookies.clear()
        if answer.status_code == 429 or answer.status_code >= 500:
            raise TenantUnavailable(f"The tenant has no time now (HTTP {answer.status_code}).")
        return answer

    def client(self) -> Any | None:
        return self.read(f"/clients/{quote(self.settings.client_id, safe='')}")

    def connection(self) -> Any | None:
        found = self.read("/connections", name=self.settings.connection)
        return found[0] if found else None

    def _reader(self) -> ManagementApi:
        if self._setup_api is not None:
            try:
                self.scopes_for_setup()
                return self._setup_api
            except CredentialsRefused:
                pass  # the check of these credentials says so
        self.scopes_of_the_site()
        return self._site_api

    def _once(self, key: Any, ask: Callable[[], T]) -> T:
        if key not in self._seen:
            try:
                self._seen[key] = ask()
            except InviteSiteError as failed:
                self._seen[key] = failed
        found = self._seen[key]
        if isinstance(found, InviteSiteError):
            raise found
        return cast(T, found)
