"""The worker: claims queued invitations and delivers them, a few at a time, until told to stop."""

import logging
import threading
import time

from .accounts.sessions import Sessions
from .errors import LeaseLost
from .invitations.delivery import Deliveries
from .invitations.tables import Invitation

log = logging.getLogger(__name__)

THREADS = 4
POLL = 0.5  # seconds between two looks at an empty queue
PATIENCE = 5.0  # seconds that deliveries in flight get to finish when the worker is to stop
SWEEP_EVERY = 60.0  # seconds


def work(
    deliveries: Deliveries,
    sessions: Sessions,
    *,
    name: str,
    stop: threading.Event,
    threads: int = THREADS,
) -> None:
    """Deliver until `stop` is set; returns within ten seconds after it.

    What is in flight then may finish; what does not goes back into the queue. `name` says whose
    lease is whose: a worker that starts under the same name takes back at once what it held when
    it died, so no two workers may run under one name.
    """
    while not _started(deliveries, name):
        if stop.wait(POLL):
            return
    checking = threading.Thread(target=_check, args=(deliveries, sessions, stop), daemon=True)
    checking.start()
    claims = _Claims(deliveries, name, threads)
    while not stop.is_set():
        claims.fill()
    claims.drain(PATIENCE)
    deliveries.stop(name)


class _Claims:
    """Up to `threads` deliveries in flight; each that ends lets the next be claimed.

    The threads do not keep the process alive: one that hangs is left behind with its lease.
    """

    def __init__(self, deliveries: Deliveries, name: str, threads: int) -> None:
        self._deliveries = deliveries
        self._name = name
        self._threads = threads
        self._in_flight: set[threading.Thread] = set()
        self._has_ended = threading.Event()

    def fill(self) -> None:
        """Claim as many as threads are free; wait where there is nothing to claim."""
        self._has_ended.clear()
        jobs = self._claim(self._threads - len(self._in_flight))
        for job in jobs:
            thread = threading.Thread(target=self._run, args=(job,), daemon=True)
            self._in_flight.add(thread)
            thread.start()
        if not jobs:
            self._has_ended.wait(POLL)

    def drain(self, patience: float) -> None:
        """Wait until nothing is in flight, for at most `patience` seconds."""
        end = time.monotonic() + patience
        while self._in_flight and time.monotonic() < end:
            self._has_ended.wait(0.1)
            self._has_ended.clear()

    def _claim(self, limit: int) -> list[Invitation]:
        try:
            in_flight = len(self._in_flight)
            return list(self._deliveries.claim(self._name, limit=limit, in_flight=in_flight))
        except Exception:  # the database may be away for a moment; the worker stays
            log.exception("the worker could not use the database")
            return []

    def _run(self, job: Invitation) -> None:
        try:
            _deliver(self._deliveries, job)
        finally:
            self._in_flight.discard(threading.current_thread())
            self._has_ended.set()


def _started(deliveries: Deliveries, name: str) -> bool:
    try:
        deliveries.start(name)
    except Exception:
        log.exception("the worker could not use the database")
        return False
    return True


def _deliver(deliveries: Deliveries, job: Invitation) -> None:
    try:
        deliveries.deliver(job)
    except Exception:
        log.exception("delivery of invitation %s stopped unexpectedly", job.id)
        try:
            deliveries.put_back(job)
        except LeaseLost:
            return
        except Exception:  # its lease runs out in a minute
            log.exception("invitation %s could not be put back", job.id)


def _check(deliveries: Deliveries, sessions: Sessions, stop: threading.Event) -> None:
    """Ask the tenant what there is to ask, and remove sessions that have run out."""
    sweep_at = 0.0
    checked = 0
    while not stop.wait(0 if checked else POLL):
        checked = 0
        try:
            checked = deliveries.check(limit=THREADS)
            if time.monotonic() >= sweep_at:
                sessions.sweep()
                sweep_at = time.monotonic() + SWEEP_EVERY
        except Exception:
            log.exception("asking the tenant stopped unexpectedly")
