"""A list on SQLite and on PostgreSQL."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from invite_site.invitations.ledger import Ledger
from invite_site.invitations.listing import Listing
from invite_site.invitations.people import Invitee, Inviter
from invite_site.invitations.tables import Invitation

from .many import DAY, NOW, many_rows


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


@pytest.fixture
def rows(engine: Engine) -> list[Invitation]:
    """Invitations of every status in two batches and none; many have the same end of life."""
    return many_rows(engine)
