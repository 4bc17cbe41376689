"""`make soak`: workers that are asked to end ten times in a thousand invitations."""

import pytest

from tests.support.running import RunningSite, Tenant
from tests.support.stops import nothing_is_sent_twice
from tests.support.workers import OF_ITS_OWN

pytestmark = pytest.mark.timeout(3600)


def test_stops_lose_nothing_and_send_nothing_twice(site_on: RunningSite, tenant: Tenant) -> None:
    """SIGTERM at random moments."""
    nothing_is_sent_twice(site_on, tenant, people=1000, stops=10, command=OF_ITS_OWN)
