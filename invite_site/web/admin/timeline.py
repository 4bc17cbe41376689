"""How far an invitation got, as steps in order. The words for each are in the template."""

from dataclasses import dataclass
from datetime import datetime

from ...invitations.lifecycle import EXPIRED, State
from ...invitations.sending.outcomes import UNCONFIRMED
from ...invitations.tables import Invitation

WAITING = (State.QUEUED, State.SENDING)
ENDED_EARLY = (EXPIRED, State.REVOKED, State.FAILED)


@dataclass(frozen=True, slots=True)
class Step:
    """One step: `name` is the evidence it stands for, or the status that ended the invitation.

    `mark` says where it stands: `done`, `unconfirmed` (done, but the mail server did not say so),
    `hint` (done, by the word of a browser), `skipped`, `pending`, `resending` (pending, and done before
    at `at`) or `stopped`.
    """

    name: str
    mark: str
    at: datetime | None = None

    @property
    def is_reached(self) -> bool:
        return self.mark not in ("pending", "resending")


def timeline_of(row: Invitation, now: datetime) -> list[Step]:
    """The four steps; after an early end, those that were reached and the end."""
    status = row.status(now)
    steps = [
        _handed_over(row, status),
        _result(row),
        _step("password_set", row.password_set_at),
        _step("accepted", row.accepted_at),
    ]
    if status not in ENDED_EARLY:
        return steps
    end = Step(status, "stopped", row.expires_at if status == EXPIRED else row.closed_at)
    return [*(step for step in steps if step.is_reached), end]


def _handed_over(row: Invitation, status: str) -> Step:
    if status == State.SENT and row.last_error == UNCONFIRMED:
        return Step("handed_over", "unconfirmed", row.last_sent_at)
    if status in WAITING and row.last_sent_at:
        return Step("handed_over", "resending", row.last_sent_at)
    return _step("handed_over", row.last_sent_at)


def _result(row: Invitation) -> Step:
    if row.result_seen_at:
        return Step("result_seen", "hint", row.result_seen_at)
    return Step("result_seen", "skipped" if row.password_set_at else "pending")


def _step(name: str, at: datetime | None) -> Step:
    return Step(name, "done" if at else "pending", at)
