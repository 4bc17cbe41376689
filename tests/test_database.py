"""A database that cannot be used is one sentence, at each start and at each command."""

import contextlib
import os
import resource
import stat
import subprocess
import tempfile
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import inspect, make_url, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from invite_site.database.address import read_address, told
from invite_site.database.engine import alembic_config, is_current, open_engine, upgrade
from invite_site.errors import ConfigError, DatabaseOutdated, DatabaseUnusable
from tests.support.forked import Forked, flask
from tests.support.running import Tenant, running_site, settings_for
from tests.support.users import ordinary_user

COMMANDS = (["serve"], ["invite", "work"], ["invite", "list"], ["db", "upgrade"])
AWAY = "postgres://acme:hunter2@127.0.0.1:1/invitations"


@pytest.fixture
def postgres(request: pytest.FixtureRequest) -> str:
    """The address of a running PostgreSQL."""
    server: str = request.getfixturevalue("_postgres")
    return server


def run(*words: str, tenant: Tenant, database_url: str) -> subprocess.CompletedProcess[str]:
    """The `flask` command in a process of its own."""
    environment: Mapping[str, str] = {
        "PATH": os.environ["PATH"],
        "SECRET_KEY": "0123456789abcdef0123456789abcdef",
        "SITE_PORT": "3000",
        "APP_NAME": "Acme",
        "MAIL_FROM": "invitations@example.com",
        **tenant.environment,
        "DATABASE_URL": database_url,
    }
    return flask(*words, environment=environment)


def assert_one_sentence(ended: subprocess.CompletedProcess[str], *words: str) -> None:
    assert ended.returncode == 1, ended
    assert "Traceback" not in ended.stderr
    assert "hunter2" not in ended.stdout + ended.stderr
    assert len(ended.stderr.strip().splitlines()) <= 2  # "The settings cannot be used:" and the one
    for each in words:
        assert each in ended.stderr


# How platforms write the address -------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_each_name_that_platforms_give_postgresql_is_taken(scheme: str, postgres: str) -> None:
    """Heroku writes `postgres://`, and its variable cannot be edited."""
    address = make_url(postgres).set(drivername=scheme).render_as_string(hide_password=False)
    engine = open_engine(address)
    try:
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT 1")) == 1
    finally:
        engine.dispose()


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("postgresql+psycopg2://acme:hunter2@h/x", "the driver psycopg2"),
        ("postgres+asyncpg://acme:hunter2@h/x", "the driver asyncpg"),
        ("postgresql://acme:hunter2@h:hunter2/x", "is not a database address"),
        ("postgresql://acme:x@hunter2@h/x", "percent-encoded"),
        ("postgresql://acme:hunter2@h/x?pgbouncer=true", "does not know: pgbouncer"),
        ("mysql://acme:hunter2@h/x", "must be sqlite:////a/file "),
        ("sqlite://", "must be sqlite:////a/file "),
        ("sqlite:///:memory:", "must be sqlite:////a/file "),
        ("sqlite:////tmp/site.db?mode=ro", "takes no options"),
        (
            "sqlite:///srv/invite-site/site.db",
            "names the file srv/invite-site/site.db, which is an",
        ),
        ("sqlite:///~/site.db", "with four slashes."),
        ("sqlite:///file:/srv/site.db", "with four slashes."),
        ("hunter2", "is not a database address"),
    ],
)
def test_an_address_that_cannot_work_is_refused_at_the_start(address: str, words: str) -> None:
    """With what to write instead, and never with the password, which a server of Python would log with the
    cause."""
    with pytest.raises(ConfigError) as refused:
        open_engine(address)
    assert "DATABASE_URL" in str(refused.value)
    assert words in str(refused.value)
    assert "hunter2" not in "".join(traceback.format_exception(refused.value))


def test_what_stands_in_a_password_is_kept() -> None:
    """Percent-encoded, or not where it needs none."""
    assert read_address("postgres://acme:p%40ss/w:rd@h:5433/x").password == "p@ss/w:rd"


# Files ---------------------------------------------------------------------------------------------


def test_a_folder_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    """SQLite would say that it is unable to open it."""
    with pytest.raises(ConfigError, match="is a folder"):
        open_engine(f"sqlite:///{tmp_path}")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """Here a file is in its way; rights are another reason."""
    (tmp_path / "taken").touch()
    with pytest.raises(ConfigError, match="cannot be made"):
        open_engine(f"sqlite:///{tmp_path / 'taken' / 'deep' / 'site.db'}")


