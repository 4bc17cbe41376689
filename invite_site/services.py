"""The parts of the running site, put together once. Views, commands and the worker get these."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from .accounts.admins import Admins
from .accounts.kept_forms import KeptForms
from .accounts.sessions import Sessions
from .database.engine import open_engine
from .invitations.acceptance import Acceptance
from .invitations.admins.ledger import AdminLedger
from .invitations.admins.service import Granting
from .invitations.batches.ledger import BatchLedger
from .invitations.batches.previews import Previews
from .invitations.batches.service import Batches
from .invitations.batches.starting import Starting
from .invitations.checks import Checks
from .invitations.circuit_breaker import CircuitBreaker
from .invitations.erasure import Erasure
from .invitations.exports import Exports
from .invitations.extensions import Extensions
from .invitations.jobs import Jobs
from .invitations.jobs.ledger import JobLedger
from .invitations.leases import Leases
from .invitations.leases.checks import CheckLeases
from .invitations.leases.heartbeats import Heartbeats
from .invitations.leases.wrong_clocks import WrongClocks
from .invitations.ledger import Ledger
from .invitations.listing import Listing
from .invitations.options.roles import RoleOffers
from .invitations.pacer import Pacer
from .invitations.reminders import Reminders
from .invitations.resending import Resending
from .invitations.sending.channels import SignInMail, channel_of
from .invitations.sending.delivery import Deliveries
from .invitations.sending.outcomes import Outcomes
from .invitations.sending.samples import Samples
from .invitations.sending.turns import Turns
from .invitations.service import Invitations
from .invitations.statistics import Statistics
from .invitations.visits import Visits
from .mail.message import Mailer
from .settings import Delivery, Settings
from .tenant.http import PAGE, WORKER
from .tenant.management import Tenant
from .tenant.relying_party import RelyingParty


@dataclass(frozen=True, slots=True)
class Services:
    """What the use cases, pages and commands of one site share. `clock` gives aware UTC."""

    settings: Settings
    clock: Callable[[], datetime]
    engine: Engine
    logins_engine: Engine
    ledger: Ledger
    listing: Listing
    statistics: Statistics
    invitations: Invitations
    resending: Resending
    batches: Batches
    jobs: Jobs
    exports: Exports
    erasure: Erasure
    acceptance: Acceptance
    checks: Checks  # those that a page asks for
    deliveries: Deliveries
    reminders: Reminders
    wrong_clocks: WrongClocks
    circuit_breaker: CircuitBreaker
    heartbeats: Heartbeats
    sessions: Sessions
    kept_forms: KeptForms
    admins: Admins
    granting: Granting
    mailer: Mailer
    samples: Samples
    role_offers: RoleOffers
    tenant: Tenant
    relying_party: RelyingParty
    wake: threading.Event  # set where an invitation was queued in this process

    def close(self) -> None:
        """Close the connections to the database."""
        self.engine.dispose()
        self.logins_engine.dispose()


def machine_time() -> datetime:
    """Aware UTC by the clock of this machine."""
    return datetime.now(UTC)


def build_services(
    settings: Settings,
    clock: Callable[[], datetime],
    *,
    token_clock: Callable[[], datetime] = machine_time,
) -> Services:
    """The services of these settings; `token_clock` is the one that the times in the tenant's tokens are
    held against: the machine's, also where `clock` is moved, unless the tenant's is moved with it.
    Raises ConfigError for a database or templates of mails that cannot be used."""
    engine = open_engine(settings.database_url)
    # A login under way that a power cut loses is begun again; waiting for the disk at each would
    # make every landing slower. PostgreSQL flushes for many at once: no second pool there.
    is_sqlite = engine.dialect.name == "sqlite"
    logins_engine = open_engine(settings.database_url, is_durable=False) if is_sqlite else engine
    ledger = Ledger(engine, settings.connection, settings.client_id)
    visits = Visits(engine, settings.connection)
    pacer = Pacer(engine, settings.plan, clock)
    leases, check_leases = Leases(engine, pacer), CheckLeases(engine, pacer)
    circuit_breaker = CircuitBreaker(engine)
    heartbeats = Heartbeats(engine)
    sessions = Sessions(engine, logins_engine, clock, is_role_configured=bool(settings.admin_role))
    admins = Admins(engine)
    tenant = Tenant(settings, PAGE, pacer.hear_unreserved)
    tenant_of_worker = Tenant(settings, WORKER, pacer.hear)
    mailer = Mailer(settings)
    has_own_mail = settings.delivery == Delivery.TICKET
    wake = threading.Event()
    checks = Checks(settings, ledger, check_leases, tenant, clock)
    invitations = Invitations(settings, ledger, clock, wake.set)
    resending = Resending(settings, ledger, Extensions(engine), clock, wake.set)
    admin_ledger = AdminLedger(engine, settings.connection, settings.client_id)
    previews = Previews(engine, settings.connection, settings.client_id)
    deliveries = Deliveries(
        settings=settings,
        ledger=ledger,
        leases=leases,
        circuit_breaker=circuit_breaker,
        outcomes=Outcomes(leases, circuit_breaker, clock),
        checks=Checks(settings, ledger, check_leases, tenant_of_worker, clock),
        pacer=pacer,
        tenant=tenant_of_worker,
        channel=channel_of(settings, tenant_of_worker, mailer, leases, clock),
        sign_in_mail=SignInMail(settings, mailer, leases, clock) if has_own_mail else None,
        turns=Turns(),
        clock=clock,
    )
    listing = Listing(engine)
    role_offers = RoleOffers(tenant.roles, clock)
    return Services(
        settings=settings,
        clock=clock,
        engine=engine,
        logins_engine=logins_engine,
        ledger=ledger,
        listing=listing,
        invitations=invitations,
        resending=resending,
        statistics=Statistics(engine),
        batches=Batches(
            settings=settings,
            previews=previews,
            ledger=BatchLedger(engine),
            starting=Starting(engine, previews, settings.connection, settings.client_id),
            circuit_breaker=circuit_breaker,
            heartbeats=heartbeats,
            role_offers=role_offers,
            clock=clock,
            rate=deliveries.rate,
            on_queued=wake.set,
        ),
        jobs=Jobs(JobLedger(engine), listing, invitations, resending, clock),
        exports=Exports(listing, clock),
        erasure=Erasure(engine, clock),
        acceptance=Acceptance(settings, ledger, visits, checks, tenant, admins, clock),
        checks=checks,
        deliveries=deliveries,
        reminders=Reminders(engine, timedelta(seconds=settings.reminder), clock),
        wrong_clocks=WrongClocks(engine, clock),
        circuit_breaker=circuit_breaker,
        heartbeats=heartbeats,
        sessions=sessions,
        kept_forms=KeptForms(engine, clock),
        admins=admins,
        granting=Granting(
            settings, admins, ledger, admin_ledger, invitations, resending, tenant, clock
        ),
        mailer=mailer,
        samples=Samples(settings, mailer, clock),
        role_offers=role_offers,
        tenant=tenant,
        relying_party=RelyingParty(settings, sessions, token_clock),
        wake=wake,
    )
