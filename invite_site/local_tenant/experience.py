"""The three experiences: which pages are shown, by the stored settings.

A customised password page is Auth0's switch for "Classic, but only for this step".
"""

from dataclasses import dataclass

from .store.settings import CLASSIC, NEW
from .tenant import Tenant

# Name, experience of the login, and whether a customised password page is switched on.
_SETTINGS = {
    "classic": (CLASSIC, False),
    "classic_reset": (NEW, True),
    "new": (NEW, False),
}
EXPERIENCES = tuple(_SETTINGS)


@dataclass(frozen=True)
class Experience:
    """Whether login and password pages are those of New Universal Login, or Classic."""

    name: str
    universal_login: bool
    universal_reset: bool


def current_experience(tenant: Tenant) -> Experience:
    """The experience by the current settings."""
    if tenant.prompts.get()["universal_login_experience"] != NEW:
        return Experience("classic", universal_login=False, universal_reset=False)
    if tenant.settings.get()["change_password"].get("enabled"):
        return Experience("classic_reset", universal_login=True, universal_reset=False)
    return Experience("new", universal_login=True, universal_reset=True)


def choose_experience(tenant: Tenant, name: str) -> None:
    """Change the settings to that experience; a customised page stays stored."""
    login, enabled = _SETTINGS[name]
    tenant.prompts.change({"universal_login_experience": login})
    page = tenant.settings.get()["change_password"]
    tenant.settings.change({"change_password": {**page, "enabled": enabled}})


def ticket_url(tenant: Tenant, code: str) -> str:
    """The address of a ticket, with a bare `#` at its end as at Auth0."""
    new = current_experience(tenant).universal_reset
    path = tenant.switches["new_login_ticket_path"] if new else "/lo/reset"
    return f"{tenant.url}{path}?ticket={code}#"


def login_path(tenant: Tenant) -> str:
    """The login page that `/authorize` redirects to."""
    return "/u/login/identifier" if current_experience(tenant).universal_login else "/login"
