"""Fixtures: a tenant for each worker process, and a site of its own for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .person import Person
from .running import Clock, RunningSite, Tenant, running_site, running_tenant, settings_for


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
