"""What the bench makes of its figures; the figures themselves are nothing for a test."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench.bulk import Case
from bench.plot import write_plot
from bench.report import Row, table


@pytest.mark.parametrize(
    ("plan", "number", "rate"),
    [
        ("enterprise", 300, 300 / ((600 - 50) / 16)),
        ("free", 20, 20 / ((40 - 2) / 2)),
        # Users have a limit of their own there, and tickets come after: 2 a second.
        ("professional", 100, 100 / ((100 - 10) / 2)),
    ],
)
def test_the_ceiling_is_what_the_plan_allows(plan: str, number: int, rate: float) -> None:
    """Two calls an invitation, and a full bucket at the start."""
    assert Case(plan, number, 0, 0, None).ceiling == pytest.approx(rate)


def test_without_limits_there_is_no_ceiling() -> None:
    """Then the invitations a second are the figure."""
    assert Case("off", 300, 0, 0, None).ceiling is None


@pytest.mark.parametrize(
    ("row", "is_reached"),
    [
        (Row("lost", 0, "", 0), True),
        (Row("lost", 1, "", 0), False),
        (Row("share", 0.99, "", 0.98, is_more_better=True), True),
        (Row("share", 0.97, "", 0.98, is_more_better=True), False),
        (Row("orientation", 5), None),
    ],
)
def test_a_figure_reaches_its_goal_or_not(row: Row, is_reached: bool | None) -> None:
    """Some are to be large and some small."""
    assert row.is_reached is is_reached
    assert ("not reached" in table([row])) is (is_reached is False)


def test_the_plot_has_a_bar_for_each_figure_with_a_goal(tmp_path: Path) -> None:
    """It is well-formed, whatever a row is called."""
    rows = [Row("a < b & c", 3, "ms", 2), Row("none lost", 0, "", 0), Row("only said", 1)]
    write_plot(tmp_path / "figures.svg", rows)
    root = ElementTree.parse(tmp_path / "figures.svg").getroot()  # noqa: S314 - our own file
    bars = [each for each in root.iter("{http://www.w3.org/2000/svg}rect") if each.get("fill")]
    assert len(bars) == 2 + 1  # and the background
