"""Everything that can be set, read once and checked as a whole.

No other module reads the environment, so a test says `Settings(...)` and is done.
"""

import enum
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import SplitResult, unquote, urlsplit

from . import exposure
from .errors import ConfigError
from .mailbox import Mailbox, read_mailbox

ROOT = Path(__file__).resolve().parent.parent
ENV_FILE = ROOT / ".env"
DAY = 24 * 60 * 60
MEMORY = "memory://"

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
    rate_limit_url: str = field(default=MEMORY, repr=False)
    trusted_proxies: int = 0  # that a request passes on its way from the browser to this process
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
        cls, environ: Mapping[str, str] | None = None, *, env_file: Path | None = None
    ) -> "Settings":
        """Settings from variables (`.env.example` lists them), which may come from `env_file`.

        Raises ConfigError naming every problem at once, so that one start shows all there is to do.
        """
        env = os.environ if environ is None else environ
        problems: list[str] = []

        def read(name: str, default: str | None = None) -> str:
            value = env.get(name, "").strip()
            if not value and default is None:
                problems.append(f"{name} is missing.")
            return value or default or ""

        def checked(name: str, value: str, convert: Callable[[str], T], fallback: T) -> T:
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
        port = checked("SITE_PORT", read("SITE_PORT", "3000"), _port, 3000)
        site_url = checked(
            "SITE_URL", read("SITE_URL", f"http://localhost:{port}"), _site_address, ""
        )
        tenant_url = checked("AUTH0_DOMAIN", read("AUTH0_DOMAIN"), _tenant_address, "")
        settings = cls(
            secret_keys=checked("SECRET_KEY", read("SECRET_KEY"), _secret_keys, ()),
            site_url=site_url,
            site_port=port,
            app_name=read("APP_NAME"),
            app_url=checked("APP_URL", read("APP_URL", ""), _link, ""),
            contact_email=checked("CONTACT_EMAIL", read("CONTACT_EMAIL", ""), read_mailbox, None),
            tenant_url=tenant_url,
            client_id=read("AUTH0_CLIENT_ID"),
            client_secret=read("AUTH0_CLIENT_SECRET"),
            management_url=checked(
                "AUTH0_MANAGEMENT_DOMAIN",
                read("AUTH0_MANAGEMENT_DOMAIN", tenant_url),
                _tenant_address,
                "",
            ),
            management_client_id=read("AUTH0_MANAGEMENT_CLIENT_ID", env.get("AUTH0_CLIENT_ID", "")),
            management_client_secret=read(
                "AUTH0_MANAGEMENT_CLIENT_SECRET", env.get("AUTH0_CLIENT_SECRET", "")
            ),
            connection=read("AUTH0_CONNECTION", "Username-Password-Authentication"),
            invitation_ttl=checked(
                "INVITATION_TTL_SECONDS",
                read("INVITATION_TTL_SECONDS", str(5 * DAY)),
                _lifetime,
                5 * DAY,
            ),
            delivery=choice("INVITE_DELIVERY", Delivery.TICKET),
            invite_return=choice("INVITE_RETURN", ReturnTo.RESULT_URL),
            link=choice("INVITE_LINK", LinkKind.TICKET),
            plan=choice("TENANT_PLAN", Plan.UNKNOWN),
            batch_rows=checked("BATCH_MAX_ROWS", read("BATCH_MAX_ROWS", "10000"), _rows, 10_000),
            admin_role_claim=read("ADMIN_ROLE_CLAIM", ""),
            admin_role=read("ADMIN_ROLE", ""),
            database_url=read("DATABASE_URL", f"sqlite:///{ROOT / 'instance' / 'site.db'}"),
            rate_limit_url=checked(
                "RATE_LIMIT_URL", read("RATE_LIMIT_URL", MEMORY), _rate_limit_address, MEMORY
            ),
            trusted_proxies=checked("TRUSTED_PROXIES", read("TRUSTED_PROXIES", "0"), _proxies, 0),
            smtp_url=checked("SMTP_URL", read("SMTP_URL", no_mail), _smtp_address, ""),
            mail_from=checked("MAIL_FROM", read("MAIL_FROM", no_mail), read_mailbox, Mailbox()),
            log_level=checked("LOG_LEVEL", read("LOG_LEVEL", "INFO"), _log_level, "INFO"),
        )
        if bool(settings.admin_role_claim) != bool(settings.admin_role):
            problems.append("ADMIN_ROLE_CLAIM and ADMIN_ROLE belong together; set both or neither.")
        if settings.delivery == Delivery.TENANT_EMAIL and settings.link == LinkKind.LANDING:
            problems.append(
                "INVITE_LINK=landing needs INVITE_DELIVERY=ticket: the tenant's own mail always "
                "carries the tenant's own link."
            )
        if site_url and not settings.is_local:
            problems.extend(exposure.problems_of(settings.secret_keys, env, env_file))
        if problems:
            raise ConfigError(problems)
        return settings


