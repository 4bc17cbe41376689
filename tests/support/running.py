"""The parts that run for a test: a local tenant, and sites in front of it, on free ports."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import requests
import werkzeug.routing
from flask import Flask
from jinja2 import FileSystemBytecodeCache

from invite_site import create_app
from invite_site.invitations.people import Inviter
from invite_site.local_tenant import TenantConfig, serve
from invite_site.server import SILENCE, listening, prepare, serving, working
from invite_site.services import Services
from invite_site.settings import Settings
from invite_site.web.current import EXTENSION

from .databases import copy_sqlite
from .person import Person

ADMIN = "admin@example.com"
ADMIN_PASSWORD = "Invite-Demo-1!"
PASSWORD = "Correct-Horse-9"
SECRET_KEY = "0123456789abcdef0123456789abcdef"
APP_NAME = 'A&B "<x>'  # every page and mail has to cope with such a name

# Of the many sites of a run: templates, and rules of routes.
COMPILED = FileSystemBytecodeCache()


class Rule(werkzeug.routing.Rule):
    """A rule whose builder of addresses is compiled once a run: for each site it would take 40 ms."""

    _builders: ClassVar[dict[object, Callable[..., tuple[str, str]]]] = {}

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        key = (tuple(self._trace), repr(self.defaults), append_unknown)
        if key not in self._builders:
            self._builders[key] = super()._compile_builder(append_unknown)
        return self._builders[key]


Flask.url_rule_class = Rule


class Clock:
    """The site's time, moved by hand. It runs on between, unless it is stopped."""

    def __init__(self) -> None:
        self._ahead = timedelta()
        self._stopped_at: datetime | None = None

    def __call__(self) -> datetime:
        return (self._stopped_at or datetime.now(UTC)) + self._ahead

    def stop(self) -> None:
        self._stopped_at = datetime.now(UTC)

    def forward(self, **by: float) -> None:
        self._ahead += timedelta(**by)


