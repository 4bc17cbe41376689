"""The worker as a process of its own, killed without warning, and beside others."""

import signal
import subprocess
import sys
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from invite_site.accounts.kept_forms import KeptForm
from invite_site.accounts.tables import KeptForm as Row
from invite_site.accounts.tables import Session
from invite_site.invitations.lifecycle import State
from invite_site.invitations.people import Inviter
from invite_site.invitations.statistics.tally import FOLD_FROM
from invite_site.invitations.tables import BatchRow, Invitation, Tally, WorkerHeartbeat
from invite_site.server import working
from invite_site.worker import UNLIMITED_THREADS, work
from tests.support.batches import people
from tests.support.forked import ROOT, Forked
from tests.support.person import Person
from tests.support.running import (
    Clock,
    RunningSite,
    Tenant,
    accepts,
    running_site,
    settings_for,
    signs_in,
    wait_until,
)
from tests.support.workers import environment_of, workers

ADA = "ada@example.com"


@pytest.fixture
def start_worker(site_on: RunningSite, tenant: Tenant):  # type: ignore[no-untyped-def]
    """Start `flask invite work` as a process; all are ended with the test."""
    with workers(site_on, tenant) as group:
        yield group.start


Start = Callable[[], Forked]


def heartbeats_of(site: RunningSite) -> list[str]:
    with site.services.engine.connect() as db:
        return list(db.scalars(select(WorkerHeartbeat.name)))


def sent_of(site: RunningSite) -> int:
    sent = select(func.count()).where(Invitation.state == State.SENT)
    with site.services.engine.connect() as db:
        return db.scalar(sent) or 0


def test_it_works(site_on: RunningSite, tenant: Tenant) -> None:
    """A worker as a deployment starts it delivers what the site queued, removes what has run out, and ends within ten
    seconds when asked."""
    site_on.invites(ADA)
    site_on.services.heartbeats.beat("one that died", site_on.clock() - timedelta(days=2))
    command = [sys.executable, "-m", "flask", "--app", "app", "invite", "work"]
    worker = subprocess.Popen(
        command, cwd=ROOT, env=environment_of(site_on, tenant), stdout=subprocess.DEVNULL
    )
    try:
        wait_until(lambda: site_on.status(ADA) == "sent", "the invitation was sent")
        wait_until(lambda: "one that died" not in heartbeats_of(site_on), "it was forgotten")
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=10) == 0
    finally:
        worker.kill()
        worker.wait(timeout=10)
    assert len(tenant.mails(ADA)) == 1


def test_a_worker_reminds_and_removes_what_has_run_out(
    tenant: Tenant, tmp_path: Path, person: Person, clock: Clock
) -> None:
    """Once a minute, also where nobody opens a page."""
    settings = settings_for(tenant, tmp_path, REMINDER_SECONDS=str(2 * 24 * 60 * 60))
    with running_site(settings, clock=clock) as site:
        services = site.services
        signs_in(person, site)
        services.kept_forms.keep(KeptForm("/admin/", []), browser="a browser", owner="an owner")
        services.batches.preview(people("p", 2).encode(), name="x", inviter=Inviter("Grace"))
        row = site.invites_and_delivers(ADA)
        with services.engine.begin() as db:
            folded = {"kind": "failed", "bucket": 0, "amount": 0}
            db.execute(insert(Tally), [folded] * 2 * FOLD_FROM)

        def left() -> list[str]:
            kept = (Session, 0), (Row, 0), (BatchRow, 0), (Tally, 20)
            with services.engine.connect() as db:
                return [
                    each.__tablename__
                    for each, few in kept
                    if (db.scalar(select(func.count()).select_from(each)) or 0) > few
                ]

        assert left() == ["session", "kept_form", "batch_row", "tally"]
        site.clock.forward(days=3.1)
        with working(services):
            wait_until(lambda: left() == [], "all that had run out was removed")
            wait_until(lambda: len(tenant.mails(ADA)) == 2, "the reminder was sent")
        assert site.row(row.id).state == "sent"


def test_a_worker_has_a_token_before_anything_waits(site: RunningSite, tenant: Tenant) -> None:
    """One, however long it runs; without one it goes on all the same."""
    tenant.fails("POST /oauth/token", kind="status", status=503, times=1)
    with working(site.services, "first"):
        wait_until(lambda: tenant.calls("POST /oauth/token") == 1, "it asked for a token")
    with working(site.services, "second"):
        wait_until(lambda: tenant.calls("POST /oauth/token") == 2, "it asked again")
        site.invites(ADA)
        wait_until(lambda: site.status(ADA) == "sent", "the invitation was sent")
    assert tenant.calls("POST /oauth/token") == 2


