"""Alembic's entry point. The engine is handed in by `invite_site.database`."""

from alembic import context

from invite_site.schema import Base

with context.config.attributes["engine"].connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()
