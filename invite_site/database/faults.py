"""What a database says when it cannot be used, as one sentence for people."""

import re
import sqlite3

from sqlalchemy import URL, ExceptionContext

from ..errors import DatabaseUnusable
from .address import told

_BUSY = "Another program is writing to it; try again in a moment."
# By SQLite's primary result codes: https://sqlite.org/rescode.html. Code 1 is a mistake of ours.
_FILE = "Let the user that runs this site write to the file and to its folder."
_DAMAGED = "Restore it from a backup, or move it away to begin with an empty one."
SQLITE_ADVICE = {
    sqlite3.SQLITE_PERM: _FILE,
    sqlite3.SQLITE_READONLY: _FILE,
    sqlite3.SQLITE_CANTOPEN: _FILE,
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_PROTOCOL: _BUSY,
    sqlite3.SQLITE_FULL: "Make room on its disk.",
    # Also where the files beside it find no room.
    sqlite3.SQLITE_IOERR: "Make room on its disk, or look for a fault of it; a network drive does not do.",
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
}
SERVER_ADVICE = "Check DATABASE_URL, and that the server runs and lets this site in."
# https://www.postgresql.org/docs/current/errcodes-appendix.html
POSTGRES_ADVICE = {
    "25006": "Name the server that takes writes in DATABASE_URL.",
    "42501": "Grant its user the right to make and change tables there.",
    "40001": _BUSY,  # a serialization failure
    "40P01": _BUSY,  # a deadlock
    "55P03": _BUSY,  # a lock that did not come within `lock_timeout`
}
# What comes before the reason in a message of libpq.
_PREFACE = re.compile(r"^.*(?:failed|FATAL|ERROR):\s*")


def fault_of(context: ExceptionContext, url: URL) -> DatabaseUnusable | None:
    """The error to raise in place of a driver's; None where that is no fault of the database.

    A statement that is wrong, or that a constraint refuses, keeps its own error.
    """
    error = context.original_exception
    is_driver_error = context.sqlalchemy_exception is not None
    if context.is_pre_ping or not is_driver_error:
        return None
    if isinstance(error, sqlite3.Error):
        advice = SQLITE_ADVICE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
    else:
        advice = POSTGRES_ADVICE.get(getattr(error, "sqlstate", None) or "")
        if advice is None and (context.connection is None or _is_operational(context)):
            advice = SERVER_ADVICE
    if advice is None:
        return None
    return DatabaseUnusable(f"{told(url)} cannot be used: {_reason(error, url)}. {advice}")


def _is_operational(context: ExceptionContext) -> bool:
    return isinstance(context.original_exception, context.dialect.loaded_dbapi.OperationalError)


def _reason(error: BaseException, url: URL) -> str:
    """The driver's words on one line, without the password."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    with_reason = [line for line in lines if _PREFACE.match(line)]
    line = with_reason[-1] if with_reason else lines[0] if lines else type(error).__name__
    reason = _PREFACE.sub("", line).strip().rstrip(".")
    for secret in (url.password, url.query.get("password")):
        if isinstance(secret, str) and secret:
            reason = reason.replace(secret, "…")
    return reason
