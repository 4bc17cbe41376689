"""Which list an admin asks for, as it stands in addresses and forms."""

from dataclasses import dataclass
from datetime import date

from werkzeug.datastructures import MultiDict

from ...invitations.lifecycle import STATUSES
from ...invitations.listing import ATTENTION, Filters
from ...invitations.listing.filters import STUCK
from ...printable import one_line, printable
from ..current import services
from .reading import row_id

QUERY_LENGTH = 254
NAME_LENGTH = 254


def filters_in(given: MultiDict[str, str]) -> Filters:
    """The filters that an address or a form names: `q` looks in address and name; `state`, `batch`,
    `inviter`, `day`, `role` and `attention` each pick one. What cannot be one is left out."""
    status, attention = given.get("state", ""), given.get("attention", "")
    return Filters(
        query=one_line(given.get("q", ""))[:QUERY_LENGTH],
        status=status if status in STATUSES else "",
        batch_id=given.get("batch", type=row_id),
        # Not on one line: the name is compared as a whole, and an ID token may have several spaces in it.
        inviter=printable(given.get("inviter", ""))[:NAME_LENGTH],
        day=given.get("day", type=_day),
        role=one_line(given.get("role", ""))[:NAME_LENGTH],
        attention=attention if attention in ATTENTION else "",
    )


def in_address(filters: Filters) -> dict[str, object]:
    """The same as arguments of `url_for`; None where there is nothing to say."""
    return {
        "q": filters.query or None,
        "state": filters.status or None,
        "batch": filters.batch_id,
        "inviter": filters.inviter or None,
        "day": filters.day,
        "role": filters.role or None,
        "attention": filters.attention or None,
    }


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter of a list in words, and the address of the list without it."""

    words: str
    rest: dict[str, object]


def chips_of(filters: Filters) -> list[Chip]:
    """The filters that are set, with the names of their batch and role, where there are such."""
    words: dict[str, str] = {}
    if filters.query:
        words["query"] = f"Search: {filters.query}"
    if filters.status:
        words["status"] = f"Status: {filters.status.replace('_', ' ')}"
    if filters.batch_id is not None:
        batch = services.listing.batch(filters.batch_id)
        words["batch_id"] = f"Batch: {batch.name if batch else filters.batch_id}"
    if filters.inviter:
        words["inviter"] = f"Invited by {filters.inviter}"
    if filters.day:
        words["day"] = f"Invited on {filters.day.day} {filters.day:%B %Y} (UTC)"
    if filters.role:
        words["role"] = f"Role: {services.listing.choices.roles().get(filters.role, filters.role)}"
    if filters.attention:
        is_stuck = filters.attention == STUCK
        words["attention"] = "Stuck before the sign-in" if is_stuck else "Ends within two days"
    return [Chip(text, in_address(filters.without(name))) for name, text in words.items()]


def _day(text: str) -> date:
    """Raises ValueError for what is no day, or one at the end of time that has no next one."""
    day = date.fromisoformat(text)
    if not 1970 <= day.year < 9999:
        raise ValueError(text)
    return day
