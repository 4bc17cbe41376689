"""Running the site: waitress on a bound socket, a worker beside it."""

import contextlib
import errno
import functools
import os
import secrets
import socket
import threading
from collections.abc import Iterator
from typing import Any
from wsgiref.types import WSGIApplication

from waitress import wasyncore
from waitress.server import create_server

from .database.engine import is_current, upgrade
from .errors import CannotListen
from .services import Services
from .worker import work

THREADS = 8
# Bytes. A body is read to its end before the site sees it, also for pages that take none; a list, the
# largest there is, has 2.5 MB. Whoever sends a little more still gets our own page.
BODY = 4 * 1024 * 1024
IN_MEMORY = BODY + 64 * 1024  # a list is not written to disk, neither taken nor given
HEADERS = 32 * 1024  # bytes, of all headers of a request
# Connections that hang cost no thread, but one of these each. With the files that the process has open
# otherwise they stay below 1,024, which is all that many systems grant.
CONNECTIONS = 600
SILENCE = 15  # seconds without a byte after which a connection is closed
LOOK_EVERY = 5  # seconds between two looks for such connections


def wait_for(stop: threading.Event) -> None:
    """Wait until a signal handler has set `stop`.

    In short waits: a signal that arrives in the moment in which a wait begins does not end it.
    """
    while not stop.wait(1.0):
        pass


class PortInUse(OSError):
    """Another program listens on this port."""

    def __init__(self, port: int) -> None:
        self.port = port
        super().__init__(f"Port {port} is taken by another program.")


def prepare(services: Services) -> None:
    """Bring the database up to date. Raises DatabaseOutdated where it is newer than this code."""
    if not is_current(services.engine):
        upgrade(services.engine)


@contextlib.contextmanager
def listening(port: int, host: str = "127.0.0.1") -> Iterator[socket.socket]:
    """A socket bound to this port (0: a free one), for `serving`. `::` takes IPv4 as well.

    Raises PortInUse, CannotListen.
    """
    with contextlib.closing(_bound(port, host)) as listener:
        yield listener


def _bound(port: int, host: str) -> socket.socket:
    address = host.removeprefix("[").removesuffix("]")
    try:
        family = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server(
            (address, port),
            family=family,
            backlog=1024,
            dualstack_ipv6=address == "::" and socket.has_dualstack_ipv6(),
        )
    except UnicodeError as refused:  # a part of it is empty, or too long
        raise _cannot_listen(host, port, "no such name can be") from refused
    except OSError as refused:
        if refused.errno == errno.EADDRINUSE:
            raise PortInUse(port) from refused
        reason = os.strerror(refused.errno) if refused.errno and refused.errno > 0 else None
        raise _cannot_listen(host, port, reason or refused.strerror) from refused


def _cannot_listen(host: str, port: int, reason: str | None) -> CannotListen:
    return CannotListen(
        f"The site cannot listen on “{host}”, port {port} ({reason}). "
        "Choose another --host, or another SITE_PORT."
    )


@contextlib.contextmanager
def serving(
    app: WSGIApplication, listener: socket.socket, *, silence: int = SILENCE
) -> Iterator[None]:
    """Serve `app` on this socket, in a thread, until the block ends. A connection on which nothing comes
    for `silence` seconds is closed."""
    server: Any = create_server(
        app,
        sockets=[listener],
        threads=THREADS,
        ident=None,
        max_request_header_size=HEADERS,
        max_request_body_size=BODY,
        inbuf_overflow=IN_MEMORY,
        outbuf_overflow=IN_MEMORY,
        connection_limit=CONNECTIONS,
        channel_timeout=silence,
        cleanup_interval=min(silence, LOOK_EVERY),
        clear_untrusted_proxy_headers=False,  # TRUSTED_PROXIES says who reads them; else nobody does
        asyncore_use_poll=True,  # select() ends the server at the 1,024th open file
    )
    thread = threading.Thread(target=server.run, name="site", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.task_dispatcher.shutdown(timeout=3)  # the answers under way go out first
        # Waitress ends when nothing is open any more, and browsers keep connections open. Its own
        # thread closes them, after the trigger that asks for it has been let go.
        asked = threading.Event()

        def close_all() -> None:
            asked.wait()
            wasyncore.close_all(server._map)

        server.trigger.pull_trigger(close_all)
        asked.set()
        thread.join(timeout=5)


@contextlib.contextmanager
def working(services: Services, name: str | None = None) -> Iterator[None]:
    """Deliver invitations in a thread until the block ends; what is under way is finished first.

    `name` stays the same over restarts where only one such worker runs on this database.
    """
    stop = threading.Event()
    thread = threading.Thread(
        target=work_for,
        args=(services, name or worker_name(), stop),
        name="worker",
        daemon=True,
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=10)


def work_for(services: Services, name: str, stop: threading.Event) -> None:
    """Be the worker of this site until `stop` is set."""
    with services.mailer.connections.keeping():
        work(
            services.deliveries,
            name=name,
            stop=stop,
            wake=services.wake,
            sweeps=[
                services.sessions.sweep,
                services.kept_forms.sweep,
                services.batches.sweep,
                services.reminders.queue,
                services.wrong_clocks.mend,
                services.mailer.connections.close_idle,
                lambda: services.heartbeats.sweep(services.clock()),
                lambda: services.statistics.fold(services.clock()),
            ],
            beat=lambda: services.heartbeats.beat(name, services.clock()),
            end=lambda: services.heartbeats.stop(name),
            jobs=lambda: services.jobs.work(name),
        )


def worker_name() -> str:
    """A name that no other worker on this database has; the same as long as this process lives."""
    number = os.getpid()
    return f"{socket.gethostname()}:{number}:{_mark_of(number)}"


@functools.cache
def _mark_of(_process: int) -> str:
    """Tells processes of several containers apart, which may all have the number 1 on one host."""
    return secrets.token_hex(4)
