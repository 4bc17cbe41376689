"""The tenant as a Flask app."""

import secrets
from urllib.parse import urlsplit

from flask import Blueprint, Flask, render_template

from . import management, web
from .authentication import authorize, discovery, grants, logout, token, userinfo
from .config import TenantConfig
from .control import api, dashboard, rate_limiting
from .control.fault_injection import FaultInjection
from .mail import mailbox
from .pages import (
    classic_login,
    classic_reset,
    forgot,
    universal_login,
    universal_reset,
    verify_email,
)
from .store.clients import APPLICATION
from .tenant import EXTENSION, Tenant, current_tenant

# Far more than a form or a Management API call needs.
_LARGEST_BODY_BYTES = 1_000_000

home = Blueprint("home", __name__)


@home.get("/")
def index() -> str:
    """The start page: what this is, with a link to the mailbox."""
    tenant = current_tenant()
    application = tenant.clients.seeded(APPLICATION)
    return render_template("index.html", application=application, issuer=tenant.issuer)


def create_tenant(config: TenantConfig) -> Flask:
    """The tenant's app without a server; the issuer is `public_url`, else the port's address."""
    url = (config.public_url or f"http://localhost:{config.port}").rstrip("/")
    return build_app(Tenant(config, url))


def build_app(tenant: Tenant) -> Flask:
    """The app of an opened tenant."""
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=tenant.database.made_once("cookie_secret", lambda: secrets.token_urlsafe(48)),
        # Ports of localhost share their cookies, so the name must differ from a site's.
        SESSION_COOKIE_NAME="local_tenant",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=tenant.url.startswith("https:"),
        WTF_CSRF_FIELD_NAME="_csrf",
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,  # the pages send no Referer
        MAX_CONTENT_LENGTH=_LARGEST_BODY_BYTES,
        # Against DNS rebinding: pages of another name must not read the mailbox.
        TRUSTED_HOSTS=["localhost", "127.0.0.1", urlsplit(tenant.url).hostname],
    )
    app.extensions[EXTENSION] = tenant
    app.json.sort_keys = False  # type: ignore[attr-defined]
    web.register(app)
    rate_limiting.register(app)  # before the check of the form token: a refused form counts
    web.csrf.init_app(app)
    grants.register(app)
    app.register_blueprint(home)
    for part in (
        *(authorize, discovery, token, userinfo, logout, management, mailbox),
        *(classic_login, classic_reset, forgot, universal_login, universal_reset, verify_email),
        *((api, dashboard) if tenant.config.control else ()),
    ):
        app.register_blueprint(part.bp)
    # Programs and other sites call these, without a form of ours; logout checks its own form.
    for part in (api, authorize, token, userinfo, logout, mailbox, management):
        web.csrf.exempt(part.bp)
    app.jinja_env.globals["control"] = tenant.config.control
    app.wsgi_app = FaultInjection(app.wsgi_app, tenant)  # type: ignore[method-assign]
    if tenant.config.demonstration is not None:
        around = tenant.config.demonstration.around
        app.wsgi_app = around(app.wsgi_app)  # type: ignore[method-assign,assignment]
    return app
