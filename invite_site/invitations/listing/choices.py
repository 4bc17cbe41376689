"""What there is to choose from in the filters of the list."""

from collections.abc import Sequence

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import sessionmaker

from .filters import ROWS

INVITERS = 200
NEWEST = 500  # invitations with roles that are asked for theirs


class Choices:
    """Reads and changes nothing."""

    def __init__(self, engine: Engine) -> None:
        self._begin = sessionmaker(engine).begin

    def inviters(self) -> Sequence[str]:
        """Who has invited, in the order of the alphabet; at most INVITERS of them."""
        # From each to the next in the index: to read all rows for them takes longer with each row.
        found = select(func.min(ROWS.c.inviter).label("name")).cte("inviters", recursive=True)
        following = select(func.min(ROWS.c.inviter)).where(ROWS.c.inviter > found.c.name)
        found = found.union_all(
            select(following.scalar_subquery()).where(found.c.name.is_not(None))
        )
        names = select(found.c.name).where(found.c.name.is_not(None)).limit(INVITERS)
        with self._begin() as db:
            return sorted(db.scalars(names), key=str.casefold)

    def roles(self) -> dict[str, str]:
        """The roles that the newest invitations with roles give: names by id."""
        newest = (
            select(ROWS.c.roles)
            .where(ROWS.c.roles.is_not(None))
            .order_by(ROWS.c.id.desc())
            .limit(NEWEST)
        )
        with self._begin() as db:
            found = {
                key: name for roles in db.scalars(newest) for key, name in (roles or {}).items()
            }
        return dict(sorted(found.items(), key=lambda role: role[1].casefold()))