SLOW_TICKET = ("POST /api/v2/tickets/password-change", {"kind": "slow", "seconds": 3})


@pytest.mark.parametrize(
    ("database_url", "route", "fault"),
    [
        ("sqlite", "POST /oauth/token", {"kind": "slow", "seconds": 3}),
        ("sqlite", "POST /api/v2/users", {"kind": "slow", "seconds": 3}),
        ("sqlite", *SLOW_TICKET),
        ("sqlite", "SMTP", {"kind": "slow", "seconds": 3, "at": "data"}),
        ("postgresql", *SLOW_TICKET),  # which step it is makes no difference to the database
    ],
    indirect=["database_url"],
    ids=["token", "account", "ticket", "mail", "ticket-postgresql"],
)
def test_a_killed_worker_loses_nothing(
    site_on: RunningSite,
    tenant: Tenant,
    start_worker: Start,
    person: Person,
    route: str,
    fault: dict[str, object],
) -> None:
    """kill -9 in the middle of a step: after its lease another worker takes over; the newest link
    works, and there is at most one mail too many."""
    # An address of its own: what the killed worker asked for may still happen while others test.
    address = f"{uuid.uuid4().hex}@example.com"
    row = site_on.invites(address)
    tenant.fails(route, times=1, **fault)
    worker = start_worker()
    wait_until(
        lambda: site_on.row(row.id).state == "sending" and tenant.faults == [],
        "the worker was in the middle of the slow step",
    )
    worker.kill()
    worker.wait(timeout=10)
    assert site_on.row(row.id).state == "sending"
    assert site_on.delivers() == 0, "the lease is still the dead worker's"
    if (route, fault) == SLOW_TICKET:  # it is there before the lease ends
        wait_until(lambda: bool(tenant.linked_accounts()), "the dead worker's ticket was made")
    site_on.clock.forward(seconds=61)
    assert site_on.delivers() == 1
    assert site_on.row(row.id).state == "sent"
    assert sum(user["email"] == address for user in tenant.state["users"]) == 1
    assert len(tenant.mails(address)) <= 2
    accepts(person, tenant.link_to(address))
    assert site_on.status(address) == "accepted"
    if route != "SMTP":  # ours and the dead worker's, which the next test would count
        ours = 2 if route == "POST /oauth/token" else 1  # for the worker, and for the sign-in
        answered = "what the dead worker asked for was answered"
        wait_until(lambda: tenant.calls(route) == ours + 1, answered)


def test_a_worker_that_is_stopped_gives_back_what_it_cannot_finish(
    site_on: RunningSite, tenant: Tenant, start_worker: Start
) -> None:
    """Within ten seconds, and the next worker need not wait for the lease."""
    row = site_on.invites(f"{uuid.uuid4().hex}@example.com")
    tenant.fails("POST /api/v2/users", kind="slow", seconds=8, times=1)
    worker = start_worker()
    wait_until(lambda: site_on.row(row.id).state == "sending", "the worker was in the middle")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=10) == 0
    assert site_on.row(row.id).state == "queued"
    # The next test would count it.
    wait_until(lambda: tenant.calls("POST /api/v2/users") == 1, "what it asked for was answered")


def test_a_worker_that_is_stopped_while_the_database_is_held_ends_as_asked(
    site_on: RunningSite, tenant: Tenant
) -> None:
    """With status 0, and without waiting for the database twice: leases run out by themselves."""
    engine = site_on.services.engine
    of_everything = {
        "sqlite": "BEGIN IMMEDIATE",
        "postgresql": "LOCK TABLE invitation, worker_heartbeat",
    }
    with workers(site_on, tenant) as group:
        worker = group.start()
        wait_until(lambda: bool(heartbeats_of(site_on)), "it worked")
        with engine.connect() as other:  # as a program that never ends its transaction
            other.exec_driver_sql(of_everything[engine.dialect.name])
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(timeout=15) == 0


def test_several_workers_share_the_queue(
    site_on: RunningSite, tenant: Tenant, start_worker: Start
) -> None:
    """Thirty invitations, three workers, thirty mails."""
    for number in range(30):
        site_on.invites(f"p{number}@example.com")
    for _ in range(3):
        start_worker()
    wait_until(lambda: sent_of(site_on) == 30, "all were sent", seconds=60)
    copies = Counter(mail["To"][0]["Address"] for mail in tenant.mails())
    assert copies == {f"p{number}@example.com": 1 for number in range(30)}


def test_what_fails_once_a_minute_keeps_nothing_else_from_being_done(site: RunningSite) -> None:
    """Such as reminders, which come after the removal of sessions."""
    stop, is_done = threading.Event(), threading.Event()

    def fails() -> None:
        raise RuntimeError("no disk")

    thread = threading.Thread(
        target=work,
        args=(site.services.deliveries,),
        kwargs={"name": "w", "stop": stop, "sweeps": [fails, is_done.set]},
    )
    thread.start()
    try:
        assert is_done.wait(timeout=20)
    finally:
        stop.set()
        thread.join(timeout=15)


