"""How a database goes about a question: its plan, and what is slow in it."""

import contextlib
import re
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Engine, event, text


@contextlib.contextmanager
def plans_of(engine: Engine) -> Iterator[list[str]]:
    """The plan of each question that is asked meanwhile, filled in at the end."""
    asked: list[tuple[str, Any]] = []
    plans: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, values))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield plans
    finally:
        event.remove(engine, "before_cursor_execute", note)
    is_sqlite = engine.dialect.name == "sqlite"
    explain = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
    with engine.connect() as db:
        for each in () if is_sqlite else ("seqscan", "sort", "incremental_sort"):
            db.execute(text(f"SET enable_{each} = off"))
        for statement, values in asked:
            plan = db.exec_driver_sql(f"{explain} {statement}", values)
            plans.append("; ".join(str(step[-1]).strip() for step in plan))


def slow(plans: list[str]) -> list[str]:
    """Those that read every invitation, or sort anything but the hits of a search."""
    scan = re.compile(r"SCAN invitation\b(?! USING)|Seq Scan on invitation")
    sort = re.compile(r"USE TEMP B-TREE|Sort Key|\bSort\b")
    nothing = "-> Result (cost=0.00..0.00 rows=0"  # of filters that exclude each other
    hits = re.compile(r"invitation_search VIRTUAL TABLE|Bitmap Index Scan on ix_invitation_words")
    return [
        plan
        for plan in plans
        if scan.search(plan)
        or (sort.search(plan) and not hits.search(plan) and nothing not in " ".join(plan.split()))
    ]
