"""Messages in doubt, and an address that the tenant has changed"""

import sqlalchemy as sa
from alembic import op

from invite_site.database.base import UTCDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("invitation") as table:
        table.add_column(sa.Column("in_doubt_at", UTCDateTime(), nullable=True))
        table.add_column(sa.Column("new_email", sa.String(), nullable=True))
    # Those that are out already get one look, at their end.
    op.execute(
        "UPDATE invitation SET check_at = expires_at WHERE state = 'sent' AND check_at IS NULL"
    )


def downgrade() -> None:
    with op.batch_alter_table("invitation") as table:
        table.drop_column("new_email")
        table.drop_column("in_doubt_at")
