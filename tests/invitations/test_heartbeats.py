"""When a worker was last seen, on each kind of database."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from invite_site.database.engine import open_engine
from invite_site.invitations.leases.heartbeats import Heartbeats

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def heartbeats(database_url: str) -> Iterator[Heartbeats]:
    engine = open_engine(database_url)
    yield Heartbeats(engine)
    engine.dispose()


def test_the_newest_beat_of_all_workers_counts(heartbeats: Heartbeats) -> None:
    """One worker is enough, whichever it is."""
    assert heartbeats.last(NOW) is None
    heartbeats.beat("a", NOW - 50 * SECOND)
    heartbeats.beat("b", NOW - 20 * SECOND)
    assert heartbeats.last(NOW) == 20 * SECOND
    heartbeats.beat("a", NOW - 5 * SECOND)
    assert heartbeats.last(NOW) == 5 * SECOND
    heartbeats.stop("a")
    assert heartbeats.last(NOW) == 20 * SECOND
    heartbeats.stop("b")
    assert heartbeats.last(NOW) is None


def test_a_clock_that_is_ahead_is_no_negative_time(heartbeats: Heartbeats) -> None:
    """Workers run on other machines."""
    heartbeats.beat("a", NOW + 5 * SECOND)
    assert heartbeats.last(NOW) == timedelta()


def test_what_a_clock_a_day_ahead_has_beaten_says_of_no_worker_that_it_runs(
    heartbeats: Heartbeats,
) -> None:
    """Its worker may have died since; one that runs beats again."""
    heartbeats.beat("a", NOW + timedelta(days=1))
    assert heartbeats.last(NOW) is None
    assert "No worker has been seen yet" in heartbeats.absence(NOW)
    heartbeats.beat("b", NOW - 5 * SECOND)
    assert heartbeats.last(NOW) == 5 * SECOND


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (60, ""),
        (61, "for 1 minute;"),
        (240, "for 4 minutes;"),
        (7_199, "for 119 minutes;"),
        (7_200, "for 2 hours;"),
    ],
)
def test_a_worker_is_missed_after_a_minute(
    heartbeats: Heartbeats, seconds: int, words: str
) -> None:
    """Three beats may fail to come."""
    heartbeats.beat("a", NOW - seconds * SECOND)
    absence = heartbeats.absence(NOW)
    assert words in absence
    assert bool(absence) == bool(words)


def test_a_worker_that_died_is_forgotten_after_a_day(heartbeats: Heartbeats) -> None:
    """Each has a name of its own, so the table would grow for ever."""
    heartbeats.beat("a", NOW - timedelta(days=1, seconds=1))
    heartbeats.sweep(NOW - 2 * SECOND)
    assert heartbeats.last(NOW) is not None
    heartbeats.sweep(NOW)
    assert heartbeats.last(NOW) is None
