"""CSV files to download, safe to open in a spreadsheet program."""

import csv
import re
from collections.abc import Iterable, Iterator
from io import StringIO

from flask import Response

# At the beginning of a cell. Where the semicolon separates lists, as in most of Europe, a spreadsheet
# program begins a cell behind each of them, also within quotation marks. A quotation mark there is written
# twice, which opens the cell and closes it again.
BEGINS_FORMULA = re.compile(r"(?:^|(?<=[;\t\r\n\"]))(?=[=+\-@\t\r\n\0])")
ROWS_AT_ONCE = 500


def answer(rows: Iterable[Iterable[object]], *, name: str) -> Response:
    """A file of this name for the browser to save, written row by row as it is sent.

    As RFC 4180 has it, with a byte order mark: without one Excel takes UTF-8 for something else.
    """
    return Response(
        written(rows),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def written(rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """The text of the file, many rows at a time, with a byte order mark."""
    file = StringIO("\ufeff")
    file.seek(1)
    writer = csv.writer(file)
    for number, row in enumerate(rows, start=1):
        writer.writerow(_cell(value) for value in row)
        if number % ROWS_AT_ONCE == 0:
            yield file.getvalue()
            file.seek(0)
            file.truncate()
    yield file.getvalue()


def _cell(value: object) -> str:
    """What a spreadsheet program shows as text; it would run what begins like a formula."""
    text = str(value) if value is not None else ""
    return BEGINS_FORMULA.sub("'", text)
