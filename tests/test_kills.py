"""Workers that are killed again and again in the middle of a batch; `make soak` has the long form."""

import pytest

from tests.support.running import RunningSite, Tenant
from tests.support.workers import OF_ITS_OWN, WHOLE_PROCESS, nothing_is_lost


@pytest.mark.timeout(300)  # the lease of a worker that was killed lasts a minute
def test_kills_lose_nothing(site_on: RunningSite, tenant: Tenant) -> None:
    """Three in sixty invitations: of a whole process on SQLite, of one of two workers on PostgreSQL."""
    is_alone = site_on.settings.database_url.startswith("sqlite")
    command, number = (WHOLE_PROCESS, 1) if is_alone else (OF_ITS_OWN, 2)
    nothing_is_lost(site_on, tenant, people=60, kills=3, command=command, number=number)
