"""`python -m bench.million`: list and overview at 1,000 invitations and at 1,000,000, on both databases.

A page of the long list is to take as long as the same page of the short one, and so are the counts.
Four databases are filled and asked in turns, so a busy machine slows both; what is timed is
`Listing.page`, and what `Statistics` reads.
"""

import argparse
import contextlib
import os
import platform
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from sqlalchemy import Engine, text

from invite_site.database.engine import open_engine, upgrade
from invite_site.invitations.listing import Filters, Listing
from invite_site.invitations.people import search_text
from invite_site.invitations.statistics import Statistics
from tests.support.databases import postgres_database, postgres_server

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SHORT, LONG = 1_000, 1_000_000
ROUNDS = 15
DAYS = 60  # over which the invitations of a list are spread
AT_ONCE = 5_000  # rows with the same times: they came of one list
FIRST = ("Ada", "Grace", "José", "Maryam", "Sofia", "Alan", "Emmy", "Kurt")
LAST = ("Lovelace", "Hopper", "Álvarez", "Mirzakhani", "Kowalewska", "Turing", "Noether", "Straße")
# In a hundred; *sending* is rare.
STATES = (["accepted"] * 55 + ["sent"] * 30 + ["queued"] * 5 + ["password_set"] * 2) + (
    ["revoked"] * 3 + ["failed"] * 5
)
COLUMNS = (
    "id", "ref", "email", "email_norm", "name", "search_text", "connection", "client_id", "state",
    "inviter", "inviter_sub", "batch_id", "created_at", "expires_at", "accepted_at", "accepted_sub",
    "closed_at", "lease_until", "generation", "attempts", "first_sent_at", "password_set_at",
)  # fmt: skip
Case = tuple[str, dict[str, Any]]
# What is no page of a list, and how it is read.
FIGURES: dict[str, Callable[[Statistics], object]] = {
    "counts beside the list": lambda statistics: statistics.standing(NOW),
    "overview": lambda statistics: (statistics.standing(NOW), statistics.progress(NOW)),
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=LONG, help="how long the long list is")
    options.add_argument("--rounds", type=int, default=ROUNDS)
    chosen = options.parse_args()
    load = f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "load unknown"
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {load}. Medians in ms.")
    with tempfile.TemporaryDirectory(prefix="invite-site-bench-") as name:
        for kind, urls in (("SQLite", sqlite_urls(Path(name))), ("PostgreSQL", postgres_urls())):
            with urls as (short_url, long_url):
                compare(kind, short_url, long_url, chosen.rows, chosen.rounds)


@contextlib.contextmanager
def sqlite_urls(folder: Path) -> Iterator[tuple[str, str]]:
    yield f"sqlite:///{folder / 'short.db'}", f"sqlite:///{folder / 'long.db'}"


@contextlib.contextmanager
def postgres_urls() -> Iterator[tuple[str, str]]:
    with (
        postgres_server() as server,
        postgres_database(server) as short_url,
        postgres_database(server) as long_url,
    ):
        yield short_url, long_url


def compare(kind: str, short_url: str, long_url: str, rows: int, rounds: int) -> None:
    """Fill both databases, and print a line for each page."""
    short, long = (filled(url, size) for url, size in ((short_url, SHORT), (long_url, rows)))
    print(f"\n{kind:44}{SHORT:>11,}{rows:>12,}{'ratio':>8}{'ms more':>9}")
    asked = [
        (title, pages(short, how), pages(long, dict(cases(rows))[title]))
        for title, how in cases(SHORT)
    ]
    asked += [
        (title, by_change(short, how), by_change(long, how))
        for title, how in (
            ("last change first", {}),
            ("last change first, status sent", {"status": "sent"}),
            ("last change first, search a name", {"query": "hopper"}),
        )
    ]
    asked += [
        (title, partial(read, Statistics(short)), partial(read, Statistics(long)))
        for title, read in FIGURES.items()
    ]
    for title, ask_short, ask_long in asked:
        times = [(timed(ask_short), timed(ask_long)) for _ in range(rounds + 2)][2:]
        ours, theirs = (median(each) for each in zip(*times, strict=True))
        is_slow = "  over" if theirs > 1.5 * ours and theirs - ours > 10 else ""
        print(
            f"{title:44}{ours:>11.2f}{theirs:>12.2f}{theirs / ours:>8.2f}{theirs - ours:>9.2f}{is_slow}"
        )
    for engine in (short, long):
        mistakes = Statistics(engine).recount(NOW)
        print(f"counts that are wrong: {len(mistakes)}")


def pages(engine: Engine, how: dict[str, Any]) -> Callable[[], object]:
    """What reads one page of the list."""
    return partial(Listing(engine).page, now=NOW, size=51, **how)


def by_change(engine: Engine, how: dict[str, Any]) -> Callable[[], object]:
    """The same in the order of the last change."""
    return partial(Listing(engine).find, Filters(**how), now=NOW, size=51, by_change=True)


def timed(ask: Callable[[], object]) -> float:
    """Milliseconds for one answer."""
    start = perf_counter()
    ask()
    return (perf_counter() - start) * 1000


