"""Tables of invitations and of their events for spreadsheet programs, read a few rows at a time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from .listing import Filters, Listing
from .tables import Invitation

CHUNK = 500  # invitations in memory
COLUMNS = (
    "Address", "Name", "Status", "Reason", "Invited (UTC)", "Sent (UTC)", "Accepted (UTC)",
)  # fmt: skip
MORE_COLUMNS = ("Password set (UTC)", "Ends (UTC)", "Invited by", "Batch", "Number")
EVENT_COLUMNS = ("Number", "Address", "At (UTC)", "Event", "By", "From", "To", "Details")

Table = Iterator[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Exports:
    """Reads and changes nothing. `clock` gives aware UTC."""

    listing: Listing
    clock: Callable[[], datetime]

    def invitations(self, filters: Filters) -> Table:
        """The invitations that fit, in the order of their list, after the names of the columns."""
        yield COLUMNS + MORE_COLUMNS
        now = self.clock()
        for rows in self._chunks(filters, now):
            for row in rows:
                ends = _minute(row.expires_at if row.is_open else None)
                more = _minute(row.password_set_at), ends, row.inviter, row.batch_id, row.id
                yield columns_of(row, now) + more

    def events(self, filters: Filters) -> Table:
        """What happened to these invitations, each one's oldest first."""
        yield EVENT_COLUMNS
        for rows in self._chunks(filters, self.clock()):
            addresses = {row.id: row.email for row in rows}
            events = self.listing.events_of(list(addresses))
            for number, email in addresses.items():
                for event in events.get(number, ()):
                    details = "; ".join(f"{key}: {value}" for key, value in event.evidence.items())
                    at = f"{event.at:%Y-%m-%d %H:%M:%S}"
                    yield (
                        number, email, at, event.event, event.actor, event.from_state,
                        event.to_state, details,
                    )  # fmt: skip

    def _chunks(self, filters: Filters, now: datetime) -> Iterator[Sequence[Invitation]]:
        before: str | None = ""
        while before is not None:
            page = self.listing.find(filters, now=now, before=before, size=CHUNK)
            yield page.rows
            before = page.older


def columns_of(row: Invitation, now: datetime) -> tuple[object, ...]:
    """What stands in COLUMNS for this invitation."""
    times = (row.created_at, row.last_sent_at, row.accepted_at)
    status = row.status(now).replace("_", " ").capitalize()
    return (row.email, row.name, status, row.last_error or "", *map(_minute, times))


def _minute(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else ""
