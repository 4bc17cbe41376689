"""The processes of a run: the tenant, the site and the quickstart, each a child of the bench.

A child says where it is in one line of JSON, then answers `cpu` with the nanoseconds of CPU it
has used so far, and ends when its standard input does.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import process_time_ns
from typing import IO, Any, cast

THREADS = 8  # as the site serves itself; the worker that sends invitations is not part of it
# Nothing else of our environment: no settings of a real deployment, no proxy.
INHERITED = ("PATH", "HOME", "TMPDIR", "LANG", "LOG_LEVEL")
READY = "ready "  # before the JSON: a library may have something to say first


@dataclass(frozen=True)
class ServerProcess:
    """A child that answers on `url`."""

    name: str
    url: str
    environment: Mapping[str, str]
    process: subprocess.Popen[str]

    def cpu(self) -> int:
        """Nanoseconds of CPU that the process has used, in user and system mode."""
        question = cast(IO[str], self.process.stdin)
        question.write("cpu\n")
        question.flush()
        return int(_line(self.process))

    def memory(self) -> int | None:
        """Bytes of memory that the process holds, its share of shared pages included (PSS).

        None where the system does not say.
        """
        try:
            lines = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            return None
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


@contextlib.contextmanager
def server_process(
    name: str, folder: Path, environment: Mapping[str, str]
) -> Iterator[ServerProcess]:
    """Run `tenant`, `site` or `quickstart` in a process of its own until the block ends."""
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    log = folder / f"{name}.log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.processes", name, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**inherited, **environment},
            cwd=Path(__file__).parent.parent,
        )
        with process:
            try:
                address = json.loads(_line(process, READY).removeprefix(READY))
                yield ServerProcess(name, address["url"], address["environment"], process)
            except EOFError:
                sys.exit(f"The {name} of the bench ended:\n{log.read_text()[-2000:]}")
            finally:
                cast(IO[str], process.stdin).close()
                try:
                    process.wait(timeout=10)
                except subprocess.TimeoutExpired:
                    process.kill()


def _line(process: subprocess.Popen[str], start: str = "") -> str:
    """The child's next line that begins like this. Raises EOFError."""
    for line in cast(IO[str], process.stdout):
        if line.startswith(start):
            return line
    raise EOFError


def main() -> None:
    """The child's side."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    with _serve(name, folder) as address:
        print(READY + json.dumps(address), flush=True)
        for _ in sys.stdin:
            print(process_time_ns(), flush=True)


@contextlib.contextmanager
def _serve(name: str, folder: Path) -> Iterator[dict[str, Any]]:
    # Only what a process serves is imported in it: its memory is measured.
    if name == "tenant":
        from invite_site.local_tenant import TenantConfig, serve

        config = TenantConfig(folder / "tenant.db", port=0, smtp_port=0, control=True)
        with serve(config) as tenant:
            yield {"url": tenant.url, "environment": dict(tenant.environment)}
        return

    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        url = f"http://localhost:{listener.getsockname()[1]}"
        app: Any
        if name == "site":
            from invite_site import create_app
            from invite_site.settings import Settings

            app = create_app(Settings.from_env({**os.environ, "SITE_URL": url}))
        else:
            from .quickstart import app  # it reads AUTH0_* from the environment
        from waitress.server import create_server

        server: Any = create_server(app, sockets=[listener], threads=THREADS, ident=None)
        threading.Thread(target=server.run, daemon=True).start()
        yield {"url": url, "environment": {}}


if __name__ == "__main__":
    main()
