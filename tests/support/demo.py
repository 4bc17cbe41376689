"""The demo as a real process: started, used, killed, started again."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

from invite_site.server import listening

from . import forked
from .running import Tenant, wait_until


def free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        return [stack.enter_context(listening(0)).getsockname()[1] for _ in range(number)]


class Demo:
    """`python app.py` in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        site, tenant, smtp = free_ports(3)
        self.folder = folder
        self.url = f"http://localhost:{site}"
        self.tenant = Tenant(f"http://localhost:{tenant}", f"http://localhost:{tenant}/mailbox", {})
        self.environment = {
            **os.environ,
            "SITE_PORT": str(site),
            "TENANT_PORT": str(tenant),
            "SMTP_PORT": str(smtp),
            "INSTANCE_DIR": str(folder),
            "AUTH0_DOMAIN": "real.example.com",  # the demo never looks at these
            "AUTH0_CLIENT_SECRET": "real",
            "DEMO_EMPTY": "1",
        }
        self.process: forked.Forked | None = None
        self._output = folder.parent / "said.txt"

    @property
    def invitee_url(self) -> str:
        """The site's address for invitees."""
        return self.url.replace("localhost", "127.0.0.1")

    @property
    def invitee_mailbox(self) -> str:
        return self.tenant.mailbox_url.replace("localhost", "127.0.0.1")

    @property
    def dashboard(self) -> str:
        return f"{self.tenant.url}/_tenant/dashboard"

    def begin(self, **variables: str) -> forked.Forked:
        """Start it, and wait for nothing."""
        self._output.unlink(missing_ok=True)
        self.process = forked.Forked(
            forked.demo, self.environment | variables, out=str(self._output)
        )
        return self.process

    def start(self, **variables: str) -> None:
        """Start it, and wait until it is ready."""
        process = self.begin(**variables)
        wait_until(
            lambda: "make demo-reset" in self.said or not process.is_running,
            "the demo was ready",
            seconds=60,
        )
        assert process.is_running, f"the demo ended: {self.said}"

    @property
    def said(self) -> str:
        """What it has printed since its last start."""
        return self._output.read_text(encoding="utf-8") if self._output.exists() else ""

    def end(self, number: int) -> int:
        assert self.process
        self.process.send_signal(number)
        code = self.process.wait(timeout=10)
        self.process = None
        return code


@contextlib.contextmanager
def running_demo(folder: Path, **variables: str) -> Iterator[Demo]:
    demo = Demo(folder / "instance")
    demo.start(**variables)
    yield demo
    if demo.process:
        demo.end(signal.SIGKILL)
