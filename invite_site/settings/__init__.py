"""Everything that can be set, read once and checked as a whole.

No other module of the running site reads the environment, so a test says `Settings(...)` and is done.
"""

import enum
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from .. import exposure
from ..env_file import misspelt
from ..errors import ConfigError
from ..mailbox import Mailbox, read_mailbox
from . import values
from .values import DAY as DAY
from .values import MEMORY as MEMORY
from .values import is_loopback as is_loopback

ROOT = Path(__file__).resolve().parent.parent.parent
ENV_FILE = ROOT / ".env"
INSTANCE = ROOT / "instance"  # what a site writes, unless DATABASE_URL says otherwise, and a demo
DEMO_SETTINGS = "demo.env"  # what a demo has written beside its database
FOR_SETUP = ("TENANT_SETUP_CLIENT_ID", "TENANT_SETUP_CLIENT_SECRET")  # read by `flask tenant`

T = TypeVar("T")
C = TypeVar("C", bound=enum.StrEnum)


class Delivery(enum.StrEnum):
    """INVITE_DELIVERY: who sends the mail."""

    TICKET = "ticket"
    TENANT_EMAIL = "tenant_email"


class ReturnTo(enum.StrEnum):
    """INVITE_RETURN: how people come back from the password page."""

    RESULT_URL = "result_url"  # the Classic page
    LOGIN_ROUTE = "login_route"  # New Universal Login


class LinkKind(enum.StrEnum):
    """INVITE_LINK: what our mail links to."""

    TICKET = "ticket"  # the tenant's page
    LANDING = "landing"  # a page of ours, which leads on


