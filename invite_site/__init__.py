"""The invite-to-login site. `create_app` puts settings, services, pages and commands together."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask

from . import cli, env_file, logs, web
from .services import build_services, machine_time
from .settings import DAY, ENV_FILE, ROOT, Settings
from .web.current import login_cookie

__all__ = ["create_app"]


def create_app(
    settings: Settings | None = None,
    clock: Callable[[], datetime] | None = None,
    *,
    file: Path = ENV_FILE,
    token_clock: Callable[[], datetime] = machine_time,
) -> Flask:
    """The site. Without `settings` it reads `file` and the environment; `clock` gives aware UTC, and so
    does `token_clock`, which the tenant's tokens are held against.

    Raises ConfigError naming everything that is wrong with the settings.
    """
    if settings is None:
        env_file.load(file)
        settings = Settings.from_env(env_file=file)
    logs.configure(settings)
    app = Flask(
        __name__, template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static")
    )
    app.config.from_mapping(
        # Never the host of the request: Werkzeug raises for some that no host can have.
        SERVER_NAME=urlsplit(settings.site_url).netloc,
        SECRET_KEY=settings.secret_keys[0],
        SECRET_KEY_FALLBACKS=list(settings.secret_keys[1:]),
        SESSION_COOKIE_NAME=login_cookie(settings),
        SESSION_COOKIE_SECURE=settings.is_https,
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=64 * 1024,
        SEND_FILE_MAX_AGE_DEFAULT=365 * DAY,  # their addresses carry a fingerprint
        # Flask-WTF reads no fallbacks; itsdangerous signs with the last of these.
        WTF_CSRF_SECRET_KEY=list(reversed(settings.secret_keys)),
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a form may stay open over lunch
    )
    # Redirects for a slash too few or too many would take their host from the request.
    app.url_map.strict_slashes = app.url_map.merge_slashes = False
    web.init_app(app, build_services(settings, clock or machine_time, token_clock=token_clock))
    cli.init_app(app)
    return app
