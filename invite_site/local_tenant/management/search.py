"""The part of Lucene's query language that Auth0's searches are written in, and their sorting.

`field:value`, `field:"phrase"`, `field:pre*`, ranges `[a TO b]` and `{a TO b}`,
`_exists_:field`, AND, OR, NOT and parentheses; two clauses side by side mean OR.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from fnmatch import translate
from typing import Any

# More could be nested deeper than Python's stack (ours).
_MOST_TOKENS = 100

Document = Mapping[str, Any]
Matcher = Callable[[Document], bool]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<open>\() | (?P<close>\)) | (?P<and>AND\b|&&) | (?P<or>OR\b|\|\|)
        | (?P<not>NOT\b|!|-(?=\S))
        | (?:(?P<field>[\w.@-]+):)?
          (?: "(?P<phrase>(?:[^"\\]|\\.)*)"
            | (?P<from>[\[{])\s*(?P<low>"[^"]*"|[^\s\]}]+)\s+TO\s+(?P<high>"[^"]*"|[^\s\]}]+?)\s*(?P<to>[\]}])
            | (?P<word>(?:[^\s()":\[\]{}\\]|\\.|(?<=\d):(?=\d))+) )
    )""",
    re.VERBOSE,
)


class BadQuery(ValueError):
    """An ill-formed query; the message says where."""


def matcher(query: str, default_fields: Sequence[str]) -> Matcher:
    """A test whether a document matches; raises `BadQuery`.

    A value without a field is searched in the default fields.
    """
    if not query.strip():
        return lambda document: True
    return _Parser(query, default_fields).parse()


def sorter(sort: str) -> Callable[[list[Document]], list[Document]]:
    """A function that sorts documents by `field:1` or `field:-1`; raises `BadQuery`."""
    if not sort:
        return lambda documents: documents
    match = re.fullmatch(r"([\w.]+):(-?1)", sort)
    if match is None:
        raise BadQuery(f"sort is field:1 or field:-1, not {sort}")
    name, descending = match[1], match[2] == "-1"

    def key(document: Document) -> tuple[bool, float, str]:
        value: Any = next(iter(_values(document, name)), None)
        return (value is not None, _amount(value) or 0.0, _text(value))

    return lambda documents: sorted(documents, key=key, reverse=descending)


class _Parser:
    """A recursive descent parser."""

    def __init__(self, query: str, default_fields: Sequence[str]) -> None:
        self._default_fields = default_fields
        self._tokens: list[re.Match[str]] = []
        end = 0
        while query[end:].strip():
            match = _TOKEN.match(query, end)
            if match is None:
                raise BadQuery(f"cannot be read from here on: {query[end:]}")
            self._tokens.append(match)
            end = match.end()
            if len(self._tokens) > _MOST_TOKENS:
                raise BadQuery("it is too long")

    def parse(self) -> Matcher:
        found = self._disjunction()
        if self._tokens:
            raise BadQuery(f"unexpected: {self._tokens[0][0].strip()}")
        return found

    def _next_is(self, *kinds: str) -> bool:
        return bool(self._tokens) and any(self._tokens[0][kind] for kind in kinds)

    def _disjunction(self) -> Matcher:
        parts = [self._conjunction()]
        while self._tokens and not self._next_is("close"):
            if self._next_is("or"):
                self._tokens.pop(0)
            parts.append(self._conjunction())
        return lambda document: any(part(document) for part in parts)

    def _conjunction(self) -> Matcher:
        parts = [self._term()]
        while self._next_is("and"):
            self._tokens.pop(0)
            parts.append(self._term())
        return lambda document: all(part(document) for part in parts)

    def _term(self) -> Matcher:
        if not self._tokens:
            raise BadQuery("it ends too early")
        token = self._tokens.pop(0)
        if token["not"]:
            denied = self._term()
            return lambda document: not denied(document)
        if token["open"]:
            inner = self._disjunction()
            if not self._next_is("close"):
                raise BadQuery("a parenthesis is not closed")
            self._tokens.pop(0)
            return inner
        if token["phrase"] is None and not token["word"] and not token["from"]:
            raise BadQuery(f"unexpected: {token[0].strip()}")
        return _clause(token, self._default_fields)


def _clause(token: re.Match[str], default_fields: Sequence[str]) -> Matcher:
    field = token["field"]
    if field == "_exists_":
        name = token["word"] or token["phrase"] or ""
        return lambda document: bool(_values(document, name))
    fields = [field] if field else default_fields
    if token["from"]:
        test = _range(token)
    elif token["phrase"] is not None:
        test = _equal(_unescaped(token["phrase"]))
    else:
        test = _wildcard(token["word"])
    return lambda document: any(test(value) for name in fields for value in _values(document, name))


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _equal(wanted: str) -> Callable[[Any], bool]:
    return lambda value: _text(value).lower() == wanted.lower()


def _wildcard(word: str) -> Callable[[Any], bool]:
    if "*" not in word and "?" not in word:
        return _equal(_unescaped(word))
    pattern = re.compile(translate(_unescaped(word).replace("[", "[[]")), re.IGNORECASE)
    return lambda value: pattern.match(_text(value)) is not None


def _range(token: re.Match[str]) -> Callable[[Any], bool]:
    low, high = token["low"].strip('"'), token["high"].strip('"')
    with_low, with_high = token["from"] == "[", token["to"] == "]"

    def test(value: Any) -> bool:
        below = -1 if low == "*" else _compared(low, value)
        above = -1 if high == "*" else _compared(value, high)
        # A day as upper bound includes all its moments, which start with it.
        if with_high and _text(value).startswith(high):
            above = 0
        return below < with_low and above < with_high

    return test


def _compared(one: Any, other: Any) -> int:
    """Below 0, 0 or above 0; as numbers where both are some, else as texts, times among them."""
    first, second = _amount(one), _amount(other)
    if first is None or second is None:
        text, another = _text(one), _text(other)
        return (text > another) - (text < another)
    return (first > second) - (first < second)


def _amount(value: Any) -> float | None:
    try:
        return None if value is None else float(value)
    except (OverflowError, TypeError, ValueError):
        return None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _values(document: Any, path: str) -> list[Any]:
    """The values of a dotted path; a list stands for each of its items."""
    if isinstance(document, list):
        return [found for each in document for found in _values(each, path)]
    if not path:
        return [] if document is None else [document]
    if not isinstance(document, Mapping):
        return []
    if path in document:
        return _values(document[path], "")
    name, _, rest = path.partition(".")
    return _values(document[name], rest) if rest and name in document else []
