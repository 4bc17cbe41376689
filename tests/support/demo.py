"""The demo as a real process: started, used, killed, started again."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from invite_site.server import listening

from .running import Tenant

ROOT = Path(__file__).resolve().parent.parent.parent


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
        self.process: subprocess.Popen[str] | None = None
        self.said = ""

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

    def begin(self, **variables: str) -> subprocess.Popen[str]:
        """Start it, and wait for nothing."""
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "app.py")],
            env=self.environment | variables,
            cwd=self.folder.parent,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self.process

    def start(self, **variables: str) -> None:
        """Start it, and wait until it is ready."""
        process = self.begin(**variables)
        assert process.stdout
        self.said = ""
        for line in process.stdout:
            self.said += line
            if "make demo-reset" in line:
                return
        raise AssertionError(f"the demo ended: {self.said}")

    def end(self, number: int) -> int:
        assert self.process
        assert self.process.stdout
        self.process.send_signal(number)
        code = self.process.wait(timeout=10)
        self.process.stdout.close()
        self.process = None
        return code


@contextlib.contextmanager
def running_demo(folder: Path, **variables: str) -> Iterator[Demo]:
    demo = Demo(folder / "instance")
    demo.start(**variables)
    yield demo
    if demo.process:
        demo.end(signal.SIGKILL)