@dataclass(frozen=True)
class Tenant:
    """A running local tenant and its switches."""

    url: str
    mailbox_url: str
    environment: Mapping[str, str]

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(
            method,
            f"{self.url}/_tenant{path}",
            json=body,
            headers={"X-Tenant-Control": "1"},
            timeout=10,
        )
        assert answer.ok, (answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def reset(self) -> None:
        self.control("POST", "/reset")

    def forward(self, seconds: float) -> None:
        self.control("POST", "/clock/advance", {"seconds": seconds})

    def fails(self, route: str, **fault: Any) -> None:
        self.control("POST", "/faults", {"route": route, **fault})

    @property
    def faults(self) -> list[Any]:
        """What is still to fail. One that has begun is not in it any more."""
        return list(self.control("GET", "/faults")["faults"])

    def heals(self) -> None:
        self.control("DELETE", "/faults")

    def lies(self, lie: str, **more: Any) -> None:
        self.control("PUT", "/lies", {"lie": lie, **more})

    @property
    def state(self) -> Any:
        return self.control("GET", "/state")

    def user(self, email: str) -> Any:
        return next((u for u in self.state["users"] if u["email"] == email.lower()), None)

    def linked_accounts(self, state: Any = None) -> list[str]:
        """The `user_id` of each ticket that is live, now or in this state. One that withdraws another
        lives for a second, is given to nobody, and does not count."""
        live = [each for each in (state or self.state)["tickets"] if each["state"] == "live"]
        lives = [
            datetime.fromisoformat(each["expires"]) - datetime.fromisoformat(each["created"])
            for each in live
        ]
        return [
            each["user_id"]
            for each, life in zip(live, lives, strict=True)
            if life > timedelta(seconds=1)
        ]

    def calls(self, start: str) -> int:
        """How many requests the tenant answered whose "METHOD /path" begins like this."""
        return sum(
            f"{each['method']} {each['path']}".startswith(start) for each in self.state["requests"]
        )

    def mails(self, to: str = "") -> list[Any]:
        """The mails in the mailbox, newest first, each with Text and HTML."""
        box = f"{self.mailbox_url}/api/v1"
        listed = requests.get(f"{box}/messages", timeout=10).json()["messages"]
        return [
            requests.get(f"{box}/message/{each['ID']}", timeout=10).json()
            for each in listed
            if not to or any(person["Address"].lower() == to.lower() for person in each["To"])
        ]

    def link_to(self, email: str) -> str:
        """The invitation link in the newest mail to this address."""
        text = self.mails(email)[0]["Text"]
        return str(next(word for word in text.split() if "/lo/reset?ticket=" in word))


@dataclass(frozen=True)
class RunningSite:
    """A site that answers on `url`, with its parts."""

    url: str
    app: Flask
    clock: Clock
    settings: Settings

    @property
    def services(self) -> Services:
        return services_of(self.app)

    def delivers(self) -> int:
        """What a worker does now: everything due; returns how many rows it took."""
        taken = self.sends(1_000_000)
        self.services.deliveries.check(limit=10)
        return taken

    def sends(self, number: int) -> int:
        """So many of what is due; returns how many there were. The first answers of the tenant allow more
        than is claimed before them."""
        taken, deliveries = 0, self.services.deliveries
        while jobs := deliveries.claim("test worker", limit=min(number - taken, 10)):
            for job in jobs:
                deliveries.deliver(job)
            taken += len(jobs)
        return taken

    def invites(self, email: str, name: str = "") -> Any:
        return self.services.invitations.invite(email, name=name, inviter=Inviter("Grace Hopper"))

    def invites_and_delivers(self, email: str, name: str = "") -> Any:
        """Invite, and let the worker deliver it; the row as it was before that."""
        row = self.invites(email, name)
        self.delivers()
        return row

    def row(self, invitation_id: int) -> Any:
        return self.services.ledger.get(invitation_id)

    def status(self, email: str) -> str:
        rows = self.services.listing.page(now=self.clock(), query=email.lower(), size=1)
        return rows[0].status(self.clock())

    def make_admin(self, email: str = ADMIN) -> None:
        user = self.services.tenant.find_user(email)
        assert user is not None
        self.services.admins.grant(user.user_id, label=email, now=self.clock())


def services_of(app: Flask) -> Services:
    services: Services = app.extensions[EXTENSION]
    return services


@contextlib.contextmanager
def running_tenant(folder: Path) -> Iterator[Tenant]:
    config = TenantConfig(
        database=folder / "tenant.db", port=0, smtp_port=0, control=True, app_name=APP_NAME
    )
    with serve(config) as tenant:
        yield Tenant(tenant.url, tenant.mailbox_url, dict(tenant.environment))


def settings_for(tenant: Tenant, folder: Path, **more: str) -> Settings:
    """Settings read from variables, as a deployment reads them."""
    return Settings.from_env(
        {
            "SECRET_KEY": SECRET_KEY,
            "SITE_URL": "http://localhost:3000",
            "APP_NAME": APP_NAME,
            "CONTACT_EMAIL": "help@example.com",
            "MAIL_FROM": "Acme <invitations@example.com>",
            "DATABASE_URL": f"sqlite:///{folder / 'site.db'}",
            **tenant.environment,
            **more,
        }
    )


@contextlib.contextmanager
def running_site(
    settings: Settings,
    *,
    clock: Clock | None = None,
    worker: str | None = None,
    port: int = 0,
    public_url: str = "",
    silence: int = SILENCE,
) -> Iterator[RunningSite]:
    """The site on `port`, or a free one; with `worker`, a worker of that name beside it. `public_url` is
    where people reach it, if something stands in front; `silence` is that of `serving`."""
    clock = clock or Clock()
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(listening(port))
        url = public_url or f"http://localhost:{listener.getsockname()[1]}"
        settings = replace(settings, site_url=url)
        copy_sqlite(settings.database_url)
        app = create_app(settings, clock)
        app.jinja_env.bytecode_cache = COMPILED
        services = services_of(app)
        stack.callback(services.close)
        prepare(services)
        stack.enter_context(serving(app, listener, silence=silence))
        if worker:
            stack.enter_context(working(services, worker))
        yield RunningSite(url, app, clock, settings)


def wait_until(true: Callable[[], bool], what: str, seconds: float = 20) -> None:
    """Ask again and again until it is so; fails naming `what` when it never is."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"waited in vain until {what}"
        time.sleep(0.05)


# What people do, in sentences ---------------------------------------------------------------------


def signs_in(
    person: Person,
    site: RunningSite,
    email: str = ADMIN,
    password: str = ADMIN_PASSWORD,
    start: str = "/login",
) -> Person:
    """Sign in at the site by way of the tenant's login page."""
    person.opens(site.url + start)
    return logs_in(person, email, password)


def logs_in(person: Person, email: str, password: str) -> Person:
    """Fill in the tenant's login page."""
    return person.types(Email_address=email, Password=password).presses("Continue")


def sets_password_quietly(link: str) -> None:
    """Choose a password there, and close the tab before the site is opened again."""
    with Person() as person:
        person.opens(link)
        person.types_into("New password", PASSWORD).types_into("Re-enter new password", PASSWORD)
        person.sends("Reset password")


def sets_password(person: Person, link: str, password: str = PASSWORD) -> Person:
    """Open the mailed link and choose a password on the tenant's page, without script."""
    person.opens(link)
    person.types_into("New password", password).types_into("Re-enter new password", password)
    return person.presses("Reset password")


def accepts(person: Person, link: str) -> Person:
    """Open the mailed link, choose a password, and sign in with it."""
    return sets_password(person, link).types(Password=PASSWORD).presses("Continue")
