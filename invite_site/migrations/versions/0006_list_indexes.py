"""The list at any length: an index for each filter, and one for searches"""

import unicodedata
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

AT_ONCE = 5_000  # rows folded before they are written

# The words of search_text as they stand, those of an address at its @, and those at every sign.
WORDS = (
    "array_to_tsvector(array_remove(string_to_array("
    "search_text || translate(search_text, '@', ' ') || "
    "translate(search_text, '!\"#$%&''()*+,-./:;<=>?@[\\]^_`{|}~', repeat(' ', 32)), "
    "' '), ''))"
)

_invitation = sa.table(
    "invitation",
    sa.column("id", sa.Integer()),
    sa.column("email", sa.String()),
    sa.column("email_norm", sa.String()),
    sa.column("name", sa.String()),
    sa.column("search_text", sa.String()),
)


def upgrade() -> None:
    # Not by Alembic's batch mode, as in 0005.
    op.add_column(
        "invitation", sa.Column("search_text", sa.String(), nullable=False, server_default="")
    )
    _fold_rows()
    op.create_index("ix_invitation_address", "invitation", ["email_norm"])
    op.create_index("ix_invitation_status", "invitation", ["state", "expires_at", "id"])
    op.drop_index("ix_invitation_batch", "invitation")
    op.create_index("ix_invitation_batch", "invitation", ["batch_id", "state", "expires_at", "id"])
    op.create_index("ix_invitation_batch_order", "invitation", ["batch_id", "id"])
    op.create_index("ix_delivery_at", "delivery", ["at", "id"])
    if op.get_bind().dialect.name == "postgresql":
        _index_words()
    else:
        _index_trigrams()


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER invitation_search_follows ON invitation")
        op.execute("DROP FUNCTION invitation_search_follows()")
        op.execute("DROP INDEX ix_invitation_words")
    else:
        for trigger in ("insert", "update", "delete", "follows"):
            op.execute(f"DROP TRIGGER invitation_search_{trigger}")
        op.execute("DROP TABLE invitation_search")
    op.drop_index("ix_delivery_at", "delivery")
    op.drop_index("ix_invitation_batch_order", "invitation")
    op.drop_index("ix_invitation_batch", "invitation")
    op.create_index("ix_invitation_batch", "invitation", ["batch_id", "state"])
    op.drop_index("ix_invitation_status", "invitation")
    op.drop_index("ix_invitation_address", "invitation")
    op.drop_column("invitation", "search_text")


def _fold_rows() -> None:
    """Give the rows that are there already what they are found by."""
    db = op.get_bind()
    table, newest = _invitation, 0
    while rows := db.execute(
        sa.select(table.c.id, table.c.email, table.c.email_norm, table.c.name)
        .where(table.c.id > newest)
        .order_by(table.c.id)
        .limit(AT_ONCE)
    ).all():
        db.execute(
            table.update()
            .where(table.c.id == sa.bindparam("number"))
            .values(search_text=sa.bindparam("folded")),
            [{"number": row.id, "folded": _search_text(row)} for row in rows],
        )
        newest = rows[-1].id


def _search_text(row: Sequence[str]) -> str:
    """As `people.search_text` was when this revision was written."""
    text = unicodedata.normalize("NFKC", " ".join(row[1:4])).casefold()
    words = dict.fromkeys(unicodedata.normalize("NFKC", text).split())
    return "".join(f"  {word}" for word in words)


def _index_words() -> None:
    # The list of entries that are still to be sorted in would make searches slower now and then.
    op.execute(
        f"CREATE INDEX ix_invitation_words ON invitation USING gin ({WORDS}) "
        "WITH (fastupdate = off)"
    )
    op.execute(
        "CREATE FUNCTION invitation_search_follows() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'search_text changes with email and name'; END $$"
    )
    op.execute(
        "CREATE TRIGGER invitation_search_follows BEFORE UPDATE OF email, name ON invitation "
        f"FOR EACH ROW WHEN ({_IS_FORGOTTEN}) EXECUTE FUNCTION invitation_search_follows()"
    )


# Somebody's old address or name would stay in what they are found by.
_IS_FORGOTTEN = (
    "NEW.search_text = OLD.search_text AND "
    "(lower(NEW.email) <> lower(OLD.email) OR lower(NEW.name) <> lower(OLD.name))"
)


def _index_trigrams() -> None:
    # Without content of its own: the table has the text. It is folded already, so SQLite's own
    # folding, which knows fewer letters, has no say.
    op.execute(
        "CREATE VIRTUAL TABLE invitation_search USING fts5("
        "search_text, content='', columnsize=0, tokenize='trigram case_sensitive 1')"
    )
    # Fewer merges: a list of 10,000 would now and then wait for one of many megabytes.
    op.execute("INSERT INTO invitation_search (invitation_search, rank) VALUES ('automerge', 8)")
    op.execute(
        "INSERT INTO invitation_search (rowid, search_text) SELECT id, search_text FROM invitation"
    )
    add = "INSERT INTO invitation_search (rowid, search_text) VALUES (NEW.id, NEW.search_text);"
    remove = (
        "INSERT INTO invitation_search (invitation_search, rowid, search_text) "
        "VALUES ('delete', OLD.id, OLD.search_text);"
    )
    op.execute(
        f"CREATE TRIGGER invitation_search_insert AFTER INSERT ON invitation BEGIN {add} END"
    )
    op.execute(
        "CREATE TRIGGER invitation_search_update AFTER UPDATE OF search_text ON invitation "
        f"WHEN NEW.search_text <> OLD.search_text BEGIN {remove} {add} END"
    )
    op.execute(
        f"CREATE TRIGGER invitation_search_delete AFTER DELETE ON invitation BEGIN {remove} END"
    )
    op.execute(
        "CREATE TRIGGER invitation_search_follows BEFORE UPDATE OF email, name ON invitation "
        f"WHEN {_IS_FORGOTTEN} BEGIN "
        "SELECT RAISE(ABORT, 'search_text changes with email and name'); END"
    )
