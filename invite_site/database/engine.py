"""The database: its engine, and its migrations brought up to date."""

from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Engine,
    PoolProxiedConnection,
    QueuePool,
    create_engine,
    event,
    exc,
    inspect,
    text,
)

from ..errors import ConfigError, DatabaseOutdated, DatabaseUnusable
from .address import make_file, read_address
from .faults import fault_of

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
BUSY_SECONDS = 5
# A host that is gone without a word is not waited for as long as TCP would, a quarter of an hour: neither
# before a connection, nor for what was sent by one (milliseconds), nor for an answer; DATABASE_URL may say
# otherwise. https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
SILENCE = {
    "connect_timeout": BUSY_SECONDS,
    "tcp_user_timeout": 10_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
# Unless the server or the address sets a limit. Not an option of the connection: PgBouncer refuses those.
WAIT_FOR_LOCKS = f"""
    SELECT set_config('lock_timeout', '{BUSY_SECONDS}s', false)
    WHERE current_setting('lock_timeout') = '0'
"""
UPGRADE_LOCK = 7_261_839  # any number that nothing else on this database uses


class _Pool(QueuePool):
    """Raises DatabaseUnusable where no connection becomes free, as for other faults of the database."""

    def connect(self) -> PoolProxiedConnection:
        try:
            return super().connect()
        except exc.TimeoutError as exhausted:  # SQLAlchemy asks no `handle_error` about it
            raise DatabaseUnusable(
                "The database is too busy: each connection of this process is in use. Try again in a "
                "moment."
            ) from exhausted


def open_engine(database_url: str, *, is_durable: bool = True) -> Engine:
    """An engine for SQLite or PostgreSQL. Raises ConfigError for an address that cannot be used.

    On SQLite a commit that `is_durable` outlasts a power cut; any other outlasts a crash of this
    process and costs no wait for the disk. A database that cannot be used later on raises
    DatabaseUnusable.
    """
    url = read_address(database_url)
    if url.get_backend_name() == "postgresql":
        engine = _open_postgres(url)
    else:
        make_file(url)
        engine = _open_sqlite(url, "FULL" if is_durable else "NORMAL")
    event.listen(engine, "handle_error", lambda context: fault_of(context, url), retval=True)
    return engine


def _open_postgres(url: URL) -> Engine:
    try:
        engine = create_engine(
            url,
            connect_args={name: SILENCE[name] for name in SILENCE if name not in url.query},
            poolclass=_Pool,
            pool_pre_ping=True,
            pool_timeout=BUSY_SECONDS,
            hide_parameters=True,
        )
    except ImportError as missing:  # psycopg, or the library under it
        raise ConfigError(
            ["DATABASE_URL needs the package psycopg: install the extra invite-site[postgres]."]
        ) from missing
    psycopg: Any = engine.dialect.loaded_dbapi
    for option in url.query:
        try:
            psycopg.conninfo.make_conninfo(**{option: "1"})
        except psycopg.ProgrammingError as refused:
            raise ConfigError(
                [f"DATABASE_URL has an option that PostgreSQL does not know: {option}. Remove it."]
            ) from refused

    def prepare(connection: Any, _record: Any) -> None:
        connection.execute(WAIT_FOR_LOCKS)
        connection.commit()

    event.listen(engine, "connect", prepare)
    return engine


def _open_sqlite(url: URL, synchronous: str) -> Engine:
    engine = create_engine(
        url,
        connect_args={"timeout": BUSY_SECONDS},
        poolclass=_Pool,
        pool_timeout=BUSY_SECONDS,
        hide_parameters=True,  # an error is logged, and its values may be addresses
    )

    def prepare(connection: Any, _record: Any) -> None:
        for pragma in ("journal_mode=WAL", f"synchronous={synchronous}", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    event.listen(engine, "connect", prepare)
    return engine


def revisions() -> list[str]:
    """The revisions this code knows, oldest first: the file names of its migrations."""
    return sorted(path.stem.split("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def is_current(engine: Engine) -> bool:
    """Whether the database is at the newest revision. Cheap enough for every start.

    Raises DatabaseOutdated where it is newer than this code.
    """
    found = _revision(engine)
    known = revisions()
    if found is not None and found not in known:
        raise DatabaseOutdated(
            f"The database is newer than this site: it is at revision {found}, and this version "
            f"knows those up to {known[-1]}. Start the newer version, or restore a backup.",
            is_newer=True,
        )
    return found == known[-1]


def require_current(engine: Engine) -> None:
    """Raises DatabaseOutdated where the database is older or newer than this code."""
    if not is_current(engine):
        raise DatabaseOutdated(
            "The database is older than this site. Bring it up to date: run `flask db upgrade`.",
            is_newer=False,
        )


def upgrade(engine: Engine) -> None:
    """Bring the database to the newest revision. Raises DatabaseOutdated where it is newer.

    Processes that start together wait for the first of them.
    """
    from alembic import command  # only a start that has something to do pays for the import

    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":  # let go with the connection, however that ends
            connection.execute(text("SET LOCAL lock_timeout = 0"))  # for as long as it takes
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": UPGRADE_LOCK})
        if not is_current(engine):
            command.upgrade(alembic_config(engine), "head")


def alembic_config(engine: Engine) -> Any:
    """Alembic's configuration for this engine, without a file of its own."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["engine"] = engine
    return config


def _revision(engine: Engine) -> str | None:
    """The revision of the database, None where it has none yet."""
    if not inspect(engine).has_table("alembic_version"):
        return None
    with engine.connect() as connection:
        found: str | None = connection.execute(
            text("SELECT version_num FROM alembic_version")
        ).scalar()
    return found
