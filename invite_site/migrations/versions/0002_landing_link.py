"""The landing link: its hash, and how often it led on to the tenant."""

import sqlalchemy as sa
from alembic import op

from invite_site.database.base import UTCDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("invitation") as table:
        table.add_column(sa.Column("landing_hash", sa.String(length=64), nullable=True))
        table.add_column(sa.Column("opened_at", UTCDateTime(), nullable=True))
        table.add_column(sa.Column("openings", sa.Integer(), nullable=False, server_default="0"))
        table.create_unique_constraint(op.f("uq_invitation_landing_hash"), ["landing_hash"])


def downgrade() -> None:
    with op.batch_alter_table("invitation") as table:
        table.drop_constraint(op.f("uq_invitation_landing_hash"), type_="unique")
        table.drop_column("openings")
        table.drop_column("opened_at")
        table.drop_column("landing_hash")
