"""A database that an earlier version filled is brought up to date and still tells the same story.

`ledger_dc71562.json` holds the tables as the site at commit dc71562 left them, at revision 0002:
invitations in every state and every event that it could write. `timeline_dc71562.json` is what its
admin pages showed of them at `now`.
"""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command

from invite_site.database.engine import alembic_config, is_current, open_engine, upgrade
from tests.support.databases import postgres_database, postgres_programs
from tests.support.person import Person
from tests.support.running import Clock, RunningSite, Tenant, running_site, settings_for, signs_in

HERE = Path(__file__).parent
RUNNING = (HERE.parents[1] / "docs" / "running.md").read_text(encoding="utf-8")
REVISION = "0002"
STORED = json.loads((HERE / "ledger_dc71562.json").read_text(encoding="utf-8"))
TIMELINE = json.loads((HERE / "timeline_dc71562.json").read_text(encoding="utf-8"))
RECORDED_EVENT = re.compile(r"(.* UTC) (.+?) by ")
NOW = datetime.fromisoformat(TIMELINE["now"])
PHRASES = {
    "accepted",
    "came back from the password page",
    "delivery started",
    "failed",
    "handed to the mail server",
    "handed to the tenant",
    "invited",
    "lease released",
    "link withdrawn at the tenant",
    "opened the link",
    "password set",
    "revoked",
    "sent again",
    "waiting",
    "wrong account",
}


@pytest.fixture
def upgraded(tenant: Tenant, bare_database_url: str, tmp_path: Path) -> Iterator[RunningSite]:
    """A site of today on the stored database, at the moment when its pages were recorded."""
    settings = settings_for(tenant, tmp_path, DATABASE_URL=bare_database_url)
    engine = open_engine(bare_database_url)
    try:
        command.upgrade(alembic_config(engine), REVISION)
        load(engine, client_id=settings.client_id)
        upgrade(engine)
        assert is_current(engine)
    finally:
        engine.dispose()
    clock = Clock()
    clock.forward(seconds=(NOW - clock()).total_seconds())
    with running_site(settings, clock=clock) as running:
        running.make_admin()
        yield running


def load(engine: sa.Engine, *, client_id: str) -> None:
    """Put the stored rows into a database at `REVISION`, as invitations of this application."""
    with engine.begin() as db:
        for name, rows in STORED.items():
            table = sa.Table(name, sa.MetaData(), autoload_with=db)
            readers = {column.name: _reader(column) for column in table.columns}
            assert not {field for row in rows for field in row} - set(readers), name
            if "client_id" in readers:
                rows = [{**row, "client_id": client_id} for row in rows]
            db.execute(
                table.insert(),
                [{field: read(row.get(field)) for field, read in readers.items()} for row in rows],
            )
            if engine.dialect.name == "postgresql" and "id" in readers:
                # The numbers came with the rows, so the sequence has to be told.
                newest = max(row["id"] for row in rows)
                sequence = sa.func.pg_get_serial_sequence(name, "id")
                db.execute(sa.select(sa.func.setval(sequence, newest)))


def _reader(column: sa.Column[Any]) -> Callable[[Any], Any]:
    """How a value of this column stands in JSON: a moment in ISO 8601, all else as it is."""
    if isinstance(column.type, sa.DateTime):
        return lambda value: datetime.fromisoformat(value) if value else None
    return lambda value: value


def shown_invitation(page: Person) -> dict[str, Any]:
    """What the page of one invitation says: its status, how far it got, what happened."""
    soup = page.soup
    return {
        "email": page.heading,
        "status": _text(soup.select_one(".title .status")),
        "ladder": [_step(step) for step in soup.select("ol.ladder li")],
        "events": [
            (_moment(event), str(event.select("span")[0].find(string=True)).strip())
            for event in soup.select("ol.timeline li")
        ],
    }


def as_it_is_shown_now(recorded: dict[str, Any]) -> dict[str, Any]:
    """The page of then in the form of today: no steps after the end, a delivery told by its end, and
    whose word something is behind *Why?*."""
    told = [RECORDED_EVENT.match(event).groups() for event in recorded["events"]]  # type: ignore[union-attr]
    folded = [each for each in told[:-1] if each[1] not in ("Delivery started", "Lease released")]
    ladder = [
        [title, when, marks]
        for title, when, _, marks in recorded["ladder"]
        if when != "Not reached"
    ]
    return {**recorded, "ladder": ladder, "events": [*folded, told[-1]]}


