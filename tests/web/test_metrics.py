"""The figures for Prometheus."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.support.running import (
    Clock,
    RunningSite,
    Tenant,
    running_site,
    settings_for,
)

TOKEN = "a-token-of-some-monitor-0123456789"


@pytest.fixture
def watched(tenant: Tenant, tmp_path: Path, clock: Clock) -> Iterator[RunningSite]:
    """A site that gives its figures to whoever has the token."""
    settings = settings_for(tenant, tmp_path, METRICS_TOKEN=TOKEN)
    with running_site(settings, clock=clock) as running:
        yield running


def asked(site: RunningSite, authorization: str = f"Bearer {TOKEN}") -> requests.Response:
    headers = {"Authorization": authorization} if authorization else {}
    return requests.get(f"{site.url}/metrics", headers=headers, timeout=10)


def figures(site: RunningSite) -> dict[str, float]:
    """Each figure by its name, and by the status that it is of."""
    answer = asked(site)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    return {
        " ".join((sample.name.removeprefix("invite_site_"), *sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_it_works(watched: RunningSite, clock: Clock) -> None:
    """What is sent, what waits and why, and when a worker was seen."""
    clock.stop()
    services, now = watched.services, clock()
    watched.invites_and_delivers("ada@example.com")
    services.circuit_breaker.open("mail", "The mail server does not answer.", now=now, wait=600)
    watched.invites("bob@example.com")
    services.heartbeats.beat("worker", now)
    clock.forward(seconds=30)
    found = figures(watched)
    assert (found["invitations sent"], found["invitations queued"]) == (1, 1)
    assert (found["invitations expired"], found["invitations_stuck"]) == (0, 0)
    steps = ("sent", "password_set", "accepted")
    assert [found[f"invitations_reached {step}"] for step in steps] == [1, 0, 0]
    assert (found["invitations_due"], found["circuit_breaker_open"]) == (1, 1)
    assert found["worker_seen_timestamp_seconds"] == now.timestamp()


def test_a_site_on_which_nothing_has_happened_gives_noughts(watched: RunningSite) -> None:
    """And no moment at which a worker was seen."""
    found = figures(watched)
    assert set(found.values()) == {0}
    assert "worker_seen_timestamp_seconds" not in found


@pytest.mark.parametrize("sent", ["", "Bearer", f"Bearer {TOKEN}x", "Basic eDp5", "Bearer é"])
def test_whoever_does_not_send_the_token_learns_nothing(watched: RunningSite, sent: str) -> None:
    """The numbers of an owner are nobody else's."""
    answer = asked(watched, sent.encode().decode("latin-1"))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.text == "Send METRICS_TOKEN as a bearer token.\n"


def test_without_a_token_in_the_settings_there_is_no_such_page(site: RunningSite) -> None:
    """Also for somebody who sends an empty one."""
    for sent in ("", "Bearer ", f"Bearer {TOKEN}"):
        assert asked(site, sent).status_code == 404
