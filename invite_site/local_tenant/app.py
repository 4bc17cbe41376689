"""The tenant as a Flask app: where its parts are put together."""

from pathlib import Path
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, make_response, render_template

from . import management
from . import web as pages
from .authentication import authorize, logout
from .authentication import discovery as oidc
from .authentication.grants import create_authorization_server
from .config import TenantConfig
from .control import api as control
from .control import dashboard
from .control import rate_limiting as limiting
from .control.fault_injection import Wire
from .mail import mailbox
from .pages import classic_login as login
from .pages import classic_reset as reset
from .pages import forgot
from .pages import universal_login as new_login
from .pages import universal_reset as new_reset
from .store.clients import APPLICATION
from .tenant import EXTENSION, State, cookie_secret, current_state, open_state

_HERE = Path(__file__).parent
# Far above what a form or a Management API call needs.
_LARGEST_BODY_BYTES = 1_000_000

home = Blueprint("home", __name__)


@home.get("/")
def index() -> Response:
    """What this is, and the way to the mailbox."""
    state = current_state()
    application = state.clients.seeded(APPLICATION)
    return make_response(
        render_template("index.html", application=application, issuer=state.issuer)
    )


def create_tenant(config: TenantConfig) -> Flask:
    """The tenant's app without a server; the issuer is `public_url`, else the port's address."""
    url = (config.public_url or f"http://localhost:{config.port}").rstrip("/")
    return build_app(open_state(config, url))


def build_app(state: State) -> Flask:
    """The app around a state."""
    app = Flask(__name__, static_folder=_HERE / "static", template_folder=str(_HERE / "templates"))
    app.config.update(
        SECRET_KEY=cookie_secret(state.database),
        # Ports of localhost share their cookies: a name that no site uses.
        SESSION_COOKIE_NAME="local_tenant",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=state.url.startswith("https:"),
        MAX_CONTENT_LENGTH=_LARGEST_BODY_BYTES,
        # A foreign name that resolves to this machine must not read the mailbox.
        TRUSTED_HOSTS=["localhost", "127.0.0.1", urlsplit(state.url).hostname],
    )
    app.extensions[EXTENSION] = state
    app.json.sort_keys = False  # type: ignore[attr-defined]
    pages.register(app)
    limiting.register(app)
    server = create_authorization_server(app, state)
    app.register_blueprint(home)
    app.register_blueprint(oidc.create_blueprint(server))
    for page in (authorize, login, new_login):
        app.register_blueprint(page.create_blueprint(server))
    for part in (logout, reset, new_reset, forgot, management, mailbox):
        app.register_blueprint(part.blueprint)
    if state.config.control:
        app.register_blueprint(control.blueprint)
        app.register_blueprint(dashboard.blueprint)
    app.jinja_env.globals["control"] = state.config.control
    app.wsgi_app = Wire(app.wsgi_app, state)  # type: ignore[method-assign]
    return app
