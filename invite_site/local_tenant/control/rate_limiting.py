"""Which call counts towards which rate limit, its headers, and the 429."""

from flask import Flask, Response, g, jsonify, request
from flask.typing import ResponseReturnValue

from ..management.schema import ApiError
from ..simulation.rate_limits import Reading
from ..store.database import digest
from ..tenant import Tenant, current_tenant
from ..web import MANAGEMENT_API, message_page

# The bodies of a 429.
TOO_MANY_CALLS = ApiError(429, "Global limit has been reached", "too_many_requests").body
TOO_MANY_TOKENS = {"error": "too_many_requests", "error_description": "Rate limit exceeded."}

_KEYS = ("/.well-known/jwks.json", "/.well-known/openid-configuration")
_PASSWORD_PAGES = ("/u/reset-password/request", "/login/forgot")
_AUTHENTICATION = ("/oauth/", "/userinfo", "/dbconnections/", "/authorize", "/v2/logout", "/oidc/")


def register(app: Flask) -> None:
    """Count every call of the app."""
    app.before_request(_count)
    app.after_request(_add_headers)


def _count() -> ResponseReturnValue | None:
    tenant = current_tenant()
    for kind, subject in _kinds(tenant):
        reading = tenant.limits.take(kind, subject)
        if reading is None:
            continue
        # The narrowest limit comes first; the headers are about that one.
        g.setdefault("rate", reading)
        if not reading.allowed:
            g.rate = reading
            return _refuse(tenant, reading)
    return None


def _kinds(tenant: Tenant) -> list[tuple[str, str]]:
    """The kinds this call counts as, each with the caller it is counted for."""
    path = request.path
    if path.startswith(MANAGEMENT_API):
        own = _management_kind(request.method, path.removeprefix(MANAGEMENT_API))
        return [(own if own in tenant.limits.plan.rates else "management", "")]
    if path in _KEYS:
        return [("keys", "")]
    if path in _PASSWORD_PAGES and request.method == "POST":
        return [("change_password", _by_address(request.form.get("email")))]
    if not path.startswith(_AUTHENTICATION):
        return []
    everything = ("authentication", "")
    if path == "/oauth/token":
        return [("token", ""), everything]
    if path == "/userinfo":
        return [("userinfo", digest(request.headers.get("Authorization", ""))), everything]
    if path == "/dbconnections/change_password":
        body = request.get_json(silent=True) if request.is_json else request.form
        email = body.get("email") if isinstance(body, dict) else None
        return [("change_password", _by_address(email)), everything]
    return [everything]


def _by_address(email: object) -> str:
    return f"{request.remote_addr} {str(email or '').strip().lower()}"


def _management_kind(method: str, path: str) -> str:
    resource, reads = path.partition("/")[0], method == "GET"
    if resource in ("users", "users-by-email"):
        if path.endswith("/logs"):
            return "read_logs"
        return "read_users" if reads else "delete_users" if method == "DELETE" else "write_users"
    if resource == "logs":
        return "read_logs"
    if resource == "email-templates":
        return "read_email_templates" if reads else "write_email_templates"
    return "email_provider" if path == "emails/provider" else "management"


def _refuse(tenant: Tenant, reading: Reading) -> ResponseReturnValue:
    if reading.first:
        tenant.logs.write(
            "api_limit", "You have reached the rate limit", details={"path": request.path}
        )
    if request.path in _PASSWORD_PAGES:
        return message_page("Too many requests", "Wait a minute, then try again.", 429)
    shape = tenant.switches["authentication_429"]
    is_management = request.path.startswith(MANAGEMENT_API) or shape == "management"
    response = jsonify(TOO_MANY_CALLS if is_management else TOO_MANY_TOKENS)
    response.status_code = 429
    if tenant.switches["retry_after_on_429"]:
        response.headers["Retry-After"] = str(max(1, reading.reset - int(tenant.clock.now())))
    return response


def _add_headers(response: Response) -> Response:
    reading: Reading | None = g.get("rate")
    if reading is not None:
        response.headers["x-ratelimit-limit"] = str(reading.limit)
        response.headers["x-ratelimit-remaining"] = str(reading.remaining)
        response.headers["x-ratelimit-reset"] = str(reading.reset)
    return response
