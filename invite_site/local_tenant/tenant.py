"""Everything one running tenant knows, in one place for the views to reach."""

import secrets
import threading
from dataclasses import dataclass, field
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
from .store.documents import Documents
from .store.emails import EmailProvider, EmailTemplates
from .store.failures import Failures
from .store.keys import SigningKey, new_key
from .store.logs import Logs
from .store.mails import Mails
from .store.roles import RoleClaim, Roles
from .store.sessions import Sessions
from .store.settings import CustomText, Prompts, TenantSettings
from .store.tickets import Tickets
from .store.users import Users

EXTENSION = "local_tenant"


@dataclass(frozen=True)
class Tenant:
    """The tables, the key, the clock, and the switches of the control plane."""

    config: TenantConfig
    url: str  # base of every address, without a slash at its end
    smtp_port: int  # of the SMTP server, where mail of the tenant's own goes
    database: Database
    clock: Clock
    clients: Clients
    users: Users
    tickets: Tickets
    sessions: Sessions
    failures: Failures
    codes: Codes
    mails: Mails
    templates: EmailTemplates
    provider: EmailProvider
    settings: TenantSettings
    prompts: Prompts
    custom_text: CustomText
    connection: Connection
    roles: Roles
    role_claim: RoleClaim
    logs: Logs
    key: SigningKey
    faults: Faults
    misbehaviours: Misbehaviours
    switches: Switches
    limits: Limits
    traffic: Traffic
    issued: Issued
    # Set at the end, so that a slow answer does not hold the tenant up.
    stopping: threading.Event = field(default_factory=threading.Event)

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
        """Make the admin's account unless it is there."""
        if self.users.by_email(self.config.admin_email.lower()) is None:
            self.users.create(
                self.config.admin_email,
                self.config.admin_password,
                email_verified=True,
                profile={"name": "Admin"},
            )

    def reset(self) -> None:
        """Forget all but the applications and the key, and begin anew."""
        self.faults.clear()
        self.misbehaviours.clear()
        self.switches.clear()
        self.limits.choose(self.config.plan)
        self.clock.offset = 0.0
        self.clock.hold(False)
        self.database.clear()
        self.clients.delete_unseeded()
        self.clients.seed(self.config, anew=True)
        self.seed_admin()
        self.traffic.clear()

    def close(self) -> None:
        """Close the database file."""
        self.stopping.set()
        self.database.close()


def open_tenant(config: TenantConfig, url: str, smtp_port: int | None = None) -> Tenant:
    """The state kept in the database file, seeded where it is new."""
    database = Database(config.database)
    documents = Documents(database)
    clients = Clients(database)
    connection = Connection(database, documents, clients)
    clock = Clock()
    switches = Switches()
    issued = Issued(config.control)
    tenant = Tenant(
        config=config,
        url=url,
        smtp_port=config.smtp_port if smtp_port is None else smtp_port,
        database=database,
        clock=clock,
        clients=clients,
        users=Users(database, clock),
        tickets=Tickets(database, clock),
        sessions=Sessions(database, clock),
        failures=Failures(database),
        codes=Codes(database, clock, switches),
        mails=Mails(database, clock),
        templates=EmailTemplates(documents),
        provider=EmailProvider(documents),
        settings=TenantSettings(documents, config),
        prompts=Prompts(documents),
        custom_text=CustomText(documents),
        connection=connection,
        roles=Roles(database, documents),
        role_claim=RoleClaim(documents),
        logs=Logs(database, clock, connection.id),
        key=SigningKey(database),
        faults=Faults(),
        misbehaviours=Misbehaviours(new_key),
        switches=switches,
        limits=Limits(clock, config.plan),
        traffic=Traffic(config.control),
        issued=issued,
    )
    tenant.clients.seed(config)
    tenant.seed_admin()
    for role in (APPLICATION, MANAGEMENT, SETUP):
        issued.note("client_secrets", tenant.clients.seeded(role).client_secret)
    return tenant


def cookie_secret(database: Database) -> str:
    """What signs the tenant's cookie: random, once per database file."""
    stored = database.setting("cookie_secret")
    if stored is None:
        stored = secrets.token_urlsafe(48)
        database.keep_setting("cookie_secret", stored)
    return stored


def current_tenant() -> Tenant:
    """The state of the tenant that is answering this request."""
    tenant = current_app.extensions[EXTENSION]
    if not isinstance(tenant, Tenant):
        raise TypeError("this app is not a local tenant")
    return tenant
