"""The worker: claims queued invitations and delivers them, a few at a time, until told to stop."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

from .invitations import Invitations
from .schema import Invitation
from .sessions import Sessions

log = logging.getLogger(__name__)

THREADS = 4
POLL = 0.5  # seconds between two looks at an empty queue
SWEEP_EVERY = 120  # looks


def work(
    invitations: Invitations,
    sessions: Sessions,
    *,
    name: str,
    stop: threading.Event,
    threads: int = THREADS,
) -> None:
    """Deliver until `stop` is set; the deliveries under way are finished first.

    `name` says whose lease is whose: a worker that starts under the same name takes back at once
    what it held when it died, so no two workers may run under one name.
    """
    looks = 0
    started = False
    with ThreadPoolExecutor(threads, thread_name_prefix="deliver") as pool:
        while not stop.is_set():
            try:
                if not started:
                    invitations.start_worker(name)
                    started = True
                jobs = invitations.claim(name, limit=threads)
                list(pool.map(lambda job: _deliver(invitations, job), jobs))
                checked = invitations.check_with_tenant(limit=threads)
                if looks % SWEEP_EVERY == 0:
                    sessions.sweep()
                looks += 1
            except Exception:  # the database may be away for a moment; the worker stays
                log.exception("the worker could not use the database")
                jobs, checked = [], 0
            if not jobs and not checked:
                stop.wait(POLL)


def _deliver(invitations: Invitations, job: Invitation) -> None:
    try:
        invitations.deliver(job)
    except Exception:
        log.exception("delivery of invitation %s stopped unexpectedly", job.id)
        invitations.put_back(job)
