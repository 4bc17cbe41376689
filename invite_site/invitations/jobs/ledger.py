"""The jobs in the database: who works on one, and how far it is."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Engine,
    Select,
    and_,
    bindparam,
    case,
    false,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import sessionmaker

from ...database.base import literal_moment
from ...errors import JobNotFound
from ..ledger.moves import was_caused_by
from ..listing.filters import ROWS, Filters, unindexed
from ..listing.search import finds_nothing, search_for
from ..tables import Invitation, InvitationEvent, Job
from .kinds import EVENTS, JobKind

LEASE = timedelta(minutes=1)
COUNTED_FOR = timedelta(days=1)  # after a stop
_NEWEST = select(func.max(Invitation.id))
# Built once: a worker asks a few times a second.
_is_under_way = and_(
    Job.ended_at.is_(None),
    or_(
        Job.lease_until.is_(None),
        Job.lease_until <= bindparam("now"),
        Job.lease_by == bindparam("worker"),
    ),
)
# Whoever worked on it when it was stopped has not said what they had changed, and is dead by now.
_is_uncounted = and_(
    Job.ended_at > bindparam("recently"),
    Job.is_stopped.is_(True),
    Job.lease_until <= bindparam("now"),
)
_is_free = or_(_is_under_way, _is_uncounted)
_OLDEST = select(Job.id).where(_is_free).order_by(Job.id).limit(1)
_TAKE = (
    update(Job)
    .where(Job.id.in_(_OLDEST.scalar_subquery()), _is_free)
    .values(lease_by=bindparam("worker"), lease_until=bindparam("until"))
    .returning(Job)
    .execution_options(populate_existing=True)
)
CHOICES = ("kind", "filters", "numbers", "days", "reason")  # what somebody chose in the form


@dataclass(frozen=True, slots=True)
class Chunk:
    """The next invitations of a job: those that fit, and those that it has changed before it was
    interrupted. After them only ids smaller than `below` are left; zero: none."""

    ids: Sequence[int]
    changed_before: frozenset[int]
    below: int


class JobLedger:
    """Jobs in a database. Moments are aware UTC and come from the caller. `looks` is how many
    invitations are looked at for one chunk, `size` how many of them are in it."""

    def __init__(self, engine: Engine, *, looks: int = 5_000, size: int = 25) -> None:
        self._engine = engine
        self._begin = sessionmaker(engine, expire_on_commit=False).begin
        self._database = engine.dialect.name
        self._looks = looks
        self._size = size

    def get(self, job_id: int) -> Job:
        """Raises JobNotFound."""
        with self._begin() as db:
            job = db.get(Job, job_id)
        if job is None:
            raise JobNotFound("There is no such job.")
        return job

    def unfinished(self) -> Sequence[Job]:
        """Those that are not over, oldest first; at most ten."""
        with self._begin() as db:
            found = select(Job).where(Job.ended_at.is_(None)).order_by(Job.id).limit(10)
            return db.scalars(found).all()

    def open(self, job: Job) -> Job:
        """Keep a new job; that of the same `form_key` where a form is sent twice. After Back it may
        come with another choice, which is another job."""
        try:
            return self._add(job)
        except IntegrityError:
            with self._begin() as db:
                found = db.scalars(select(Job).where(Job.form_key == job.form_key)).one_or_none()
            if found is None:
                raise
        if all(getattr(found, each) == getattr(job, each) for each in CHOICES):
            return found
        job.form_key = None
        return self._add(job)

    def _add(self, job: Job) -> Job:
        with self._begin() as db:
            newest = max(job.numbers) if job.numbers else db.scalar(_NEWEST)
            job.below = job.highest = (newest or 0) + 1
            db.add(job)
        return job

    def stop(self, job_id: int, now: datetime) -> bool:
        """Do no more of it; False where it is over already. What is being done is finished."""
        going_on = update(Job).where(Job.id == job_id, Job.ended_at.is_(None))
        stopped = going_on.values(ended_at=now, is_stopped=True).returning(Job.id)
        with self._begin() as db:
            return bool(db.scalars(stopped).all())

    def take(self, worker: str, now: datetime) -> Job | None:
        """The oldest job that nobody else works on, for a minute; also one that was stopped, where what
        was changed last is not counted yet."""
        values = {"now": now, "worker": worker, "recently": now - COUNTED_FOR}
        with self._engine.connect() as looking:  # most looks find nothing
            if looking.scalar(_OLDEST, values) is None:
                return None
        with self._begin() as db:
            return db.scalars(_TAKE, values | {"until": now + LEASE}).one_or_none()

    def goes_on(self, job: Job, worker: str, now: datetime) -> bool:
        """Whether this worker still has the job, and nobody has stopped it."""
        held = select(Job.id).where(
            Job.id == job.id, Job.lease_by == worker, Job.lease_until > now, Job.ended_at.is_(None)
        )
        with self._begin() as db:
            return db.scalar(held) is not None

    def chunk(self, job: Job) -> Chunk:
        """The next invitations of this job, newest first.

        They are found by their ids, and not in the order of the list: what the job does to them would
        give them another place there, where they could be met again.
        """
        with self._begin() as db:
            lowest = min(job.numbers) if job.numbers else db.scalar(self._lowest(job))
            if lowest is None or lowest >= job.below:
                return Chunk([], frozenset(), 0)
            ids = db.scalars(
                select(ROWS.c.id)
                .where(ROWS.c.id < job.below, ROWS.c.id >= lowest, *self._conditions(job))
                .order_by(ROWS.c.id.desc())
                .limit(self._size)
            ).all()
            below = ids[-1] if len(ids) == self._size else lowest
            done = db.scalars(
                select(InvitationEvent.invitation_id).where(
                    self._are_of_chunk(job, ids, below),
                    InvitationEvent.event.in_(EVENTS[JobKind(job.kind)]),
                    was_caused_by(job.id),
                )
            )
            return Chunk(ids, frozenset(done), below)

    def _are_of_chunk(self, job: Job, ids: Sequence[int], below: int) -> ColumnElement[bool]:
        """Which events can be of the chunk down to `below`: what the job has changed may not fit its
        filters any more, as a sent invitation that it has revoked."""
        number = InvitationEvent.invitation_id
        if job.filters is None:  # those between its numbers are not its own, and may be many
            return number.in_(ids)
        return and_(number >= below, number < job.below)

    def _lowest(self, job: Job) -> Select[int]:
        """The last of the ids that are looked at for the next chunk."""
        looked_at = (
            select(ROWS.c.id)
            .where(ROWS.c.id < job.below)
            .order_by(ROWS.c.id.desc())
            .limit(self._looks)
            .subquery()
        )
        return select(func.min(looked_at.c.id))

    def _conditions(self, job: Job) -> list[ColumnElement[bool]]:
        if job.filters is None:
            return [ROWS.c.id.in_(job.numbers or ())]
        filters = Filters.stored(job.filters)
        # An end that comes while the job is under way does not change what was chosen.
        conditions = [*filters.conditions(job.created_at, self._database).values()]
        search = search_for(filters.query, self._database)
        if finds_nothing(filters.query, search):  # as the list
            return [false()]
        return unindexed([*conditions, *([search.finds()] if search else [])])

    def note(
        self,
        job: Job,
        worker: str,
        *,
        below: int,
        changed: int,
        refusals: Mapping[str, int],
        now: datetime,
    ) -> None:
        """Write how far the job is, if this worker still has it. It is over where nothing is left below."""
        values: dict[str, Any] = {
            "below": below,
            "changed": job.changed + changed,
            "refused": job.refused + sum(refusals.values()),
            "refusals": dict(Counter(job.refusals) + Counter(refusals)),
            "lease_until": case((Job.ended_at.is_(None), literal_moment(now + LEASE))),
        }
        is_held = (Job.id == job.id, Job.lease_by == worker)
        with self._begin() as db:
            # Also of one that was stopped meanwhile: what was done is told.
            db.execute(update(Job).where(*is_held).values(**values))
            if below <= 0:
                db.execute(update(Job).where(*is_held, Job.ended_at.is_(None)).values(ended_at=now))
