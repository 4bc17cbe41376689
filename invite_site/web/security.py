"""What every answer says to the browser about security, and the CSRF protection of the forms."""

from urllib.parse import urlsplit

from flask import Flask, request
from flask_wtf.csrf import CSRFProtect
from werkzeug.wrappers import Response

from ..settings import Settings

csrf = CSRFProtect()

# Their addresses carry a state, a code or somebody's address: send no Referer from them.
PRIVATE_ENDPOINTS = {"landing.complete", "auth.callback", "auth.login"}


def init_app(app: Flask, settings: Settings) -> None:
    """Protect the forms of `app` and give each answer its headers."""
    csrf.init_app(app)
    policy = _content_policy(settings)

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
            is_private = request.endpoint in PRIVATE_ENDPOINTS and is_redirect
            headers["Referrer-Policy"] = "no-referrer" if is_private else "same-origin"
        if settings.is_https:
            headers["Strict-Transport-Security"] = "max-age=31536000"
        return response


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
