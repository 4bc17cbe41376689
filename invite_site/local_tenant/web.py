"""What all pages share: headers, the form token, error pages, redirects."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from flask import (
    Flask,
    Response,
    flash,
    g,
    get_flashed_messages,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
)
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError, CSRFProtect, validate_csrf
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse
from wtforms import ValidationError

from .store.clients import APPLICATION, Client, origins
from .tenant import Tenant, current_tenant

# The token of a form, `_csrf` as at Auth0. Checked before every view that is not exempt.
csrf = CSRFProtect()

MANAGEMENT_API = "/api/v2/"
_ORIGIN = re.compile(r"https?://[\w.:*\[\]-]+", re.ASCII)


def has_valid_token(fields: Mapping[str, str]) -> bool:
    """Whether the fields carry this browser's token; for views that are exempt from `csrf`."""
    try:
        validate_csrf(fields.get("_csrf"))
    except ValidationError:
        return False
    return True


def message_page(title: str, text: str, status: int = 200) -> Response:
    """A page with a message, and a link to the application's login."""
    tenant = current_tenant()
    application = tenant.clients.seeded(APPLICATION)
    page = render_template(
        "message.html",
        title=title,
        text=text,
        link=login_route(tenant, application),
        link_text=f"Back to {application.name}",
    )
    return make_response(page, status)


def login_route(tenant: Tenant, client: Client | None) -> str:
    """Where an application begins a login, else where the tenant leads people whose application is not
    known, with the issuer; empty where neither is set.

    https://auth0.com/docs/authenticate/login/auth0-universal-login/configure-default-login-routes
    """
    default = str(tenant.settings.get().get("default_redirection_uri") or "")
    route = (client.initiate_login_uri if client else "") or default
    return with_query(route, {"iss": tenant.issuer}) if route else ""


def stale_form_page() -> Response:
    """For a form whose token is not this browser's."""
    text = "This page was open for too long, or the browser keeps no cookies. Open the link again."
    return message_page("Open the link again", text, 403)


def allow_form_to(url: str) -> None:
    """Let a form of this page end, by a redirect, at the origin of `url`."""
    g.setdefault("form_origins", []).extend(origins((url,)))


def redirect_away(url: str) -> BaseResponse:
    """Redirect to another site."""
    return redirect(url, 303 if request.method == "POST" else 302)


def back_to_form(url: str, error: str, field: str) -> BaseResponse:
    """Redirect to the form, which shows the error of this field once (`form_error`). An answer to the
    POST itself would have the browser's Back button ask whether to send the form again."""
    flash(error, field)
    return redirect(url, 303)


def form_error(*fields: str) -> tuple[str | None, str | None]:
    """The field that was refused just before, and why."""
    told = get_flashed_messages(with_categories=True, category_filter=fields)
    return cast(tuple[str, str], told[0]) if told else (None, None)


def form_origins(tenant: Tenant) -> str:
    """Where the forms of this page may end, as the Content-Security-Policy writes it."""
    # Chromium applies form-action to the redirects after a POST as well, so the
    # application's addresses have to be in it.
    application = tenant.clients.seeded(APPLICATION)
    allowed = [
        *origins(application.callbacks + application.logout_urls),
        *g.get("form_origins", []),
    ]
    # The addresses are input: anything but a plain origin could add a directive to the policy.
    plain = [origin for origin in dict.fromkeys(allowed) if _ORIGIN.fullmatch(origin)]
    return f"'self' {' '.join(plain)}"


def _content_security_policy(tenant: Tenant) -> str:
    return (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self';"
        " connect-src 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none';"
        f" form-action {form_origins(tenant)}"
    )


def add_headers(response: Response) -> Response:
    """Set the headers of every answer, except those that its view has set."""
    tenant = current_tenant()
    headers = response.headers
    # By the tenant's clock, like the times in its tokens.
    response.date = datetime.fromtimestamp(tenant.clock.now(), UTC)
    if request.path.startswith(MANAGEMENT_API) and response.is_json:
        response.content_type = "application/json; charset=utf-8"
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "no-referrer")
    if response.mimetype == "text/html":
        headers.setdefault("Content-Security-Policy", _content_security_policy(tenant))
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        headers.setdefault("Cache-Control", "no-store")
        headers.setdefault("X-Robots-Tag", "noindex")
    return response


# Collections of Auth0's that this tenant has nothing of. Official clients read them while they look for
# something else, so they are empty rather than unknown. The name of the list is for whoever asks for
# totals.
_EMPTY_COLLECTIONS = {
    "custom-domains": "custom_domains",
    "device-credentials": "device_credentials",
    "flows": "flows",
    "forms": "forms",
    "hooks": "hooks",
    "log-streams": "log_streams",
    "network-acls": "network_acls",
    "organizations": "organizations",
    "rules": "rules",
    "rules-configs": "rules_configs",
    "self-service-profiles": "self_service_profiles",
}
_ALWAYS_WITH_TOTALS = {"actions/actions": "actions", "actions/triggers": "triggers"}

# Auth0's paths that programs call: what is not built must not look like an answer of Auth0's.
_AUTH0_PATHS = (
    "/api/", "/authorize/", "/bc-authorize", "/co/", "/dbconnections/", "/mfa/", "/oauth/",
    "/oidc/", "/passwordless/", "/samlp/", "/u/", "/userinfo", "/v2/", "/wsfed/",
    "/.well-known/",
)  # fmt: skip


def _empty_collection(name: str) -> Response | None:
    if wrapped := _ALWAYS_WITH_TOTALS.get(name):
        return jsonify({wrapped: [], "total": 0, "page": 0, "per_page": 50})
    listed = _EMPTY_COLLECTIONS.get(name)
    if listed and request.args.get("include_totals") == "true":
        return jsonify({listed: [], "start": 0, "limit": 50, "length": 0, "total": 0})
    return jsonify([]) if listed else None


def _no_such_address(error: HTTPException) -> ResponseReturnValue:
    """404 and 405: for a path of Auth0's that is not built an empty list, or an answer that says so;
    else a page.

    Not 501, which official clients repeat for minutes.
    """
    path = request.path
    if request.method == "GET" and (empty := _empty_collection(path.removeprefix(MANAGEMENT_API))):
        return empty
    if path.startswith(_AUTH0_PATHS):
        return {
            "statusCode": 404,
            "error": "Not Found",
            "message": f"The local tenant does not implement {request.method} {path}",
            "errorCode": "not_supported_by_local_tenant",
        }, 404
    if path.startswith(("/_tenant/", "/mailbox/api/")):
        return {"error": error.name, "path": path}, error.code or 404
    return message_page(
        "There is nothing here", "This page does not exist on the local tenant.", error.code or 404
    )


def register(app: Flask) -> None:
    """Give the app its headers and error pages."""
    app.after_request(add_headers)
    app.register_error_handler(404, _no_such_address)
    app.register_error_handler(405, _no_such_address)
    app.register_error_handler(CSRFError, lambda _: stale_form_page())


def with_query(url: str, parameters: Mapping[str, str]) -> str:
    """`url` with parameters added to its query, before its fragment.

    A space becomes %20, `@` %40 and `+` %2B; an existing query stays as it is.
    """
    parts = urlsplit(url)
    added = urlencode(parameters, quote_via=quote, safe="")
    query = f"{parts.query}&{added}" if parts.query and added else parts.query or added
    return urlunsplit(parts._replace(query=query))
