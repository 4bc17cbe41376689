"""Two people in one browser: the owner at localhost, the invitee at 127.0.0.1.

Browsers keep the cookies of two host names apart, so nobody needs a private window. The site and the
tenant know of localhost alone: a request to 127.0.0.1 is handed on as one to localhost, and the
addresses in the answer are written back. Both names are nine characters long, so lengths stay.
"""

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from .answers import Answer, ask

OWNER, INVITEE = "localhost", "127.0.0.1"
# What a browser reads addresses from. JSON is the answer to the script of the password page.
HEADERS = ("location", "content-security-policy")
BODIES = ("text/html", "application/json")


def is_invitee(environ: WSGIEnvironment) -> bool:
    """Whether the request was sent to the invitee's host name."""
    return str(environ.get("HTTP_HOST", "")).startswith(f"{INVITEE}:")


class TwoHosts:
    """An application that answers under both names; `ports` are those of site and tenant."""

    def __init__(self, app: WSGIApplication, ports: tuple[int, ...]) -> None:
        self._app = app
        self._names = [(f"http://{OWNER}:{port}", f"http://{INVITEE}:{port}") for port in ports]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not is_invitee(environ):
            return self._app(environ, start_response)
        inner = environ | {"HTTP_HOST": environ["HTTP_HOST"].replace(INVITEE, OWNER)}
        for name in ("HTTP_ORIGIN", "HTTP_REFERER"):
            if name in inner:
                inner[name] = self._written(inner[name], to_invitee=False)
        answer = ask(self._app, inner)
        answer.headers = [
            (name, self._written(value, to_invitee=True) if name.lower() in HEADERS else value)
            for name, value in answer.headers
        ]
        if answer.media_type in BODIES and environ["REQUEST_METHOD"] != "HEAD":
            answer.body = self._rewritten(answer)
        return answer.given_to(start_response)

    def _written(self, text: str, *, to_invitee: bool) -> str:
        for owner, invitee in self._names:
            text = text.replace(owner, invitee) if to_invitee else text.replace(invitee, owner)
        return text

    def _rewritten(self, answer: Answer) -> list[bytes]:
        body = answer.whole_body()
        for owner, invitee in self._names:
            body = body.replace(owner.encode(), invitee.encode())
        return [body]
