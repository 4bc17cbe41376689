"""Many invitations at once: what admins do with lists and batches."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NoReturn

from ...errors import InvalidInvitee, NotPossibleNow
from ...settings import Settings
from ..circuit_breaker import CircuitBreaker
from ..exports import COLUMNS, Table, columns_of
from ..leases.heartbeats import Heartbeats
from ..lifecycle import State
from ..options import NO_OPTIONS, Options, lifetime_of
from ..options.roles import RoleOffers
from ..people import Inviter
from ..tables import Batch, BatchRow
from .judging import Fate, Judged, judge_list
from .ledger import BatchLedger
from .lists import ListRow, read_list
from .previews import Previews
from .starting import Started, Starting

MINUTE = timedelta(minutes=1)
NOT_SENT = "This batch has not been sent yet."


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of a preview, and where the next page begins, if there is one."""

    rows: Sequence[BatchRow]
    next: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a batch is: how many of its invitations have each of STATUSES. `failed_left` are those
    failed ones that can be sent again; `waiting` is a sentence that says why nothing goes out, or empty;
    `ends_at` is an estimate, where there is one."""

    counts: Mapping[str, int]
    failed_left: int
    waiting: str
    per_minute: int
    ends_at: datetime | None

    @property
    def is_over(self) -> bool:
        """Whether nothing of it waits to be sent."""
        return not self.counts[State.QUEUED] and not self.counts[State.SENDING]


@dataclass(frozen=True, slots=True)
class Batches:
    """The use cases of lists. `clock` gives aware UTC, `rate` the invitations a second that the
    tenant allows (None: unknown or no limit); `on_queued` wakes a worker of this process."""

    settings: Settings
    previews: Previews
    ledger: BatchLedger
    starting: Starting
    circuit_breaker: CircuitBreaker
    heartbeats: Heartbeats
    role_offers: RoleOffers
    clock: Callable[[], datetime]
    rate: Callable[[], float | None]
    on_queued: Callable[[], None]

    def preview(self, content: bytes | str, *, name: str, inviter: Inviter) -> Batch:
        """Read a list, as a file or a pasted text, and keep what would come of each row.

        Raises UnreadableList.
        """
        people = read_list(content, max_rows=self.settings.batch_rows)
        judged = self._judge([self._with_options(row) for row in people.rows])
        return self.previews.keep(
            judged, name=name, ignored=people.ignored, inviter=inviter, now=self.clock()
        )

    def get(self, batch_id: int) -> Batch:
        """Raises BatchNotFound."""
        return self.ledger.get(batch_id)

    def latest(self, *, before: int | None, size: int) -> Sequence[Batch]:
        """Batches and previews, newest first, of those with a number below `before`."""
        return self.ledger.latest(before=before, size=size)

    def under_way(self, batches: Sequence[Batch]) -> set[int]:
        """The numbers of those that have invitations to send still."""
        return self.ledger.under_way([batch.id for batch in batches], self.clock())

    def fates(self, batch_id: int) -> dict[Fate, int]:
        """How many rows of a preview have each fate; after the start, of those left out."""
        return self.previews.fates(batch_id)

    def rows(self, batch_id: int, *, after: tuple[int, int] | None, size: int) -> Page:
        """Rows of a list, those with a problem first, then by line."""
        found = self.previews.rows(batch_id, after=after, size=size + 1)
        last = found[size - 1] if len(found) > size else None
        return Page(found[:size], (int(last.fate == Fate.GOOD), last.id) if last else None)

    def correct(self, batch_id: int, row_id: int, email: str, name: str) -> BatchRow:
        """Another address or name for a row of a preview. Raises BatchNotFound."""
        row = self.previews.row(batch_id, row_id)
        [judged] = self._judge([(ListRow(row.line, email.strip(), name), _options_of(row))])
        self.previews.correct(row, judged, self.clock())
        return self.previews.row(batch_id, row_id)

    def leave_out(self, batch_id: int, row_id: int) -> None:
        """Take a row out of a preview. Raises BatchNotFound."""
        self.previews.leave_out(self.previews.row(batch_id, row_id), self.clock())

    def start(self, batch_id: int, *, inviter: Inviter) -> Started:
        """Invite all good rows; a second start changes nothing. Raises BatchNotFound, NotPossibleNow."""
        now = self.clock()
        started = self.starting.start(
            batch_id, inviter=inviter, expires_at=now + lifetime_of(None, self.settings), now=now
        )
        self.on_queued()
        return started

    def pause(self, batch_id: int) -> None:
        """Send no more of it for now. Raises BatchNotFound, NotPossibleNow."""
        if not self.ledger.pause(batch_id, self.clock()):
            self._refuse(batch_id, "It is paused already.")

    def resume(self, batch_id: int) -> None:
        """Go on with a paused one. Raises BatchNotFound, NotPossibleNow."""
        if not self.ledger.resume(batch_id):
            self._refuse(batch_id, "It is not paused.")
        self.on_queued()

    def cancel(self, batch_id: int, *, actor: str) -> int:
        """Revoke what has not gone out yet; returns how many. Raises BatchNotFound, NotPossibleNow."""
        revoked = self.ledger.cancel(batch_id, actor=actor, now=self.clock())
        if revoked is None:
            self._refuse(batch_id)
        return revoked

    def send_failed_again(self, batch_id: int, *, actor: str) -> int:
        """Queue its failed invitations again; returns how many. Raises BatchNotFound, NotPossibleNow."""
        now = self.clock()
        resent = self.ledger.resend_failed(
            batch_id, actor=actor, expires_at=now + lifetime_of(None, self.settings), now=now
        )
        if resent is None:
            self._refuse(batch_id)
        if not resent:
            raise NotPossibleNow("No invitation of this batch has failed, or all were replaced.")
        self.on_queued()
        return resent

    def progress(self, batch_id: int) -> Progress:
        """How far it is. Raises BatchNotFound."""
        batch = self.ledger.get(batch_id)
        now = self.clock()
        counts, recent = self.ledger.counts(batch_id, now=now, since=now - MINUTE)
        waits = counts[State.QUEUED] > 0
        waiting = self._waiting(batch, now, is_moving=recent > 0) if waits else ""
        return Progress(
            counts=counts,
            failed_left=self.ledger.failed_left(batch_id) if counts[State.FAILED] else 0,
            waiting=waiting,
            per_minute=recent,
            ends_at=self._end(batch_id, now, recent) if waits and not waiting else None,
        )

    def results(self, batch_id: int) -> Table:
        """A table of what came of each row, its header first; rows that became no invitation at the
        end, for a day. Raises BatchNotFound, NotPossibleNow."""
        if self.ledger.get(batch_id).started_at is None:
            raise NotPossibleNow(NOT_SENT)
        return self._results(batch_id)

    def _results(self, batch_id: int) -> Table:
        yield COLUMNS
        now = self.clock()
        for row in self.ledger.results(batch_id):
            yield columns_of(row, now)
        after: tuple[int, int] | None = None
        while True:
            page = self.rows(batch_id, after=after, size=500)
            for left_out in page.rows:
                yield (left_out.email, left_out.name, "Left out", left_out.reason, "", "", "")
            if page.next is None:
                return
            after = page.next

    def sweep(self) -> None:
        """Remove previews that nobody sent within a day, and rows that became no invitation."""
        self.previews.sweep(self.clock())

    def _judge(self, rows: Sequence[tuple[ListRow, Options]]) -> list[Judged]:
        return judge_list(
            rows,
            lambda addresses: self.previews.known(addresses, self.clock()),
            allow_test_domains=self.settings.is_local,
        )

    def _with_options(self, row: ListRow) -> tuple[ListRow, Options]:
        """A row with the options that it names, as far as they are right, and what is wrong with the rest
        as its problem: a mistake in one of them does not cost the others."""
        options = NO_OPTIONS
        mistakes: list[str] = []
        for word in row.roles:
            try:
                named = self.role_offers.named([word])
                options = replace(options, roles={**options.roles, **named})
            except InvalidInvitee as invalid:
                mistakes.append(str(invalid))
        try:
            options = replace(options, note=Options.parse(self.settings, note=row.note).note)
        except InvalidInvitee as invalid:
            mistakes.append(str(invalid))
        try:
            language = Options.parse(self.settings, language=row.locale).language
            options = replace(options, language=language)
        except InvalidInvitee as invalid:
            mistakes.append(str(invalid))
        return (replace(row, problem=mistakes[0]) if mistakes else row), options

    def _refuse(self, batch_id: int, sentence: str = "") -> NoReturn:
        """Say why nothing was changed. Raises BatchNotFound, NotPossibleNow."""
        batch = self.ledger.get(batch_id)
        if batch.started_at is None:
            raise NotPossibleNow(NOT_SENT)
        if batch.cancelled_at is not None:
            raise NotPossibleNow("This batch was cancelled.")
        raise NotPossibleNow(sentence)

    def _waiting(self, batch: Batch, now: datetime, *, is_moving: bool) -> str:
        if batch.paused_at:
            return "The batch is paused."
        absence = self.heartbeats.absence(now)
        if outage := self.circuit_breaker.outage():
            return f"{outage.sentence} {absence or _next_try(outage.until)}"
        if is_moving:
            return ""
        if not absence and batch.started_at and batch.started_at < now - MINUTE:
            return _why_not(self.ledger.next_try_of(batch.id, now), now)
        return absence

    def _end(self, batch_id: int, now: datetime, recent: int) -> datetime | None:
        rate = self.rate() or recent / MINUTE.total_seconds()
        if not rate:
            return None
        return now + timedelta(seconds=self.ledger.queued_until_last_of(batch_id, now) / rate)


def _why_not(next_try: datetime | None, now: datetime) -> str:
    """Why nothing has gone out for a minute, though a worker runs: `next_try` is that of the batch."""
    if next_try is None:
        return (
            "The accounts of what is left have other addresses now. Open each to decide about it."
        )
    if next_try <= now:
        return "Nothing has gone out for a minute, though a worker runs. Its log says why."
    return f"What is left could not be sent yet. {_next_try(next_try)}"


def _next_try(at: datetime) -> str:
    return f"The next try is at {at:%H:%M:%S} UTC."


def _options_of(row: BatchRow) -> Options:
    """Those that a row of a preview has."""
    return Options(note=row.note, roles=row.roles or {}, language=row.locale)
