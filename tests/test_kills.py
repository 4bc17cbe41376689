"""A batch whose workers are killed, and one whose tenant goes away; `make soak` has the long forms."""

import pytest

from tests.support.person import Person
from tests.support.running import RunningSite, Tenant, signs_in
from tests.support.workers import (
    OF_ITS_OWN,
    WHOLE_PROCESS,
    an_outage_is_survived,
    nothing_is_lost,
)


@pytest.mark.timeout(300)  # the lease of a worker that was killed lasts a minute
def test_kills_lose_nothing(site_on: RunningSite, tenant: Tenant) -> None:
    """Three in sixty invitations: of a whole process on SQLite, of one of two workers on PostgreSQL."""
    is_alone = site_on.settings.database_url.startswith("sqlite")
    command, number = (WHOLE_PROCESS, 1) if is_alone else (OF_ITS_OWN, 2)
    nothing_is_lost(site_on, tenant, people=60, kills=3, command=command, number=number)


def test_an_outage_in_the_middle_of_a_batch(
    site_on: RunningSite, tenant: Tenant, admin: Person
) -> None:
    """An hour, by the site's clock."""
    site_on.make_admin()
    signs_in(admin, site_on)
    an_outage_is_survived(site_on, tenant, admin, people=60)
