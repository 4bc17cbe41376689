"""Facts about the application people sign in with, and the connection their accounts are in."""

from typing import Any

from ...settings import ReturnTo, is_loopback
from ..http import ScopeMissing
from .finding import Verdict, cannot_tell, note, ok, wrong
from .look import Look

APPLY = "Run `flask tenant apply`, or"


def secret(look: Look) -> Verdict:
    """Whether the tenant takes AUTH0_CLIENT_SECRET, by a code that cannot be right.

    Wrong credentials are told from a wrong code, so nobody has to sign in.
    """
    settings = look.settings
    answer = look.visit(
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
    error = _error_of(answer)
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


def application(look: Look) -> Verdict:
    """Its kind, what it may ask for, and how its ID tokens are signed."""
    client = look.client()
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


def callback(look: Look) -> Verdict:
    """The address that sign-ins come back to. The tenant shows it without any permission."""
    url = look.settings.callback_url
    try:
        is_allowed = url in ((look.client() or {}).get("callbacks") or [])
    except ScopeMissing:
        answer = look.visit(
            "/authorize",
            params={
                "client_id": look.settings.client_id,
                "redirect_uri": url,
                "response_type": "code",
                "scope": "openid",
                "state": "flask-tenant-check",
                "prompt": "none",
            },
        )
        is_allowed = answer.headers.get("Location", "").startswith(url)
    if is_allowed:
        return ok(f"{url} is allowed.")
    return wrong(
        f"{url} is not among the Allowed Callback URLs.",
        f"{APPLY} add it under Applications → Settings → Application URIs.",
    )


def logout(look: Look) -> Verdict:
    """The address that people are brought to after signing out."""
    url = f"{look.settings.site_url}/"
    try:
        is_allowed = url in ((look.client() or {}).get("allowed_logout_urls") or [])
    except ScopeMissing:
        words = {"client_id": look.settings.client_id, "returnTo": url}
        answer = look.visit("/v2/logout", params=words)
        is_allowed = answer.headers.get("Location", "").startswith(url)
    if is_allowed:
        return ok(f"{url} is allowed.")
    return wrong(
        f"{url} is not among the Allowed Logout URLs.",
        f"{APPLY} add it under Applications → Settings → Application URIs.",
    )


def login_uri(look: Look) -> Verdict:
    """Where New Universal Login leads people back to, and whoever opens a bookmarked login page."""
    wanted = f"{look.settings.site_url}/login"
    found = (look.client() or {}).get("initiate_login_uri") or ""
    if found == wanted:
        return ok(f"{wanted} is set.")
    judge = wrong if look.settings.invite_return == ReturnTo.LOGIN_ROUTE else note
    says = f"It is {found}, not {wanted}." if found else "It is not set."
    if not wanted.startswith("https://") and not is_loopback(look.settings.tenant_url):
        return judge(
            f"{says} Auth0 takes only addresses with https.", "Give the site a SITE_URL with https."
        )
    if found and look.settings.invite_return != ReturnTo.LOGIN_ROUTE:
        return note(says, "Bookmarked login pages lead there; change it if they should not.")
    return judge(
        says,
        f"{APPLY} set it under Applications → Settings → Application URIs → Application Login URI.",
    )


def connection(look: Look) -> Verdict:
    """Where new accounts go."""
    name, found = look.settings.connection, look.connection()
    if found is None:
        return wrong(
            f"The tenant has no connection called {name}.",
            "Set AUTH0_CONNECTION to the name under Authentication → Database.",
        )
    if found.get("strategy") != "auth0":
        return wrong(
            f"{name} is not a database connection.",
            "Set AUTH0_CONNECTION to a name under Authentication → Database.",
        )
    if (found.get("options") or {}).get("requires_username"):
        return wrong(
            f"{name} wants a user name of everybody, and an invitation has none.",
            f"Switch Requires Username off under Authentication → Database → {name}.",
        )
    return ok(f"{name} is there.")


def enabled(look: Look) -> Verdict:
    """Whether the application may sign people in with that connection."""
    found = look.connection()
    if found is None:
        return cannot_tell("There is no such connection.")
    clients = look.listed(f"/connections/{found['id']}/clients", "clients")
    if any(each["client_id"] == look.settings.client_id for each in clients):
        return ok(f"{found['name']} is enabled for the application.")
    return wrong(
        f"{found['name']} is not enabled for the application: nobody invited could sign in.",
        f"{APPLY} enable it under Authentication → Database → {found['name']} → Applications.",
    )


def sign_ups(look: Look) -> Verdict:
    """With open sign-ups somebody can register an address before its owner is invited."""
    found = look.connection()
    if found is None:
        return cannot_tell("There is no such connection.")
    if (found.get("options") or {}).get("disable_signup"):
        return ok("Nobody can sign up without an invitation.")
    return note(
        "Anybody can sign up, also with the address of somebody who is to be invited.",
        "Where people come by invitation only, switch Disable Sign Ups on under "
        f"Authentication → Database → {found['name']}.",
    )


def _error_of(answer: Any) -> str:
    try:
        return str(answer.json().get("error", ""))
    except (ValueError, AttributeError):
        return ""