def test_the_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    """Also in a folder that others may look into: they hold the addresses of people."""
    tmp_path.chmod(0o755)
    engine = open_engine(f"sqlite:///{tmp_path / 'site.db'}")
    try:
        upgrade(engine)
        with engine.begin() as db:
            db.execute(text("DELETE FROM pause"))
            found = sorted(tmp_path.iterdir())
            assert [each.name for each in found] == ["site.db", "site.db-shm", "site.db-wal"]
            assert {stat.S_IMODE(each.stat().st_mode) for each in found} == {0o600}
    finally:
        engine.dispose()
    open_engine(f"sqlite:///{tmp_path / 'instance' / 'site.db'}").dispose()
    assert stat.S_IMODE((tmp_path / "instance").stat().st_mode) == 0o700


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_damaged_file_is_one_sentence(words: list[str], tenant: Tenant, tmp_path: Path) -> None:
    """It says which file, and what can be done."""
    file = tmp_path / "site.db"
    file.write_bytes(b"This is no database. " * 200)
    ended = run(*words, tenant=tenant, database_url=f"sqlite:///{file}")
    assert_one_sentence(ended, str(file), "is not a database", "Restore it from a backup")


def test_a_file_that_is_damaged_inside_is_one_sentence(tmp_path: Path) -> None:
    """Its first page is sound, so it opens."""
    file = tmp_path / "site.db"
    engine = open_engine(f"sqlite:///{file}")
    upgrade(engine)
    engine.dispose()
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    file.write_bytes(content)
    engine = open_engine(f"sqlite:///{file}")
    try:
        with pytest.raises(DatabaseUnusable, match="malformed"), engine.connect() as connection:
            connection.execute(text("SELECT * FROM invitation")).all()
    finally:
        engine.dispose()


def test_a_file_that_may_not_be_written_is_one_sentence() -> None:
    """Such as after a restore by root."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        file = Path(folder) / "site.db"
        file.touch(mode=0o444)
        with ordinary_user(), pytest.raises(ConfigError) as refused:
            open_engine(f"sqlite:///{file}")
    assert f"{file}, which cannot be written" in str(refused.value)


def test_a_folder_that_is_another_users_is_one_sentence() -> None:
    """Such as the one that a first start by root has made."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        file = Path(folder) / "instance" / "site.db"
        open_engine(f"sqlite:///{file}").dispose()
        if os.geteuid() != 0:
            file.parent.chmod(0)
        with ordinary_user(), pytest.raises(ConfigError) as refused:
            open_engine(f"sqlite:///{file}")
        file.parent.chmod(0o700)
    assert f"{file}, which cannot be written" in str(refused.value)


def test_a_file_that_becomes_read_only_is_one_sentence(tmp_path: Path) -> None:
    """While the site runs. A connection that may only read meets the same answer of SQLite."""
    engine = open_engine(f"sqlite:///{tmp_path / 'site.db'}")
    try:
        upgrade(engine)
        with engine.connect() as connection:
            connection.execute(text("PRAGMA query_only=ON"))
            with pytest.raises(DatabaseUnusable, match="write to the file and to its folder"):
                connection.execute(text("DELETE FROM pause"))
    finally:
        engine.dispose()


def test_a_disk_without_room_for_the_files_beside_it_is_told_as_such(tmp_path: Path) -> None:
    """SQLite calls that an I/O error; a limit of this process stands for the disk."""
    engine = open_engine(f"sqlite:///{tmp_path}/site.db")
    usual, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(
        resource.RLIMIT_FSIZE, (4096, most)
    )  # bytes; the file of shared memory has 32 kB
    try:
        with pytest.raises(DatabaseUnusable, match=r"I/O error.*Make room on its disk"):
            upgrade(engine)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (usual, most))
        engine.dispose()


def test_a_wait_for_a_free_connection_has_an_end(tmp_path: Path) -> None:
    """As where each of them waits for a disk: the page says that it is the database."""
    engine = open_engine(f"sqlite:///{tmp_path}/site.db")
    with contextlib.ExitStack() as used:

        def take_all() -> None:
            for _ in range(100):  # more than there are
                used.enter_context(engine.connect())

        with pytest.raises(DatabaseUnusable, match="each connection of this process is in use"):
            take_all()
    with engine.connect() as db:
        assert db.execute(text("SELECT 1")).scalar() == 1
    engine.dispose()


def test_a_statement_that_is_wrong_is_no_fault_of_the_file(tmp_path: Path) -> None:
    """Otherwise our own mistakes would look like an outage."""
    engine = open_engine(f"sqlite:///{tmp_path / 'site.db'}")
    try:
        with engine.connect() as connection, pytest.raises(OperationalError, match="no such table"):
            connection.execute(text("SELECT * FROM no_such"))
    finally:
        engine.dispose()


def test_an_error_quotes_no_value(bare_database_url: str) -> None:
    """It stands in the log, and the values are addresses of people and signs of their logins."""
    engine = open_engine(bare_database_url)
    asks = text("SELECT * FROM no_such WHERE email = :address")
    with engine.connect() as db, pytest.raises(DBAPIError, match="no_such") as raised:
        db.execute(asks, {"address": "ada@example.com"})
    engine.dispose()
    assert "ada@example.com" not in str(raised.value)


