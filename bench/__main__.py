"""Run the measurements that are named, or all; write the table, the figures and the plot."""

import argparse
import secrets
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from time import perf_counter

from .bulk import CASES, bulk_rows
from .compare import Spread
from .journeys import memory_rows
from .landing import landing_rows
from .plot import write_plot
from .processes import ServerProcess, server_process
from .renewal import renewal_rows
from .report import Row, environment, table, write_json
from .startup import measure_startup
from .tail import tail_rows

STARTS = 5
RESULTS = Path("bench-results")

Part = Callable[[Path, dict[str, str], ServerProcess], Iterator[Row]]


def main() -> None:
    chosen = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    known = f"{', '.join(PARTS)}; the beginning of a name stands for all that begin so"
    chosen.add_argument("parts", nargs="*", metavar="PART", help=known)
    chosen.add_argument("--out", type=Path, default=RESULTS, help="a folder for the results")
    wanted = chosen.parse_args()
    parts = [name for name in PARTS if not wanted.parts or name.startswith(tuple(wanted.parts))]
    if unknown := [each for each in wanted.parts if not any(n.startswith(each) for n in PARTS)]:
        chosen.error(f"there is no {', '.join(unknown)}")
    start, where = perf_counter(), environment()
    rows: list[Row] = []
    try:
        for name in parts:
            print(f"{name} …", flush=True)
            rows += _measured(PARTS[name])
    finally:  # a part that fails must not cost the figures of those before it
        shown = ", ".join(f"{name} {value}" for name, value in where.items())
        _write(wanted.out, where, rows, f"{shown}; took {perf_counter() - start:.0f} s.")


def _write(folder: Path, where: dict[str, str], rows: list[Row], heading: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "figures.json", where, rows)
    write_plot(folder / "figures.svg", rows)
    written = f"{heading}\n\n{table(rows)}\n"
    (folder / "table.md").write_text(written, encoding="utf-8")
    print(written)


def _measured(part: Part) -> list[Row]:
    """The rows of a part, which has a folder, a tenant and settings of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="invite-site-bench-") as name,
        server_process("tenant", Path(name), {}) as tenant,
    ):
        settings = {
            "SECRET_KEY": secrets.token_hex(),
            "APP_NAME": "Bench",
            "MAIL_FROM": "Bench <bench@example.com>",
            "DATABASE_URL": f"sqlite:///{Path(name) / 'site.db'}",
            "LOG_LEVEL": "WARNING",
            **tenant.environment,
        }
        return list(part(Path(name), settings, tenant))


def _start_rows(folder: Path, settings: dict[str, str], tenant: ServerProcess) -> Iterator[Row]:
    first, again = measure_startup(folder, STARTS)
    yield Row.of_spread("start of the demo, again", Spread.of(again), "s", 1.0)
    yield Row.of_spread("start of the demo, first", Spread.of(first), "s", 2.0)


PARTS: dict[str, Part] = {
    "start": _start_rows,
    "landing": landing_rows,
    "tail": tail_rows,
    "renewal": renewal_rows,
    "memory": memory_rows,
    **{case.part: partial(bulk_rows, case) for case in CASES},
}


if __name__ == "__main__":
    main()
