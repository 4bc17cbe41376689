"""A list in the order of the last change"""

import sqlalchemy as sa
from alembic import op

from invite_site.database.base import UTCDateTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

MOMENTS = ("last_sent_at", "result_seen_at", "password_set_at", "closed_at")


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    others = ", ".join(f"coalesce({each}, created_at)" for each in MOMENTS)
    latest = f"{'max' if is_sqlite else 'greatest'}(created_at, {others})"
    # SQLite can add no column that it stores, and computes this one for the index alone.
    computed = sa.Computed(latest, persisted=not is_sqlite)
    op.add_column("invitation", sa.Column("changed_at", UTCDateTime(), computed))
    op.create_index("ix_invitation_changed", "invitation", ["changed_at", "id"])


def downgrade() -> None:
    op.drop_index("ix_invitation_changed", "invitation")
    op.drop_column("invitation", "changed_at")
