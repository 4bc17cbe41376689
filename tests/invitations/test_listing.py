"""The list, on SQLite and on PostgreSQL: filters, searches, pages, and what they cost."""

import contextlib
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, delete, event, insert, select, text, update
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import sessionmaker

from invite_site.database.engine import open_engine
from invite_site.invitations.ledger import Ledger
from invite_site.invitations.lifecycle import STATUSES
from invite_site.invitations.listing import Filters, Listing
from invite_site.invitations.people import Invitee, Inviter, search_text
from invite_site.invitations.tables import Batch, Invitation

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def listing(engine: Engine) -> Listing:
    return Listing(engine)


@pytest.fixture
def invited(engine: Engine) -> Callable[..., Invitation]:
    """Invites somebody; the invitation ends after five days, or as told."""
    ledger = Ledger(engine, "Users", "cid")

    def invite(email: str, name: str = "", days: int = 5) -> Invitation:
        return ledger.open(
            Invitee.parse(email, name),
            inviter=Inviter("Grace"),
            expires_at=NOW + days * DAY,
            now=NOW,
        )

    return invite


def found(listing: Listing, **how: Any) -> list[str]:
    """Who is on the page: what stands before the @ of each address."""
    return [row.email.split("@")[0] for row in listing.page(**{"now": NOW, **how})]


def test_the_list_is_newest_first(listing: Listing, invited: Callable[..., Invitation]) -> None:
    """Page by page, each from where the one before ended."""
    rows = [invited(f"{name}@example.com") for name in ("ada", "bob", "cyd")]
    assert found(listing) == ["cyd", "bob", "ada"]
    assert found(listing, size=2) == ["cyd", "bob"]
    assert found(listing, size=2, before=listing.position(rows[1])) == ["ada"]


# Many rows ----------------------------------------------------------------------------------------

PEOPLE = 120
LONG_LIFE = 40  # days, of those that are not expired at NOW
LISTS = [(status, batch_id) for status in ("", *STATUSES) for batch_id in (None, 1)]
SEARCHED = [(status, batch) for status in ("", "sent", "expired") for batch in (None, 1)]
QUERIES = ("ada", "person7", "byron person11@", "nobody", "p")


