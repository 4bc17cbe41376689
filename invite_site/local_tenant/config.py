"""The settings of a local tenant, which reads no environment variables."""

from dataclasses import dataclass, field
from pathlib import Path

# The database connection of the contract's examples; this tenant has no other.
CONNECTION = "Username-Password-Authentication"


@dataclass(frozen=True)
class TenantConfig:
    """Settings of one local tenant.

    `database` is the SQLite file with all that survives a restart. A port of 0 stands
    for a free one. `control` enables the switches for tests and demos under `/_tenant/`. `site_url` is the site that the seeded application belongs to.
    `public_url` is the base of the issuer where it differs from
    `http://localhost:<port>`, for example behind a TLS front. `plan` is the one whose
    rate limits are in force at the start.
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
