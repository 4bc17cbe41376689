"""How far an invitation got, as steps in order. The words for each are in the template."""

from dataclasses import dataclass
from datetime import datetime

from ...invitations.lifecycle import EXPIRED, State
from ...invitations.tables import Invitation

WAITING = (State.QUEUED, State.SENDING)
ENDED_EARLY = (EXPIRED, State.REVOKED, State.FAILED)


@dataclass(frozen=True, slots=True)
class Step:
    """One step: `name` is the evidence it stands for, or the status that ended the invitation.

    `mark` says where it stands: `done`, `unconfirmed` (done, but the mail server did not say so),
    `hint` (done, by the word of a browser), `skipped`, `pending`, `resending` (pending, and done before at `at`), `stopped` or `unreached`.
    """

    name: str
    mark: str
    at: datetime | None = None

    @property
    def is_reached(self) -> bool:
        return self.mark not in ("pending", "resending", "unreached")


def timeline_of(row: Invitation, now: datetime) -> list[Step]:
    """The four steps, with the early end between those that were reached and those that were not."""
    status = row.status(now)
    is_over = status in ENDED_EARLY
    later = "unreached" if is_over else "pending"
    steps = [
        _handed_over(row, status, later),
        _result(row, later),
        _step("password_set", row.password_set_at, later),
        _step("accepted", row.accepted_at, later),
    ]
    if not is_over:
        return steps
    end = Step(status, "stopped", row.expires_at if status == EXPIRED else row.closed_at)
    reached = [step for step in steps if step.is_reached]
    return [*reached, end, *(step for step in steps if not step.is_reached)]


def _handed_over(row: Invitation, status: str, later: str) -> Step:
    if status == State.SENT and row.last_error:
        return Step("handed_over", "unconfirmed", row.last_sent_at)
    if status in WAITING and row.last_sent_at:
        return Step("handed_over", "resending", row.last_sent_at)
    return _step("handed_over", row.last_sent_at, later)


def _result(row: Invitation, later: str) -> Step:
    if row.result_seen_at:
        return Step("result_seen", "hint", row.result_seen_at)
    return Step("result_seen", "skipped" if row.password_set_at else later)


def _step(name: str, at: datetime | None, later: str) -> Step:
    return Step(name, "done" if at else later, at)
