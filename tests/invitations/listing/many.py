"""Many invitations, and what a list of them has by looking at every row."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, insert, select, update
from sqlalchemy.orm import sessionmaker

from invite_site.invitations.lifecycle import STATUSES
from invite_site.invitations.listing import Listing
from invite_site.invitations.listing.order import Position
from invite_site.invitations.tables import Batch, Invitation

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
PEOPLE = 120
LONG_LIFE = 40  # days, of those that are not expired at NOW
LISTS = [(status, batch_id) for status in ("", *STATUSES) for batch_id in (None, 1)]
SEARCHED = [(status, batch) for status in ("", "sent", "expired") for batch in (None, 1)]
QUERIES = ("ada", "person7", "byron person11@", "nobody", "p")


def many_rows(engine: Engine) -> list[Invitation]:
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


def found(listing: Listing, **how: Any) -> list[str]:
    """Who is on the page: what stands before the @ of each address."""
    return [row.email.split("@")[0] for row in listing.page(**{"now": NOW, **how})]


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


def turned(listing: Listing, size: int, *, status: str, **how: Any) -> list[int]:
    """The ids on all pages of a list, one page after the other."""
    seen: list[int] = []
    before = ""
    while page := listing.page(now=NOW, status=status, before=before, size=size, **how):
        seen += [row.id for row in page]
        before = position_of(page[-1], status=status)
    return seen


def position_of(row: Invitation, *, status: str = "") -> str:
    """What `before` is for the page after this row."""
    return str(Position(row.id, row.expires_at if status else None))


def change(engine: Engine, invitation_id: int, **values: Any) -> None:
    with engine.begin() as db:
        db.execute(update(Invitation).where(Invitation.id == invitation_id).values(**values))
