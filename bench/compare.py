"""Compare two sites: measure them in turns, and give the median and the ratio."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

Measurement = Callable[[], float]  # one round of requests; CPU in nanoseconds for one of them


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
class Comparison:
    """The cost of one request of both, and the ratios of the rounds pair by pair."""

    site: Spread
    quickstart: Spread
    ratio: Spread


def compare(site: Measurement, quickstart: Measurement, times: int) -> Comparison:
    """Measure `times` pairs of rounds after one to warm up; which site begins alternates."""
    pairs = []
    for number in range(times + 1):
        if number % 2:
            ours, theirs = site(), quickstart()
        else:
            theirs, ours = quickstart(), site()
        pairs.append((ours, theirs))
    measured = pairs[1:]
    return Comparison(
        Spread.of([ours for ours, _ in measured]),
        Spread.of([theirs for _, theirs in measured]),
        Spread.of([ours / theirs for ours, theirs in measured]),
    )
