"""Alembic's entry point. The engine is handed in by `invite_site.database`."""

from alembic import context

import invite_site.accounts.tables
import invite_site.invitations.tables  # noqa: F401 - both fill the metadata
from invite_site.database.base import Base

with context.config.attributes["engine"].connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()
