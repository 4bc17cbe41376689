"""The processes of a run: the tenant, sites, workers and programs beside them, children of the bench.

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

THREADS = 8  # as the site serves itself
# Nothing else of our environment: no settings of a real deployment, no proxy.
INHERITED = ("PATH", "HOME", "TMPDIR", "LANG", "LOG_LEVEL")
READY = "ready "  # before the JSON: a library may have something to say first
IDENTITY = "/_bench"  # answers with who serves here


@dataclass(frozen=True)
class ServerProcess:
    """A child. `url` is where it answers; `control_url` where a tenant takes orders."""

    name: str
    url: str
    control_url: str
    environment: Mapping[str, str]
    process: subprocess.Popen[str]

    def cpu(self) -> int:
        """Nanoseconds of CPU that the process has used, in user and system mode."""
        return int(self.ask("cpu"))

    def ask(self, question: str) -> str:
        """The child's answer, a line."""
        asked = cast(IO[str], self.process.stdin)
        asked.write(question + "\n")
        asked.flush()
        return _line(self.process)

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
    """Run one of CHILDREN in a process of its own until the block ends."""
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
                said = json.loads(_line(process, READY).removeprefix(READY))
                child = ServerProcess(
                    name, said["url"], said["control_url"], said["environment"], process
                )
                _check_identity(child)
                yield child
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


def _check_identity(child: ServerProcess) -> None:
    """Figures of another program's server would be worse than none. A tenant is known by its
    certificate, which nobody else has."""
    from .browser import Browser

    if child.url and child.name != "tenant":
        answer = Browser().get(child.url + IDENTITY).body
        if answer != f"{child.name} {child.process.pid}":
            sys.exit(f"{child.url} is served by another program.")


def main() -> None:
    """The child's side."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    if authority := os.environ.get("BENCH_AUTHORITY"):
        import requests.adapters

        # What requests trusts by default, with the bench's own authority added.
        requests.adapters.DEFAULT_CA_BUNDLE_PATH = authority
    with CHILDREN[name](name, folder) as said:
        answers = said.pop("answers", {})
        print(READY + json.dumps({"control_url": "", "environment": {}} | said), flush=True)
        for line in sys.stdin:
            question, _, rest = line.strip().partition(" ")
            answer = process_time_ns() if question == "cpu" else answers[question](rest)
            print(answer, flush=True)


@contextlib.contextmanager
def _tenant(name: str, folder: Path) -> Iterator[dict[str, Any]]:
    """The local tenant behind TLS; what trusts it is named in its environment."""
    import certifi

    from invite_site.local_tenant import TenantConfig, serve
    from tests.support.tls_front import TlsFront, write_certificate

    authority, certificate = write_certificate(folder)
    bundle = folder / "authorities.pem"  # as long as a real one, since to load it is a cost
    bundle.write_bytes(Path(certifi.where()).read_bytes() + authority.read_bytes())
    front = TlsFront(certificate)
    url = f"https://localhost:{front.port}"
    config = TenantConfig(folder / "tenant.db", port=0, smtp_port=0, control=True, public_url=url)
    with serve(config) as tenant, front.leading_to(tenant.port):
        trust = {"BENCH_AUTHORITY": str(bundle), "SSL_CERT_FILE": str(bundle)}
        yield {
            "url": url,
            "control_url": f"http://localhost:{tenant.port}",
            "environment": {**tenant.environment, **trust},
        }


@contextlib.contextmanager
def _site(name: str, folder: Path) -> Iterator[dict[str, Any]]:
    """The pages alone."""
    from invite_site import create_app
    from invite_site.settings import Settings

    with _listening() as (listener, url):
        app = create_app(Settings.from_env({**os.environ, "SITE_URL": url}))
        with _serving(name, app, listener):
            yield {"url": url}


@contextlib.contextmanager
def _site_and_worker(name: str, folder: Path) -> Iterator[dict[str, Any]]:
    """As `make run` does it: pages and a worker in one process."""
    from invite_site import create_app
    from invite_site.server import working
    from invite_site.settings import Settings
    from invite_site.web.current import EXTENSION

    with _listening() as (listener, url):
        app = create_app(Settings.from_env({**os.environ, "SITE_URL": url}))
        with _serving(name, app, listener), working(app.extensions[EXTENSION]):
            yield {"url": url}


@contextlib.contextmanager
def _worker(name: str, folder: Path) -> Iterator[dict[str, Any]]:
    """A worker alone, as `flask invite work` runs it."""
    from invite_site import create_app
    from invite_site.server import working
    from invite_site.settings import Settings
    from invite_site.web.current import EXTENSION

    with working(create_app(Settings.from_env(os.environ)).extensions[EXTENSION]):
        yield {"url": ""}


@contextlib.contextmanager
def _sdk_loop(name: str, folder: Path) -> Iterator[dict[str, Any]]:
    """A loop over Auth0's own SDK, as somebody would write it in an afternoon."""
    from .sdk_loop import run

    yield {"url": "", "answers": {"send": lambda number: run(int(number))}}


@contextlib.contextmanager
def _quickstart(name: str, folder: Path) -> Iterator[dict[str, Any]]:
    from .quickstart import app  # it reads AUTH0_* from the environment

    with _listening() as (listener, url), _serving(name, app, listener):
        yield {"url": url}


# Only what a process serves is imported in it: its memory is measured.
CHILDREN = {
    "tenant": _tenant,
    "site": _site,
    "site-and-worker": _site_and_worker,
    "worker": _worker,
    "sdk-loop": _sdk_loop,
    "quickstart": _quickstart,
}


@contextlib.contextmanager
def _listening() -> Iterator[tuple[socket.socket, str]]:
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        yield listener, f"http://localhost:{listener.getsockname()[1]}"


@contextlib.contextmanager
def _serving(name: str, app: Any, listener: socket.socket) -> Iterator[None]:
    from waitress.server import create_server

    def identified(environ: Any, start_response: Any) -> Any:
        if environ["PATH_INFO"] == IDENTITY:
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [f"{name} {os.getpid()}".encode()]
        return app(environ, start_response)

    server: Any = create_server(
        identified,
        sockets=[listener],
        threads=THREADS,
        ident=None,
        clear_untrusted_proxy_headers=False,  # as our own server has it: TRUSTED_PROXIES decides
    )
    threading.Thread(target=server.run, daemon=True).start()
    yield


if __name__ == "__main__":
    main()
