"""The answer of a WSGI application, to be changed before it is given on."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


@dataclass
class Answer:
    """Status, headers and body."""

    status: str
    headers: list[tuple[str, str]]
    body: Iterable[bytes]

    @property
    def media_type(self) -> str:
        """The Content-Type without its parameters."""
        found = next((v for name, v in self.headers if name.lower() == "content-type"), "")
        return found.partition(";")[0].strip()

    def whole_body(self) -> bytes:
        """All of the body, read to its end and closed."""
        try:
            return b"".join(self.body)
        finally:
            if close := getattr(self.body, "close", None):
                close()

    def given_to(self, start_response: StartResponse) -> Iterable[bytes]:
        """The body, after the status and the headers have been told."""
        start_response(self.status, self.headers)
        return self.body


def ask(app: WSGIApplication, environ: WSGIEnvironment) -> Answer:
    """The answer of an application that, as Flask's do, tells its status before it returns."""
    told: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> Any:
        told.append((status, list(headers)))

    body = app(environ, start_response)
    status, headers = told[-1]
    return Answer(status, headers, body)