@dataclass
class Unforeseen:
    """A part of the deliveries that goes wrong at `name`, as often as `times`, in a way nobody thought of.
    Before that it does `first`."""

    part: Any
    name: str
    times: int = 1
    first: Callable[[], object] = lambda: None

    def __getattr__(self, name: str) -> Any:
        if name != self.name or not self.times:
            return getattr(self.part, name)
        self.times -= 1

        def go_wrong(*_: object, **__: object) -> None:
            self.first()
            raise RuntimeError("no such thing")

        return go_wrong


@contextmanager
def at_work(site: RunningSite, deliveries: Any = None, **more: Any) -> Iterator[None]:
    """A worker in a thread of its own, which has ended behind the block."""
    stop = threading.Event()
    worker = threading.Thread(
        target=work,
        args=(deliveries or site.services.deliveries,),
        kwargs={"name": "w", "stop": stop, "wake": site.services.wake, **more},
    )
    worker.start()
    try:
        yield
    finally:
        stop.set()
        site.services.wake.set()
        worker.join(timeout=15)
        assert not worker.is_alive()


def test_a_delivery_that_goes_wrong_as_nobody_foresaw_is_tried_again_in_a_while(
    site: RunningSite, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says where, the row that it waits, and the others go out meanwhile."""
    rows = [site.invites(ADA).id, site.invites("bob@example.com").id]
    deliveries = site.services.deliveries
    broken: Any = Unforeseen(deliveries.channel, "send")
    with at_work(site, replace(deliveries, channel=broken)):
        wait_until(lambda: any(site.row(each).last_error for each in rows), "one was put back")
        wait_until(lambda: sent_of(site) == 1, "the other went out")
        [waits] = [each for each in rows if site.row(each).state == "queued"]
        reason = site.row(waits).last_error
        assert reason == "Something unexpected went wrong here; the site's log says more."
        assert f"delivery of invitation {waits} stopped unexpectedly" in caplog.text
        assert "no such thing" in caplog.text
        site.clock.forward(seconds=61)
        wait_until(lambda: sent_of(site) == 2, "it was tried again")
    assert "could not be put back" not in caplog.text


def test_what_somebody_withdrew_while_its_delivery_went_wrong_is_left_alone(
    site: RunningSite, caplog: pytest.LogCaptureFixture
) -> None:
    """It is not this worker's any more, and there is nothing to say about it."""
    row = site.invites(ADA)
    deliveries = site.services.deliveries
    broken: Any = Unforeseen(
        deliveries.channel,
        "send",
        first=lambda: site.services.invitations.revoke(row.id, actor="Grace"),
    )
    with at_work(site, replace(deliveries, channel=broken)):
        wait_until(lambda: "stopped unexpectedly" in caplog.text, "it went wrong")
        site.invites("bob@example.com")
        wait_until(lambda: site.status("bob@example.com") == "sent", "the worker goes on")
    assert site.row(row.id).state == "revoked"
    assert "could not be put back" not in caplog.text


def test_what_cannot_be_put_back_is_left_to_its_lease(
    site: RunningSite, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says so, and the thread that met it delivers the next."""
    row = site.invites(ADA)
    deliveries = site.services.deliveries
    broken: Any = Unforeseen(deliveries.channel, "send")
    stubborn: Any = Unforeseen(deliveries.outcomes, "postponed")
    with at_work(site, replace(deliveries, channel=broken, outcomes=stubborn)):
        told = f"invitation {row.id} could not be put back"
        wait_until(lambda: told in caplog.text, "the log says so")
        assert site.row(row.id).state == "sending"
        site.invites("bob@example.com")
        wait_until(lambda: site.status("bob@example.com") == "sent", "the worker goes on")


def test_what_goes_wrong_beside_the_deliveries_keeps_none_of_them(
    site: RunningSite, caplog: pytest.LogCaptureFixture
) -> None:
    """To say that it runs, to work on a job, to ask the tenant: each is done again, and the log tells."""
    jobs = threading.Event()

    def beat() -> None:
        raise RuntimeError("no beat")

    def job() -> bool:
        if "no job" in caplog.text:
            jobs.set()
            return False
        raise RuntimeError("no job")

    sweeps = threading.Event()
    deliveries = site.services.deliveries
    broken: Any = Unforeseen(deliveries.checks, "run")
    site.invites(ADA)
    with at_work(
        site, replace(deliveries, checks=broken), beat=beat, jobs=job, sweeps=[sweeps.set]
    ):
        wait_until(lambda: site.status(ADA) == "sent", "it was delivered")
        assert jobs.wait(timeout=20)
        assert sweeps.wait(timeout=20)
    for told in (
        "the worker could not say that it runs",
        "a job stopped",
        "asking the tenant stopped",
    ):
        assert told in caplog.text


def test_what_is_done_now_and_then_is_not_done_at_each_look(site: RunningSite) -> None:
    """Else a worker without work would load the database."""
    looks: list[int] = []
    sweeps: list[int] = []
    beats: list[int] = []

    def job() -> bool:
        looks.append(1)
        return False

    with at_work(site, jobs=job, sweeps=[lambda: sweeps.append(1)], beat=lambda: beats.append(1)):
        wait_until(lambda: len(looks) > 4 and bool(sweeps), "it looked several times")
    assert sweeps == [1]
    assert len(beats) in (1, 2), "each quarter of a minute"
    assert len(looks) < 100, "four in a second"


def test_what_is_in_hand_is_finished_when_a_worker_is_asked_to_end(
    site: RunningSite, tenant: Tenant
) -> None:
    """A second more is granted; then it says that it has ended."""
    row = site.invites(ADA)
    tenant.fails("POST /api/v2/users", kind="slow", seconds=1, times=1)
    ended = threading.Event()
    with at_work(site, end=ended.set):
        wait_until(lambda: site.row(row.id).state == "sending", "it was in hand")
    assert site.row(row.id).state == "sent"
    assert ended.is_set()
    assert len(tenant.mails(ADA)) == 1


def test_a_worker_has_no_more_in_hand_than_it_can_deliver(
    site: RunningSite, tenant: Tenant
) -> None:
    """The leases of what only waits would run out; and each thread delivers one after the other."""
    for number in range(24):
        site.invites(f"p{number}@example.com")
    tenant.fails("POST /api/v2/users", kind="slow", seconds=0.3, times=24)
    in_hand: list[int] = []
    threads: list[int] = []

    def is_over() -> bool:
        threads.append(sum("_run" in each.name for each in threading.enumerate()))
        sending = select(func.count()).where(Invitation.state == State.SENDING)
        with site.services.engine.connect() as db:
            in_hand.append(db.scalar(sending) or 0)
        return sent_of(site) == 24

    before = sum("_run" in each.name for each in threading.enumerate())
    with at_work(site):
        wait_until(is_over, "all were sent", seconds=60)
    assert 1 < max(in_hand) <= UNLIMITED_THREADS
    assert max(threads) - before <= UNLIMITED_THREADS


def test_after_an_outage_one_goes_ahead_alone(site: RunningSite, tenant: Tenant) -> None:
    """However long it takes; the others begin when it has come through."""
    rows = [site.invites(f"p{number}@example.com") for number in range(3)]
    breaker = site.services.circuit_breaker
    breaker.open("tenant", "It does not answer.", now=site.clock() - timedelta(minutes=2))
    tenant.fails("POST /api/v2/users", kind="slow", seconds=1, times=1)
    with at_work(site):
        wait_until(lambda: sent_of(site) == 3, "all were sent")
    at = {
        (row.id, each.event): each.at
        for row in rows
        for each in site.services.listing.events(row.id)
    }
    first, *others = sorted(at[row.id, "delivery_started"] for row in rows)
    assert min(others) >= min(at[row.id, "handed_to_mail_server"] for row in rows) > first


def test_a_database_that_cannot_be_used_is_a_line_of_the_log(
    site: RunningSite, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Which one and why. A traceback, again and again, would fill a disk that is full already."""
    file, away = tmp_path / "site.db", tmp_path / "elsewhere"
    stop = threading.Event()
    worker = threading.Thread(
        target=work, args=(site.services.deliveries,), kwargs={"name": "w", "stop": stop}
    )
    site.services.engine.dispose()
    file.rename(away)
    file.mkdir()
    worker.start()
    try:
        wait_until(lambda: "could not use the database" in caplog.text, "the worker says so")
    finally:
        stop.set()
        site.services.wake.set()
        worker.join()
        file.rmdir()
        away.rename(file)
    told = [each for each in caplog.records if "could not use the database" in each.message]
    assert f"{file} cannot be used" in told[0].message
    assert "Traceback" not in caplog.text


def test_workers_of_containers_that_share_a_host_have_names_of_their_own() -> None:
    """Each is the process number 1 there, and one name for two would give each the leases of the other."""
    program = (
        "import os; os.getpid = lambda: 1\n"
        "from invite_site.server import worker_name; print(worker_name(), worker_name())"
    )
    names = [
        subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.split()
        for _ in range(2)
    ]
    assert [len(set(each)) for each in names] == [1, 1]
    assert names[0] != names[1]
