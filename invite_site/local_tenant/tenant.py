"""The stores and switches of one running tenant, and access to them from a view."""

import threading
from urllib.parse import urlsplit

from flask import current_app

from .config import TenantConfig
from .simulation.clock import Clock
from .simulation.faults import Faults
from .simulation.misbehaviour import Misbehaviours
from .simulation.rate_limits import Limits
from .simulation.switches import Switches
from .simulation.traffic import Issued, Traffic
from .store.clients import APPLICATION, MANAGEMENT, SETUP, Clients
from .store.codes import Codes
from .store.connection import Connection
from .store.database import Database
from .store.documents import Documents, SingleDocument
from .store.failures import Failures
from .store.keys import SigningKey, new_key
from .store.logs import Logs
from .store.mails import Mails
from .store.roles import Roles
from .store.sessions import Sessions
from .store.settings import DEFAULT_PROMPTS, default_settings
from .store.tickets import Tickets
from .store.users import Users

EXTENSION = "local_tenant"


class Tenant:
    """The stores, the signing key, the clock and the switches of one running tenant."""

    def __init__(self, config: TenantConfig, url: str, smtp_port: int | None = None) -> None:
        """Open the database file, and seed it where it is new. `url` has no slash at its end."""
        self.config = config
        self.url = url
        # Of the SMTP server, which takes the tenant's own mail.
        self.smtp_port = config.smtp_port if smtp_port is None else smtp_port
        # Set when the tenant stops, to end every delayed answer.
        self.stopping = threading.Event()

        self.clock = clock = Clock()
        self.switches = Switches()
        self.faults = Faults()
        self.misbehaviours = Misbehaviours(new_key)
        self.limits = Limits(clock, config.plan)
        self.traffic = Traffic(config.control)
        self.issued = Issued(config.control)

        self.database = database = Database(config.database)
        self.key = SigningKey(database)
        self.clients = Clients(database)
        self.connection = Connection(database, self.clients)
        self.users = Users(database, clock)
        self.roles = Roles(database)
        self.role_claim = SingleDocument(database, "role_claim", "role_claim")
        self.tickets = Tickets(database, clock)
        self.failures = Failures(database)
        self.codes = Codes(database, clock, self.switches)
        self.mails = Mails(database, clock)
        self.templates = Documents(database, "email_template")
        self.provider = SingleDocument(database, "email_provider")
        settings = default_settings(config)
        self.settings = SingleDocument(database, "tenant_settings", defaults=settings)
        self.sessions = Sessions(database, clock, self.settings)
        self.prompts = SingleDocument(database, "prompts", defaults=DEFAULT_PROMPTS)
        self.custom_text = Documents(database, "custom_text")  # named prompt/language
        self.logs = Logs(database, clock, self.connection.id)

        self.clients.seed(config)
        self.seed_admin()
        for role in (APPLICATION, MANAGEMENT, SETUP):
            self.issued.record("client_secrets", self.clients.seeded(role).client_secret)

    @property
    def issuer(self) -> str:
        """The issuer: the base with its slash, as Auth0 writes it."""
        return f"{self.url}/"

    @property
    def management_audience(self) -> str:
        """The Management API's identifier, with its slash."""
        return f"{self.url}/api/v2/"

    @property
    def tenant_name(self) -> str:
        """Auth0's name of a tenant: the first part of its host."""
        return (urlsplit(self.url).hostname or "").partition(".")[0]

    def seed_admin(self) -> None:
        """Create the admin's account unless it exists."""
        if self.users.by_email(self.config.admin_email.lower()) is None:
            self.users.create(
                self.config.admin_email,
                self.config.admin_password,
                email_verified=True,
                profile={"name": "Admin"},
            )

    def reset(self) -> None:
        """Delete all but the seeded applications and the key, and set every switch back."""
        self.faults.clear()
        self.misbehaviours.clear()
        self.switches.clear()
        self.limits.choose(self.config.plan)
        self.clock.offset = 0.0
        self.clock.hold(False)
        self.database.clear()
        self.clients.seed(self.config, anew=True)
        self.seed_admin()
        self.traffic.clear()

    def close(self) -> None:
        """Close the database file."""
        self.stopping.set()
        self.database.close()


def current_tenant() -> Tenant:
    """The tenant that answers this request."""
    tenant = current_app.extensions[EXTENSION]
    if not isinstance(tenant, Tenant):
        raise TypeError("this app is not a local tenant")
    return tenant
