"""Reads a list of people out of a CSV file or a pasted text. What comes of each row is in `judging`."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

from ...errors import UnreadableList
from ...languages import LANGUAGES, language_of
from .columns import Columns, columns_named

MAX_BYTES = 2_000_000
EMAIL_KEPT = 320  # of what stands in the place of an address; more is no address
NAME_KEPT = 160
BEGINNING = 10_000  # characters in which the separator is looked for
LOOKED_AT = 20  # rows in which the header, or the column of the addresses, is looked for

_NO_TEXT = {
    b"PK\x03\x04": "This is an Excel or a ZIP file. Save the table as CSV (UTF-8), then choose that.",
    b"\xd0\xcf\x11\xe0": "This is an Excel file. Save the table as CSV (UTF-8), then choose that.",
    b"\x1f\x8b": "This file is compressed. Unpack it, then choose what was in it.",
    b"%PDF": "This is a PDF file. Save the list as CSV (UTF-8), then choose that.",
}
_DELIMITERS = ",;\t"
_NAME_AND_ADDRESS = re.compile(r"(?P<name>[^<>]*)<(?P<email>[^<>]*)>")
_QUOTES = {'"': '"', "'": "'", "“": "”", "„": "“"}
# Our own files have it there, so that a spreadsheet program runs no formula.
_OUR_APOSTROPHE = re.compile(r"(?:^|(?<=[;\"]))'(?=[=+\-@])")
_ADDRESS = re.compile(r"([^<>]*<)?[^<>@,;\s]+@[^<>@,;\s]+>?")


@dataclass(frozen=True, slots=True)
class ListRow:
    """A row as it stands in the list. `problem` says why it cannot be read, or is empty; `locale` is its
    language, where it names one, `roles` are names or ids of roles."""

    line: int
    email: str
    name: str
    problem: str = ""
    locale: str | None = None
    note: str = ""
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PeopleList:
    """The rows of a list, and the names of columns that nothing is done with."""

    rows: Sequence[ListRow]
    ignored: Sequence[str] = ()


def read_list(content: bytes | str, *, max_rows: int) -> PeopleList:
    """The people of an uploaded file (bytes) or a pasted text.

    A file is CSV in UTF-8 or, with a byte order mark, UTF-16; with comma, semicolon or tab, and with
    or without a header. In a text each line is a person or several, as `ada@example.com` or
    `Ada <ada@example.com>`. Raises UnreadableList with a sentence.
    """
    text = content if isinstance(content, str) else _decoded(content)
    if len(text) > MAX_BYTES:
        raise _too_large()
    if "\0" in text:
        raise UnreadableList("This is no text. Save the list as CSV (UTF-8), then choose that.")
    first = next((line for line in text.splitlines() if line.strip()), "")
    is_table = (
        isinstance(content, bytes) or "\t" in first or columns_named(_split(first)) is not None
    )
    ignored: tuple[str, ...] = ()
    if is_table:
        records = _records(text, _delimiter_of(text[:BEGINNING]))
        columns, records = _columns(records)
        ignored = columns.ignored
        found: Iterator[ListRow] = (_row_of(line, cells, columns) for line, cells in records)
    else:
        found = _people_in(text)
    rows: list[ListRow] = []
    for row in found:
        if len(rows) >= max_rows:
            raise UnreadableList(
                f"This list has more than {max_rows:,} rows. Split it, and send one part after the "
                "other."
            )
        rows.append(row)
    if not rows:
        raise UnreadableList("This list is empty. Put one address on each line.")
    return PeopleList(rows, ignored)


def _decoded(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise _too_large()
    for beginning, sentence in _NO_TEXT.items():
        if content.startswith(beginning):
            raise UnreadableList(sentence)
    is_utf_16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        return content.decode("utf-16" if is_utf_16 else "utf-8-sig")
    except UnicodeDecodeError as failed:
        line = content[: failed.start].count(b"\n") + 1
        raise UnreadableList(
            f"Line {line} holds characters that are not UTF-8. Save the list as CSV (UTF-8), then "
            "choose that."
        ) from failed


def _too_large() -> UnreadableList:
    return UnreadableList(
        "This list is larger than 2 MB. Split it, and send one part after the other."
    )


# Tables -------------------------------------------------------------------------------------------


def _delimiter_of(beginning: str) -> str:
    """The sign by which the earliest row falls into the names of columns, or cells of which one is an
    address; of several the most frequent. Names such as "Byron, Ada" have commas of their own."""

    def first_that_tells(delimiter: str) -> int:
        rows = csv.reader(io.StringIO(beginning, newline=""), delimiter=delimiter)
        for number, cells in enumerate(islice(rows, LOOKED_AT)):
            if columns_named(cells) or any(_ADDRESS.fullmatch(cell.strip()) for cell in cells):
                return number
        return LOOKED_AT

    return min(sorted(_DELIMITERS, key=beginning.count, reverse=True), key=first_that_tells)


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, each with the number of the line on which it begins."""
    # Strict: else a quote that is not closed swallows all that follows, and nobody hears of it.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as failed:
            raise UnreadableList(_what_is_wrong(str(failed), line)) from failed
        if any(map(str.strip, cells)):
            yield line, cells