def shown_list(page: Person) -> list[list[str]]:
    """Address and status of each row of the list, newest first."""
    return [
        [_text(row.select_one("a")), _text(row.select_one(".status"))]
        for row in page.soup.select("table.list tbody tr")
    ]


def _text(tag: Any) -> str:
    return " ".join(tag.get_text(" ").split()) if tag else ""


def _moment(tag: Any) -> str:
    """The exact moment, which stands beside the one in words."""
    return str(tag.time["title"])


def _step(tag: Any) -> list[str]:
    """What happened, when, and the classes that mark it."""
    when = _moment(tag) if tag.time else _text(tag.select_one(".when"))
    return [_text(tag.strong), when, " ".join(tag.get("class", []))]


def test_the_stored_database_holds_every_state_and_every_event() -> None:
    """What the other tests here compare is all there is to compare."""
    assert {row["state"] for row in STORED["invitation"]} == {
        "queued",
        "sending",
        "sent",
        "password_set",
        "accepted",
        "revoked",
        "failed",
    }
    assert {row["event"] for row in STORED["invitation_event"]} == PHRASES
    assert {row["status"] for row in STORED["delivery"]} == {"accepted", "delayed", "refused"}


def test_an_upgraded_database_shows_the_same_timeline(upgraded: RunningSite, admin: Person) -> None:
    """Step for step what the version that wrote it showed, on both kinds of database."""
    signs_in(admin, upgraded, start="/admin/invitations")
    assert shown_list(admin) == TIMELINE["list"]
    for number, recorded in TIMELINE["invitations"].items():
        admin.opens(f"{upgraded.url}/admin/invitations/{number}")
        assert shown_invitation(admin) == as_it_is_shown_now(recorded), number


def test_a_search_finds_what_was_there_before_the_upgrade(upgraded: RunningSite) -> None:
    """By address and by name, in upper case, and without the accents of a name."""
    for row in STORED["invitation"]:
        for words in (row["email"], row["name"]):
            found = upgraded.services.listing.page(now=NOW, query=words.upper(), size=100)
            assert not words or row["id"] in [each.id for each in found], words
    for words, name in (("muller", "Jo Müller"), ("ZOE", "Zoë")):
        assert [row.name for row in upgraded.services.listing.page(now=NOW, query=words)] == [name]


def test_an_upgraded_database_goes_on(upgraded: RunningSite, tenant: Tenant) -> None:
    """New rows find free numbers; what waited or was left by a dead worker is delivered."""
    row = upgraded.invites("newest@example.com")
    assert row.id == max(stored["id"] for stored in STORED["invitation"]) + 1
    while upgraded.delivers():
        pass
    for local_part in ("dead", "wait", "new", "newest"):
        address = f"{local_part}@example.com"
        assert upgraded.status(address) == "sent", address
        assert len(tenant.mails(address)) == 1, address


def test_a_backup_from_before_an_upgrade_is_restored_as_documented(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """By the commands of docs/running.md; what the upgrade has added is in nobody's way."""
    server: str = request.getfixturevalue("_postgres")
    with postgres_database(server) as url, postgres_database(server) as new_url:
        engine, restored = open_engine(url), open_engine(new_url)
        try:
            command.upgrade(alembic_config(engine), REVISION)
            load(engine, client_id="Users")
            variables = {
                "PATH": f"{postgres_programs()}:{os.environ['PATH']}",
                "DATABASE_URL": url.replace("+psycopg", ""),
                "NEW_DATABASE_URL": new_url.replace("+psycopg", ""),
            }
            for program in ("pg_dump", "pg_restore"):
                [line] = re.findall(rf"^{program} .*", RUNNING, re.MULTILINE)
                line = line.replace("/var/backups", str(tmp_path))
                subprocess.run(["sh", "-c", line], check=True, env=variables, timeout=60)
                upgrade(engine)
            upgrade(restored)
            with restored.connect() as db:
                number = db.scalar(sa.text("SELECT count(*) FROM invitation"))
            assert number == len(STORED["invitation"])
        finally:
            engine.dispose()
            restored.dispose()
