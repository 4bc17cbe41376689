"""The part of Auth0's query language that clients of this tenant use, and sorting.

`field:value` and `field:"phrase"`, joined by AND.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

# More are no question of a client (ours).
_MOST_CLAUSES = 20

Document = Mapping[str, Any]
Matcher = Callable[[Document], bool]

_CLAUSE = re.compile(r'\s*([\w.]+):(?:"((?:[^"\\]|\\.)*)"|([^\s()":\[\]{}*?\\]+))\s*')


class BadQuery(ValueError):
    """A query that this tenant cannot read; the message says where."""


def matcher(query: str) -> Matcher:
    """A test whether a document matches; raises `BadQuery`."""
    if not query.strip():
        return lambda document: True
    clauses = re.split(r"(?<=\s)AND(?=\s)", query, maxsplit=_MOST_CLAUSES)
    tests = [_clause(each) for each in clauses]
    return lambda document: all(test(document) for test in tests)


def sorter(sort: str) -> Callable[[list[Document]], list[Document]]:
    """A function that sorts documents by `field:1` or `field:-1`; raises `BadQuery`."""
    if not sort:
        return lambda documents: documents
    match = re.fullmatch(r"([\w.]+):(-?1)", sort)
    if match is None:
        raise BadQuery(f"sort is field:1 or field:-1, not {sort}")
    name, descending = match[1], match[2] == "-1"

    def key(document: Document) -> str:
        value = min(_values(document, name), default="")
        return value.rjust(20) if value.isdecimal() else value

    return lambda documents: sorted(documents, key=key, reverse=descending)


def _clause(text: str) -> Matcher:
    match = _CLAUSE.fullmatch(text)
    if match is None:
        raise BadQuery(f"the local tenant reads field:value, joined by AND, not {text.strip()}")
    name, phrase, word = match.groups()
    wanted = word if phrase is None else re.sub(r"\\(.)", r"\1", phrase)
    return lambda document: wanted.lower() in (each.lower() for each in _values(document, name))


def _values(document: Any, path: str) -> list[str]:
    """The values of a dotted path, as texts; a list stands for each of its items."""
    if isinstance(document, Sequence) and not isinstance(document, str):
        return [found for each in document for found in _values(each, path)]
    if not path:
        return [] if document is None else [_text(document)]
    if not isinstance(document, Mapping):
        return []
    name, _, rest = path.partition(".")
    return _values(document[name], rest) if name in document else []


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
