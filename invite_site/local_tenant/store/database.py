"""The tenant's one SQLite file, its tables, and how rows are read and written."""

import hashlib
import secrets
import sqlite3
import string
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

Record = TypeVar("Record")

_TABLES = """
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS client (
    client_id TEXT PRIMARY KEY, role TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
    client_secret TEXT NOT NULL, grant_types TEXT NOT NULL, callbacks TEXT NOT NULL,
    logout_urls TEXT NOT NULL, initiate_login_uri TEXT NOT NULL, management_scope TEXT);
CREATE TABLE IF NOT EXISTS user (
    user_id TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE, email_verified INTEGER NOT NULL,
    password_hash TEXT NOT NULL, profile TEXT NOT NULL, app_metadata TEXT, user_metadata TEXT,
    blocked INTEGER, created_at REAL NOT NULL, updated_at REAL NOT NULL,
    last_login REAL, last_ip TEXT, logins_count INTEGER NOT NULL DEFAULT 0,
    last_password_reset REAL);
CREATE TABLE IF NOT EXISTS ticket (
    code_hash TEXT PRIMARY KEY, created_at REAL NOT NULL, expires_at REAL NOT NULL,
    used_at REAL, superseded_at REAL, result_url TEXT, client_id TEXT,
    mark_email_as_verified INTEGER NOT NULL, include_email INTEGER NOT NULL,
    user_id TEXT NOT NULL REFERENCES user ON DELETE CASCADE);
CREATE INDEX IF NOT EXISTS ticket_user ON ticket (user_id);
CREATE TABLE IF NOT EXISTS session (
    id_hash TEXT PRIMARY KEY, sid TEXT NOT NULL, created_at REAL NOT NULL,
    user_id TEXT NOT NULL REFERENCES user ON DELETE CASCADE);
CREATE INDEX IF NOT EXISTS session_user ON session (user_id);
CREATE TABLE IF NOT EXISTS pending_login (
    id_hash TEXT PRIMARY KEY, params TEXT NOT NULL, created_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS authorization_code (
    code_hash TEXT PRIMARY KEY, client_id TEXT NOT NULL, redirect_uri TEXT NOT NULL,
    scope TEXT NOT NULL, nonce TEXT, code_challenge TEXT, code_challenge_method TEXT,
    sid TEXT NOT NULL, auth_time REAL, expires_at REAL NOT NULL, used_at REAL,
    user_id TEXT NOT NULL REFERENCES user ON DELETE CASCADE);
CREATE TABLE IF NOT EXISTS access_token (
    token_hash TEXT PRIMARY KEY, scope TEXT NOT NULL, expires_at REAL NOT NULL,
    user_id TEXT NOT NULL REFERENCES user ON DELETE CASCADE);
CREATE TABLE IF NOT EXISTS mail (
    id TEXT PRIMARY KEY, number INTEGER NOT NULL UNIQUE, created_at REAL NOT NULL,
    sender TEXT NOT NULL, recipients TEXT NOT NULL, raw BLOB NOT NULL,
    read INTEGER NOT NULL DEFAULT 0);
"""

# Any number of applications, and the tenant's configuration.
_CONFIGURATION = """
CREATE TABLE new_client (
    client_id TEXT PRIMARY KEY, role TEXT UNIQUE, name TEXT NOT NULL,
    client_secret TEXT NOT NULL, grant_types TEXT NOT NULL, callbacks TEXT NOT NULL,
    logout_urls TEXT NOT NULL, initiate_login_uri TEXT NOT NULL, management_scope TEXT,
    properties TEXT NOT NULL DEFAULT '{}');
INSERT INTO new_client SELECT *, '{}' FROM client;
DROP TABLE client;
ALTER TABLE new_client RENAME TO client;
CREATE TABLE document (
    number INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL,
    UNIQUE (kind, name));
CREATE TABLE user_role (
    user_id TEXT NOT NULL REFERENCES user ON DELETE CASCADE, role_id TEXT NOT NULL,
    PRIMARY KEY (user_id, role_id));
CREATE TABLE log (
    number INTEGER PRIMARY KEY AUTOINCREMENT, log_id TEXT NOT NULL UNIQUE, date REAL NOT NULL,
    type TEXT NOT NULL, user_id TEXT, entry TEXT NOT NULL);
CREATE INDEX log_user ON log (user_id);
"""