def cases(rows: int) -> Iterator[Case]:
    """The pages that people ask for; numbers are parts of the length of the list."""
    middle = rows // 2
    yield "all", {}
    yield "all, half-way", {"before": str(middle)}
    for status in ("queued", "sending", "sent", "accepted", "expired", "revoked", "failed"):
        yield f"status {status}", {"status": status}
    half_way = moments(middle, rows)[1]
    deep = f"{middle}-{round(half_way.timestamp() * 1_000_000)}"
    yield "status accepted, half-way", {"status": "accepted", "before": deep}
    yield "status expired, half-way", {"status": "expired", "before": deep}
    yield "a batch", {"batch_id": 50}
    yield "a batch, status accepted", {"batch_id": 50, "status": "accepted"}
    yield "a batch, search everybody", {"batch_id": 50, "query": "example"}
    for title, query in (
        ("one address", person(middle, rows)[0]),
        ("beginning of one address", person(middle, rows)[0].split("@")[0]),
        ("nobody", "nobody.at.all"),
        ("everybody's domain", "example.com"),
        ("a name of one in eight", "hopper"),
        ("two words", "hopper grace"),
        ("letters outside ASCII", "ÁLVAREZ"),
        ("two letters", "gr"),
        ("one letter", "g"),
        ("a tenth, all of them old", "acme"),
        ("a hundredth, all of them old", "dept7"),
    ):
        yield f"search {title}", {"query": query}
        yield f"search {title}, status accepted", {"query": query, "status": "accepted"}
        yield f"search {title}, status expired", {"query": query, "status": "expired"}
    yield "search everybody's domain, status sending", {"query": "example.com", "status": "sending"}
    yield "search a name, half-way", {"query": "hopper", "before": str(middle)}


# The rows -----------------------------------------------------------------------------------------


def filled(url: str, rows: int) -> Engine:
    """A database with so many invitations, as its own search index and statistics see them."""
    engine = open_engine(url)
    upgrade(engine)
    start = perf_counter()
    with engine.begin() as db:
        for batch in range(1, 101):
            db.execute(
                text(
                    "INSERT INTO batch (id, name, inviter, inviter_sub, created_at, rows, opened, "
                    "ignored) VALUES (:id, 'list.csv', 'Grace', '', :at, 0, 0, '[]')"
                ),
                {"id": batch, "at": NOW.strftime("%Y-%m-%d %H:%M:%S.%f")},
            )
    engine.dispose()
    if engine.dialect.name == "sqlite":
        fill_sqlite(engine, rows)
    else:
        fill_postgres(engine, rows)
    print(f"{engine.dialect.name}: {rows:,} rows in {perf_counter() - start:.0f} s")
    Statistics(engine).fold(NOW)
    return engine


def fill_sqlite(engine: Engine, rows: int) -> None:
    marks = ", ".join("?" * len(COLUMNS))
    with contextlib.closing(sqlite3.connect(str(engine.url.database))) as db, db:
        # The search index is built at the end, as by the migration: one by one takes minutes.
        [create_trigger] = db.execute(
            "SELECT sql FROM sqlite_master WHERE name = 'invitation_search_insert'"
        ).fetchone()
        for statement in (
            "PRAGMA journal_mode=OFF",
            "PRAGMA cache_size=-1000000",
            "DROP TRIGGER invitation_search_insert",
        ):
            db.execute(statement)
        db.executemany(
            f"INSERT INTO invitation ({', '.join(COLUMNS)}) VALUES ({marks})",  # noqa: S608
            (
                tuple(f"{v:%Y-%m-%d %H:%M:%S.%f}" if isinstance(v, datetime) else v for v in row)
                for row in invitations(rows)
            ),
        )
        db.execute(
            "INSERT INTO invitation_search (rowid, search_text) SELECT id, search_text FROM invitation"
        )
        db.execute(create_trigger)


def fill_postgres(engine: Engine, rows: int) -> None:
    with contextlib.closing(engine.raw_connection()) as connection:
        cursor: Any = connection.cursor()  # psycopg's, which can copy
        with cursor:
            copy = cursor.copy(f"COPY invitation ({', '.join(COLUMNS)}) FROM STDIN")
            with copy as stream:
                for row in invitations(rows):
                    stream.write_row(row)
        connection.commit()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        db.execute(text("VACUUM ANALYZE"))  # as PostgreSQL does by itself after a while


def invitations(rows: int) -> Iterator[tuple[object, ...]]:
    for number in range(1, rows + 1):
        email, name, is_old = person(number, rows)
        created_at, expires_at = moments(number, rows)
        state = "sent" if is_old else STATES[number * 7919 % 100]
        if number % (rows // 10) == 0:
            state = "sending"
        is_accepted = state == "accepted"
        yield (
            number, f"ref{number}", email, email, name, search_text(email, email, name), "Users",
            "cid", state, "Grace Hopper", "", number * 100 // (rows + 1) + 1, created_at, expires_at,
            created_at if is_accepted else None, f"auth0|{number}" if is_accepted else None,
            created_at if state in ("accepted", "revoked", "failed") else None,
            NOW if state == "sending" else None, 1, 1,
            None if state in ("queued", "sending") else created_at,
            created_at if state in ("password_set", "accepted") else None,
        )  # fmt: skip


def person(number: int, rows: int) -> tuple[str, str, bool]:
    """Address and name, and whether it is one of the old tenth, all of one company."""
    first, last = FIRST[number % 8], LAST[number // 8 % 8]
    is_old = 2 * rows < 10 * number <= 3 * rows
    domain = f"dept{number % 10}.acme.example" if is_old else "example.com"
    return f"person{number}.{first[:2].lower()}@{domain}", f"{first} {last}", is_old


def moments(number: int, rows: int) -> tuple[datetime, datetime]:
    """When it was created, and when its life ends."""
    at = number // AT_ONCE * AT_ONCE if rows > AT_ONCE else number
    created_at = NOW - timedelta(days=DAYS) * (1 - at / rows)
    return created_at, created_at + timedelta(days=5)


if __name__ == "__main__":
    main()
