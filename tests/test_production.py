"""A production site has the packages of `requirements.lock` and no others."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import requests

from invite_site.server import listening
from tests.support.running import SECRET_KEY, Tenant

ROOT = Path(__file__).resolve().parent.parent

IMPORT_THE_SITE = """
import importlib, pkgutil
import app, invite_site

NOT_SERVED = ("invite_site.local_tenant", "invite_site.demo", "invite_site.migrations")

def import_modules(package):
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        if module.name not in NOT_SERVED:
            imported = importlib.import_module(module.name)
            if module.ispkg:
                import_modules(imported)

import_modules(invite_site)
"""

# A sitecustomize.py, which Python runs before anything else.
REFUSE_OTHERS = """
import sys

class Refuse:
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in {refused!r}:
            raise ModuleNotFoundError("not in requirements.lock: " + name, name=name)

sys.meta_path.insert(0, Refuse)
"""


def not_in_production() -> Iterator[str]:
    """The importable names here that `requirements.lock` does not install."""
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    installed = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    installed |= {"invite-site", "setuptools", "pip"}
    for name, distributions in packages_distributions().items():
        if not installed & {re.sub(r"[-_.]+", "-", each).lower() for each in distributions}:
            yield name


@pytest.fixture
def environment(tenant: Tenant, tmp_path: Path) -> Mapping[str, str]:
    """The settings of a site, and an interpreter that imports no other package."""
    startup = tmp_path / "startup"
    startup.mkdir()
    (startup / "sitecustomize.py").write_text(
        REFUSE_OTHERS.format(refused=set(not_in_production())), encoding="utf-8"
    )
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(startup),
        "SECRET_KEY": SECRET_KEY,
        "SITE_URL": "http://localhost:3000",
        "APP_NAME": "Acme",
        "INSTANCE_DIR": str(tmp_path / "instance"),
        "MAIL_FROM": "Acme <invitations@example.com>",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'site.db'}",
        **tenant.environment,
    }


def python(*arguments: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("package", ["aiosmtpd", "liquid", "pytest"])
def test_other_packages_are_refused(package: str, environment: Mapping[str, str]) -> None:
    """Otherwise the tests below would prove nothing."""
    imported = python("-c", f"import {package}", environment=environment)
    assert f"not in requirements.lock: {package}" in imported.stderr


def test_the_site_imports_what_the_production_lock_installs(environment: Mapping[str, str]) -> None:
    """No module but the demo needs a package of the local tenant, the tests or the bench."""
    imported = python("-c", IMPORT_THE_SITE, environment=environment)
    assert imported.returncode == 0, imported.stderr


def test_it_serves_with_the_production_lock_alone(environment: Mapping[str, str]) -> None:
    """`make run` after an installation of `requirements.lock` alone."""
    with listening(0) as listener:
        port = listener.getsockname()[1]
    url = f"http://localhost:{port}"
    process = subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "app", "serve"],
        cwd=ROOT,
        env={**environment, "SITE_URL": url, "SITE_PORT": str(port)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    try:
        assert process.stdout.readline() == f"Ready: {url}\n"
        start = requests.get(url, timeout=10)
        assert start.status_code == 200
        assert "Sign in" in start.text
    finally:
        process.terminate()
        process.communicate(timeout=20)
    assert process.returncode == 0


def test_the_demo_says_which_extra_is_missing(environment: Mapping[str, str]) -> None:
    """One sentence instead of a traceback."""
    ended = python("app.py", environment=environment)
    assert ended.returncode == 1
    assert ended.stderr == (
        "The demo needs the extra local-tenant: pip install -e '.[local-tenant]'\n"
    )


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_a_site_on_postgresql_says_which_extra_is_missing(
    scheme: str, environment: Mapping[str, str]
) -> None:
    """One sentence instead of a traceback, without the password."""
    ended = python(
        *("-m", "flask", "--app", "app", "invite", "list"),
        environment={**environment, "DATABASE_URL": f"{scheme}://acme:hunter2@db.example.com/x"},
    )
    assert ended.returncode == 1
    assert "install the extra invite-site[postgres]." in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "hunter2" not in ended.stderr


@pytest.mark.parametrize("words", [("--debug", "serve"), ("run", "--debug"), ("run",)])
def test_a_site_that_others_reach_does_not_start_in_debug_mode(
    words: tuple[str, ...], environment: Mapping[str, str]
) -> None:
    """Werkzeug's console would run what visitors type."""
    public = {**environment, "SITE_URL": "https://invite.example.com"}
    if "--debug" not in words:
        public["FLASK_DEBUG"] = "1"
    ended = python("-m", "flask", "--app", "app", *words, environment=public)
    assert ended.returncode == 1
    assert "FLASK_DEBUG (or --debug) lets visitors run code" in ended.stderr
    assert "Traceback" not in ended.stderr
