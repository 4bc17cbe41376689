"""Which invitations a list shows."""

from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Self

from sqlalchemy import ColumnElement, and_, case, cast, false, func, or_, select
from sqlalchemy.dialects.postgresql import JSONB

from ..lifecycle import EXPIRED, State
from ..tables import Invitation

ROWS = Invitation.__table__
MAY_EXPIRE = (State.QUEUED, State.SENT)
STUCK, ENDING = "stuck", "ending"
ATTENTION = (STUCK, ENDING)
STUCK_AFTER = timedelta(hours=1)  # with a password and without a sign-in
ENDS_WITHIN = timedelta(days=2)
DAY, RESOLUTION = timedelta(days=1), timedelta.resolution


@dataclass(frozen=True, slots=True)
class Life:
    """A state (empty: any) and between which moments its rows end: after the one, by the other."""

    state: str = ""
    ends_after: datetime | None = None
    ends_by: datetime | None = None

    def condition(self) -> ColumnElement[bool]:
        """Whether a row is in this state, and ends between these moments."""
        bounds = [ROWS.c.state == self.state]
        if self.ends_after:
            bounds.append(ROWS.c.expires_at > self.ends_after)
        if self.ends_by:
            bounds.append(ROWS.c.expires_at <= self.ends_by)
        return and_(*bounds)


@dataclass(frozen=True, slots=True)
class Filters:
    """What an invitation has to be to stand in a list; whatever is empty does not matter.

    `query` is looked for in address and name, `status` is one of STATUSES, `day` the UTC day on which
    it was invited, `role` an id among its roles. `attention` is STUCK (password set over an hour ago,
    and not accepted) or ENDING (queued or sent, and ends within two days).
    """

    query: str = ""
    status: str = ""
    batch_id: int | None = None
    inviter: str = ""
    day: date | None = None
    role: str = ""
    attention: str = ""

    @property
    def is_any(self) -> bool:
        """Whether every invitation fits."""
        return self == Filters()

    def as_stored(self) -> dict[str, Any]:
        """The same as JSON can hold it."""
        return asdict(self) | {"day": self.day.isoformat() if self.day else None}

    @classmethod
    def stored(cls, values: dict[str, Any]) -> Self:
        """What `as_stored` gave."""
        day = values["day"]
        return cls(**values | {"day": date.fromisoformat(day) if day else None})

    def without(self, name: str) -> Self:
        """The same, but for one of them."""
        return replace(self, **{name: getattr(Filters(), name)})

    def lives(self, now: datetime) -> list[Life]:
        """The states that fit, each with the ends that do; empty where status and attention exclude
        each other."""
        if self.attention == STUCK:
            has_password = self.status in ("", State.PASSWORD_SET)
            return [Life(State.PASSWORD_SET)] if has_password else []
        if self.attention == ENDING:
            states = [state for state in MAY_EXPIRE if self.status in ("", state)]
            return [Life(state, now, now + ENDS_WITHIN) for state in states]
        if self.status == EXPIRED:
            return [Life(state, ends_by=now) for state in MAY_EXPIRE]
        return [Life(self.status, ends_after=now if self.status in MAY_EXPIRE else None)]

    def invited_between(self) -> tuple[datetime, datetime] | None:
        """The moment before the day, and its last one."""
        if self.day is None:
            return None
        begin = datetime.combine(self.day, time(), UTC)
        return begin - RESOLUTION, begin + DAY - RESOLUTION

    def conditions(self, now: datetime, database: str) -> dict[str, ColumnElement[bool]]:
        """What each of them but the query asks of a row, by its name. `database` is the name of
        SQLAlchemy's dialect."""
        conditions: dict[str, ColumnElement[bool]] = {}
        lives = self.lives(now)
        if lives != [Life()]:
            conditions["status"] = or_(false(), *(life.condition() for life in lives))
        if self.batch_id is not None:
            conditions["batch_id"] = ROWS.c.batch_id == self.batch_id
        if self.inviter:
            conditions["inviter"] = ROWS.c.inviter == self.inviter
        if between := self.invited_between():
            conditions["day"] = and_(
                ROWS.c.created_at > between[0], ROWS.c.created_at <= between[1]
            )
        if self.role:
            conditions["role"] = _has_role(self.role, database)
        if self.attention == STUCK:
            conditions["attention"] = ROWS.c.password_set_at <= now - STUCK_AFTER
        return conditions


def _has_role(role: str, database: str) -> ColumnElement[bool]:
    """Whether it is one of the keys."""
    if database == "postgresql":
        is_key: ColumnElement[bool] = cast(ROWS.c.roles, JSONB).has_key(role)
        return is_key
    each = func.json_each(ROWS.c.roles).table_valued("key")
    return select(each.c.key).where(each.c.key == role).correlate(ROWS).exists()


def unindexed(conditions: list[ColumnElement[bool]]) -> list[ColumnElement[bool]]:
    """The conditions as one that no index is asked for: the databases would begin with that index, and
    sort what they find there."""
    return [case((and_(*conditions), 1), else_=0) == 1] if conditions else []
