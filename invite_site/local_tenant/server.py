"""The running tenant: its HTTP and SMTP servers in threads, on loopback only."""

import errno
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .config import CONNECTION, TenantConfig
from .experience import choose_experience
from .simulation.faults import parse_fault
from .store.clients import APPLICATION, MANAGEMENT, SETUP
from .tenant import Tenant

if TYPE_CHECKING:
    from flask import Flask

_LOOPBACK = "127.0.0.1"
_THREADS = 8
_CONNECTIONS = 2_000  # kept open by clients; beyond that nobody is answered


class PortInUse(OSError):
    """Another process listens on `port`."""

    def __init__(self, port: int) -> None:
        super().__init__(errno.EADDRINUSE, f"port {port} is in use")
        self.port = port


@dataclass(frozen=True)
class RunningTenant:
    """The addresses of a served tenant, and the settings of its application.

    `url` is the public address; `port` is that of its server on this machine.
    """

    url: str
    port: int
    smtp_port: int
    mailbox_url: str
    environment: Mapping[str, str] = field(repr=False)
    demo: "DemoControl" = field(repr=False)


class DemoControl:
    """What a demo in the same process may ask of the tenant and order from it."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def now(self) -> float:
        """The tenant's time, in seconds since the epoch."""
        return self._tenant.clock.now()

    def set_clock(self, offset: float) -> None:
        """Set the tenant's clock `offset` seconds ahead of the machine's, or behind it."""
        self._tenant.clock.offset = offset

    def choose_experience(self, name: str) -> None:
        """Choose the pages that people meet: `classic`, `classic_reset` or `new`."""
        choose_experience(self._tenant, name)

    def order_fault(self, order: Mapping[str, Any]) -> None:
        """Let calls fail; raises ValueError where the order of the control plane is ill-formed."""
        self._tenant.faults.add(parse_fault(order))

    def unread_mails(self) -> int:
        """How many mails nobody has opened."""
        return self._tenant.mails.counts()[1]

    def mark_mails_read(self) -> None:
        """Mark every mail as read."""
        self._tenant.mails.mark_all_read()

    def recipient_of(self, mail_id: str) -> str:
        """The first address that a mail is to; empty where there is no such mail."""
        mail = self._tenant.mails.get(mail_id)
        return next(iter(mail.recipients), "") if mail else ""

    def hint_of_login(self, state: str) -> str:
        """The address that stands on a login page with this state; empty where none does."""
        return (self._tenant.sessions.pending_login(state) or {}).get("login_hint", "")

    def password_chosen_at(self, address: str) -> float | None:
        """When the user of this address has chosen a password last, if ever."""
        user = self._tenant.users.by_email(address.lower())
        return user.last_password_reset if user else None

    def newest_mail(self, address: str) -> tuple[str, str] | None:
        """The id of the newest mail to this address and the first link in its text, or None."""
        from .mail.message import first_link, read_mail

        mail = self._tenant.mails.newest_to(address)
        return (mail.id, first_link(read_mail(mail))) if mail else None


@contextmanager
def serve(config: TenantConfig) -> Iterator[RunningTenant]:
    """Run the tenant while the block runs; raises `PortInUse` where a port is taken."""
    with ExitStack() as stack:
        # First of all: the port is part of the issuer, and may be in use.
        http = stack.enter_context(_bind(config.port))
        smtp = stack.enter_context(_bind(config.smtp_port))
        port, smtp_port = http.getsockname()[1], smtp.getsockname()[1]
        url = (config.public_url or f"http://localhost:{port}").rstrip("/")
        tenant = Tenant(config, url, smtp_port)
        stack.callback(tenant.close)
        from .app import build_app

        stack.enter_context(_smtp_server(tenant, smtp))
        stack.enter_context(_http_server(build_app(tenant), tenant, http))
        yield RunningTenant(
            url,
            port,
            smtp_port,
            f"{url}/mailbox",
            _environment(tenant, smtp_port),
            DemoControl(tenant),
        )


def _environment(tenant: Tenant, smtp_port: int) -> dict[str, str]:
    application, management = tenant.clients.seeded(APPLICATION), tenant.clients.seeded(MANAGEMENT)
    setup = tenant.clients.seeded(SETUP)
    return {
        "AUTH0_DOMAIN": tenant.url,
        "AUTH0_CLIENT_ID": application.client_id,
        "AUTH0_CLIENT_SECRET": application.client_secret,
        "AUTH0_MANAGEMENT_CLIENT_ID": management.client_id,
        "AUTH0_MANAGEMENT_CLIENT_SECRET": management.client_secret,
        "TENANT_SETUP_CLIENT_ID": setup.client_id,
        "TENANT_SETUP_CLIENT_SECRET": setup.client_secret,
        "AUTH0_CONNECTION": CONNECTION,
        "SMTP_URL": f"smtp://localhost:{smtp_port}",
    }


def _bind(port: int) -> socket.socket:
    # asyncio disables Nagle's algorithm only where the protocol is set: 2 ms a mail, not 48.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # After a restart the port is in TIME_WAIT, which is not in use.
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((_LOOPBACK, port))
        bound.listen(1024)
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(port) from error
        raise
    return bound


@contextmanager
def _http_server(app: "Flask", tenant: Tenant, bound: socket.socket) -> Iterator[None]:
    from waitress import wasyncore
    from waitress.server import create_server

    server: Any = create_server(
        app,
        sockets=[bound],
        threads=_THREADS,
        connection_limit=_CONNECTIONS,
        asyncore_use_poll=True,  # select() takes no more than 1,024
        ident=None,
    )
    thread = threading.Thread(target=server.run, name="local-tenant-http", daemon=True)
    thread.start()
    try:
        yield
    finally:
        tenant.stopping.set()
        server.task_dispatcher.shutdown()
        # The loop ends once its map is empty. The map is closed in the loop's own thread, and
        # after pull_trigger has returned, since the trigger is in the map.
        pulled = threading.Event()

        def close_all() -> None:
            pulled.wait()
            wasyncore.close_all(server._map)

        server.trigger.pull_trigger(close_all)
        pulled.set()
        thread.join()


@contextmanager
def _smtp_server(tenant: Tenant, bound: socket.socket) -> Iterator[None]:
    from .mail.smtp_server import SmtpServer

    smtp_server = SmtpServer(tenant, bound)
    smtp_server.start()
    try:
        yield
    finally:
        smtp_server.stop()
