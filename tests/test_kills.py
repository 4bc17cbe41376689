"""A batch whose workers are killed, and one whose tenant goes away; `make soak` has the long forms."""

import pytest

from tests.support.person import Person
from tests.support.running import RunningSite, Tenant, signs_in
from tests.support.workers import (
    OF_ITS_OWN,
    an_outage_is_survived,
    nothing_is_lost,
    whole_process,
)


@pytest.mark.timeout(300)  # where other tests take the processors, it is more than the usual limit
def test_kills_lose_nothing(site_on: RunningSite, tenant: Tenant) -> None:
    """Three in sixty invitations: of a whole process on SQLite, of one of two workers on PostgreSQL.
    `make soak` waits for the leases of those that were killed, which last a minute; here they are ended."""
    is_alone = site_on.settings.database_url.startswith("sqlite")
    command, number = (whole_process, 1) if is_alone else (OF_ITS_OWN, 2)
    nothing_is_lost(
        site_on, tenant, people=60, kills=3, command=command, number=number, ends_leases=True
    )


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # the long form has both
def test_an_outage_in_the_middle_of_a_batch(
    site_on: RunningSite, tenant: Tenant, admin: Person
) -> None:
    """An hour, by the site's clock."""
    site_on.make_admin()
    signs_in(admin, site_on)
    an_outage_is_survived(site_on, tenant, admin, people=60)
