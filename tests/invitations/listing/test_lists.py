"""The list, page by page, on SQLite and on PostgreSQL, and what it costs."""

from collections.abc import Callable

from sqlalchemy import Engine, event

from invite_site.invitations.listing import Filters, Listing
from invite_site.invitations.tables import Invitation
from tests.support.query_plans import plans_of, slow

from .many import DAY, LISTS, NOW, PEOPLE, by_hand, change, found, position_of, turned


def test_the_list_is_newest_first(listing: Listing, invited: Callable[..., Invitation]) -> None:
    """Page by page, each from where the one before ended."""
    rows = [invited(f"{name}@example.com") for name in ("ada", "bob", "cyd")]
    assert found(listing) == ["cyd", "bob", "ada"]
    assert found(listing, size=2) == ["cyd", "bob"]
    assert found(listing, size=2, before=position_of(rows[1])) == ["ada"]


def test_every_list_has_its_rows_once_and_in_order(
    listing: Listing, rows: list[Invitation]
) -> None:
    """Page by page; many rows end in the same moment."""
    for status, batch_id in LISTS:
        seen = turned(listing, 4, status=status, batch_id=batch_id)
        assert seen == by_hand(rows, status=status, batch_id=batch_id), (status, batch_id)
        assert seen or batch_id


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
    before = position_of(page[-1], status="accepted")
    change(engine, page[-1].id, expires_at=NOW + 99 * DAY)
    rest = listing.page(now=NOW, status="accepted", before=before, size=PEOPLE)
    assert [row.id for row in rest] == order[5:]


def test_a_row_that_moves_while_its_page_is_read_makes_no_other_come_twice(
    engine: Engine, listing: Listing, rows: list[Invitation]
) -> None:
    """The next page begins where the last row was found, not where it has gone since."""
    order = by_hand(rows, status="accepted")
    left = [order[4]]

    def moves(connection: object, cursor: object, statement: str, *_: object) -> None:
        if left and statement.startswith("SELECT invitation.id, invitation.ref"):
            change(engine, left.pop(), expires_at=NOW + 99 * DAY)

    event.listen(engine, "before_cursor_execute", moves)
    page = listing.find(Filters(status="accepted"), now=NOW, size=5)
    event.remove(engine, "before_cursor_execute", moves)
    assert ([row.id for row in page.rows], left) == (order[:5], [])
    rest = listing.page(now=NOW, status="accepted", before=page.older or "", size=PEOPLE)
    assert [row.id for row in rest] == order[5:]


def test_no_list_reads_the_whole_table_or_sorts(
    engine: Engine, listing: Listing, rows: list[Invitation]
) -> None:
    """The plans of both databases, for the first page and for one further on."""
    for status, batch_id in LISTS:
        before = position_of(rows[PEOPLE // 2], status=status)
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
