"""What every answer says to the browser about security, and whose forms are taken.

A form is taken where the browser says that a page of this site sent it, and its token says so too.
"""

from urllib.parse import urlsplit

from flask import Flask, Response, g, request, session
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import BadRequest

from ..settings import Settings

csrf = CSRFProtect()
TOKEN = "csrf_token"  # noqa: S105 - where Flask-WTF keeps it, in `session` and in `g`

# Their addresses carry a state, a code or somebody's address: send no Referer from them.
PRIVATE_ENDPOINTS = {"landing.complete", "auth.callback", "auth.login"}
# They show a mail in a frame.
FRAMING_ENDPOINTS = {"admin.new", "admin.create", "admin.preview", "admin.send_test"}
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}  # they change nothing (RFC 9110 §9.2.1)
OWN_SITES = {"same-origin", "none"}  # Sec-Fetch-Site: a page of ours, or the person themselves


class ForeignForm(BadRequest):
    """A form that came from another site, or from this one under another address than SITE_URL."""


class CookieOfPages(SecureCookieSessionInterface):
    """The cookie that Flask signs. HEAD changes nothing: a message goes with the page that shows it."""

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if request.method != "HEAD":
            super().save_session(app, session, response)


def init_app(app: Flask, settings: Settings) -> None:
    """Protect the forms of `app` and give each answer its headers."""
    app.session_interface = CookieOfPages()
    own_origin = _origin_of(settings.site_url)

    @app.before_request
    def _refuse_foreign_forms() -> None:
        """By headers that browsers alone write, and no page can. Where none says who sent the form, as
        with old browsers and programs, its token decides."""
        if request.method in SAFE_METHODS:
            return
        headers = request.headers
        sender = headers.get("Origin") or headers.get("Referer")
        is_elsewhere = sender is not None and _origin_of(sender) != own_origin
        if is_elsewhere or headers.get("Sec-Fetch-Site", "none") not in OWN_SITES:
            raise ForeignForm

    # The check above takes the place of Flask-WTF's own, which compares with the host of the request.
    app.config["WTF_CSRF_SSL_STRICT"] = False
    csrf.init_app(app)
    policy = _content_policy(settings)

    @app.after_request
    def _headers(response: Response) -> Response:
        headers = response.headers
        headers["X-Content-Type-Options"] = "nosniff"
        if request.endpoint != "static" or response.mimetype == "text/html":
            # A mail that is shown in a frame has a policy of its own.
            headers.setdefault(
                "Content-Security-Policy",
                f"{policy}; frame-src 'self'" if request.endpoint in FRAMING_ENDPOINTS else policy,
            )
            headers["Cache-Control"] = "no-store"
            headers["Cross-Origin-Opener-Policy"] = "same-origin"
            headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
            headers["X-Robots-Tag"] = "noindex"
            # Without a Referer browsers call the origin of a form `null`, and a page that holds a form
            # has made a token for it.
            is_private = request.endpoint in PRIVATE_ENDPOINTS and TOKEN not in g
            headers["Referrer-Policy"] = "no-referrer" if is_private else "same-origin"
        if settings.is_https:
            headers["Strict-Transport-Security"] = "max-age=31536000"
        return response


def renew_form_token() -> None:
    """Let no form of before be sent any more: somebody else may sit at this browser now."""
    session.pop(TOKEN, None)


def _origin_of(url: str) -> tuple[str, str, int | None] | None:
    """Scheme, host and port as they are compared (RFC 6454 §4); None for what is no address."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode("ascii")  # as browsers write it
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    return parts.scheme, host, port


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
