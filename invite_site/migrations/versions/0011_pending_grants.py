"""Who granted the right to invite, and grants that wait for an invitation to be accepted"""

import sqlalchemy as sa
from alembic import op

from invite_site.database.base import UTCDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "admin_grant", sa.Column("granted_by", sa.String(), nullable=False, server_default="")
    )
    op.create_table(
        "pending_grant",
        sa.Column("invitation_id", sa.Integer(), nullable=False),
        sa.Column("granted_by", sa.String(), nullable=False),
        sa.Column("granted_at", UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["invitation_id"], ["invitation.id"], name="fk_pending_grant_invitation_id_invitation"
        ),
        sa.PrimaryKeyConstraint("invitation_id", name="pk_pending_grant"),
    )


def downgrade() -> None:
    op.drop_table("pending_grant")
    op.drop_column("admin_grant", "granted_by")
