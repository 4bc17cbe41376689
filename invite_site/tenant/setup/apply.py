"""From the tenant as it is to the tenant as the files want it, change by change.

Only what is ours is touched: our entries in lists that others share, our keys among the texts,
a page or a mail template that we have put there. Nothing is ever deleted.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from ...errors import CredentialsRefused, TenantRefused
from ...settings import Delivery, ReturnTo, Settings, is_loopback
from ..http import ManagementApi, ScopeMissing
from .changes import Change, added, replaced, rewritten
from .files import OURS, PROMPT, Wanted

LISTS = {
    "callbacks": "Allowed Callback URLs",
    "allowed_logout_urls": "Allowed Logout URLs",
    "grant_types": "Grant Types",
}


@dataclass(frozen=True, slots=True)
class Left:
    """What stays as it is, and why. `is_trouble`: the site would want it otherwise."""

    what: str
    says: str
    is_trouble: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done, and what would not."""

    changes: tuple[Change, ...]
    left: tuple[Left, ...]


@dataclass(frozen=True, slots=True)
class Here:
    """What each part looks at. `replace`: also put ours in the place of what others made."""

    settings: Settings
    wanted: Wanted
    api: ManagementApi
    replace: bool


Step = Change | Left
Part = Callable[[Here], Iterator[Step]]


def plan(here: Here) -> Plan:
    """Compare. Raises TenantUnavailable, TokenRefused; a missing permission only leaves a part out."""
    allowed = here.api.scopes()
    changes: list[Change] = []
    left: list[Left] = []
    for what, part in PARTS:
        try:
            for step in part(here):
                if isinstance(step, Left):
                    left.append(step)
                elif allowed is not None and step.scope not in allowed:
                    left.append(Left(step.what, _without(step.scope)))
                else:
                    changes.append(step)
        except ScopeMissing as missing:
            left.append(Left(what, _without(" or ".join(missing.scopes))))
        except TenantRefused as refused:
            left.append(Left(what, str(refused)))
    return Plan(tuple(changes), tuple(left))


def carry_out(changes: tuple[Change, ...], api: ManagementApi) -> Iterator[tuple[Change, str]]:
    """Do them one after the other; with each the sentence of what went wrong, if something did."""
    for change in changes:
        try:
            change.send(api)
            yield change, ""
        except ScopeMissing as missing:
            yield change, _without(" or ".join(missing.scopes))
        except (TenantRefused, CredentialsRefused) as refused:
            yield change, str(refused)


def _without(scope: str) -> str:
    return (
        f"The application of TENANT_SETUP_CLIENT_ID lacks the permission {scope}; add it under "
        "Applications → APIs → Auth0 Management API → Machine to Machine."
    )


# The parts ------------------------------------------------------------------------------------


def _application(here: Here) -> Iterator[Step]:
    """The addresses of the site at the application that people sign in with."""
    settings, wanted = here.settings, dict(here.wanted.application)
    if settings.management_client_id == settings.client_id:
        wanted["grant_types"] = [*wanted["grant_types"], *here.wanted.management["grant_types"]]
    yield from _client(here, "Application", "AUTH0_CLIENT_ID", settings.client_id, wanted)


def _management_application(here: Here) -> Iterator[Step]:
    settings = here.settings
    if settings.management_client_id == settings.client_id:
        return
    yield from _client(
        here,
        "Management application",
        "AUTH0_MANAGEMENT_CLIENT_ID",
        settings.management_client_id,
        here.wanted.management,
    )


def _client(
    here: Here, what: str, variable: str, client_id: str, wanted: Mapping[str, Any]
) -> Iterator[Step]:
    path = f"/clients/{quote(client_id, safe='')}"
    client = here.api.get(path)
    if client is None:
        yield Left(what, f"The tenant has no application with the id in {variable}.")
        return
    body: dict[str, Any] = {}
    lines: list[str] = []
    for name, title in LISTS.items():
        present = client.get(name) or []
        missing = [each for each in wanted.get(name, ()) if each not in present]
        if missing:
            body[name] = [*present, *missing]
            lines += added(title, missing)
    login, present_login = wanted.get("initiate_login_uri"), client.get("initiate_login_uri") or ""
    is_needed = not present_login or here.settings.invite_return == ReturnTo.LOGIN_ROUTE
    if login and login != present_login and is_needed and _may_start_logins(here.settings, login):
        body["initiate_login_uri"] = login
        lines += replaced("Application Login URI", present_login, login)
    if body:
        yield Change(what, tuple(lines), "PATCH", path, body, "update:clients")


def _may_start_logins(settings: Settings, login: str) -> bool:
    """Auth0 takes only https addresses here; the local tenant takes this machine's too."""
    return login.startswith("https://") or is_loopback(settings.management_url)


def _grant(here: Here) -> Iterator[Step]:
    """What the site may do at the Management API."""
    wanted, what = here.wanted.grant, "Permissions of the site"
    found = here.api.get(
        "/client-grants", client_id=wanted["client_id"], audience=wanted["audience"]
    )
    if not found:
        lines = tuple(added("Auth0 Management API", wanted["scope"]))
        body = dict(wanted)
        yield Change(what, lines, "POST", "/client-grants", body, "create:client_grants")
        return
    grant = found[0]
    missing = [scope for scope in wanted["scope"] if scope not in grant["scope"]]
    if missing:
        lines = tuple(added("Auth0 Management API", missing))
        body = {"scope": [*grant["scope"], *missing]}
        path = f"/client-grants/{grant['id']}"
        yield Change(what, lines, "PATCH", path, body, "update:client_grants")


