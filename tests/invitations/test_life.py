"""Whatever owner, invitee, workers, faults and time do in any order, each step has its evidence."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.support.life import life_at
from tests.support.running import Tenant

SHORT = settings(
    max_examples=10,
    stateful_step_count=30,
    derandomize=True,  # the same steps each time; `make soak` tries new ones
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("link", ["ticket", "landing"])
@pytest.mark.timeout(900)  # to shorten steps that break it takes its time
def test_no_order_of_steps_breaks_an_invitation(
    tenant: Tenant, tmp_path_factory: pytest.TempPathFactory, link: str
) -> None:
    """Evidence of each move, one open invitation and one live ticket for each person, a newest link that
    works, no mail to anybody else."""
    life = life_at(tenant, tmp_path_factory.mktemp("life"), link)
    run_state_machine_as_test(life, settings=SHORT)
