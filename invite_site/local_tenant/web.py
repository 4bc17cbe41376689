"""What every page of the tenant shares: headers, the form token, and pages that end a road."""

import hmac
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from flask import Flask, Response, g, make_response, redirect, render_template, request, session
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from .store.clients import APPLICATION, origins
from .tenant import State, current_state

_ORIGIN = re.compile(r"https?://[\w.:*\[\]-]+", re.ASCII)


def form_token() -> str:
    """The CSRF token of this browser, made at its first form."""
    token = session.get("csrf")
    if not isinstance(token, str):
        token = session["csrf"] = secrets.token_urlsafe(32)
    return token


def form_token_is_right(given: str | None) -> bool:
    """Whether a form was sent from a page this browser got from here."""
    expected = session.get("csrf")
    return isinstance(expected, str) and hmac.compare_digest(
        expected.encode(), (given or "").encode()
    )


def way_on() -> tuple[str, str]:
    """Words and address of the one link on pages that end a road: the application's login.

    Auth0 calls it the default login route and tells the issuer with it.
    """
    state = current_state()
    application = state.clients.seeded(APPLICATION)
    address = with_query(application.initiate_login_uri, {"iss": state.issuer})
    return f"Back to {application.name}", address


def message_page(title: str, text: str, status: int = 200) -> Response:
    """A page that says one thing and offers one way on."""
    link_words, link = way_on()
    page = render_template("message.html", title=title, text=text, link=link, link_words=link_words)
    return make_response(page, status)


def open_again_page() -> Response:
    """For a form whose token is not this browser's."""
    told = "This page was open for too long, or the browser keeps no cookies. Open the link again."
    return message_page("Open the link again", told, 403)


def allow_form_to(url: str) -> None:
    """Let a form of this page end, by a redirect, at the origin of `url`."""
    g.setdefault("form_origins", []).extend(origins((url,)))


def leave_to(url: str) -> AnyResponse:
    """Send the browser off to another site."""
    return redirect(url, 303 if request.method == "POST" else 302)


def form_origins(state: State) -> str:
    """Where the forms of this page may end, as the Content-Security-Policy writes it."""
    # Chromium applies form-action to the redirects after a POST as well, so the
    # application's addresses have to be in it.
    application = state.clients.seeded(APPLICATION)
    allowed = [
        *origins(application.callbacks + application.logout_urls),
        *g.get("form_origins", []),
    ]
    # An address comes from outside: what is no plain origin would be read as another rule.
    plain = [origin for origin in dict.fromkeys(allowed) if _ORIGIN.fullmatch(origin)]
    return f"'self' {' '.join(plain)}"


def _content_security_policy(state: State) -> str:
    return (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self';"
        " connect-src 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none';"
        f" form-action {form_origins(state)}"
    )


def add_headers(response: Response) -> Response:
    """Headers for every answer; a view that has set one keeps its own."""
    state = current_state()
    headers = response.headers
    # The tenant's clock may be moved: what it says must agree with its tokens.
    response.date = datetime.fromtimestamp(state.clock.now(), UTC)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "no-referrer")
    if response.mimetype == "text/html":
        headers.setdefault("Content-Security-Policy", _content_security_policy(state))
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        headers.setdefault("Cache-Control", "no-store")
        headers.setdefault("X-Robots-Tag", "noindex")
    return response


# Auth0's addresses that programs call: an answer of ours must never pass for theirs.
_AUTH0_PATHS = (
    "/api/",
    "/authorize/",
    "/bc-authorize",
    "/co/",
    "/dbconnections/",
    "/mfa/",
    "/oauth/",
    "/oidc/",
    "/passwordless/",
    "/samlp/",
    "/u/",
    "/userinfo",
    "/v2/",
    "/wsfed/",
    "/.well-known/",
)


def _no_such_address(error: HTTPException) -> AnyResponse | tuple[dict[str, object], int]:
    """404 and 405: an Auth0 path that is not built says so with 501; else a page."""
    path = request.path
    if path.startswith(_AUTH0_PATHS):
        told = f"The local tenant does not implement {request.method} {path}"
        return {
            "statusCode": 501,
            "error": "Not Implemented",
            "message": told,
            "errorCode": "not_implemented",
        }, 501
    if path.startswith(("/_tenant/", "/mailbox/api/")):
        return {"error": error.name, "path": path}, error.code or 404
    return message_page(
        "There is nothing here", "This page does not exist on the local tenant.", error.code or 404
    )


def register(app: Flask) -> None:
    """Hang headers and error pages on the app."""
    app.after_request(add_headers)
    app.register_error_handler(404, _no_such_address)
    app.register_error_handler(405, _no_such_address)
    app.jinja_env.globals["form_token"] = form_token


def with_query(url: str, parameters: Mapping[str, str]) -> str:
    """`url` with parameters added to its query, before its fragment.

    A space becomes %20, `@` %40 and `+` %2B; a query that is there stays as it is.
    """
    parts = urlsplit(url)
    added = urlencode(parameters, quote_via=quote, safe="")
    query = f"{parts.query}&{added}" if parts.query and added else parts.query or added
    return urlunsplit(parts._replace(query=query))
