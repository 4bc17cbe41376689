"""Searches find names without their accents"""

import re
import unicodedata
from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

AT_ONCE = 5_000  # rows read before those that change are written
ACCENTS = re.compile("[\u0300-\u036f]+")
STROKES = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "\u0131": "i", "æ": "ae", "œ": "oe"}
)


def upgrade() -> None:
    _write(_without_accents)


def downgrade() -> None:
    _write(_with_accents)


def _write(fold: Callable[[str], str]) -> None:
    """Give each invitation, and each row of a list that is not sent yet, what it is found by."""
    for name in ("invitation", "batch_row"):
        columns = (
            sa.column(each, sa.String()) for each in ("email", "email_norm", "name", "search_text")
        )
        _write_table(sa.table(name, sa.column("id", sa.Integer()), *columns), fold)


def _write_table(table: sa.TableClause, fold: Callable[[str], str]) -> None:
    db = op.get_bind()
    newest = 0
    changed = (
        table.update()
        .where(table.c.id == sa.bindparam("number"))
        .values(search_text=sa.bindparam("found_by"))
    )
    rows = sa.select(table).where(table.c.id > sa.bindparam("newest")).order_by(table.c.id)
    while chunk := db.execute(rows.limit(AT_ONCE), {"newest": newest}).all():
        newest = chunk[-1].id
        found_by = {
            row.id: _search_text(fold(f"{row.email} {row.email_norm} {row.name}"))
            for row in chunk
            if row.search_text  # a bad address in a list is found by nothing
        }
        values = [
            {"number": row.id, "found_by": found_by[row.id]}
            for row in chunk
            if row.search_text and found_by[row.id] != row.search_text
        ]
        if values:
            db.execute(changed, values)


def _search_text(folded: str) -> str:
    return "".join(f"  {word}" for word in dict.fromkeys(folded.split()))


# As `people.fold` was before this revision, and when it was written.


def _with_accents(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _without_accents(text: str) -> str:
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return unicodedata.normalize("NFKC", ACCENTS.sub("", plain).translate(STROKES))
