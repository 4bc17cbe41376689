"""Forms that somebody sent after their session had ended, kept until they have signed in again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, delete
from sqlalchemy.orm import sessionmaker

from ..database.base import INSERTS
from .sessions import digest
from .tables import KeptForm as Row

LIFE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class KeptForm:
    """Where a form was sent, and what it held; `had_file` where a file came with it, which is not kept."""

    path: str
    fields: Sequence[tuple[str, str]]
    had_file: bool = False


class KeptForms:
    """One form for each browser, for a quarter of an hour. `clock` gives aware UTC.

    A browser is named by a random key in its cookie, and the person by their `sub`: who signs in
    there next may be somebody else.
    """

    def __init__(self, engine: Engine, clock: Callable[[], datetime]) -> None:
        self._begin = sessionmaker(engine).begin
        self._insert = INSERTS[engine.dialect.name](Row)
        self._clock = clock

    def keep(self, form: KeptForm, *, browser: str, owner: str) -> None:
        """Keep `form` in place of an earlier one. `owner` is what `owner_of` makes of a `sub`."""
        values = {
            "owner": owner,
            "path": form.path,
            "fields": [list(pair) for pair in form.fields],
            "had_file": form.had_file,
            "expires_at": self._clock() + LIFE,
        }
        # In one statement: a second click sends the form while the first is being kept.
        added = self._insert.values(browser_hash=digest(browser), **values)
        with self._begin() as db:
            db.execute(added.on_conflict_do_update(index_elements=[Row.browser_hash], set_=values))

    def take(self, *, browser: str, sub: str) -> KeptForm | None:
        """The form of this browser and person, once; None where there is none, or it is too old."""
        taken = (
            delete(Row)
            .where(
                Row.browser_hash == digest(browser),
                Row.owner == owner_of(sub),
                Row.expires_at > self._clock(),
            )
            .returning(Row)
        )
        with self._begin() as db:
            row = db.scalar(taken)
            if row is None:
                return None
            fields = [(name, value) for name, value in row.fields]
            return KeptForm(row.path, fields, row.had_file)

    def sweep(self) -> None:
        """Remove what is too old."""
        with self._begin() as db:
            db.execute(delete(Row).where(Row.expires_at <= self._clock()))


def owner_of(sub: str) -> str:
    """What stands for a person in the cookie and in the table."""
    return digest(sub)
