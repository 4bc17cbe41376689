"""The worker: claims queued invitations and delivers them, a few at a time, until told to stop."""

import logging
import threading
import time

from .accounts.sessions import Sessions
from .invitations.service import Invitations
from .invitations.tables import Invitation

log = logging.getLogger(__name__)

THREADS = 4
POLL = 0.5  # seconds between two looks at an empty queue
PATIENCE = 5.0  # seconds that deliveries under way get to finish when the worker is to stop
SWEEP_EVERY = 120  # looks


def work(
    invitations: Invitations,
    sessions: Sessions,
    *,
    name: str,
    stop: threading.Event,
    threads: int = THREADS,
) -> None:
    """Deliver until `stop` is set; returns within ten seconds after it.

    What is under way then may finish; what does not goes back into the queue. `name` says whose
    lease is whose: a worker that starts under the same name takes back at once what it held when
    it died, so no two workers may run under one name.
    """
    looks = 0
    started = False
    while not stop.is_set():
        busy = False
        try:
            if not started:
                invitations.start_worker(name)
                started = True
            jobs = invitations.claim(name, limit=threads)
            busy = _do_together(invitations, jobs, stop)
            if looks % SWEEP_EVERY == 0:
                sessions.sweep()
            looks += 1
        except Exception:  # the database may be away for a moment; the worker stays
            log.exception("the worker could not use the database")
        if not busy:
            stop.wait(POLL)
    if started:
        invitations.stop_worker(name)


def _do_together(invitations: Invitations, jobs: list[Invitation], stop: threading.Event) -> bool:
    """Deliver each job in a thread of its own, and ask the tenant what there is to ask.

    The threads do not keep the process alive: one that hangs is left behind with its lease.
    """
    checked: list[int] = []
    tasks = [
        threading.Thread(target=_deliver, args=(invitations, job), daemon=True) for job in jobs
    ]
    tasks.append(threading.Thread(target=_check, args=(invitations, checked), daemon=True))
    for task in tasks:
        task.start()
    end: float | None = None
    for task in tasks:
        while task.is_alive():
            task.join(0.1)
            if stop.is_set():
                end = end or time.monotonic() + PATIENCE
                if time.monotonic() > end:
                    return True
    return bool(jobs) or any(checked)


def _deliver(invitations: Invitations, job: Invitation) -> None:
    try:
        invitations.deliver(job)
    except Exception:
        log.exception("delivery of invitation %s stopped unexpectedly", job.id)
        try:
            invitations.put_back(job)
        except Exception:  # its lease runs out in a minute
            log.exception("invitation %s could not be put back", job.id)


def _check(invitations: Invitations, checked: list[int]) -> None:
    try:
        checked.append(invitations.check_with_tenant(limit=THREADS))
    except Exception:
        log.exception("asking the tenant stopped unexpectedly")
