"""Searches in addresses and names: what the index of each database finds, and how it is asked.

SQLite finds any part of three letters and more, and one or two letters where a word begins.
PostgreSQL finds beginnings: of words, of addresses, of what stands behind an @. Each word of a
search has to be found, in any order.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
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
from .order import ROWS

TRIGRAM = 3  # letters

_index = table("invitation_search", column("invitation_search"), column("rowid"))
_search_text: ColumnElement[str] = literal_column("search_text")


@dataclass(frozen=True, slots=True)
class Search(ABC):
    """The words that somebody looks for, folded; at least one."""

    words: tuple[str, ...]

    @abstractmethod
    def hits(self) -> Select[int]:
        """The ids that the index has for it: of the rows that it finds, and of few others."""

    @abstractmethod
    def finds(self) -> ColumnElement[bool]:
        """Whether it finds a row, by the column `search_text`."""


def search_for(query: str, database: str) -> Search | None:
    """The search for this query; None where it holds nothing to look for. `database` is the name
    of SQLAlchemy's dialect."""
    words = tuple(fold(query).split())
    if database == "postgresql":
        # With an @ at its end it is the whole of what stands before that.
        bare = (word.lstrip(punctuation).rstrip(punctuation.replace("@", "")) for word in words)
        words = tuple(filter(None, bare))
        return Beginnings(words) if words else None
    return Trigrams(tuple(word.rjust(TRIGRAM) for word in words)) if words else None


class Trigrams(Search):
    """SQLite's FTS5. A word of less than three letters has the spaces before it instead."""

    def hits(self) -> Select[int]:
        phrases = ('"' + _rare_part(word).replace('"', '""') + '"' for word in self.words)
        return select(_index.c.rowid.label("id")).where(
            _index.c.invitation_search.op("MATCH")(" ".join(phrases))
        )

    def newest(self) -> Select[int]:
        """The hits in an order that the index has."""
        return self.hits().order_by(_index.c.rowid.desc())

    def oldest(self) -> Select[int]:
        """The hits in the other one."""
        return self.hits().order_by(_index.c.rowid)

    def found_before(self, before: int) -> Select[int]:
        """What it finds among the ids below `before`, newest first."""
        is_found = exists().where(ROWS.c.id == _index.c.rowid, self.finds())
        return self.newest().where(_index.c.rowid < before, is_found)

    def finds(self) -> ColumnElement[bool]:
        return and_(*(func.instr(_search_text, word) > 0 for word in self.words))


def _rare_part(word: str) -> str:
    """Of an address what stands before its domain: half of all addresses may have that one, and the
    index would compare them all."""
    end = word.find("@", TRIGRAM - 1) + 1
    return word[:end] or word


class Beginnings(Search):
    """PostgreSQL's GIN index over the words of `search_text`."""

    def hits(self) -> Select[int]:
        return select(ROWS.c.id).where(self._are_there())

    def finds(self) -> ColumnElement[bool]:
        # To look for a part of the text is cheaper than to take it apart, so that comes first.
        has_parts = (func.strpos(_search_text, word) > 0 for word in self.words)
        return and_(*has_parts, self._are_there())

    def _are_there(self) -> ColumnElement[bool]:
        # As literals: to_tsquery would fold and split the words by rules of its own.
        quoted = (word.replace("\\", "\\\\").replace("'", "''") for word in self.words)
        wanted = " & ".join(f"'{word}':*" for word in quoted)
        return literal_column(SEARCH_WORDS).op("@@")(cast(wanted, TSQUERY))
