"""What admins do with many invitations at once."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ...errors import AlreadyInvited, InvitationError, NotPossibleNow
from ..listing import Count, Filters, Listing
from ..resending import Resending
from ..service import Invitations
from ..tables import Job
from .kinds import JobKind
from .ledger import JobLedger

MOST_NUMBERS = 1_000
OTHER_IS_OPEN = "Another invitation to the same address is open."


@dataclass(frozen=True, slots=True)
class Jobs:
    """Begins jobs and works on them. `clock` gives aware UTC."""

    ledger: JobLedger
    listing: Listing
    invitations: Invitations
    resending: Resending
    clock: Callable[[], datetime]

    def count(self, filters: Filters | None, numbers: Sequence[int]) -> Count:
        """How many invitations a job would look at: those that fit, or those of these numbers."""
        if filters is None:
            return Count(min(len(set(numbers)), MOST_NUMBERS), True)
        return self.listing.count(filters, now=self.clock())

    def begin(
        self,
        kind: JobKind,
        *,
        filters: Filters | None = None,
        numbers: Sequence[int] = (),
        actor: str,
        reason: str = "",
        days: int | None = None,
        form_key: str | None = None,
    ) -> Job:
        """A job for all invitations that fit, or for those of these numbers. A worker does it.

        The same `form_key` twice gives the first job again. Raises NotPossibleNow.
        """
        if filters is None and not numbers:
            raise NotPossibleNow("Choose at least one invitation.")
        if kind == JobKind.EXTEND:
            self.resending.require_extension(days)
        count = self.count(filters, numbers)
        return self.ledger.open(
            Job(
                kind=kind,
                filters=filters.as_stored() if filters is not None else None,
                numbers=sorted(set(numbers))[:MOST_NUMBERS] if filters is None else None,
                actor=actor,
                reason=reason,
                days=days if kind == JobKind.EXTEND else None,
                form_key=form_key,
                total=count.number,
                is_exact=count.is_exact,
                created_at=self.clock(),
            )
        )

    def get(self, job_id: int) -> Job:
        """Raises JobNotFound."""
        return self.ledger.get(job_id)

    def unfinished(self) -> Sequence[Job]:
        """Those that are not over, oldest first; at most ten."""
        return self.ledger.unfinished()

    def stop(self, job_id: int) -> None:
        """Do no more of it. Raises JobNotFound, NotPossibleNow."""
        if not self.ledger.stop(job_id, self.clock()):
            self.ledger.get(job_id)
            raise NotPossibleNow("This job is over already.")

    def work(self, worker: str) -> bool:
        """Do a few invitations of the oldest job that no other worker has; whether there was one.

        A worker that dies leaves the job to the next one after a minute, and to itself at once; what it
        had changed is known by the events, and is not changed twice.
        """
        job = self.ledger.take(worker, self.clock())
        if job is None:
            return False
        chunk = self.ledger.chunk(job)
        changed, below = len(chunk.changed_before), chunk.below
        refusals: Counter[str] = Counter()
        for number in chunk.ids:
            if number in chunk.changed_before:
                continue
            if not self.ledger.goes_on(job, worker, self.clock()):
                below = number + 1
                break
            try:
                self._act(job, number)
                changed += 1
            except AlreadyInvited:  # its own sentence is another one for each
                refusals[OTHER_IS_OPEN] += 1
            except InvitationError as refused:
                refusals[str(refused)] += 1
        self.ledger.note(
            job, worker, below=below, changed=changed, refusals=refusals, now=self.clock()
        )
        return True

    def _act(self, job: Job, number: int) -> None:
        """Raises InvitationError."""
        actor = job.actor
        match JobKind(job.kind):
            case JobKind.RESEND:
                self.resending.resend(number, actor=actor, job_id=job.id)
            case JobKind.EXTEND:
                self.resending.extend(number, job.days or 0, actor=actor, job_id=job.id)
            case JobKind.REVOKE:
                self.invitations.revoke(number, actor=actor, reason=job.reason, job_id=job.id)
