"""`make soak`: twenty-five kills in a thousand invitations, and an hour of outage in the middle."""

import pytest

from tests.support.person import Person
from tests.support.running import RunningSite, Tenant, signs_in
from tests.support.workers import (
    OF_ITS_OWN,
    Command,
    an_outage_is_survived,
    nothing_is_lost,
    whole_process,
)

pytestmark = pytest.mark.timeout(3600)


@pytest.mark.parametrize(
    ("command", "number"), [(whole_process, 1), (OF_ITS_OWN, 2)], ids=["alone", "two"]
)
def test_kills_lose_nothing(
    site_on: RunningSite, tenant: Tenant, command: Command, number: int
) -> None:
    """One worker of the whole process, and two of their own, on each kind of database."""
    nothing_is_lost(site_on, tenant, people=1000, kills=25, command=command, number=number)


def test_an_outage_in_the_middle_of_a_batch(
    site_on: RunningSite, tenant: Tenant, admin: Person
) -> None:
    """An hour, by the site's clock."""
    site_on.make_admin()
    signs_in(admin, site_on)
    an_outage_is_survived(site_on, tenant, admin, people=1000)
