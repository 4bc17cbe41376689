"""What every page has in common: headers, the words of templates, and the pages for errors."""

import functools
import hashlib
import logging
from datetime import datetime
from pathlib import Path
from time import perf_counter
from urllib.parse import urlsplit

from flask import Flask, g, render_template, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from ..errors import DeliveryError, InvitationNotFound, LoginError
from ..settings import Settings
from .current import is_admin, signed_in, site
from .signin import View, login_refused

log = logging.getLogger(__name__)

# Pages whose address carries a state, a code or somebody's address tell nobody where they were.
PRIVATE_ADDRESSES = {"landing.complete", "auth.callback", "auth.login"}

SENTENCES = {
    400: ("That request could not be understood", "Go back and try it again."),
    403: ("You may not open this page", "Go to the start page."),
    404: ("There is no such page", "Check the address, or go to the start page."),
    405: ("That does not work this way", "Go to the start page."),
    413: ("That is too much at once", "Send less in one go."),
    429: ("Too many requests", "Wait a minute, then try again."),
}


def init_app(app: Flask) -> None:
    """Give every answer of `app` its headers, its words, and a page where something failed."""
    policy = _content_policy(app.extensions["invite_site"].settings)
    app.jinja_env.filters["moment"] = moment
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True

    @app.before_request
    def _begin() -> None:
        g.began = perf_counter()

    @app.url_defaults
    def _version(endpoint: str, values: dict[str, object]) -> None:
        if endpoint == "static":  # a new file has a new address, so browsers may keep the old one
            values["v"] = _fingerprint(Path(str(app.static_folder)) / str(values["filename"]))

    @app.context_processor
    def _words() -> dict[str, object]:
        settings = site().settings
        return {
            "app_name": settings.app_name,
            "app_url": settings.app_url,
            "contact_email": settings.contact_email,
            "signed_in": signed_in,
            "is_admin": is_admin,
        }

    @app.after_request
    def _headers(response: Response) -> Response:
        headers = response.headers
        headers["X-Content-Type-Options"] = "nosniff"
        if request.endpoint != "static" or response.mimetype == "text/html":
            headers["Content-Security-Policy"] = policy
            headers["Cache-Control"] = "no-store"
            headers["Cross-Origin-Opener-Policy"] = "same-origin"
            headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
            headers["X-Robots-Tag"] = "noindex"
            # A page with a form needs its own address as Referer: Flask-WTF asks for it on https.
            is_redirect = 300 <= response.status_code < 400
            private = request.endpoint in PRIVATE_ADDRESSES and is_redirect
            headers["Referrer-Policy"] = "no-referrer" if private else "same-origin"
        if site().settings.is_https:
            headers["Strict-Transport-Security"] = "max-age=31536000"
        # The name of the route, never the address: that may hold a state or somebody's name.
        log.info(
            "%s %s %s %.0f ms",
            request.method,
            request.endpoint or "unknown",
            response.status_code,
            (perf_counter() - g.get("began", perf_counter())) * 1000,
        )
        return response

    app.register_error_handler(LoginError, login_refused)
    app.register_error_handler(DeliveryError, _outside_away)
    app.register_error_handler(InvitationNotFound, lambda error: _page(404))
    app.register_error_handler(CSRFError, _form_too_old)
    app.register_error_handler(OperationalError, _database_away)
    app.register_error_handler(HTTPException, lambda error: _page(error.code or 500))
    app.register_error_handler(Exception, _unforeseen)


@functools.cache
def _fingerprint(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def moment(at: datetime | None) -> str:
    """A moment in words, with its zone: "27 November 2026, 14:05 UTC"."""
    return f"{at.day} {at:%B %Y, %H:%M} UTC" if at else ""


def _content_policy(settings: Settings) -> str:
    """Nothing from elsewhere, nothing inline.

    Chromium applies `form-action` to the redirect after a POST as well, so *Sign out* needs the
    tenant's origin there.
    """
    origins = {
        "{0.scheme}://{0.netloc}".format(urlsplit(url))
        for url in (settings.tenant_url, settings.management_url)
    }
    return (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; "
        "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action 'self' {' '.join(sorted(origins))}"
    )


def _page(status: int, *, title: str = "", advice: str = "") -> View:
    known = SENTENCES.get(status, ("Something went wrong", "Go back and try it again."))
    page = render_template(
        "errors/page.html", status=status, title=title or known[0], advice=advice or known[1]
    )
    return page, status


def _form_too_old(error: CSRFError) -> View:
    return _page(
        400,
        title="This form has lost its cookie",
        advice="Nothing was changed. Go back, reload the page and send the form again.",
    )


def _database_away(error: OperationalError) -> View:
    log.error("the database did not answer: %s", type(error.orig).__name__)
    page = render_template(
        "errors/page.html",
        status=503,
        title="The site cannot reach its database",
        advice="Nothing was saved. Wait a moment, then try again.",
    )
    return page, 503, {"Retry-After": "5"}


def _outside_away(error: DeliveryError) -> View:
    log.warning("a page had to do without the tenant: %s", type(error).__name__)
    page = render_template(
        "errors/page.html",
        status=503,
        title="This does not work right now",
        advice="The sign-in service does not answer. Nothing is lost: wait a moment, go back and "
        "try it again.",
    )
    return page, 503, {"Retry-After": "10"}


def _unforeseen(error: Exception) -> View:
    log.error("unforeseen error in %s", request.endpoint, exc_info=error)
    return _page(
        500,
        title="Something went wrong here",
        advice="It is our fault and has been noted. Go back and try it again.",
    )