def _what_is_wrong(error: str, line: int) -> str:
    if "unexpected end" in error:
        return f"Line {line} opens a quotation mark that is never closed. Close it, or take it out."
    if "field larger" in error:
        return f"Line {line} holds a cell that is far too long. Look for a missing quotation mark."
    return (
        f"Line {line} holds a quotation mark inside a cell. Write it twice, or take both marks out."
    )


def _columns(
    records: Iterator[tuple[int, list[str]]],
) -> tuple[Columns, Iterator[tuple[int, list[str]]]]:
    """Where the columns are, and the rows without the header and the title above it."""
    ahead = []
    for record in records:
        if columns := columns_named(record[1]):
            return columns, records
        ahead.append(record)
        if "@" in "".join(record[1]) or len(ahead) == LOOKED_AT:
            break
    cells = ahead[-1][1] if ahead else []
    email = next((number for number, cell in enumerate(cells) if "@" in cell), 0)
    names = (0 if email else 1,)
    ignored = tuple(
        f"no. {number + 1}"
        for number, cell in enumerate(cells[:1000])
        if cell.strip() and number not in (email, *names)
    )
    return Columns(email, names, ignored=ignored), chain(ahead, records)


def _row_of(line: int, cells: list[str], columns: Columns) -> ListRow:
    email = _cell(cells, columns.email)
    name = " ".join(filter(None, (_cell(cells, number) for number in columns.names)))
    problem = ""
    if columns.width and any(map(str.strip, cells[columns.width :])):
        problem = (
            "This row has more cells than the header. A cell that holds the separator needs quotation "
            "marks."
        )
    word = _cell(cells, columns.language)
    locale = language_of(word)
    if word and locale is None and not problem:
        problem = (
            f"{word[:60]} is no language of invitations. Write {', '.join(LANGUAGES)}, or nothing."
        )
    roles = tuple(filter(None, map(str.strip, re.split("[,;|]", _cell(cells, columns.roles)))))
    row = _row(line, email, name, problem)
    return replace(row, locale=locale, note=_cell(cells, columns.note), roles=roles)


def _cell(cells: list[str], number: int | None) -> str:
    text = cells[number].strip() if number is not None and number < len(cells) else ""
    return _OUR_APOSTROPHE.sub("", text)


# Pasted text --------------------------------------------------------------------------------------


def _people_in(text: str) -> Iterator[ListRow]:
    for line, words in enumerate(text.splitlines(), start=1):
        if words.count("@") == 1:  # "Lovelace, Ada <ada@example.com>", or the two cells of a table
            yield _one_person(line, words)
            continue
        for piece in _split(words):
            if piece.strip():
                yield _one_person(line, piece)


def _split(words: str) -> list[str]:
    """At semicolons, or at commas where there are none; not within quotation marks."""
    separator = ";" if ";" in words else ","
    return re.findall(rf'(?:"[^"]*"|[^"{separator}]|")+', words)


def _one_person(line: int, words: str) -> ListRow:
    words = words.strip().rstrip(",;").strip()
    if _NAME_AND_ADDRESS.fullmatch(words):
        return _row(line, words, "")
    pieces = [_unquoted(piece) for piece in _split(words)]
    email = next((piece for piece in pieces if "@" in piece), words)
    return _row(
        line, email, " ".join(piece for piece in pieces if piece != email and email != words)
    )


def _row(line: int, email: str, name: str, problem: str = "") -> ListRow:
    """The row, with `Ada <ada@example.com>` in the place of an address taken apart."""
    if found := _NAME_AND_ADDRESS.fullmatch(email):
        email = found["email"].strip()
        name = name or _unquoted(found["name"])
    if name.casefold() == email.casefold():
        name = ""
    return ListRow(line, email[:EMAIL_KEPT], name[:NAME_KEPT], problem)


def _unquoted(text: str) -> str:
    """The text without blanks and pairs of quotation marks around it."""
    text = text.strip()
    while text and _QUOTES.get(text[0]) == text[-1]:
        text = text[1:-1].strip()
    return text
