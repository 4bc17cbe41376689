"""An index for each filter of the list, and actions on many invitations"""

import sqlalchemy as sa
from alembic import op

from invite_site.database.base import UTCDateTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_invitation_inviter", "invitation", ["inviter", "state", "expires_at", "id"])
    op.create_index("ix_invitation_inviter_order", "invitation", ["inviter", "id"])
    op.create_index("ix_invitation_created", "invitation", ["created_at", "id"])
    op.create_index(
        "ix_invitation_with_roles",
        "invitation",
        ["id"],
        sqlite_where=sa.text("roles IS NOT NULL"),
        postgresql_where=sa.text("roles IS NOT NULL"),
    )
    op.create_table(
        "job",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("filters", sa.JSON(), nullable=True),
        sa.Column("numbers", sa.JSON(), nullable=True),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=True),
        sa.Column("form_key", sa.String(), nullable=True),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("is_exact", sa.Boolean(), nullable=False),
        sa.Column("created_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("highest", sa.Integer(), nullable=False),
        sa.Column("below", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("refusals", sa.JSON(), nullable=False),
        sa.Column("ended_at", UTCDateTime(timezone=True), nullable=True),
        sa.Column("is_stopped", sa.Boolean(), nullable=False),
        sa.Column("lease_until", UTCDateTime(timezone=True), nullable=True),
        sa.Column("lease_by", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_job"),
        sa.UniqueConstraint("form_key", name="uq_job_form_key"),
    )
    op.create_index("ix_job_ended_at", "job", ["ended_at"])


def downgrade() -> None:
    op.drop_table("job")
    for name in ("with_roles", "created", "inviter_order", "inviter"):
        op.drop_index(f"ix_invitation_{name}", "invitation")