class Plan(enum.StrEnum):
    """TENANT_PLAN: how many calls Auth0 lets the tenant take; `unknown` is learnt from its answers."""

    UNKNOWN = "unknown"
    FREE = "free"
    ESSENTIALS = "essentials"
    PROFESSIONAL = "professional"
    ENTERPRISE = "enterprise"
    ENTERPRISE_NONPRODUCTION = "enterprise_nonproduction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The site's settings. Addresses carry no trailing slash; times are seconds."""

    secret_keys: tuple[str, ...] = field(repr=False)
    site_url: str
    site_port: int = 3000
    app_name: str
    app_url: str = ""
    contact_email: Mailbox | None = None
    tenant_url: str
    client_id: str
    client_secret: str = field(repr=False)
    management_url: str
    management_client_id: str
    management_client_secret: str = field(repr=False)
    connection: str
    invitation_ttl: int = 5 * DAY
    reminder: int = 0  # before the end of an invitation; 0 for none
    delivery: Delivery = Delivery.TICKET
    invite_return: ReturnTo = ReturnTo.RESULT_URL
    link: LinkKind = LinkKind.TICKET
    plan: Plan = Plan.UNKNOWN
    batch_rows: int = 10_000
    admin_role_claim: str = ""
    admin_role: str = ""
    database_url: str = field(repr=False)
    smtp_url: str = field(repr=False)
    mail_from: Mailbox
    mail_templates: Path | None = None  # a folder whose files take the place of ours
    rate_limit_url: str = field(default=MEMORY, repr=False)
    trusted_proxies: int = 0  # that a request passes on its way from the browser to this process
    metrics_token: str = field(default="", repr=False)  # empty: no figures are given
    log_level: str = "INFO"

    @property
    def issuer(self) -> str:
        """The tenant's issuer: its address with the trailing slash that Auth0 puts there."""
        return f"{self.tenant_url}/"

    @property
    def metadata_url(self) -> str:
        return f"{self.tenant_url}/.well-known/openid-configuration"

    @property
    def management_audience(self) -> str:
        """Always the canonical domain, also with a custom domain, and with the final slash."""
        return f"{self.management_url}/api/v2/"

    @property
    def callback_url(self) -> str:
        return f"{self.site_url}/callback"

    @property
    def result_url(self) -> str:
        return f"{self.site_url}/invite/complete"

    @property
    def is_https(self) -> bool:
        return self.site_url.startswith("https://")

    @property
    def is_local(self) -> bool:
        """Whether the site itself is only reached from this machine."""
        return is_loopback(self.site_url)

    @classmethod
    def from_env(
        cls,
        environ: Mapping[str, str] | None = None,
        *,
        env_file: Path | None = None,
        instance: Path = INSTANCE,
    ) -> "Settings":
        """Settings from variables (`.env.example` lists them), which may come from `env_file`; the
        database is in `instance` where none of them names one.

        Raises ConfigError naming every problem at once, so that one start shows all there is to do.
        """
        env = os.environ if environ is None else environ
        problems: list[str] = []
        missing: set[str] = set()
        known = set(FOR_SETUP)

        def read(name: str, default: str | None = None) -> str:
            known.add(name)
            value = env.get(name, "").strip()
            if not values.is_utf8(value):
                problems.append(f"{name} is not UTF-8. Save what sets it as UTF-8.")
                return default or ""
            if not value and default is None:
                missing.add(name)
                problems.append(f"{name} is missing.")
            return value or default or ""

        def checked(name: str, default: str | None, convert: Callable[[str], T], fallback: T) -> T:
            value = read(name, default)
            if not value:
                return fallback
            try:
                return convert(value)
            except ValueError as fault:
                problems.append(f"{name} {fault}.")
                return fallback

        def choice(name: str, default: C) -> C:
            try:
                return type(default)(read(name, default))
            except ValueError:
                problems.append(f"{name} must be {' or '.join(type(default))}.")
                return default

        # The tenant's own mail needs no mail server of ours.
        no_mail = "" if env.get("INVITE_DELIVERY", "").strip() == Delivery.TENANT_EMAIL else None
        port = checked("SITE_PORT", "3000", values.port, 3000)
        site_url = checked("SITE_URL", f"http://localhost:{port}", values.site_address, "")
        tenant_url = checked("AUTH0_DOMAIN", None, values.tenant_address, "")
        client_id, client_secret = read("AUTH0_CLIENT_ID"), read("AUTH0_CLIENT_SECRET")
        management_id = read("AUTH0_MANAGEMENT_CLIENT_ID", "")
        management_secret = read("AUTH0_MANAGEMENT_CLIENT_SECRET", "")
        if bool(management_id) != bool(management_secret):
            problems.append(
                "AUTH0_MANAGEMENT_CLIENT_ID and AUTH0_MANAGEMENT_CLIENT_SECRET belong together; set "
                "both or neither."
            )
        settings = cls(
            secret_keys=checked("SECRET_KEY", None, values.secret_keys, ()),
            site_url=site_url,
            site_port=port,
            app_name=read("APP_NAME"),
            app_url=checked("APP_URL", "", values.link, ""),
            contact_email=checked("CONTACT_EMAIL", "", read_mailbox, None),
            tenant_url=tenant_url,
            client_id=client_id,
            client_secret=client_secret,
            management_url=checked(
                "AUTH0_MANAGEMENT_DOMAIN", tenant_url, values.tenant_address, ""
            ),
            management_client_id=management_id or client_id,
            management_client_secret=management_secret or client_secret,
            connection=read("AUTH0_CONNECTION", "Username-Password-Authentication"),
            invitation_ttl=checked(
                "INVITATION_TTL_SECONDS", str(5 * DAY), values.lifetime, 5 * DAY
            ),
            reminder=checked("REMINDER_SECONDS", "0", values.reminder, 0),
            delivery=choice("INVITE_DELIVERY", Delivery.TICKET),
            invite_return=choice("INVITE_RETURN", ReturnTo.RESULT_URL),
            link=choice("INVITE_LINK", LinkKind.TICKET),
            plan=choice("TENANT_PLAN", Plan.UNKNOWN),
            batch_rows=checked("BATCH_MAX_ROWS", "10000", values.rows, 10_000),
            admin_role_claim=read("ADMIN_ROLE_CLAIM", ""),
            admin_role=read("ADMIN_ROLE", ""),
            database_url=read("DATABASE_URL", f"sqlite:///{quote(str(instance / 'site.db'))}"),
            rate_limit_url=checked("RATE_LIMIT_URL", MEMORY, values.rate_limit_address, MEMORY),
            trusted_proxies=checked("TRUSTED_PROXIES", "0", values.proxies, 0),
            smtp_url=checked("SMTP_URL", no_mail, values.smtp_address, ""),
            mail_from=checked("MAIL_FROM", no_mail, read_mailbox, Mailbox()),
            mail_templates=checked("MAIL_TEMPLATES", "", values.folder, None),
            metrics_token=checked("METRICS_TOKEN", "", values.bearer_token, ""),
            log_level=checked("LOG_LEVEL", "INFO", values.log_level, "INFO"),
        )
        problems.extend(_contradictions_in(settings))
        if not env.get("DATABASE_URL", "").strip() and os.path.exists(instance / DEMO_SETTINGS):
            # A worker would send what waits in it, by a real tenant and a real mail server.
            problems.append(
                f"DATABASE_URL is missing, and {instance / 'site.db'} is the database of a demo. Run "
                "`make demo-reset`, or set DATABASE_URL."
            )
        if site_url and not settings.is_local:
            problems.extend(exposure.problems_of(settings.secret_keys, env, env_file))
        if env_file is not None:
            problems.extend(misspelt(env_file, known, env))
            if missing and not env_file.exists():
                problems.append(
                    f"{env_file} is not there. Copy .env.example to it, or set the variables elsewhere."
                )
        if problems:
            raise ConfigError(problems)
        return settings


def _contradictions_in(settings: Settings) -> Iterator[str]:
    """A sentence for each two that exclude each other."""
    if bool(settings.admin_role_claim) != bool(settings.admin_role):
        yield "ADMIN_ROLE_CLAIM and ADMIN_ROLE belong together; set both or neither."
    if settings.delivery == Delivery.TENANT_EMAIL and settings.link == LinkKind.LANDING:
        yield (
            "INVITE_LINK=landing needs INVITE_DELIVERY=ticket: the tenant's own mail always carries "
            "the tenant's own link."
        )
    if settings.delivery == Delivery.TENANT_EMAIL and settings.reminder:
        yield (
            "REMINDER_SECONDS needs INVITE_DELIVERY=ticket: the tenant's own mail does not say that it "
            "is a reminder."
        )
    if settings.reminder >= settings.invitation_ttl:
        yield (
            "REMINDER_SECONDS must be less than INVITATION_TTL_SECONDS: an invitation would end before "
            "its reminder is due."
        )
