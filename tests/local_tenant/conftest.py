"""A served tenant for these tests alone: on free ports, with a database of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from invite_site.local_tenant import RunningTenant, TenantConfig, serve

from .client import TenantClient


@pytest.fixture(scope="session")
def served_tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTenant]:
    database: Path = tmp_path_factory.mktemp("tenant") / "tenant.db"
    with serve(TenantConfig(database=database, port=0, smtp_port=0, control=True)) as running:
        yield running


@pytest.fixture
def tenant(served_tenant: RunningTenant) -> Iterator[TenantClient]:
    """A client at a tenant that has forgotten the test before."""
    client = TenantClient(served_tenant)
    assert client.control("POST", "/reset").status_code == 204
    yield client
    client.browser.close()


@pytest.fixture
def setup(tenant: TenantClient) -> TenantClient:
    """The tenant with the credentials of who sets it up."""
    environment = tenant.tenant.environment
    tenant.use(environment["TENANT_SETUP_CLIENT_ID"], environment["TENANT_SETUP_CLIENT_SECRET"])
    return tenant
