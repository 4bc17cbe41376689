"""Reads the tenant: each thing is asked for once, and whoever asks again gets the same answer."""

from collections.abc import Callable
from typing import Any, TypeVar, cast
from urllib.parse import quote

import requests

from ...errors import CredentialsRefused, InviteSiteError, TenantUnavailable
from ...settings import Settings, is_loopback
from ..answers import ScopeMissing
from ..http import COMMAND, TIMEOUT, Credentials, ManagementApi, transport_errors

T = TypeVar("T")


class TenantReader:
    """Reads with the setup credentials where there are any that work, else with the site's.

    Every method raises TenantUnavailable; those of the Management API also what ManagementApi does.
    """

    def __init__(self, settings: Settings, setup: ManagementApi | None = None) -> None:
        self.setup = setup
        self._settings = settings
        self._site = ManagementApi(settings, Credentials.of_the_site(settings), COMMAND)
        self._answers: dict[Any, Any] = {}

    def site_scopes(self) -> frozenset[str] | None:
        """What the site's token allows, or None where the tenant does not say."""
        return self._once("site", self._site.scopes)

    def setup_scopes(self) -> frozenset[str] | None:
        """What the setup token allows, or None where the tenant does not say."""
        return self._once("setup", self.setup.scopes) if self.setup else frozenset()

    @property
    def rate_limit(self) -> str:
        """The newest `x-ratelimit-limit` of the Management API, or nothing."""
        return (self.setup.rate_limit if self.setup else "") or self._site.rate_limit

    def discovery(self) -> requests.Response:
        return self._once("discovery", lambda: self.visit("/.well-known/openid-configuration"))

    def read(self, path: str, **query: str) -> Any | None:
        """What the Management API has at this path, or None (404)."""
        key = (path, tuple(sorted(query.items())))
        return self._once(key, lambda: self._api().get(path, **query))

    def read_all(self, path: str, name: str) -> list[Any]:
        """The items of a list that comes in pages."""
        return self._once((path, name), lambda: list(self._api().each(path, name)))

    def application(self, client_id: str) -> Any | None:
        return self.read(f"/clients/{quote(client_id, safe='')}")

    def lacks_application(self, client_id: str) -> bool:
        """Whether the tenant has none with this id; False where we may not look for it."""
        try:
            return self.application(client_id) is None
        except ScopeMissing:
            return False

    def connection(self) -> Any | None:
        """The connection of AUTH0_CONNECTION."""
        found = self.read("/connections", name=self._settings.connection)
        return found[0] if found else None

    def visit(self, path: str, method: str = "GET", **request: Any) -> requests.Response:
        """The tenant as anybody sees it: no token, no cookies, no redirect followed."""
        url = self._settings.tenant_url + path
        with transport_errors(), requests.Session() as session:
            session.trust_env = not is_loopback(url)
            answer = session.request(method, url, timeout=TIMEOUT, allow_redirects=False, **request)
        if answer.status_code == 429 or answer.status_code >= 500:
            raise TenantUnavailable(f"The tenant has no time now (HTTP {answer.status_code}).")
        return answer

    def _api(self) -> ManagementApi:
        if self.setup is not None:
            try:
                self.setup_scopes()
                return self.setup
            except CredentialsRefused:
                pass  # the requirement about these credentials says so
        self.site_scopes()
        return self._site

    def _once(self, key: Any, ask: Callable[[], T]) -> T:
        if key not in self._answers:
            try:
                self._answers[key] = ask()
            except InviteSiteError as failed:
                self._answers[key] = failed
        found = self._answers[key]
        if isinstance(found, InviteSiteError):
            raise found
        return cast(T, found)
