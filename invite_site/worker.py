"""The worker: claims queued invitations and delivers them, several at a time, until told to stop."""

import logging
import math
import queue
import sys
import threading
import time
from collections.abc import Callable, Sequence

from .errors import InviteSiteError, LeaseLost
from .invitations.leases.heartbeats import BEAT_EVERY
from .invitations.sending.delivery import Deliveries
from .invitations.tables import Invitation

log = logging.getLogger(__name__)

FEWEST_THREADS = 4
MOST_THREADS = 32
UNLIMITED_THREADS = 8  # where no rate limit says how many are of use
# Invitations a second. More than a process can send, and than any plan allows: no limit to speak of, and
# the time of a delivery is then that of our own processors.
NO_LIMIT = 25.0
SPARE = 1.5  # more than are needed on average
POLL = 0.1  # seconds between two looks at an empty queue
GATHER = 0.1  # seconds at most that a claim waits for more places, where no rate sets the pace
CHECK_EVERY = 0.25  # seconds between two looks for what to ask the tenant
AFTER_ERROR = 1.0  # seconds, so that a database that is away does not fill the log
PATIENCE = 5.0  # seconds that deliveries in flight get to finish when the worker is to stop
SWEEP_EVERY = 60.0  # seconds
CHECKS = 4  # questions to the tenant at a time


def work(
    deliveries: Deliveries,
    *,
    name: str,
    stop: threading.Event,
    wake: threading.Event | None = None,
    sweeps: Sequence[Callable[[], object]] = (),
    beat: Callable[[], None] = lambda: None,
    end: Callable[[], None] = lambda: None,
    jobs: Callable[[], bool] = lambda: False,
) -> None:
    """Deliver until `stop` is set; returns within ten seconds after it while the database answers.

    What is in flight then may finish; what does not goes back into the queue. `name` says whose
    lease is whose: a worker that starts under the same name takes back at once what it held when
    it died, so no two workers may run under one name. `wake` is set where an invitation has just
    been queued in this process; `sweeps` are called once a minute: they remove what has run out, and
    queue reminders; `beat` says that this worker claims, every 15 seconds, and `end` that it has
    stopped; `jobs` does a few invitations of a job, and says whether there was one.
    """
    while not _is_done(lambda: deliveries.start(name), "the worker could not use the database"):
        if stop.wait(AFTER_ERROR):
            return
    checking = threading.Thread(target=_check, args=(deliveries, sweeps, stop), daemon=True)
    checking.start()
    threading.Thread(target=_do_jobs, args=(jobs, stop), daemon=True).start()
    claims = _Claims(deliveries, name, wake or threading.Event())
    beat_at = 0.0
    while not stop.is_set():
        if time.monotonic() >= beat_at:
            beat_at = time.monotonic() + BEAT_EVERY
            _is_done(beat, "the worker could not say that it runs")  # the next one says it
        claims.fill()
    claims.drain(PATIENCE)

    def give_back() -> None:
        deliveries.stop(name)
        end()  # not where that failed: a database that is away would be waited for twice

    _is_done(give_back, "the worker could not give back what it held; its leases run out")


