"""What a list shows by its filters, on both databases, and what that costs."""

from datetime import datetime
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine

from invite_site.invitations.listing import Filters, Listing
from invite_site.invitations.options import Options
from invite_site.invitations.people import Inviter
from invite_site.invitations.tables import Invitation
from tests.support.query_plans import plans_of, slow
from tests.support.running import RunningSite

from .many import DAY, HOUR, NOW, PEOPLE

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
    listing, parts = Listing(engine, looks=looks), 0
    for how in [*FILTERS, {}, {"query": "ada"}]:
        now = AT_LAST if how.get("attention") == "ending" else NOW
        expected = fit(rows, how, now, by_change)
        assert expected or how.get("status"), how
        seen, before, pages = [], "", 0
        while pages < 200:
            page = listing.find(Filters(**how), now=now, before=before, size=4, by_change=by_change)
            seen += [row.id for row in page.rows]
            pages += 1
            parts += bool(page.looked_through)
            if page.older is None:
                break
            assert len(page.rows) == 4 or page.looked_through == looks, how
            before = page.older
        assert seen == expected, how
    assert bool(parts) == (looks < PEOPLE), "and no page reads the whole list"


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


def test_choices_stand_in_the_order_of_the_alphabet(site: RunningSite) -> None:
    """Whether a name begins with a capital letter or not."""
    options = Options(roles={"rol_1": "Sales", "rol_2": "editor", "rol_3": "Billing"})
    for name in ("grace", "Heidi", "Ada"):
        site.services.invitations.invite(
            f"{name}@example.com", inviter=Inviter(name), options=options
        )
    choices = site.services.listing.choices
    assert choices.inviters() == ["Ada", "grace", "Heidi"]
    assert list(choices.roles().values()) == ["Billing", "editor", "Sales"]


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
