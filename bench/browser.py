"""The client of a run: GET and POST over kept connections, cookies in the caller's hands."""

import json
import ssl
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection
from typing import Any
from urllib.parse import urljoin, urlsplit


@dataclass(frozen=True)
class Answer:
    """What came back: `location` is absolute, `cookies` is what a browser would send from now on."""

    status: int
    location: str
    cookies: str
    body: str
    headers: tuple[tuple[str, str], ...]


class Browser:
    """One connection to each address, kept open. `authority` is a file of what TLS may trust."""

    def __init__(self, authority: str | None = None) -> None:
        self._connections: dict[str, HTTPConnection] = {}
        self._trusted = ssl.create_default_context(cafile=authority) if authority else None

    def get(self, url: str, cookies: str = "", **headers: str) -> Answer:
        return self._ask("GET", url, None, {"Cookie": cookies, **headers})

    def post(self, url: str, form: str, cookies: str = "", **headers: str) -> Answer:
        kind = "application/x-www-form-urlencoded"
        return self._ask("POST", url, form, {"Cookie": cookies, "Content-Type": kind, **headers})

    def order(self, url: str, method: str = "GET", order: object = None) -> Any:
        """An order to the control plane of a tenant, and its answer."""
        body = None if order is None else json.dumps(order)
        headers = {"X-Tenant-Control": "1", "Content-Type": "application/json"}
        answer = self._ask(method, url, body, headers)
        if answer.status >= 300:
            raise RuntimeError(f"{method} {url} answered {answer.status}: {answer.body[:500]}")
        return json.loads(answer.body) if answer.body else None

    def redirected(self, url: str, cookies: str = "") -> Answer:
        """GET something that has to answer with a redirect."""
        answer = self.get(url, cookies)
        if answer.status not in (302, 303):
            raise RuntimeError(f"{url} answered {answer.status}: {answer.body[:500]}")
        return answer

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()

    def _ask(self, method: str, url: str, body: str | None, headers: dict[str, str]) -> Answer:
        parts = urlsplit(url)
        if parts.netloc not in self._connections:
            self._connections[parts.netloc] = (
                HTTPSConnection(parts.netloc, timeout=30, context=self._trusted)
                if parts.scheme == "https"
                else HTTPConnection(parts.netloc, timeout=30)
            )
        connection = self._connections[parts.netloc]
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        headers = {name: value for name, value in headers.items() if value}
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
        except ConnectionError:  # a server closes a connection that was idle for two minutes
            if method != "GET":
                raise
            connection.close()
            connection.request(method, path, body, headers)
            response = connection.getresponse()
        text = response.read().decode()
        return Answer(
            response.status,
            urljoin(url, response.headers.get("Location", "")),
            "; ".join(
                each.partition(";")[0] for each in response.headers.get_all("Set-Cookie", [])
            ),
            text,
            tuple(response.getheaders()),
        )
