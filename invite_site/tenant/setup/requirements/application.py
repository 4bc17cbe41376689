"""The application that people sign in with, and its addresses of the site."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from ....settings import ReturnTo, Settings, is_loopback
from ...answers import ScopeMissing, json_object
from ..changes import Change, Skipped, added, replaced
from ..findings import NO_APPLICATION, Finding, Level, cannot_tell, note, ok, wrong
from ..requirement import Context

LISTS = {
    "callbacks": "Allowed Callback URLs",
    "allowed_logout_urls": "Allowed Logout URLs",
    "grant_types": "Grant Types",
}
# Of a client and of a tenant.
SKIP_CONFIRMATION = "skip_non_verifiable_callback_uri_confirmation_prompt"
APPLY = "Run `flask tenant apply`, or"


def secret(context: Context) -> Finding:
    """Whether the tenant takes AUTH0_CLIENT_SECRET, by a code that cannot be right.

    Wrong credentials are told from a wrong code, so nobody has to sign in.
    """
    settings = context.settings
    answer = context.tenant.visit(
        "/oauth/token",
        "POST",
        data={
            "grant_type": "authorization_code",
            "client_id": settings.client_id,
            "client_secret": settings.client_secret,
            "code": "flask-tenant-check",
            "redirect_uri": settings.callback_url,
        },
    )
    error = json_object(answer).get("error")
    if answer.status_code == 401:
        return wrong(
            "The tenant does not know AUTH0_CLIENT_ID with this AUTH0_CLIENT_SECRET.",
            "Copy both from Applications → Settings → Basic Information.",
        )
    if error == "unauthorized_client":
        return wrong(
            "The application may not sign people in with a code.",
            f"{APPLY} switch Authorization Code on: Settings → Advanced → Grant Types.",
        )
    if error == "invalid_grant":
        return ok("The tenant knows the application by its secret.")
    return cannot_tell(f"The tenant answered HTTP {answer.status_code}.")


def kind(context: Context) -> Finding:
    """Its kind, what it may ask for, and how its ID tokens are signed."""
    client = _client(context)
    if client is None:
        return wrong(
            "The tenant has no application with the id in AUTH0_CLIENT_ID.",
            "Create a Regular Web Application and copy its Client ID.",
        )
    if client.get("app_type") not in ("regular_web", None):
        return wrong(
            f"{client.get('name')} is of the type {client['app_type']}.",
            "Change it under Applications → Settings → Application Type: Regular Web Application.",
        )
    if "authorization_code" not in (client.get("grant_types") or ["authorization_code"]):
        return wrong(
            f"{client.get('name')} may not sign people in with a code.",
            f"{APPLY} switch Authorization Code on: Settings → Advanced → Grant Types.",
        )
    signed = (client.get("jwt_configuration") or {}).get("alg", "RS256")
    if signed != "RS256":
        return wrong(
            f"ID tokens of {client.get('name')} are signed with {signed}; the site takes RS256.",
            "Change it under Settings → Advanced → OAuth → JSON Web Token Signature Algorithm.",
        )
    return ok(f"{client.get('name')}, a Regular Web Application.")


def callback(context: Context) -> Finding:
    """The address that sign-ins come back to. The tenant shows it without any permission."""
    url = context.settings.callback_url
    params = {
        "redirect_uri": url,
        "response_type": "code",
        "scope": "openid",
        "state": "flask-tenant-check",
        "prompt": "none",
    }
    found = _allowed_url(context, "callbacks", url, "/authorize", params)
    if found.level == Level.OK and _asks_before_this_machine(context):
        return note(
            f"{url} is allowed, but leads to this machine: Auth0 has people confirm that at sign-in.",
            "Fine for a trial. To do without, set "
            f"{SKIP_CONFIRMATION} at the application or the tenant, by the Management API.",
        )
    return found


def _asks_before_this_machine(context: Context) -> bool:
    """A real tenant asks, since April 2026, unless the application or the tenant is told not to."""
    settings = context.settings
    if not is_loopback(settings.callback_url) or is_loopback(settings.tenant_url):
        return False
    try:
        client = context.tenant.application(settings.client_id) or {}
        tenant = context.tenant.read("/tenants/settings") or {}
    except ScopeMissing:
        return True
    return not any(each.get(SKIP_CONFIRMATION) for each in (client, tenant))


def logout(context: Context) -> Finding:
    """The address that people are brought to after signing out."""
    url = f"{context.settings.site_url}/"
    return _allowed_url(context, "allowed_logout_urls", url, "/v2/logout", {"returnTo": url})


def login_uri(context: Context) -> Finding:
    """Where New Universal Login leads people back to, and whoever opens a bookmarked login page."""
    wanted, client = f"{context.settings.site_url}/login", _client(context)
    if client is None:
        return cannot_tell(NO_APPLICATION)
    found = client.get("initiate_login_uri") or ""
    if found == wanted:
        return ok(f"{wanted} is set.")
    is_needed = context.settings.invite_return == ReturnTo.LOGIN_ROUTE
    finding = wrong if is_needed else note
    message = f"It is {found}, not {wanted}." if found else "It is not set."
    if not _may_start_logins(context.settings, wanted):
        return finding(
            f"{message} Auth0 takes only addresses with https.",
            "Give the site a SITE_URL with https.",
        )
    if found and not is_needed:
        return note(message, "Bookmarked login pages lead there; change it if they should not.")
    return finding(
        message,
        f"{APPLY} set it under Applications → Settings → Application URIs → Application Login URI.",
    )


def changes(context: Context) -> Iterator[Change | Skipped]:
    """The addresses of the site at the application that people sign in with."""
    settings, wanted = context.settings, dict(context.desired.application)
    if settings.management_client_id == settings.client_id:
        wanted["grant_types"] = [
            *wanted["grant_types"],
            *context.desired.management["grant_types"],
        ]
    yield from _changes(context, "Application", "AUTH0_CLIENT_ID", settings.client_id, wanted)


def management_changes(context: Context) -> Iterator[Change | Skipped]:
    """The application that the site calls the Management API with, where it is another one."""
    client_id = context.settings.management_client_id
    if client_id != context.settings.client_id:
        what, variable = "Management application", "AUTH0_MANAGEMENT_CLIENT_ID"
        yield from _changes(context, what, variable, client_id, context.desired.management)


def _changes(
    context: Context, what: str, variable: str, client_id: str, wanted: Mapping[str, Any]
) -> Iterator[Change | Skipped]:
    client = context.tenant.application(client_id)
    if client is None:
        yield Skipped(what, f"The tenant has no application with the id in {variable}.")
        return
    body: dict[str, Any] = {}
    lines: list[str] = []
    for key, title in LISTS.items():
        if missing := _missing(client, key, wanted.get(key, ())):
            body[key] = [*(client.get(key) or []), *missing]
            lines += added(title, missing)
    login, present = wanted.get("initiate_login_uri"), client.get("initiate_login_uri") or ""
    is_ours = not present or context.settings.invite_return == ReturnTo.LOGIN_ROUTE
    if login and login != present and is_ours and _may_start_logins(context.settings, login):
        body["initiate_login_uri"] = login
        lines += replaced("Application Login URI", present, login)
    if body:
        path = f"/clients/{quote(client_id, safe='')}"
        yield Change(what, tuple(lines), "PATCH", path, body, "update:clients")


def _client(context: Context) -> Any | None:
    return context.tenant.application(context.settings.client_id)


def _allowed_url(
    context: Context, key: str, url: str, path: str, params: Mapping[str, str]
) -> Finding:
    """Without permission to read the list, whether the tenant redirects there tells the same."""
    try:
        client = _client(context)
        if client is None:
            return cannot_tell(NO_APPLICATION)
        is_allowed = not _missing(client, key, [url])
    except ScopeMissing:
        params = {"client_id": context.settings.client_id, **params}
        answer = context.tenant.visit(path, params=params)
        is_allowed = answer.headers.get("Location", "").startswith(url)
    if is_allowed:
        return ok(f"{url} is allowed.")
    return wrong(
        f"{url} is not among the {LISTS[key]}.",
        f"{APPLY} add it under Applications → Settings → Application URIs.",
    )


def _missing(client: Mapping[str, Any], key: str, wanted: Iterable[str]) -> list[str]:
    present = client.get(key) or []
    return [each for each in wanted if each not in present]


def _may_start_logins(settings: Settings, login: str) -> bool:
    """Auth0 takes only https addresses here; the local tenant takes this machine's too."""
    return login.startswith("https://") or is_loopback(settings.management_url)
