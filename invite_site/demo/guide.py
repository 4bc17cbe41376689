"""The bar of the demo on every page of the site and the tenant: who you are, and the next step.

Put in by a WSGI middleware, since the two programs shall know nothing of the demo: a page is changed
after it was made, its policy stays as strict as it is, and a real site has none of this.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from jinja2 import Environment, FileSystemLoader

from ..errors import InviteSiteError
from .answers import Answer, ask
from .following import COOKIE
from .steps import Addresses, Scene, next_step
from .two_hosts import is_invitee

PAGES = Path(__file__).resolve().parent / "pages"
STYLE = "/_demo/guide.css"
FRAMED = "/html"  # the HTML part of a mail, which stands in a frame
BODY = b"<body>"

# The scene of a request, if there is one; True for one to the tenant, and the status of its answer.
SceneOf = Callable[[WSGIEnvironment, bool, int], Scene | None]


class Guide:
    """Writes the bar. `scene_of` looks at what has happened, `unread` counts new mails."""

    def __init__(self, addresses: Addresses, scene_of: SceneOf, unread: Callable[[], int]) -> None:
        self._addresses = addresses
        self._scene_of = scene_of
        self._unread = unread
        pages = Environment(loader=FileSystemLoader(PAGES), autoescape=True)
        self._template = pages.get_template("guide.html")
        self._style = (PAGES / "guide.css").read_bytes()

    def around(self, app: WSGIApplication, *, is_tenant: bool) -> WSGIApplication:
        """The same application with the bar on its pages."""

        def with_bar(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            path = str(environ.get("PATH_INFO", ""))
            if path == STYLE:
                return self._style_sheet().given_to(start_response)
            answer = ask(app, environ)
            if answer.media_type == "text/html" and not path.endswith(FRAMED):
                body = answer.whole_body()
                if BODY in body:
                    scene = self._scene(environ, answer, is_tenant=is_tenant)
                    bar = self._bar(environ, scene, is_tenant=is_tenant)
                    body = body.replace(BODY, BODY + bar.encode(), 1)
                    answer.headers += _kept(scene)
                answer = _with_body(answer, body)
            return answer.given_to(start_response)

        return with_bar

    def _scene(self, environ: WSGIEnvironment, answer: Answer, *, is_tenant: bool) -> Scene | None:
        try:
            return self._scene_of(environ, is_tenant, int(answer.status[:3]))
        except InviteSiteError:  # the page itself says what is wrong
            return None

    def _bar(self, environ: WSGIEnvironment, scene: Scene | None, *, is_tenant: bool) -> str:
        guided = scene.guided if scene else None
        invitee = f"{guided.name}, invitee" if guided else "the invitee"
        return self._template.render(
            who=invitee if is_invitee(environ) else "the owner",
            page="" if is_tenant or is_invitee(environ) else _page_of(environ),
            step=next_step(scene) if scene else None,
            mailbox=self._addresses.mailbox,
            dashboard=self._addresses.dashboard,
            unread=self._unread(),
        )

    def _style_sheet(self) -> Answer:
        headers = [
            ("Content-Type", "text/css; charset=utf-8"),
            ("Content-Length", str(len(self._style))),
            ("X-Content-Type-Options", "nosniff"),
            ("Cache-Control", "no-cache"),
        ]
        return Answer("200 OK", headers, [self._style])


def _kept(scene: Scene | None) -> list[tuple[str, str]]:
    """The cookie of an invitee who reads a mail."""
    if scene is None or scene.guided is None or not (scene.is_invitee and scene.is_mail):
        return []
    return [("Set-Cookie", f"{COOKIE}={scene.guided.ref}; Path=/; HttpOnly; SameSite=Lax")]


def _page_of(environ: WSGIEnvironment) -> str:
    """The address that an owner's page asks for its bar again, if it follows what happens by htmx. Empty for
    any other page, for a form and for the answer to one: once the session is over the sign-in is the answer,
    and what is typed would be lost."""
    path = str(environ.get("PATH_INFO", ""))
    is_form = environ["REQUEST_METHOD"] != "GET" or path.endswith("/new")
    if is_form or not path.startswith("/admin"):
        return ""
    return f"{path}?{environ.get('QUERY_STRING', '')}"


def _with_body(answer: Answer, body: bytes) -> Answer:
    if not body:  # the answer to a HEAD
        return Answer(answer.status, answer.headers, [])
    headers = [each for each in answer.headers if each[0].lower() != "content-length"]
    return Answer(answer.status, [*headers, ("Content-Length", str(len(body)))], [body])
