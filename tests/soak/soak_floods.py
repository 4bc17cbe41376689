"""`make soak`: two thousand logins that end with a code that is none, as fast as they come."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.floods import TOKEN_CALLS, floods
from tests.support.running import RunningSite, Tenant, running_site, settings_for

pytestmark = pytest.mark.timeout(3600)


@pytest.fixture
def site(tenant: Tenant, tmp_path: Path) -> Iterator[RunningSite]:
    """Behind a proxy, so that a test says which address a request comes from."""
    with running_site(settings_for(tenant, tmp_path, TRUSTED_PROXIES="1")) as running:
        yield running


@pytest.mark.parametrize("is_one_address", [True, False])
def test_a_flood_costs_the_tenant_few_calls(
    site: RunningSite, tenant: Tenant, is_one_address: bool
) -> None:
    """Within a minute: the limits count whole minutes, so a flood that takes longer is allowed as
    many calls again."""
    addresses = 1 if is_one_address else 250
    statuses = floods(site, lambda number: f"10.0.{number % addresses}.1", callbacks=2000)
    assert set(statuses) <= {400, 403, 429}
    assert len(statuses) == 2000
    assert tenant.calls("POST /oauth/token") <= TOKEN_CALLS
