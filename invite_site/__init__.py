"""The invite-to-login site. `create_app` puts the parts together, and nothing else does."""

from collections.abc import Callable
from datetime import UTC, datetime

from dotenv import load_dotenv
from flask import Flask

from . import logs
from .accounts.admins import Admins
from .accounts.sessions import Sessions
from .cli import invite as cli
from .database.engine import open_engine
from .invitations.circuit_breaker import Pauses
from .invitations.leases import Queue
from .invitations.ledger import Ledger
from .invitations.service import Invitations
from .mail.message import Mailer
from .settings import DAY, ROOT, Settings
from .tenant.management import Tenant
from .tenant.relying_party import RelyingParty
from .web import home as account
from .web import landing
from .web import signin as auth
from .web import templating as pages
from .web.admin import invitations as admin
from .web.current import Site, csrf

__all__ = ["create_app"]


def create_app(
    settings: Settings | None = None, clock: Callable[[], datetime] | None = None
) -> Flask:
    """The site. Without `settings` it reads `.env` and the environment; `clock` gives aware UTC.

    Raises ConfigError naming everything that is wrong with the settings.
    """
    if settings is None:
        load_dotenv(ROOT / ".env")
        settings = Settings.from_env()
    clock = clock or (lambda: datetime.now(UTC))
    logs.configure(settings)

    app = Flask(
        __name__, template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static")
    )
    app.config.from_mapping(
        SECRET_KEY=settings.secret_keys[0],
        SECRET_KEY_FALLBACKS=list(settings.secret_keys[1:]),
        SESSION_COOKIE_NAME="__Host-login" if settings.is_https else "login",
        SESSION_COOKIE_SECURE=settings.is_https,
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=64 * 1024,
        SEND_FILE_MAX_AGE_DEFAULT=365 * DAY,  # their addresses carry a fingerprint
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a form may stay open over lunch
    )
    # Redirects for a slash too few or too many would take their host from the request.
    app.url_map.strict_slashes = app.url_map.merge_slashes = False
    engine = open_engine(settings.database_url)
    ledger = Ledger(engine, connection=settings.connection, client_id=settings.client_id)
    pauses = Pauses(engine)
    sessions = Sessions(engine, clock)
    tenant = Tenant(settings)
    app.extensions["invite_site"] = Site(
        settings=settings,
        engine=engine,
        invitations=Invitations(
            settings,
            ledger=ledger,
            queue=Queue(engine),
            pauses=pauses,
            tenant=tenant,
            mailer=Mailer(settings),
            clock=clock,
        ),
        ledger=ledger,
        pauses=pauses,
        sessions=sessions,
        admins=Admins(engine),
        tenant=tenant,
        relying_party=RelyingParty(settings, sessions),
        clock=clock,
    )
    csrf.init_app(app)
    pages.init_app(app)
    for part in (account, auth, landing, admin):
        app.register_blueprint(part.bp)
    cli.init_app(app)
    return app
