"""Searches in addresses and names: what the index of each database finds, and how it is asked.

SQLite finds any part of three letters and more, and one or two letters where a word begins.
PostgreSQL finds beginnings: of words, of addresses, of what stands behind an @. Each word of a
search has to be found, in any order.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from string import punctuation

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    cast,
    column,
    exists,
    func,
    literal_column,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import TSQUERY

from ..people import fold
from ..tables import SEARCH_WORDS
from .filters import ROWS

TRIGRAM = 3  # letters
AROUND = "<>()\"'“”„,;"  # stand around names and addresses that are copied out of a mail

_index = table("invitation_search", column("invitation_search"), column("rowid"))
TEXT = "search_text"
Hits = Select[int, int | None, str, datetime, datetime]
_HITS = select(ROWS.c.id, ROWS.c.batch_id, ROWS.c.state, ROWS.c.expires_at, ROWS.c.changed_at)


@dataclass(frozen=True, slots=True)
class Search(ABC):
    """The words that somebody looks for, folded; at least one."""

    words: tuple[str, ...]

    @abstractmethod
    def hits(self) -> Hits:
        """The rows that it finds, by the index: id, batch, state, end of life and last change."""

    @abstractmethod
    def finds(self) -> ColumnElement[bool]:
        """Whether it finds a row, by the column `search_text`."""


def search_for(query: str, database: str) -> Search | None:
    """The search for this query; None where it holds nothing to look for. `database` is the name
    of SQLAlchemy's dialect."""
    words = tuple(filter(None, (word.strip(AROUND) for word in fold(query).split())))
    if database == "postgresql":
        # With an @ at its end it is the whole of what stands before that.
        bare = (word.lstrip(punctuation).rstrip(punctuation.replace("@", "")) for word in words)
        words = tuple(filter(None, bare))
        return Beginnings(words) if words else None
    return Trigrams(tuple(word.rjust(TRIGRAM) for word in words)) if words else None


def finds_nothing(query: str, search: Search | None) -> bool:
    """Whether something was typed and none of it can be looked for, such as mere signs."""
    return search is None and bool(query.strip())


class Trigrams(Search):
    """SQLite's FTS5. A word of less than three letters has the spaces before it instead."""

    def hits(self) -> Hits:
        return _HITS.where(ROWS.c.id.in_(self._candidates()), self.finds())

    def more_than(self, number: int) -> Select[int]:
        """A row where it has so many hits."""
        return self._candidates().offset(number).limit(1)

    def _candidates(self) -> Select[int]:
        """The ids that the index has for it: of the rows that it finds, and of few others."""
        phrases = ('"' + _rare_part(word).replace('"', '""') + '"' for word in self.words)
        return select(_index.c.rowid.label("id")).where(
            _index.c.invitation_search.op("MATCH")(" ".join(phrases))
        )

    def newest(self) -> Select[int]:
        """The hits in an order that the index has."""
        return self._candidates().order_by(_index.c.rowid.desc())

    def oldest(self) -> Select[int]:
        """The hits in the other one."""
        return self._candidates().order_by(_index.c.rowid)

    def found_before(self, before: int) -> Select[int]:
        """What it finds among the ids below `before`, newest first."""
        is_found = exists().where(ROWS.c.id == _index.c.rowid, self.finds())
        return self.newest().where(_index.c.rowid < before, is_found)

    def finds(self) -> ColumnElement[bool]:
        return and_(*(func.instr(ROWS.c.search_text, word) > 0 for word in self.words))


def _rare_part(word: str) -> str:
    """Of an address what stands before its domain: half of all addresses may have that one, and the
    index would compare them all."""
    end = word.find("@", TRIGRAM - 1) + 1
    return word[:end] or word


class Beginnings(Search):
    """PostgreSQL's GIN index over the words of `search_text`."""

    def hits(self) -> Hits:
        return _HITS.where(self._are_in(SEARCH_WORDS))

    def finds(self) -> ColumnElement[bool]:
        # To look for a part of the text is cheaper than to take it apart, so that comes first.
        has_parts = (func.strpos(ROWS.c.search_text, word) > 0 for word in self.words)
        # Another expression than the index has, since the database would ask the index for all hits
        # where a list is to be read in its order.
        return and_(*has_parts, self._are_in(SEARCH_WORDS.replace(TEXT, f"({TEXT} || '')")))

    def _are_in(self, words: str) -> ColumnElement[bool]:
        # As literals: to_tsquery would fold and split the words by rules of its own.
        quoted = (word.replace("\\", "\\\\").replace("'", "''") for word in self.words)
        wanted = " & ".join(f"'{word}':*" for word in quoted)
        return literal_column(words).op("@@")(cast(wanted, TSQUERY))
