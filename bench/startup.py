"""How long the demo takes from its command to `Ready`, as somebody at a terminal waits for it."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import IO, cast

ROOT = Path(__file__).parent.parent
VARIABLES = ("SITE_PORT", "TENANT_PORT", "SMTP_PORT")


def measure_startup(folder: Path, times: int) -> tuple[list[float], list[float]]:
    """Seconds of first starts, each in a folder of its own, where it makes the databases and tells the
    story; and of as many starts after the first of them."""
    first = [_start(folder / f"instance-{number}") for number in range(times)]
    again = [_start(folder / "instance-0") for _ in range(times)]
    return first, again


def _start(instance: Path) -> float:
    ports = {name: str(port) for name, port in zip(VARIABLES, _free_ports(), strict=True)}
    start = perf_counter()
    with subprocess.Popen(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env={**os.environ, **ports, "INSTANCE_DIR": str(instance)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        output = cast(IO[str], process.stdout)
        try:
            for line in output:
                if line.startswith("Ready:"):
                    return perf_counter() - start
        finally:
            process.send_signal(signal.SIGTERM)
            output.read()
    sys.exit("The demo did not start.")


def _free_ports() -> list[int]:
    with ExitStack() as stack:
        bound = [stack.enter_context(socket.socket()) for _ in VARIABLES]
        for each in bound:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in bound]