# Failed logins in a row, by user and IP address.
_FAILURES = """
CREATE TABLE login_failure (
    user_id TEXT NOT NULL REFERENCES user ON DELETE CASCADE, ip TEXT NOT NULL,
    count INTEGER NOT NULL, PRIMARY KEY (user_id, ip));
"""

# When a session was last used.
_USED_SESSIONS = """
ALTER TABLE session ADD COLUMN used_at REAL NOT NULL DEFAULT 0;
"""

# One step for each version of the file; a step that has been released is never changed.
_MIGRATIONS = (_TABLES, _CONFIGURATION, _FAILURES, _USED_SESSIONS)

# `POST /_tenant/reset` keeps the applications and the signing key.
_KEPT_TABLES = ("setting", "client")


class Database:
    """One connection behind one lock, for many threads."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Readable by its owner alone: it has client secrets and the signing key.
        path.touch(mode=0o600)
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        # NORMAL: what was answered survives a kill; a power cut may take the last of it.
        for pragma in (
            "busy_timeout=5000",
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "foreign_keys=ON",
        ):
            self._connection.execute(f"PRAGMA {pragma}")
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        for number, step in enumerate(_MIGRATIONS[version:], start=version + 1):
            # In one transaction, so that a kill leaves the earlier version.
            self._connection.executescript(f"BEGIN;{step}PRAGMA user_version={number};COMMIT;")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything inside is committed together, or not at all."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def all(self, sql: str, *parameters: object) -> list[sqlite3.Row]:
        """The rows of a query."""
        with self._lock:
            return self._connection.execute(sql, parameters).fetchall()

    def one(self, sql: str, *parameters: object) -> sqlite3.Row | None:
        """The first row of a query, or None."""
        with self._lock:
            row: sqlite3.Row | None = self._connection.execute(sql, parameters).fetchone()
            return row

    def select(
        self, make: Callable[[sqlite3.Row], Record], sql: str, *parameters: object
    ) -> list[Record]:
        """The rows of a query, each made into a record."""
        return [make(row) for row in self.all(sql, *parameters)]

    def first(
        self, make: Callable[[sqlite3.Row], Record], sql: str, *parameters: object
    ) -> Record | None:
        """The first row of a query made into a record, or None."""
        row = self.one(sql, *parameters)
        return None if row is None else make(row)

    def run(self, sql: str, *parameters: object) -> int:
        """Commit one statement; the number of rows it changed."""
        with self.transaction() as connection:
            return connection.execute(sql, parameters).rowcount

    def insert(self, table: str, **columns: object) -> None:
        """Commit one new row."""
        with self.transaction() as connection:
            insert(connection, table, **columns)

    def setting(self, name: str) -> str | None:
        """The value stored under `name`, or None."""
        return self.first(lambda row: str(row[0]), "SELECT value FROM setting WHERE name = ?", name)

    def store_setting(self, name: str, value: str) -> None:
        """Store `value` under `name`."""
        self.run("INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", name, value)

    def made_once(self, name: str, make: Callable[[], str]) -> str:
        """The value stored under `name`; where there is none, a new one, which lasts."""
        value = self.setting(name)
        if value is None:
            value = make()
            self.store_setting(name, value)
        return value

    def clear(self) -> None:
        """Empty every table but the applications and the key."""
        with self.transaction() as connection:
            for (table,) in self.all("SELECT name FROM sqlite_master WHERE type='table'"):
                if table not in _KEPT_TABLES and not table.startswith("sqlite_"):
                    connection.execute(f'DELETE FROM "{table}"')  # noqa: S608 (names out of the schema)

    def close(self) -> None:
        """Close the file; its write-ahead log is folded in."""
        with self._lock:
            self._connection.close()


def insert(connection: sqlite3.Connection, table: str, **columns: object) -> None:
    """Add one row inside a transaction."""
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    connection.execute(
        f"INSERT INTO {table} ({names}) VALUES ({marks})",  # noqa: S608 (our names)
        tuple(columns.values()),
    )


_ALPHABET = string.ascii_letters + string.digits


def random_code(length: int) -> str:
    """A random string of `length` characters out of A-Z, a-z and 0-9."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def digest(code: str) -> str:
    """The SHA-256 of a code in hex. Codes are random, so no salt is needed."""
    return hashlib.sha256(code.encode()).hexdigest()