def _connection(here: Here) -> Iterator[Step]:
    """The connection must be enabled for the application."""
    name, what = here.settings.connection, "Connection"
    found = here.api.get("/connections", name=name, strategy="auth0")
    if not found:
        yield Left(what, f"The tenant has no database connection called {name}.")
        return
    path = f"/connections/{found[0]['id']}/clients"
    client_id = here.settings.client_id
    if all(each["client_id"] != client_id for each in here.api.each(path, "clients")):
        lines = tuple(added(f"{name} → Applications", [client_id]))
        body = [{"client_id": client_id, "status": True}]
        yield Change(what, lines, "PATCH", path, body, "update:connections")


def _password_page(here: Here) -> Iterator[Step]:
    """The Classic page. Where people come back by the login route ours would be in the way."""
    what = "Password page"
    page = (here.api.get("/tenants/settings") or {}).get("change_password") or {}
    html = str(page.get("html") or "")
    if here.settings.invite_return == ReturnTo.LOGIN_ROUTE:
        if page.get("enabled") and OURS in html:
            lines = replaced("enabled", True, False)
            yield _page_change(what, lines, {**page, "enabled": False})
        return
    if html.strip() and OURS not in html and not here.replace:
        off = "" if page.get("enabled") else "It is switched off. "
        yield Left(
            what,
            f"The tenant has one that was not put there by this command; it stays. {off}"
            "With --replace ours takes its place.",
            is_trouble=not page.get("enabled"),
        )
        return
    wanted = dict(here.wanted.page)
    lines = list(rewritten("html", html, wanted["html"]))
    if page.get("enabled") is not True:
        lines = [*replaced("enabled", page.get("enabled"), True), *lines]
    if lines:
        yield _page_change(what, lines, {**page, **wanted})


def _page_change(what: str, lines: list[str], page: Mapping[str, Any]) -> Change:
    body = {"change_password": dict(page)}
    return Change(what, tuple(lines), "PATCH", "/tenants/settings", body, "update:tenant_settings")


def _texts(here: Here) -> Iterator[Step]:
    """New Universal Login's words. A PUT replaces them all, so others' words go along."""
    if here.settings.invite_return != ReturnTo.LOGIN_ROUTE:
        return
    for language, screens in here.wanted.texts.items():
        path = f"/prompts/{PROMPT}/custom-text/{language}"
        present: dict[str, dict[str, str]] = here.api.get(path) or {}
        merged = {**present}
        lines: list[str] = []
        for screen, texts in screens.items():
            merged[screen] = {**present.get(screen, {}), **texts}
            for key, text in texts.items():
                earlier = present.get(screen, {}).get(key)
                if earlier != text:
                    lines += replaced(f"{screen}.{key}", earlier, text)
        if lines:
            what = f"Texts in {language}"
            yield Change(what, tuple(lines), "PUT", path, merged, "update:prompts")


def _mail_provider(here: Here) -> Iterator[Step]:
    """Without one a tenant sends its stock mail, whatever the template says."""
    if (
        here.settings.delivery != Delivery.TENANT_EMAIL
        or here.api.get("/emails/provider") is not None
    ):
        return
    what, server = "Mail provider", urlsplit(here.settings.smtp_url)
    if is_loopback(here.settings.smtp_url) and not is_loopback(here.settings.management_url):
        yield Left(
            what,
            "The tenant has none and cannot reach the mail server of SMTP_URL; configure one "
            "under Branding → Email Provider.",
        )
        return
    port = server.port or (465 if server.scheme == "smtps" else 587)
    credentials: dict[str, Any] = {"smtp_host": server.hostname, "smtp_port": port}
    if server.username:
        credentials["smtp_user"] = unquote(server.username)
        credentials["smtp_pass"] = unquote(server.password or "")
    body = {
        "name": "smtp",
        "enabled": True,
        "default_from_address": parseaddr(here.settings.mail_from)[1],
        "credentials": credentials,
    }
    lines = tuple(added("SMTP", [f"{server.hostname}:{port}, with what SMTP_URL says"]))
    yield Change(what, lines, "POST", "/emails/provider", body, "create:email_provider")


def _mail_template(here: Here) -> Iterator[Step]:
    """The tenant's change-password mail, where it is to carry the invitation."""
    if here.settings.delivery != Delivery.TENANT_EMAIL:
        return
    what, path = "Mail template", "/email-templates/reset_email"
    wanted = dict(here.wanted.template)
    if here.settings.invite_return == ReturnTo.LOGIN_ROUTE:
        del wanted["resultUrl"]  # New Universal Login takes no notice of it
    stored = here.api.get(path)
    if stored is None:
        method, path, body, scope = "POST", "/email-templates", wanted, "create:email_templates"
    elif OURS not in str(stored.get("body")) and not here.replace:
        knows = "invitedToMyApp" in str(stored.get("body"))
        yield Left(
            what,
            "The tenant has one that was not put there by this command; it stays. "
            "With --replace ours takes its place.",
            is_trouble=not knows,
        )
        return
    else:
        body = {name: value for name, value in wanted.items() if stored.get(name) != value}
        method, scope = "PATCH", "update:email_templates"
    lines: list[str] = []
    for name, value in body.items():
        earlier = (stored or {}).get(name)
        lines += (rewritten if name == "body" else replaced)(name, earlier, value)
    if body:
        yield Change(what, tuple(lines), method, path, body, scope, may_lack="resultUrl")


PARTS: tuple[tuple[str, Part], ...] = (
    ("Application", _application),
    ("Management application", _management_application),
    ("Permissions of the site", _grant),
    ("Connection", _connection),
    ("Password page", _password_page),
    ("Texts", _texts),
    ("Mail provider", _mail_provider),
    ("Mail template", _mail_template),
)