@pytest.fixture
def rows(engine: Engine) -> list[Invitation]:
    """Invitations of every status in two batches and none; many have the same end of life."""
    people = []
    for number in range(1, PEOPLE + 1):
        status = STATUSES[number % len(STATUSES)]
        state = ("queued", "sent")[number % 2] if status == "expired" else status
        name = "Ada Byron" if number % 3 else ""
        lives = -1 if status == "expired" else LONG_LIFE
        people.append(
            {
                "ref": f"ref{number}", "email": f"Person{number}@Example.com",
                "email_norm": f"person{number}@example.com", "name": name, "connection": "Users",
                "client_id": "cid", "state": state, "inviter": ("Grace", "Alan")[number % 7 == 0], "inviter_sub": "",
                "created_at": NOW - number // 50 * DAY, "expires_at": NOW + (lives + number // 40) * DAY / 10,
                "batch_id": (None, 1, 2)[number // 5 % 3], "generation": 1, "attempts": 0,
                "password_set_at": NOW - number * HOUR / 40,
                "roles": {0: {"editor": "Editor"}, 1: {"editor": "Editor", "o'ne": "a"}}.get(number % 4),
                "accepted_at": NOW, "accepted_sub": "auth0|1", "closed_at": NOW - number % 11 * HOUR, "lease_until": NOW,
            }
        )  # fmt: skip
    batch = {"name": "list.csv", "inviter": "Grace", "inviter_sub": "", "created_at": NOW}
    with sessionmaker(engine, expire_on_commit=False).begin() as db:
        db.execute(insert(Batch), [{"id": 1, **batch}, {"id": 2, **batch}])
        db.execute(insert(Invitation), people)
        return list(db.scalars(select(Invitation)).all())


def by_hand(
    rows: list[Invitation], words: str = "", status: str = "", batch_id: int | None = None
) -> list[int]:
    """The ids of a list in its order, with a search that reads every row."""
    chosen = [
        row
        for row in rows
        if (not status or row.status(NOW) == status)
        and (batch_id is None or row.batch_id == batch_id)
        and all(word in f"{row.email} {row.name}".lower() for word in words.split())
    ]
    chosen.sort(key=lambda row: (row.expires_at if status else NOW, row.id), reverse=True)
    return [row.id for row in chosen]


def test_every_list_has_its_rows_once_and_in_order(
    listing: Listing, rows: list[Invitation]
) -> None:
    """Page by page; many rows end in the same moment."""
    for status, batch_id in LISTS:
        seen = turned(listing, 4, status=status, batch_id=batch_id)
        assert seen == by_hand(rows, status=status, batch_id=batch_id), (status, batch_id)
        assert seen or batch_id


@pytest.mark.parametrize(("glance", "few"), [(1000, 1000), (1, 1000), (1, 1)])
def test_a_search_finds_the_same_by_whichever_way(
    engine: Engine, rows: list[Invitation], glance: int, few: int
) -> None:
    """In the first rows of the list, by the index, or by reading the list: in the order of the
    list, page by page."""
    listing = Listing(engine, glance=glance, few=few)
    for status, batch_id in SEARCHED:
        for query in QUERIES:
            seen = turned(listing, 14, query=query, status=status, batch_id=batch_id)
            assert seen == by_hand(rows, query, status, batch_id), (query, status, batch_id)


def turned(listing: Listing, size: int, *, status: str, **how: Any) -> list[int]:
    """The ids on all pages of a list, one page after the other."""
    seen: list[int] = []
    before = ""
    while page := listing.page(now=NOW, status=status, before=before, size=size, **how):
        seen += [row.id for row in page]
        before = listing.position(page[-1], status=status)
    return seen


def test_what_is_no_position_in_a_list_shows_its_beginning(
    listing: Listing, rows: list[Invitation]
) -> None:
    """Links of earlier versions had only a number; others were written by nobody."""
    for before in ("x", "-1", "99999999999", "1-", "1-" + "9" * 30, "5", "\u0665", "1-2-3"):
        page = listing.page(now=NOW, status="accepted", before=before, size=5)
        assert [row.id for row in page] == by_hand(rows, status="accepted")[:5], before


def test_an_unknown_status_or_batch_has_no_rows(listing: Listing, rows: list[Invitation]) -> None:
    """They come from addresses and commands."""
    assert not listing.page(now=NOW, status="lost")
    assert not listing.page(now=NOW, batch_id=99)
    assert listing.batch(99) is None
    assert rows


def test_a_row_that_moves_is_not_shown_in_the_place_of_another(
    engine: Engine, listing: Listing, rows: list[Invitation]
) -> None:
    """The last row of a page is sent again before the next page is asked for."""
    order = by_hand(rows, status="accepted")
    page = listing.page(now=NOW, status="accepted", size=5)
    before = listing.position(page[-1], status="accepted")
    change(engine, page[-1].id, expires_at=NOW + 99 * DAY)
    rest = listing.page(now=NOW, status="accepted", before=before, size=PEOPLE)
    assert [row.id for row in rest] == order[5:]


def change(engine: Engine, invitation_id: int, **values: Any) -> None:
    with engine.begin() as db:
        db.execute(update(Invitation).where(Invitation.id == invitation_id).values(**values))


# Filters ------------------------------------------------------------------------------------------


FILTERS: list[dict[str, Any]] = [
    {"inviter": "Alan"},
    {"inviter": "Alan", "status": "expired"},
    {"inviter": "Alan", "batch_id": 1},
    {"day": NOW.date()},
    {"day": (NOW - DAY).date(), "status": "sent", "inviter": "Grace"},
    {"day": NOW.date(), "batch_id": 1, "role": "editor"},
    {"role": "o'ne"},
    {"role": "editor", "status": "queued"},
    {"role": "editor", "inviter": "Alan", "batch_id": 1},
    {"attention": "stuck"},
    {"attention": "stuck", "inviter": "Alan"},
    {"attention": "stuck", "status": "sent"},
    {"attention": "ending"},
    {"attention": "ending", "status": "sent", "inviter": "Grace"},
    {"attention": "ending", "batch_id": 2},
    {"attention": "ending", "query": "ada"},
    {"inviter": "Alan", "query": "ada"},
    {"day": NOW.date(), "query": "ada person7", "status": "expired"},
]
AT_LAST = NOW + 41 * DAY / 10 - 2 * DAY  # when some have two days left, and some more


def fit(
    rows: list[Invitation], how: dict[str, Any], now: datetime = NOW, by_change: bool = False
) -> list[int]:
    """The ids of a list in its order, by looking at every row."""
    status, ends_by = how.get("status", ""), how.get("attention") == "ending"
    chosen = [
        row
        for row in rows
        if status in ("", row.status(now))
        and how.get("batch_id") in (None, row.batch_id)
        and how.get("inviter") in (None, row.inviter)
        and how.get("day") in (None, row.created_at.date())
        and ("role" not in how or how["role"] in (row.roles or ()))
        and all(word in f"{row.email} {row.name}".lower() for word in how.get("query", "").split())
        and (
            how.get("attention") != "stuck"
            or (
                row.state == "password_set"
                and row.password_set_at is not None
                and row.password_set_at <= now - HOUR
            )
        )
        and (not ends_by or _ends_soon(row, now))
    ]
    by_life = (status or "attention" in how) and "day" not in how

    def place(row: Invitation) -> tuple[datetime, int]:
        if by_change:
            moments = (row.created_at, row.last_sent_at, row.password_set_at, row.closed_at)
            return max(filter(None, moments)), row.id
        return row.created_at if "day" in how else row.expires_at if by_life else NOW, row.id

    return [row.id for row in sorted(chosen, key=place, reverse=True)]


def _ends_soon(row: Invitation, now: datetime) -> bool:
    return row.state in ("queued", "sent") and now < row.expires_at <= now + 2 * DAY


@pytest.mark.parametrize("by_change", [False, True])
@pytest.mark.parametrize("looks", [10_000, 7])
def test_every_combination_of_filters_has_its_rows_once_and_in_order(
    engine: Engine, rows: list[Invitation], looks: int, by_change: bool
) -> None:
    """Also where a page looks through a part of the list only: the next one goes on there."""
    listing = Listing(engine, looks=looks)
    for how in [*FILTERS, {}, {"query": "ada"}]:
        now = AT_LAST if how.get("attention") == "ending" else NOW
        expected = fit(rows, how, now, by_change)
        assert expected or how.get("status"), how
        seen, before, pages = [], "", 0
        while pages < 200:
            page = listing.find(Filters(**how), now=now, before=before, size=4, by_change=by_change)
            seen += [row.id for row in page.rows]
            pages += 1
            if page.older is None:
                break
            assert len(page.rows) == 4 or page.looked_through == looks, how
            before = page.older
        assert seen == expected, how


def test_a_filter_is_counted(engine: Engine, rows: list[Invitation]) -> None:
    """Exactly where all that could fit were looked at."""
    listing = Listing(engine)
    for how in FILTERS:
        now = AT_LAST if how.get("attention") == "ending" else NOW
        count = listing.count(Filters(**how), now=now)
        assert (count.number, count.is_exact) == (len(fit(rows, how, now)), True), how
    assert listing.count(Filters(), now=NOW).number == PEOPLE
    assert listing.count(Filters(query="nobody"), now=NOW).number == 0
    few = Listing(engine, few=10)
    assert not few.count(Filters(query="ada", status="sent"), now=NOW).is_exact


def test_what_there_is_to_choose_from(engine: Engine, rows: list[Invitation]) -> None:
    """Who has invited, and which roles are given."""
    assert rows
    with plans_of(engine) as plans:
        choices = Listing(engine).choices
        assert choices.inviters() == ["Alan", "Grace"]
        assert list(choices.roles().items()) == [("o'ne", "a"), ("editor", "Editor")]
    assert not [plan for plan in slow(plans) if "ix_invitation" not in plan]


def test_no_filter_reads_the_whole_table_or_sorts(engine: Engine, rows: list[Invitation]) -> None:
    """By the plans of both databases, for the first page and for one further on."""
    listing = Listing(engine, looks=20)
    for how in FILTERS:
        filters = Filters(**how)
        for by_change in (False, True):
            asked = partial(listing.find, filters, now=NOW, by_change=by_change)
            before = asked(size=2).older or ""
            with plans_of(engine) as plans:
                asked(size=5)
                asked(size=5, before=before)
            assert not slow(plans), (how, by_change, plans)


# Searches -----------------------------------------------------------------------------------------


NAMES = {
    "JOSÉ ÁLVAREZ": ["JOSÉ", "josé", "álvarez", "ÁLVAREZ josé", "Jose\u0301", "jos", "Á"],
    "Anna Große": ["GROSSE", "große", "gro"],
    "ΣΊΣΥΦΟΣ": ["σίσυφος", "Σίσυφοσ", "ΣΊ"],
    "100% Bob": ["100%", "bob", "bo"],
    "Li\u3000Wei": ["li wei", "wei", "w", "WE"],
    "李小龍": ["李", "李小", "李小龍"],
    'Robert "Rob" O\'Brien': ['"rob"', "o'brien", "O'B", "robert"],
}


def test_a_search_finds_a_name_as_it_is_written(
    listing: Listing, invited: Callable[..., Invitation]
) -> None:
    """In upper or lower case, composed or not, its words in any order."""
    for number, name in enumerate(NAMES):
        invited(f"{number}@example.com", name)
    for number, (name, queries) in enumerate(NAMES.items()):
        for query in queries:
            assert found(listing, query=query) == [str(number)], (name, query)
            assert found(listing, query=query, status="queued") == [str(number)], (name, query)


def test_a_search_finds_an_address_by_its_parts(
    listing: Listing, invited: Callable[..., Invitation]
) -> None:
    """Also a domain outside ASCII, as it was typed and as it is stored."""
    invited("Ada.Byron+list@Müller.example")
    invited("other@example.com")
    for query in (
        "ada.byron+list@müller.example", "ADA.B", "byron", "list", "@müller", "MÜLLER.EXAMPLE",
        "xn--mller-kva", "ada müller", "ad", "a",
    ):  # fmt: skip
        assert found(listing, query=query) == ["Ada.Byron+list"], query
    assert found(listing, query="ada other") == []


def test_only_sqlite_finds_the_middle_of_a_word(
    listing: Listing, invited: Callable[..., Invitation]
) -> None:
    """PostgreSQL finds how words begin, and the page says so."""
    invited("ada@example.com", "Ada Lovelace")
    is_postgres = listing.finds_beginnings_only
    assert found(listing, query="velac") == ([] if is_postgres else ["ada"])
    assert found(listing, query="xample.c") == ([] if is_postgres else ["ada"])
    assert found(listing, query="lovel") == ["ada"]


COMMANDS = (
    '"', "''", "%", "_", "*", "z*", "AND", "x OR bob", "NEAR(bob b)", "name:bob", "^z", "z^", "\\",
    "';--", 'x" OR "bob', "(", ":*", "& |", "!x", "<->", "{z}", "bob:*x", "bob':*|'x", "x\\'bob",
)  # fmt: skip


def test_a_search_is_text_and_never_a_command(
    listing: Listing, invited: Callable[..., Invitation]
) -> None:
    """What means something to an index means nothing here."""
    invited("bob@example.com", "Bob")
    for query in COMMANDS:
        assert found(listing, query=query) == [], query
        assert found(listing, query=query, status="queued") == [], query


def test_the_index_follows_every_change(
    engine: Engine, listing: Listing, rows: list[Invitation], invited: Callable[..., Invitation]
) -> None:
    """A row that is changed is found by what it holds now, and a deleted one not at all."""
    row = invited("lovelace@example.com", "Lady Lovelace")
    change(
        engine, row.id, email="king@example.com", email_norm="king@example.com", name="Lady King",
        search_text=search_text("king@example.com", "king@example.com", "Lady King"),
    )  # fmt: skip
    assert found(listing, query="lovelace") == []
    assert found(listing, query="lady king") == ["king"]
    assert found(listing, query="person7@") == ["Person7"]
    with engine.begin() as db:
        db.execute(delete(Invitation).where(Invitation.email == rows[6].email))
    assert found(listing, query="person7@") == []
    if engine.dialect.name == "sqlite":  # where the row alone would hide that the index is stale
        stale = "SELECT count(*) FROM invitation_search WHERE invitation_search MATCH '\"rson7@\"'"
        with engine.connect() as db:
            assert db.execute(text(stale)).scalar() == 0


def test_an_address_or_name_cannot_change_without_what_it_is_found_by(
    engine: Engine, listing: Listing, invited: Callable[..., Invitation]
) -> None:
    """The old one would stay in the index, of all places where somebody asked to be forgotten."""
    row = invited("ada@example.com", "Ada Byron")
    for forgotten in ({"email": "gone@example.com"}, {"name": "Gone"}):
        with pytest.raises(DatabaseError, match="search_text changes with email and name"):
            change(engine, row.id, **forgotten)
    change(engine, row.id, name="", search_text=search_text(row.email, row.email_norm, ""))
    assert found(listing, query="byron") == []
    assert found(listing, query="ada") == ["ada"]


# What it costs ------------------------------------------------------------------------------------


@contextlib.contextmanager
def plans_of(engine: Engine) -> Iterator[list[str]]:
    """The plan of each question that is asked meanwhile, filled in at the end."""
    asked: list[tuple[str, Any]] = []
    plans: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, values))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield plans
    finally:
        event.remove(engine, "before_cursor_execute", note)
    is_sqlite = engine.dialect.name == "sqlite"
    explain = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
    with engine.connect() as db:
        for each in () if is_sqlite else ("seqscan", "sort", "incremental_sort"):
            db.execute(text(f"SET enable_{each} = off"))
        for statement, values in asked:
            plan = db.exec_driver_sql(f"{explain} {statement}", values)
            plans.append("; ".join(str(step[-1]).strip() for step in plan))