def test_nothing_names_a_row_that_is_not_there(database_url: str) -> None:
    """SQLite looks at that only where it is told to."""
    engine = open_engine(database_url)
    names = text("INSERT INTO pending_grant VALUES (99, 'Grace', '2026-03-05 12:00')")
    with engine.connect() as db, pytest.raises(IntegrityError, match=r"(?i)foreign key"):
        db.execute(names)
    engine.dispose()


# Servers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_server_that_cannot_be_reached_is_one_sentence(words: list[str], tenant: Tenant) -> None:
    """It says which server, and why."""
    ended = run(*words, tenant=tenant, database_url=AWAY)
    assert_one_sentence(ended, "127.0.0.1, port 1", "Connection refused", "Check DATABASE_URL")


@pytest.mark.parametrize(
    ("query", "words"),
    [("sslmode=bogus", "sslmode"), ("connect_timeout=soon", "connect_timeout")],
)
def test_an_option_with_a_bad_value_is_one_sentence(query: str, words: str) -> None:
    """libpq finds out when it connects."""
    engine = open_engine(f"{AWAY}?{query}")
    with pytest.raises(DatabaseUnusable, match=words):
        engine.connect()


def test_a_host_that_is_gone_is_not_waited_for_long(postgres: str) -> None:
    """The system tells after seconds; an address of the database may say otherwise."""
    url = make_url(postgres).update_query_dict({"tcp_user_timeout": "2000"})
    engine = open_engine(url.render_as_string(hide_password=False))
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        asked = driver.info.get_parameters()
    engine.dispose()
    assert asked["tcp_user_timeout"] == "2000"
    assert asked["keepalives_idle"] == "10"
    assert asked["connect_timeout"] == "5"


@pytest.mark.parametrize(("options", "waits"), [("", "5s"), ("-c lock_timeout=50ms", "50ms")])
def test_a_wait_for_a_lock_has_an_end(options: str, waits: str, postgres: str) -> None:
    """The address may say another one."""
    url = make_url(postgres).update_query_dict({"options": options} if options else {})
    engine = open_engine(url.render_as_string(hide_password=False))
    for _ in range(2):  # also once the connection was given back
        with engine.connect() as db:
            assert db.execute(text("SHOW lock_timeout")).scalar() == waits
    engine.dispose()


def test_a_lock_that_somebody_holds_is_one_sentence(postgres: str) -> None:
    lock = text("SELECT pg_advisory_xact_lock(1)")
    url = make_url(postgres).update_query_dict({"options": "-c lock_timeout=50ms"})
    engine = open_engine(url.render_as_string(hide_password=False))
    with engine.connect() as other, engine.connect() as db:
        other.execute(lock)
        with pytest.raises(DatabaseUnusable, match=r"Another program is writing to it"):
            db.execute(lock)
    engine.dispose()


def test_a_connection_that_the_server_has_ended_is_replaced(postgres: str) -> None:
    """As by its restart: nobody gets an error of it."""
    engine, other = (open_engine(postgres) for _ in range(2))
    ends = text("SELECT pg_terminate_backend(:number, 5000)")  # and waits for it
    with engine.connect() as db:
        number = db.execute(text("SELECT pg_backend_pid()")).scalar()
    with other.connect() as db:
        assert db.execute(ends, {"number": number}).scalar()
    with engine.connect() as db:
        assert db.execute(text("SELECT 1")).scalar() == 1
    for each in (engine, other):
        each.dispose()


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("sqlite:////srv/site.db", "The database file /srv/site.db"),
        (
            "postgres://acme:hunter2@db.example.com:5433/x",
            "The database at db.example.com, port 5433",
        ),
        ("postgres://acme:hunter2@/x?host=/run/postgresql", "The database at /run/postgresql"),
        ("postgres://acme:hunter2@/x?host=one&host=two", "The database at one"),
        ("postgres:///x", "The database at this machine"),
    ],
)
def test_a_database_is_told_by_its_place(address: str, name: str) -> None:
    """As the address names it; without user and password."""
    assert told(read_address(address)) == name


def test_a_database_that_is_not_there_is_one_sentence(postgres: str) -> None:
    """The server answers, and refuses."""
    engine = open_engine(
        make_url(postgres).set(database="nowhere").render_as_string(hide_password=False)
    )
    with pytest.raises(DatabaseUnusable, match='"nowhere" does not exist'):
        engine.connect()


