"""The settings of a local tenant, which reads no environment variables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from wsgiref.types import WSGIApplication

# The database connection of the contract's examples; this tenant has no other.
CONNECTION = "Username-Password-Authentication"


class NotChosen(Exception):
    """Why a scenario could not be chosen; nothing has changed."""


@dataclass(frozen=True)
class Demonstration:
    """What a demo around this tenant adds to it.

    The dashboard offers `scenarios` (name and words) in place of the experience; `scenario` gives the
    chosen one, or an empty text, and `choose_scenario` is called with another, and may raise
    `NotChosen`. `on_clock_moved` is called with the new offset in seconds after the dashboard has set
    the clock ahead. `invitee_url` is this tenant's address under another host name, for a second person
    in the same browser. `around` wraps the whole application.
    """

    scenarios: Mapping[str, str]
    scenario: Callable[[], str]
    choose_scenario: Callable[[str], None]
    on_clock_moved: Callable[[float], None]
    invitee_url: str
    around: Callable[[WSGIApplication], WSGIApplication]


@dataclass(frozen=True)
class TenantConfig:
    """Settings of one local tenant.

    `database` is the SQLite file with all that survives a restart. A port of 0 stands
    for a free one. `control` enables the switches for tests and demos under `/_tenant/`. `site_url` is
    the site that the seeded application belongs to. `public_url` is the base of the issuer where it
    differs from `http://localhost:<port>`, for example behind a TLS front. `plan` is the one whose
    rate limits are in force at the start. `demonstration` is what a demo adds.
    """

    database: Path
    port: int = 3001
    smtp_port: int = 1025
    control: bool = False
    site_url: str = "http://localhost:3000"
    app_name: str = "Acme"
    public_url: str | None = None
    plan: str = "off"
    admin_email: str = "admin@example.com"
    admin_password: str = field(default="Invite-Demo-1!", repr=False)
    demonstration: Demonstration | None = None
