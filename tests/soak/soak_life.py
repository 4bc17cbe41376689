"""`make soak`: the life of an invitation in some hundred orders of steps, others in each run."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.support.life import life_at
from tests.support.running import Tenant

LONG = settings(
    max_examples=300,
    stateful_step_count=50,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("link", ["ticket", "landing"])
@pytest.mark.timeout(3600)
def test_no_order_of_steps_breaks_an_invitation(
    tenant: Tenant, tmp_path_factory: pytest.TempPathFactory, link: str
) -> None:
    """The steps that break it are shortened and printed."""
    life = life_at(tenant, tmp_path_factory.mktemp("life"), link)
    run_state_machine_as_test(life, settings=LONG)