def test_what_waited_for_each_other_is_one_sentence(postgres: str) -> None:
    """Nothing is wrong with the address or the server, as another error of that class would say."""
    raises = "DO $$ BEGIN RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01'; END $$"
    engine = open_engine(postgres)
    with pytest.raises(DatabaseUnusable) as raised, engine.begin() as db:
        db.execute(text(raises))
    engine.dispose()
    assert str(raised.value).endswith(
        "deadlock detected. Another program is writing to it; try again in a moment."
    )


def test_a_user_without_rights_is_one_sentence(postgres: str) -> None:
    """From PostgreSQL 15 on nobody but the owner may make tables in `public`."""
    owner = open_engine(postgres)
    with owner.begin() as db:
        db.execute(text("CREATE ROLE guest LOGIN PASSWORD 'hunter2'"))
    guest = open_engine(
        make_url(postgres).set(username="guest", password="hunter2").render_as_string(False)
    )
    try:
        with pytest.raises(DatabaseUnusable, match="Grant its user the right"), guest.begin() as db:
            db.execute(text("CREATE TABLE mine (id int)"))
    finally:
        guest.dispose()
        with owner.begin() as db:
            db.execute(text("DROP ROLE guest"))
        owner.dispose()


# Revisions -----------------------------------------------------------------------------------------


def test_a_command_says_that_the_database_is_older(tenant: Tenant, tmp_path: Path) -> None:
    """It would meet tables that are not there; `invite work` and `serve` upgrade it themselves."""
    database_url = f"sqlite:///{tmp_path / 'site.db'}"
    for words in (["invite", "list"], ["admin", "list"], ["invite", "send", "ada@example.com"]):
        ended = run(*words, tenant=tenant, database_url=database_url)
        assert_one_sentence(ended, "older than this site", "flask db upgrade")
    assert run("db", "upgrade", tenant=tenant, database_url=database_url).returncode == 0
    assert run("invite", "list", tenant=tenant, database_url=database_url).returncode == 0


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command_says_that_the_database_is_newer(
    words: list[str], tenant: Tenant, tmp_path: Path
) -> None:
    """Such as after a step back to an earlier version of the site."""
    database_url = f"sqlite:///{tmp_path / 'site.db'}"
    make_newer(database_url)
    ended = run(*words, tenant=tenant, database_url=database_url)
    assert_one_sentence(ended, "newer than this site", "9999", "Start the newer version")


def test_a_newer_database_is_not_touched(bare_database_url: str) -> None:
    """Neither asked as if it were ours nor upgraded."""
    make_newer(bare_database_url)
    engine = open_engine(bare_database_url)
    try:
        for use in (is_current, upgrade):
            with pytest.raises(DatabaseOutdated) as refused:
                use(engine)
            assert refused.value.is_newer
    finally:
        engine.dispose()


def test_a_site_brings_its_database_up_to_date(
    bare_database_url: str, tenant: Tenant, tmp_path: Path
) -> None:
    """`prepare` is what `serve`, `invite work` and the demo call first."""
    settings = settings_for(tenant, tmp_path, DATABASE_URL=bare_database_url)
    with running_site(settings) as site:
        assert is_current(site.services.engine)


def test_processes_that_start_together_upgrade_once(bare_database_url: str, tmp_path: Path) -> None:
    """Platforms start the site and its workers in the same moment."""
    processes = [
        Forked(Upgrade(bare_database_url), os.environ, err=str(tmp_path / str(number)))
        for number in range(4)
    ]
    try:
        for number, each in enumerate(processes):
            assert each.wait(timeout=60) == 0, (tmp_path / str(number)).read_text()
    finally:
        for each in processes:
            each.kill()
    engine = open_engine(bare_database_url)
    assert is_current(engine)
    engine.dispose()


@dataclass(frozen=True)
class Upgrade:
    """What a process does that finds an old database."""

    database_url: str

    def __call__(self) -> None:
        upgrade(open_engine(self.database_url))


def test_an_upgrade_that_fails_leaves_everything_as_it_was(bare_database_url: str) -> None:
    """Or one that is killed: half of a revision could neither go on nor back."""
    engine = open_engine(bare_database_url)
    try:
        command.upgrade(alembic_config(engine), "0005")
        before = inspect(engine).get_columns("invitation")
        with engine.begin() as db:  # in the way of the last revision
            db.execute(text("CREATE TABLE worker_heartbeat (mine int)"))
        with pytest.raises(DBAPIError, match="worker_heartbeat"):
            upgrade(engine)
        with engine.connect() as db:
            assert db.scalar(text("SELECT version_num FROM alembic_version")) == "0005"
        after = inspect(engine).get_columns("invitation")
        assert [each["name"] for each in after] == [each["name"] for each in before]
    finally:
        engine.dispose()


def make_newer(database_url: str) -> None:
    engine = open_engine(database_url)
    upgrade(engine)
    with engine.begin() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
