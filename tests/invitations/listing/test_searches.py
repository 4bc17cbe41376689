"""Searches for addresses and names, on both databases, and what they cost."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, delete, text
from sqlalchemy.exc import DatabaseError

from invite_site.invitations.listing import Filters, Listing
from invite_site.invitations.people import search_text
from invite_site.invitations.tables import Invitation
from tests.support.query_plans import plans_of, slow

from .many import NOW, PEOPLE, QUERIES, SEARCHED, by_hand, change, found, position_of, turned

NAMES = {
    "JOSÉ ÁLVAREZ": [
        "JOSÉ",
        "josé",
        "álvarez",
        "ÁLVAREZ josé",
        "Jose\u0301",
        "jos",
        "Ál",
        "jose alvarez",
    ],
    "Anna Große": ["GROSSE", "große", "gro"],
    "ΣΊΣΥΦΟΣ": ["σίσυφος", "Σίσυφοσ", "ΣΊ"],
    "100% Bob": ["100%", "bob", "bo"],
    "Li\u3000Wei": ["li wei", "wei", "w", "WE"],
    "Zoë Muñoz": ["zoe", "MUNOZ", "zoë", "muñ", "Zoe\u0308"],
    "Łukasz Sørensen": ["lukasz", "sorensen", "Łu", "SØR"],
    "Алёна": ["алена", "АЛЁ"],
    "かな": ["かな", "か"],
    "がな": ["がな", "が"],
    "李小龍": ["李", "李小", "李小龍"],
    'Robert "Rob" O\'Brien': ['"rob"', "o'brien", "O'B", "robert"],
}


def test_a_search_finds_a_name_as_it_is_written(
    listing: Listing, invited: Callable[..., Invitation]
) -> None:
    """In upper or lower case, composed or not, with its accents or without, its words in any order."""
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


def test_a_search_finds_a_person_as_a_mail_names_them(
    listing: Listing, invited: Callable[..., Invitation]
) -> None:
    """The signs around a name or an address that is copied are not looked for."""
    invited("lucia@example.com", "Lucía Ortega")
    for query in (
        "Ortega, Lucía", "Lucía Ortega <lucia@example.com>", "<lucia@example.com>", "lucia@example.com;",
        "'Lucía Ortega'", "“Lucía Ortega”", "(lucia@example.com)",
    ):  # fmt: skip
        assert found(listing, query=query) == ["lucia"], query


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


@pytest.mark.parametrize(("glance", "few"), [(1000, 1000), (1, 1000), (1, 1)])
def test_no_search_reads_the_whole_table_or_sorts(
    engine: Engine, rows: list[Invitation], glance: int, few: int
) -> None:
    """By each of its ways."""
    listing = Listing(engine, glance=glance, few=few)
    for status, batch_id in SEARCHED:
        before = position_of(rows[PEOPLE // 2], status=status)
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
