"""`make soak`: twenty-five kills in a thousand invitations, and an hour of outage in the middle."""

import pytest

from tests.support.running import RunningSite, Tenant
from tests.support.workers import OF_ITS_OWN, WHOLE_PROCESS, nothing_is_lost

pytestmark = pytest.mark.timeout(3600)


@pytest.mark.parametrize(
    ("command", "number"), [(WHOLE_PROCESS, 1), (OF_ITS_OWN, 2)], ids=["alone", "two"]
)
def test_kills_lose_nothing(
    site_on: RunningSite, tenant: Tenant, command: list[str], number: int
) -> None:
    """One worker of the whole process, and two of their own, on each kind of database."""
    nothing_is_lost(site_on, tenant, people=1000, kills=25, command=command, number=number)
