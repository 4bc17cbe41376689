"""Processes of the site that start at once: each is forked from one that has imported it before.

They are processes like any other: they have the environment that is given and nothing else of the
test's, end with a status, and can be killed. Only the imports, two seconds of a processor, are shared.
"""

import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["app", "invite_site.demo", "psycopg", __name__])


class Forked:
    """A running process."""

    def __init__(
        self,
        target: Callable[[], object],
        environment: Mapping[str, str],
        out: str = "",
        err: str = "",
    ) -> None:
        """Call `target` in a new process, with its output in the files `out` and `err`, or else
        where ours goes."""
        arguments = (target, dict(environment), out, err)
        # A daemon, so that one that is forgotten ends with the tests.
        self._process = _CONTEXT.Process(target=_run, args=arguments, daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.is_alive()

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()

    def wait(self, timeout: float) -> int:
        """The exit status, negative for a signal; `subprocess.TimeoutExpired` after so many seconds."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout)
        return self._process.exitcode


class Flask:
    """The `flask` command with these words, to be called in a process of its own."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def __call__(self) -> None:
        import flask.cli

        sys.argv = ["flask", "--app", "app", *self.words]
        flask.cli.main()


def demo(*words: str) -> None:
    """`python app.py` with these words, to be called in a process of its own."""
    sys.argv = ["app.py", *words]
    runpy.run_path(str(ROOT / "app.py"), run_name="__main__")


def run(
    target: Callable[[], object], environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Call `target` to its end, as `subprocess.run` would with a command."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = (Path(folder) / name for name in ("out", "err"))
        process = Forked(target, environment, str(out), str(err))
        try:
            code = process.wait(timeout=60)
        finally:
            process.kill()
        return subprocess.CompletedProcess("", code, out.read_text(), err.read_text())


def flask(*words: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a `flask` command to its end."""
    return run(Flask(*words), environment)


def _run(target: Callable[[], object], environment: dict[str, str], out: str, err: str) -> None:
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    for stream, path in ((1, out), (2, err)):
        if path:
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(file, stream)
            os.close(file)
    # That of the process before has in mind what it wrote to.
    sys.stdout = os.fdopen(sys.stdout.fileno(), "w", closefd=False)
    target()
