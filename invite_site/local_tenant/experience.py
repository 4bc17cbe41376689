"""The three experiences: which pages people meet, as the stored settings have it.

A customised password page is Auth0's switch for "Classic, but only for this step".
"""

from dataclasses import dataclass

from .store.settings import CLASSIC, NEW
from .tenant import Tenant

# Name, experience of the login, and whether a customised password page is switched on.
_NAMED = {
    "classic": (CLASSIC, False),
    "classic_reset": (NEW, True),
    "new": (NEW, False),
}
EXPERIENCES = tuple(_NAMED)


@dataclass(frozen=True)
class Experience:
    """`universal_login` and `universal_reset` say which pages are those of New Universal Login."""

    name: str
    universal_login: bool
    universal_reset: bool


def current_experience(tenant: Tenant) -> Experience:
    """The experience people meet now."""
    if tenant.prompts.get()["universal_login_experience"] != NEW:
        return Experience("classic", universal_login=False, universal_reset=False)
    if tenant.settings.get()["change_password"].get("enabled"):
        return Experience("classic_reset", universal_login=True, universal_reset=False)
    return Experience("new", universal_login=True, universal_reset=True)


def choose_experience(tenant: Tenant, name: str) -> None:
    """Set what makes that experience; a stored page stays stored."""
    login, enabled = _NAMED[name]
    tenant.prompts.change({"universal_login_experience": login})
    page = tenant.settings.get()["change_password"]
    tenant.settings.change({"change_password": {**page, "enabled": enabled}})


def ticket_url(tenant: Tenant, code: str) -> str:
    """The address of a ticket: always with a bare `#` at its end, for whoever adds to it."""
    new = current_experience(tenant).universal_reset
    path = tenant.switches["new_login_ticket_path"] if new else "/lo/reset"
    return f"{tenant.url}{path}?ticket={code}#"


def login_path(tenant: Tenant) -> str:
    """Where `/authorize` sends people."""
    return "/u/login/identifier" if current_experience(tenant).universal_login else "/login"
