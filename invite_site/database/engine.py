"""The database: its engine, and its migrations brought up to date."""

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError

from ..errors import ConfigError

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
BUSY_SECONDS = 5


def open_engine(database_url: str, *, is_durable: bool = True) -> Engine:
    """An engine for SQLite or PostgreSQL. Raises ConfigError for an address it cannot read.

    On SQLite a commit that `is_durable` outlasts a power cut; any other outlasts a crash of this
    process and costs no wait for the disk.
    """
    try:
        url = make_url(database_url)
    except ArgumentError as refused:
        raise ConfigError(["DATABASE_URL is not a database address."]) from refused
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() == "postgresql":
        return create_engine(
            url, pool_pre_ping=True, pool_timeout=BUSY_SECONDS, hide_parameters=True
        )
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        raise ConfigError(["DATABASE_URL must be sqlite:///a/file or postgresql://…"])
    Path(url.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = create_engine(
        url,
        connect_args={"timeout": BUSY_SECONDS},
        pool_timeout=BUSY_SECONDS,
        hide_parameters=True,  # an error is logged, and its values are nobody's business
    )
    synchronous = "FULL" if is_durable else "NORMAL"

    def prepare(connection: Any, _record: Any) -> None:
        for pragma in ("journal_mode=WAL", f"synchronous={synchronous}", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    event.listen(engine, "connect", prepare)
    return engine


def newest_revision() -> str:
    """The revision this code was written for: the file name of its newest migration."""
    names = (path.stem for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
    return max(name.split("_")[0] for name in names)


def is_current(engine: Engine) -> bool:
    """Whether the database is at the newest revision. Cheap enough for every start."""
    if not inspect(engine).has_table("alembic_version"):
        return False
    with engine.connect() as connection:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found == newest_revision()


def upgrade(engine: Engine) -> None:
    """Bring the database to the newest revision."""
    from alembic import command  # only a start that has something to do pays for the import

    command.upgrade(alembic_config(engine), "head")


def alembic_config(engine: Engine) -> Any:
    """Alembic's configuration for this engine, without a file of its own."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["engine"] = engine
    return config
