"""Alembic's entry point. The engine is handed in by `invite_site.database`."""

from alembic import context

import invite_site.accounts.tables
import invite_site.invitations.tables  # noqa: F401 - both fill the metadata
from invite_site.database.base import Base

# Of the index of searches, which each database keeps in its own way (0006_list_indexes.py).
SEARCH = ("invitation_search", "ix_invitation_words")


def is_ours(_object: object, name: str | None, *_: object) -> bool:
    """Whether the tables of the application say how this looks."""
    return not (name or "").startswith(SEARCH)


with context.config.attributes["engine"].connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        compare_type=True,
        include_object=is_ours,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        if connection.dialect.name == "sqlite":
            # Python's driver begins no transaction for DDL. In one, an upgrade that is killed leaves
            # everything as it was, and of two processes that upgrade one waits and finds it done.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        context.run_migrations()
