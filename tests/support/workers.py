"""Workers as processes of their own, which a test may kill without warning."""

import contextlib
import os
import random
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import requests
from bs4 import BeautifulSoup
from sqlalchemy import ColumnElement, or_, select, update

from invite_site.invitations.people import Inviter
from invite_site.invitations.tables import Invitation
from invite_site.server import working

from .forked import Flask, Forked
from .person import Person
from .running import SECRET_KEY, RunningSite, Tenant, wait_until

Command = Callable[[], object]
OF_ITS_OWN: Command = Flask("invite", "work")


def whole_process() -> None:
    """As the demo does it: under a name that stays, so that what it held is due again at once."""
    from app import create_app
    from invite_site.cli.run import stop_on_signal
    from invite_site.server import work_for

    work_for(create_app().extensions["invite_site"], "the only one", stop_on_signal())


def environment_of(site: RunningSite, tenant: Tenant) -> dict[str, str]:
    """The variables that another process of this very site needs."""
    return {
        **os.environ,
        **tenant.environment,
        "SECRET_KEY": SECRET_KEY,
        "SITE_URL": site.url,
        "APP_NAME": site.settings.app_name,
        "MAIL_FROM": str(site.settings.mail_from),
        "DATABASE_URL": site.settings.database_url,
        "LOG_LEVEL": "WARNING",
    }


class Workers:
    """Processes that deliver for one site."""

    def __init__(self, site: RunningSite, tenant: Tenant) -> None:
        self._environment = environment_of(site, tenant)
        self.running: list[Forked] = []

    def start(self, command: Command = OF_ITS_OWN) -> Forked:
        process = Forked(command, self._environment, out=os.devnull, err="")
        self.running.append(process)
        return process

    def kill(self, process: Forked) -> None:
        """kill -9."""
        process.kill()
        process.wait(timeout=10)
        self.running.remove(process)


@contextlib.contextmanager
def workers(site: RunningSite, tenant: Tenant) -> Iterator[Workers]:
    """Workers for this site; those that still run are killed at the end."""
    running = Workers(site, tenant)
    try:
        yield running
    finally:
        for process in list(running.running):
            running.kill(process)


def nothing_is_lost(
    site: RunningSite,
    tenant: Tenant,
    *,
    people: int,
    kills: int,
    command: Command,
    number: int,
    ends_leases: bool = False,
) -> None:
    """Kill one of `number` workers again and again while they send a batch; then hold the promise:
    everything is sent, a kill costs at most one copy more, nobody gets more than two, and the newest
    link of each works. `ends_leases`: when all else is sent, as if the minute of their leases
    had passed."""
    chance = random.Random()  # noqa: S311 - moments, not secrets
    for route in ("POST /api/v2/users", "POST /api/v2/tickets/password-change"):
        tenant.fails(route, kind="slow", seconds=0.05, times=None)
    batches, inviter = site.services.batches, Inviter("Grace")
    text = "".join(f"p{each}@example.com\n" for each in range(people))
    batch = batches.preview(text, name="people", inviter=inviter)
    batches.start(batch.id, inviter=inviter)
    dead: list[str] = []
    with workers(site, tenant) as group:
        for _ in range(number):
            group.start(command)
        for kill in range(kills):
            goal = people * (kill + 1) // (kills + 2)
            wait_until(lambda goal=goal: _sent(site, batch.id) >= goal, f"{goal} were sent", 120)  # type: ignore[misc]
            threading.Event().wait(chance.uniform(0, 0.3))  # any moment of a delivery
            killed = chance.choice(group.running)
            group.kill(killed)
            dead.append(name_of(killed))
            group.start(command)
        if ends_leases:
            # Not before: what the dead asked of the tenant may still happen.
            wait_until(
                lambda: _sent(site, batch.id) + len(held_by(site, *dead)) == people, "the rest", 150
            )
            with site.services.engine.begin() as db:
                held = update(Invitation).where(_is_held_by(dead))
                db.execute(held.values(lease_until=site.clock()))
        wait_until(lambda: _sent(site, batch.id) == people, "all were sent", 150)
    tenant.heals()
    newest = _newest(tenant)
    copies = Counter(address for address, _ in newest)
    assert len(copies) == people
    assert copies.total() - people <= kills, [who for who in copies if copies[who] > 1]
    assert [who for who in copies if copies[who] > 2] == []
    for address, message in dict(reversed(newest)).items():
        assert _opens(tenant, message), address


def name_of(process: Forked) -> str:
    """How the name of a worker of its own begins."""
    return f"{socket.gethostname()}:{process.pid}:"


def held_by(site: RunningSite, *names: str) -> list[int]:
    """The invitations that workers whose names begin so deliver now."""
    with site.services.engine.connect() as db:
        return list(db.scalars(select(Invitation.id).where(_is_held_by(names))))


def _is_held_by(names: Sequence[str]) -> ColumnElement[bool]:
    return or_(*(Invitation.lease_by.startswith(name, autoescape=True) for name in names))


def _sent(site: RunningSite, batch_id: int) -> int:
    progress = site.services.batches.progress(batch_id)
    assert progress.counts["failed"] == 0
    return progress.counts["sent"]


def _newest(tenant: Tenant) -> list[tuple[str, str]]:
    """Address and id of every mail, newest first."""
    box = f"{tenant.mailbox_url}/api/v1/messages"
    listed = requests.get(box, params={"limit": 5000}, timeout=30).json()["messages"]
    return [(mail["To"][0]["Address"], mail["ID"]) for mail in listed]


def _opens(tenant: Tenant, message: str) -> bool:
    """Whether the link of this mail leads to a page that asks for a password."""
    text = requests.get(f"{tenant.mailbox_url}/api/v1/message/{message}", timeout=10).json()["Text"]
    link = next(word for word in text.split() if "/lo/reset?ticket=" in word)
    page = requests.get(link, timeout=10)
    return bool(BeautifulSoup(page.text, "html.parser").find("input", {"type": "password"}))


def an_outage_is_survived(site: RunningSite, tenant: Tenant, admin: Person, people: int) -> None:
    """The tenant is away for an hour in the middle of a batch: the page says why and until when,
    nothing is lost, and the batch goes on by itself."""
    batches, inviter = site.services.batches, Inviter("Grace")
    text = "".join(f"p{each}@example.com\n" for each in range(people))
    batch = batches.preview(text, name="people", inviter=inviter)
    batches.start(batch.id, inviter=inviter)
    # It goes away in the middle: calls were made for the first quarter, and for what is under way.
    first = people // 4
    with working(site.services):
        wait_until(lambda: _sent(site, batch.id) >= first, "a quarter was sent", 600)
        tenant.fails("POST /api/v2/users", kind="status", status=503, times=None)
        wait_until(
            lambda: "trouble of its own" in batches.progress(batch.id).waiting, "it was noticed"
        )
        admin.opens(f"{site.url}/admin/batches/{batch.id}")
        assert "The next try is at" in admin.text, admin.text
        for _ in range(60):
            site.clock.forward(minutes=1)
            assert batches.progress(batch.id).counts["failed"] == 0
        assert batches.progress(batch.id).counts["queued"] > 0
        tenant.heals()
        site.clock.forward(minutes=2)
        wait_until(lambda: _sent(site, batch.id) == people, "all were sent", 600)
    copies = Counter(address for address, _ in _newest(tenant))
    assert set(copies.values()) == {1}
    assert len(copies) == people
