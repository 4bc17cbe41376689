"""A batch whose workers are asked to end and started again; `make soak` has the long form."""

import pytest

from tests.support.running import RunningSite, Tenant
from tests.support.stops import nothing_is_sent_twice
from tests.support.workers import OF_ITS_OWN


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # the long form has both
def test_stops_lose_nothing_and_send_nothing_twice(site_on: RunningSite, tenant: Tenant) -> None:
    """SIGTERM at random moments: what is in hand is finished or given back within ten seconds."""
    nothing_is_sent_twice(site_on, tenant, people=60, stops=2, command=OF_ITS_OWN)
