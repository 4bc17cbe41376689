"""Fixtures: a tenant for each worker process, and a site of its own for each test."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.databases import (
    copy_sqlite,
    postgres_database,
    postgres_server,
    postgres_template,
)
from tests.support.person import Person
from tests.support.running import (
    Clock,
    RunningSite,
    Tenant,
    running_site,
    running_tenant,
    settings_for,
)
from tests.support.smtp_script import SmtpScript, smtp_script

# A file of these takes a quarter of a minute or more. One that came last would be waited for alone.
LONG = (
    "browser/test_demo.py",
    "browser/test_pages.py",
    "cli/test_errors.py",
    "invitations/test_batch_ends.py",
    "invitations/test_batches.py",
    "invitations/test_life.py",
    "invitations/test_mail_refusals.py",
    "test_database.py",
    "test_demo.py",
    "test_kills.py",
    "test_production.py",
    "test_stops.py",
    "test_worker.py",
    "web/test_floods.py",
    "web/test_lists.py",
    "web/test_rate_limits.py",
    "web/test_tokens.py",
)


@pytest.hookimpl(trylast=True)  # after pytest-randomly
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest. And the coverage is the site's: what tests the local tenant runs
    without the cost of tracing."""
    tests = Path(__file__).parent
    items.sort(key=lambda item: item.path.relative_to(tests).as_posix() not in LONG)
    for item in items:
        if tests / "local_tenant" in item.path.parents:
            item.add_marker("no_cover")


def pytest_collection_finish() -> None:
    """Nothing that was imported or collected is garbage until the end, and to look through all of it again
    and again took a tenth of the time of the tests."""
    gc.freeze()


@pytest.fixture(scope="session")
def _tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenant]:
    with running_tenant(tmp_path_factory.mktemp("tenant")) as tenant:
        yield tenant


@pytest.fixture
def tenant(_tenant: Tenant) -> Tenant:
    """A running local tenant that has forgotten every earlier test."""
    _tenant.reset()
    return _tenant


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def _postgres() -> Iterator[str]:
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def _template(_postgres: str) -> Iterator[str]:
    with postgres_template(_postgres) as name:
        yield name


KINDS = ["sqlite", "postgresql"]


@pytest.fixture(params=KINDS)
def bare_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without tables; a test that asks for it runs once on each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'site.db'}"
        return
    with postgres_database(request.getfixturevalue("_postgres")) as url:
        yield url


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The same with our tables, of the newest revision."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'site.db'}"
        copy_sqlite(url)
        yield url
        return
    server, template = (request.getfixturevalue(name) for name in ("_postgres", "_template"))
    with postgres_database(server, template=template) as url:
        yield url


@pytest.fixture
def site_on(
    database_url: str, tenant: Tenant, tmp_path: Path, clock: Clock
) -> Iterator[RunningSite]:
    """A site without a worker, once on each kind of database."""
    settings = settings_for(tenant, tmp_path, DATABASE_URL=database_url)
    with running_site(settings, clock=clock) as running:
        yield running


@pytest.fixture
def site(tenant: Tenant, tmp_path: Path, clock: Clock) -> Iterator[RunningSite]:
    """A site without a worker: `site.delivers()` does one round when the test says so."""
    with running_site(settings_for(tenant, tmp_path), clock=clock) as running:
        yield running


@pytest.fixture
def person() -> Iterator[Person]:
    with Person() as somebody:
        yield somebody


@pytest.fixture
def admin() -> Iterator[Person]:
    with Person() as somebody:
        yield somebody


@pytest.fixture
def mail_server() -> Iterator[SmtpScript]:
    """A mail server whose replies the test writes."""
    with smtp_script() as script:
        yield script
