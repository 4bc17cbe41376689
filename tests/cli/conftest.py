"""How the tests of commands run them."""

from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

from tests.support.running import SECRET_KEY, RunningSite, Tenant

Run = Callable[..., str]  # the words of a command to what it prints


@pytest.fixture
def run(site: RunningSite) -> Run:
    """Run a command inside the running site's application, on a pipe."""
    runner = site.app.test_cli_runner()

    def run(*words: str, typed: str | bytes | IO[bytes] = "") -> str:
        result = runner.invoke(args=list(words), input=typed)
        return result.output + (f"[exit {result.exit_code}]" if result.exit_code else "")

    return run


@pytest.fixture
def environment(tenant: Tenant, tmp_path: Path) -> dict[str, str]:
    """What a process of a command has: the settings of `site`, and nothing of the test's own."""
    return {
        "PATH": "/usr/bin:/bin",
        "SECRET_KEY": SECRET_KEY,
        "APP_NAME": "Acme",
        "MAIL_FROM": "invitations@example.com",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'site.db'}",
        **tenant.environment,
    }
