"""How the tests of commands run them."""

from collections.abc import Callable
from typing import IO

import pytest

from tests.support.running import RunningSite

Run = Callable[..., str]  # the words of a command to what it prints


@pytest.fixture
def run(site: RunningSite) -> Run:
    """Run a command inside the running site's application, on a pipe."""
    runner = site.app.test_cli_runner()

    def run(*words: str, typed: str | bytes | IO[bytes] = "") -> str:
        result = runner.invoke(args=list(words), input=typed)
        return result.output + (f"[exit {result.exit_code}]" if result.exit_code else "")

    return run
