"""Counts of invitations, kept by triggers in the transaction of each change"""

from typing import NamedTuple

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


class Counted(NamedTuple):
    """Something that each invitation counts for, in SQL; `@` stands for the row."""

    kind: str
    bucket: str
    is_there: str = "1 = 1"
    sources: tuple[str, ...] = ()  # what the above follow from: columns, or more than one in one


def upgrade() -> None:
    op.create_table(
        "tally",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tally"),
    )
    op.create_index(
        "ix_invitation_stuck",
        "invitation",
        ["state", "password_set_at", "id"],
        sqlite_where=sa.text("state = 'password_set'"),
        postgresql_where=sa.text("state = 'password_set'"),
    )
    op.execute(f"CREATE VIEW tally_of_rows AS {_of_rows('invitation')}")
    # The triggers before the first counts: on PostgreSQL they keep others from writing meanwhile.
    if _is_postgresql():
        _follow_on_postgresql()
    else:
        _follow_on_sqlite()
    op.execute(
        "INSERT INTO tally (kind, bucket, amount) "
        "SELECT kind, bucket, count(*) FROM tally_of_rows GROUP BY kind, bucket"
    )


def downgrade() -> None:
    for event in ("insert", "update", "delete"):
        if _is_postgresql():
            op.execute(f"DROP TRIGGER tally_{event} ON invitation")
            op.execute(f"DROP FUNCTION tally_{event}()")
        else:
            op.execute(f"DROP TRIGGER tally_{event}")
    op.execute("DROP VIEW tally_of_rows")
    op.drop_index("ix_invitation_stuck", "invitation")
    op.drop_table("tally")


def _follow_on_sqlite() -> None:
    for event, row, amount in (("insert", "NEW", 1), ("delete", "OLD", -1)):
        op.execute(
            f"CREATE TRIGGER tally_{event} AFTER {event} ON invitation "
            f"BEGIN {_insert(_of_one(row, amount))}; END"
        )
    op.execute(
        f"CREATE TRIGGER tally_update AFTER UPDATE OF {_columns()} ON invitation "
        f"WHEN {_has_changed()} BEGIN {_insert(_difference())}; END"
    )


def _follow_on_postgresql() -> None:
    # One statement inserts a whole list, so its rows are counted together.
    for event, table, amount in (("insert", "NEW", "count(*)"), ("delete", "OLD", "-count(*)")):
        rows = f"(SELECT kind, bucket, {amount} FROM ({_of_rows('changed')}) AS rows GROUP BY 1, 2)"  # noqa: S608
        _create_function(event, _insert(rows))
        op.execute(
            f"CREATE TRIGGER tally_{event} AFTER {event} ON invitation "
            f"REFERENCING {table} TABLE AS changed "
            f"FOR EACH STATEMENT EXECUTE FUNCTION tally_{event}()"
        )
    _create_function("update", _insert(_difference()))
    op.execute(
        f"CREATE TRIGGER tally_update AFTER UPDATE OF {_columns()} ON invitation "
        f"FOR EACH ROW WHEN ({_has_changed()}) EXECUTE FUNCTION tally_update()"
    )


def _create_function(event: str, statement: str) -> None:
    op.execute(
        f"CREATE FUNCTION tally_{event}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {statement}; RETURN NULL; END $$"
    )


# What is counted ----------------------------------------------------------------------------------


def _counted() -> list[Counted]:
    # Those that are being sent count with those that wait: two changes less for each, and they are
    # few enough to be told apart by the index.
    kind = "CASE WHEN @.state IN ('queued', 'sending') THEN 'waiting' ELSE @.state END"
    hour = (
        f"CASE WHEN @.state IN ('queued', 'sending', 'sent') THEN {_seconds('expires_at')} / 3600 "
        f"WHEN @.state = 'password_set' THEN coalesce({_seconds('password_set_at')} / 3600, 0) "
        "ELSE 0 END"
    )
    entries = [Counted(kind, hour, sources=(kind, "@.expires_at", "@.password_set_at"))]
    for name, column in (
        ("invited_on", "created_at"),
        ("sent_on", "first_sent_at"),
        ("password_on", "password_set_at"),
        ("accepted_on", "accepted_at"),
    ):
        day = f"{_seconds(column)} / 86400"
        entries.append(Counted(f"'{name}'", day, f"@.{column} IS NOT NULL", (f"@.{column}",)))
    took = f"({_seconds('accepted_at')} - {_seconds('first_sent_at')})"
    both = ("@.first_sent_at", "@.accepted_at")
    are_there = " AND ".join(f"{each} IS NOT NULL" for each in both)
    entries.append(Counted("'took'", _two_digits(took), are_there, both))
    return entries


def _two_digits(number: str) -> str:
    """The number, rounded down to two digits and zeros; no less than 0."""
    digits = f"CAST({number} AS TEXT)"
    return (
        f"CASE WHEN {number} < 0 THEN 0 WHEN {number} < 100 THEN {number} ELSE "
        f"CAST(substr({digits}, 1, 2) || substr('000000000000', 1, length({digits}) - 2) AS INTEGER) "
        "END"
    )


def _seconds(column: str) -> str:
    """Whole seconds since 1970. SQLite would round a fraction up."""
    if _is_postgresql():
        return f"floor(extract(epoch FROM @.{column}))::bigint"
    return f"CAST(strftime('%s', substr(@.{column}, 1, 19)) AS INTEGER)"


# Statements ---------------------------------------------------------------------------------------


def _insert(rows: str) -> str:
    return f"INSERT INTO tally (kind, bucket, amount) {rows}"


def _of_rows(table: str) -> str:
    """Kind and bucket of everything that the rows of a table count for."""
    return " UNION ALL ".join(
        f"SELECT {each.kind} AS kind, {each.bucket} AS bucket FROM {table} WHERE {each.is_there}"  # noqa: S608
        for each in _counted()
    ).replace("@", table)


def _of_one(row: str, amount: int) -> str:
    """The same of one row, with what is to be added."""
    return " UNION ALL ".join(
        f"SELECT {each.kind}, {each.bucket}, {amount} WHERE {each.is_there}" for each in _counted()
    ).replace("@", row)


def _difference() -> str:
    """What an update takes away and what it adds."""
    return " UNION ALL ".join(
        f"SELECT {each.kind}, {each.bucket}, {amount} WHERE {each.is_there}".replace("@", row)
        + f" AND ({' OR '.join(_changes(each))})"
        for each in _counted()
        for row, amount in (("OLD", -1), ("NEW", 1))
    )


def _has_changed() -> str:
    return " OR ".join(dict.fromkeys(each for counted in _counted() for each in _changes(counted)))


def _changes(counted: Counted) -> list[str]:
    differs = "IS DISTINCT FROM" if _is_postgresql() else "IS NOT"
    return [
        f"{source.replace('@', 'OLD')} {differs} {source.replace('@', 'NEW')}"
        for source in counted.sources
    ]


def _columns() -> str:
    return "state, created_at, expires_at, first_sent_at, password_set_at, accepted_at"


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"