def slow(plans: list[str]) -> list[str]:
    """Those that read every invitation, or sort anything but the hits of a search."""
    scan = re.compile(r"SCAN invitation\b(?! USING)|Seq Scan on invitation")
    sort = re.compile(r"USE TEMP B-TREE|Sort Key|\bSort\b")
    nothing = "-> Result (cost=0.00..0.00 rows=0"  # of filters that exclude each other
    hits = re.compile(r"invitation_search VIRTUAL TABLE|Bitmap Index Scan on ix_invitation_words")
    return [
        plan
        for plan in plans
        if scan.search(plan)
        or (sort.search(plan) and not hits.search(plan) and nothing not in " ".join(plan.split()))
    ]


def test_no_list_reads_the_whole_table_or_sorts(
    engine: Engine, listing: Listing, rows: list[Invitation]
) -> None:
    """The plans of both databases, for the first page and for one further on."""
    for status, batch_id in LISTS:
        before = listing.position(rows[PEOPLE // 2], status=status)
        with plans_of(engine) as first:
            listing.page(now=NOW, size=5, status=status, batch_id=batch_id)
        with plans_of(engine) as further:
            listing.page(now=NOW, size=5, status=status, batch_id=batch_id, before=before)
        assert further
        assert not slow(further), (status, batch_id, further)
        # The newest of all are read in the order of their ids, which SQLite calls a scan.
        is_newest = not (status or batch_id) and engine.dialect.name == "sqlite"
        expected = ["SCAN invitation"] if is_newest else []
        assert slow(first) == expected, (status, batch_id, first)


@pytest.mark.parametrize(("glance", "few"), [(1000, 1000), (1, 1000), (1, 1)])
def test_no_search_reads_the_whole_table_or_sorts(
    engine: Engine, rows: list[Invitation], glance: int, few: int
) -> None:
    """By each of its ways."""
    listing = Listing(engine, glance=glance, few=few)
    for status, batch_id in SEARCHED:
        before = listing.position(rows[PEOPLE // 2], status=status)
        with plans_of(engine) as plans:
            for query in QUERIES:
                listing.page(now=NOW, query=query, status=status, batch_id=batch_id, size=5)
                listing.page(
                    now=NOW, query=query, status=status, batch_id=batch_id, before=before, size=5
                )
                if not (status or batch_id):
                    listing.find(Filters(query=query), now=NOW, size=5, by_change=True)
        assert plans
        assert not slow(plans), (status, batch_id, plans)