class _Claims:
    """The deliveries in flight. Each that ends lets the next be claimed; nothing waits for others.

    The threads last, and do not keep the process alive: one that hangs is left behind with its lease.
    """

    def __init__(self, deliveries: Deliveries, name: str, wake: threading.Event) -> None:
        self._deliveries = deliveries
        self._name = name
        self._wake = wake  # also set where a delivery has ended
        self._jobs: queue.SimpleQueue[Invitation] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._in_flight = 0
        self._seconds = 1.0  # that a delivery takes, on average; this one is a guess

    def fill(self) -> None:
        """Claim as many as there is room for; wait where there is nothing to claim."""
        self._wake.clear()
        self._gather_room()
        jobs = self._claim(self._room())
        for job in jobs:
            self._begin(job)
        if not jobs:
            self._wake.wait(min(self._deliveries.seconds_until_next() or POLL, POLL))

    def drain(self, patience: float) -> None:
        """Wait until nothing is in flight, for at most `patience` seconds."""
        end = time.monotonic() + patience
        while self._in_flight and time.monotonic() < end:
            self._wake.wait(0.1)
            self._wake.clear()

    def _gather_room(self) -> None:
        """Where no rate limit sets the pace, wait a moment until half of the places are free: a claim
        costs the same for one and for many."""
        if self._rate() is not None:
            return
        end = time.monotonic() + GATHER
        while 0 < self._room() < UNLIMITED_THREADS // 2 and (left := end - time.monotonic()) > 0:
            self._wake.wait(left)
            self._wake.clear()

    def _room(self) -> int:
        return self._most() - self._in_flight

    def _most(self) -> int:
        """In flight at once: what the tenant's rate needs (Little's law), and some to spare."""
        rate = self._rate()
        if rate is None:
            return UNLIMITED_THREADS
        needed = math.ceil(rate * self._seconds * SPARE)
        return min(max(needed, FEWEST_THREADS), MOST_THREADS)

    def _rate(self) -> float | None:
        """Invitations a second that the tenant takes; None where that is no limit to speak of."""
        rate = self._deliveries.known_rate()
        return rate if rate is not None and rate <= NO_LIMIT else None

    def _claim(self, limit: int) -> Sequence[Invitation]:
        try:
            return self._deliveries.claim(self._name, limit=limit, in_flight=self._in_flight)
        except Exception:  # the database may be away for a moment; the worker stays
            _log_failure("the worker could not use the database")
            self._wake.wait(AFTER_ERROR)
            return ()

    def _begin(self, job: Invitation) -> None:
        with self._lock:
            self._in_flight += 1
            is_thread_missing = self._threads < self._in_flight
            self._threads += is_thread_missing
        self._jobs.put(job)
        if is_thread_missing:
            threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            job = self._jobs.get()
            start = time.monotonic()
            _deliver(self._deliveries, job)
            seconds = time.monotonic() - start
            with self._lock:
                self._in_flight -= 1
                self._seconds += (seconds - self._seconds) / 8
            self._wake.set()


def _log_failure(words: str, *values: object) -> None:
    """Log the error that is being handled: one of ours by its sentence, another with its traceback."""
    error = sys.exception()
    if isinstance(error, InviteSiteError):
        log.error(f"{words}: %s", *values, error)
    else:
        log.exception(words, *values)


def _is_done(what: Callable[[], object], otherwise: str) -> bool:
    """Do it. Where that fails the log says so, with these words, and the worker goes on."""
    try:
        what()
    except Exception:
        _log_failure(otherwise)
        return False
    return True


def _deliver(deliveries: Deliveries, job: Invitation) -> None:
    try:
        deliveries.deliver(job)
    except Exception:
        _log_failure("delivery of invitation %s stopped unexpectedly", job.id)
        try:
            deliveries.put_back(job)
        except LeaseLost:
            return
        except Exception:  # its lease runs out in a minute
            _log_failure("invitation %s could not be put back", job.id)


def _check(
    deliveries: Deliveries, sweeps: Sequence[Callable[[], object]], stop: threading.Event
) -> None:
    """Ask the tenant what there is to ask, and remove what has run out."""
    # Where it fails the first delivery says why.
    _is_done(deliveries.sign_in, "the worker could not ask for a token")
    sweep_at = 0.0
    pause = CHECK_EVERY
    while not stop.wait(pause):
        pause = AFTER_ERROR
        try:
            checked = deliveries.check(limit=CHECKS)
            if time.monotonic() >= sweep_at:
                sweep_at = time.monotonic() + SWEEP_EVERY
                for sweep in sweeps:  # those after one that fails do not wait for its mend
                    _is_done(sweep, "something that is done once a minute stopped unexpectedly")
            pause = 0.0 if checked else CHECK_EVERY
        except Exception:
            _log_failure("asking the tenant stopped unexpectedly")


def _do_jobs(jobs: Callable[[], bool], stop: threading.Event) -> None:
    """Work on jobs, one after the other. What is interrupted is known by the job."""
    pause = CHECK_EVERY
    while not stop.wait(pause):
        pause = AFTER_ERROR
        try:
            pause = 0.0 if jobs() else CHECK_EVERY
        except Exception:
            _log_failure("a job stopped unexpectedly")
