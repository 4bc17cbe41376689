"""The list, on SQLite and on PostgreSQL: filters, searches, pages, and what they cost."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from invite_site.database.engine import open_engine, upgrade
from invite_site.invitations.ledger import Ledger
from invite_site.invitations.listing import Listing
from invite_site.invitations.people import Invitee, Inviter
from invite_site.invitations.tables import Invitation

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    upgrade(engine)
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
