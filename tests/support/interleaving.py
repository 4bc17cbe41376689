"""Something that another thread does in the midst of a transaction of this one."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import event

from .running import RunningSite, wait_until

T = TypeVar("T")


@contextmanager
def meanwhile(
    site: RunningSite, action: Callable[[], T], *, before: str = "", nth: int = 1
) -> Iterator[Future[T]]:
    """Another thread does this before the `nth` statement of this thread that begins like `before`, or
    before its first commit. This thread goes on once that is done, or waits for what this one holds.

    On SQLite this thread goes on at once: who writes there has the whole database.
    """
    engine, ours, left = site.services.engine, threading.get_ident(), nth
    pool = ThreadPoolExecutor(1)
    outcome: Future[T] = Future()

    def act() -> None:
        try:
            outcome.set_result(action())
        except BaseException as failed:
            outcome.set_exception(failed)

    def reached(*about: Any) -> None:
        nonlocal left
        statement = about[2] if before else ""
        if threading.get_ident() != ours or not statement.startswith(before):
            return
        left -= 1
        if left == 0:
            pool.submit(act)
            if engine.dialect.name == "postgresql":
                wait_until(lambda: outcome.done() or waiting(site) > 0, "it is done or waits")

    place = "before_cursor_execute" if before else "commit"
    event.listen(engine, place, reached)
    try:
        yield outcome
        assert left <= 0, "this thread has come to no such place"
    finally:
        event.remove(engine, place, reached)
        pool.shutdown()


def waiting(site: RunningSite) -> int:
    """How many transactions wait for others. For PostgreSQL alone."""
    with site.services.engine.connect() as db:
        locks = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        return int(db.exec_driver_sql(locks).scalar() or 0)


def waits_for(site: RunningSite, number: int) -> None:
    """Go on once so many transactions wait for others. On SQLite none does before it writes."""
    if site.services.engine.dialect.name == "postgresql":
        wait_until(lambda: waiting(site) == number, f"{number} wait")
