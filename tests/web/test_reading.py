"""How moments and rates are said on a page."""

from datetime import UTC, datetime, timedelta

import pytest

from invite_site.web.templating import pace, relative

NOW = datetime(2026, 11, 25, 3, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("later", "words"),
    [
        (timedelta(), "just now"),
        (timedelta(seconds=-59), "just now"),
        (timedelta(seconds=-60), "1 minute ago"),
        (timedelta(minutes=-59), "59 minutes ago"),
        (timedelta(hours=-1), "1 hour ago"),
        (timedelta(hours=-47), "1 day ago"),
        (timedelta(days=-30), "30 days ago"),
        (timedelta(days=-31), "25 Oct 2026"),
        (timedelta(seconds=1), "in less than a minute"),
        (timedelta(days=2, hours=3), "in 2 days"),
        (timedelta(days=40), "4 Jan 2027"),
    ],
)
def test_a_moment_is_said_as_people_say_it(later: timedelta, words: str) -> None:
    """The exact one stands beside it."""
    assert relative(NOW + later, NOW) == words


@pytest.mark.parametrize(
    ("rate", "words"),
    [(25.4, "about 25 a second"), (1.0, "about 1 a second"), (0.5, "about 30 a minute")],
)
def test_a_rate_is_said_in_whole_invitations(rate: float, words: str) -> None:
    """A second where there is one in it, else a minute."""
    assert pace(rate) == words