_NO_WEB_ADDRESS = "must be a web address such as https://invite.example.com"


def is_loopback(url: str) -> bool:
    """Whether this address can only mean this machine (RFC 8252 §7.3)."""
    host = urlsplit(url).hostname or ""
    return host in {"localhost", "::1"} or host.startswith("127.")


def _web_address(value: str) -> str:
    """An address that others are built from."""
    parts = urlsplit(_link(value))
    if parts.query or parts.fragment:
        raise ValueError(_NO_WEB_ADDRESS)
    return value.rstrip("/")


def _site_address(value: str) -> str:
    address = _web_address(value)
    if urlsplit(address).path:
        raise ValueError(
            "must have no path: pages, cookies and links of this site begin at the root of a host. "
            "Give it a host name of its own, such as https://invite.example.com"
        )
    return address


def _link(value: str) -> str:
    """An address that people are led to, as it is: an application may live behind `#/` or `?`."""
    parts = urlsplit(value)
    whole = parts.scheme in {"http", "https"} and parts.hostname and _has_good_port(parts)
    if not whole or not value.isprintable() or " " in value:
        raise ValueError(_NO_WEB_ADDRESS)
    if parts.scheme == "http" and not is_loopback(value):
        raise ValueError("must begin with https://; plain http is only for this machine")
    return value


def _tenant_address(value: str) -> str:
    """A bare domain, as Auth0 writes it, or a full address for a tenant on this machine."""
    address = _web_address(value if "://" in value else f"https://{value}")
    if urlsplit(address).path:
        raise ValueError("must be the tenant's domain alone, such as acme.eu.auth0.com")
    return address.lower()  # tokens name their issuer so, and are compared with it letter by letter


def _smtp_address(value: str) -> str:
    parts = urlsplit(value)
    is_whole = parts.scheme in {"smtp", "smtps"} and parts.hostname and _has_good_port(parts)
    rest = parts.path.strip("/") or parts.fragment
    if not is_whole or rest or not value.isprintable() or " " in value:
        raise ValueError(
            "must look like smtp://user:password@mail.example.com:587, with special characters of "
            "user and password percent-encoded"
        )
    if parts.query not in ("", "verify=no"):
        raise ValueError("can end in ?verify=no and in nothing else")
    if parts.query and not is_loopback(value):
        raise ValueError("can end in ?verify=no only for a relay on this machine")
    if bool(parts.username) != bool(parts.password):
        raise ValueError("must have both a user and a password, or neither")
    try:
        credentials = unquote(f"{parts.username}{parts.password}", errors="strict")
    except UnicodeDecodeError:
        raise ValueError("must have user and password percent-encoded as UTF-8") from None
    if not credentials.isprintable():
        raise ValueError("has a user or a password with characters that cannot be typed")
    return value


def _rate_limit_address(value: str) -> str:
    parts = urlsplit(value)
    is_redis = re.fullmatch(r"rediss?://[^/?#\s]+(/\d*)?", value) and parts.hostname
    if value != MEMORY and not (is_redis and _has_good_port(parts)):
        raise ValueError(
            "must be memory:// or an address such as redis://user:password@cache.example.com:6379/0"
        )
    return value


def _has_good_port(parts: SplitResult) -> bool:
    try:
        return parts.port is None or parts.port > 0
    except ValueError:
        return False


def _secret_keys(value: str) -> tuple[str, ...]:
    keys = tuple(key.strip() for key in value.split(",") if key.strip())
    if not keys or any(len(key) < 32 for key in keys):
        raise ValueError(
            "must be at least 32 characters long; make one with "
            "python3 -c 'import secrets; print(secrets.token_hex())'"
        )
    return keys


def _port(value: str) -> int:
    port = int(value) if value.isdecimal() else 0
    if not 0 < port < 65536:
        raise ValueError("must be a number from 1 to 65535")
    return port


def _lifetime(value: str) -> int:
    seconds = int(value) if value.isdecimal() else 0
    if not 60 <= seconds <= 365 * DAY:
        raise ValueError("must be a number of seconds between 60 and one year")
    return seconds


def _rows(value: str) -> int:
    rows = int(value) if value.isdecimal() else 0
    if not 1 <= rows <= 100_000:
        raise ValueError("must be a number from 1 to 100000")
    return rows


def _proxies(value: str) -> int:
    # A hop too many would let everybody write the address that they are counted by.
    if value not in {"0", "1", "2", "3", "4", "5"}:
        raise ValueError(
            "must be the number of proxies between browsers and this site, from 0 to 5"
        )
    return int(value)


def _log_level(value: str) -> str:
    if value.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        raise ValueError("must be DEBUG, INFO, WARNING or ERROR")
    return value.upper()
