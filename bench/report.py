"""The rows of a run: a table for people, JSON for programs."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from .compare import Comparison, Spread

TIMES = "x"  # a ratio


@dataclass(frozen=True)
class Row:
    """One figure. `beside` is the same of what it is compared with, `reach` what it should be."""

    what: str
    measured: float | None
    unit: str = ""
    reach: float | None = None
    is_more_better: bool = False
    least: float | None = None
    greatest: float | None = None
    beside: float | None = None
    beside_unit: str = ""

    @property
    def is_reached(self) -> bool | None:
        """None where there is nothing to reach, or nothing was measured."""
        if self.measured is None or self.reach is None:
            return None
        if self.is_more_better:
            return self.measured >= self.reach
        return self.measured <= self.reach

    @classmethod
    def of_spread(cls, what: str, spread: Spread, unit: str, reach: float | None = None) -> "Row":
        return cls(what, spread.median, unit, reach, least=spread.least, greatest=spread.greatest)

    @classmethod
    def of_ratio(cls, what: str, measured: Comparison, reach: float) -> "Row":
        """The ratio of CPU; beside it what the site itself took, in milliseconds."""
        ratio = measured.ratio
        own = measured.site.median * 1e-6
        return cls(
            what, ratio.median, TIMES, reach, least=ratio.least, greatest=ratio.greatest,
            beside=own, beside_unit="ms",
        )  # fmt: skip


def environment() -> dict[str, str]:
    """Where and when."""
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return {
        "at": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": str(os.cpu_count()),
        "load at the start": load,
    }


def table(rows: Sequence[Row]) -> str:
    """The rows in Markdown."""
    lines = ["| What | Measured | (least to greatest) | Beside | Reach |", "|---|---|---|---|---|"]
    for row in rows:
        spread = f"{_short(row.least)} to {_short(row.greatest)}" if row.least is not None else ""
        beside = f"{_short(row.beside)} {row.beside_unit}".strip()
        mark = {True: "", False: " (not reached)", None: ""}[row.is_reached]
        measured = f"{_short(row.measured)} {row.unit}".strip() + mark
        lines.append(f"| {row.what} | {measured} | {spread} | {beside} | {_short(row.reach)} |")
    return "\n".join(lines)


def write_json(path: Path, where: dict[str, str], rows: Sequence[Row]) -> None:
    """All figures as they were measured."""
    found = [asdict(row) | {"is_reached": row.is_reached} for row in rows]
    path.write_text(json.dumps({"environment": where, "rows": found}, indent=1), encoding="utf-8")


def _short(figure: float | None) -> str:
    return "" if figure is None else f"{figure:.3g}" if abs(figure) < 1000 else f"{figure:,.0f}"
