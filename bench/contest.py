"""Rounds of both sites that take turns, and what they add up to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

Round = Callable[[], float]  # plays one round; CPU in nanoseconds for one request of it


@dataclass(frozen=True)
class Spread:
    """The median of some figures, with the least and the greatest."""

    median: float
    least: float
    greatest: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> "Spread":
        return cls(median(figures), min(figures), max(figures))

    def shown(self, unit: str = "", scale: float = 1.0) -> str:
        low, high = (f"{each * scale:.2f}" for each in (self.least, self.greatest))
        return f"{self.median * scale:.2f}{unit} ({low}-{high})"


@dataclass(frozen=True)
class Contest:
    """The cost of one request of both, and the ratios of the rounds pair by pair."""

    site: Spread
    quickstart: Spread
    ratio: Spread


def contest(site: Round, quickstart: Round, times: int) -> Contest:
    """Play `times` pairs of rounds after one to warm up; who begins changes from pair to pair."""
    pairs = []
    for number in range(times + 1):
        if number % 2:
            ours, theirs = site(), quickstart()
        else:
            theirs, ours = quickstart(), site()
        pairs.append((ours, theirs))
    measured = pairs[1:]
    return Contest(
        Spread.of([ours for ours, _ in measured]),
        Spread.of([theirs for _, theirs in measured]),
        Spread.of([ours / theirs for ours, theirs in measured]),
    )
