"""DATABASE_URL: read, checked, and told without its password."""

import os
import re
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from ..errors import ConfigError

POSTGRES = ("postgres", "postgresql", "postgresql+psycopg")  # platforms hand out the first
# A name, an IP address, or several: whatever else stands there belongs to the password.
_HOSTS = re.compile(r"[\w.,:%-]*")


def read_address(database_url: str) -> URL:
    """The address as SQLAlchemy takes it. Raises ConfigError where it can be no database of ours."""
    try:
        url = make_url(database_url)
    except (ArgumentError, ValueError):
        raise _refused(
            "is not a database address. Write sqlite:////a/file or "
            "postgresql://user:password@host:5432/name, with special characters of user and "
            "password percent-encoded."
        ) from None  # the cause may quote the password
    kind, _, driver = url.drivername.partition("+")
    if url.drivername in POSTGRES:
        return _postgres(url)
    if kind in POSTGRES:
        raise _refused(
            f"names the driver {driver}, and this site uses psycopg. Write postgresql://… instead."
        )
    if url.drivername != "sqlite" or not url.database or url.database == ":memory:":
        raise _refused("must be sqlite:////a/file or postgresql://user:password@host/name.")
    if url.query:
        raise _refused("takes no options behind a SQLite file. Remove what follows the “?”.")
    # A command typed in another folder would make another file.
    if not Path(url.database).is_absolute():
        raise _refused(
            f"names the file {url.database}, which is another one in each folder. Write where it "
            "stands, from the root on: sqlite:////a/file, with four slashes."
        )
    return url


def make_file(url: URL) -> None:
    """Make the SQLite file of this address, and its folder, where they are missing.

    Only its owner reads either: the file holds addresses of people, and SQLite gives the files
    beside it the same rights. Raises ConfigError where it cannot be written.
    """
    file = Path(str(url.database))
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as refused:
        raise _refused(
            f"names a file in the folder {file.parent}, which cannot be made "
            f"({refused.strerror}). Make it, or choose another one."
        ) from refused
    if os.path.isdir(file):  # no error where nothing in its folder may be looked at
        raise _refused(f"names {file}, which is a folder. Add the name of a file.")
    # Only a new file is opened here: to close one that SQLite has open would end its locks.
    if not _can_write(file):
        raise _refused(
            f"names the file {file}, which cannot be written. Let the user that runs this site "
            "write to it and to its folder."
        )


def _can_write(file: Path) -> bool:
    try:
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        effective = os.access in os.supports_effective_ids
        return os.access(file, os.R_OK | os.W_OK, effective_ids=effective)
    except OSError:
        return False
    return True


def told(url: URL) -> str:
    """Which database this is, for people: no user, no password."""
    if url.get_backend_name() == "sqlite":
        return f"The database file {url.database}"
    host = url.host or _first(url.query.get("host")) or "this machine"
    return f"The database at {host}{f', port {url.port}' if url.port else ''}"


def _postgres(url: URL) -> URL:
    if not _HOSTS.fullmatch(url.host or ""):
        raise _refused(
            "has an “@” or another special character in the user or the password. Write it "
            "percent-encoded: “@” is %40."
        )
    return url.set(drivername="postgresql+psycopg")


def _first(value: str | tuple[str, ...] | None) -> str:
    return value if isinstance(value, str) else value[0] if value else ""


def _refused(sentence: str) -> ConfigError:
    return ConfigError([f"DATABASE_URL {sentence}"])
