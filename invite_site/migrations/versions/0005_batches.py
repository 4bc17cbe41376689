"""Batches, their place in the queue, and the pace of calls"""

import sqlalchemy as sa
from alembic import op

from invite_site.database.base import UTCDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "batch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("inviter", sa.String(), nullable=False),
        sa.Column("inviter_sub", sa.String(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("started_at", UTCDateTime(), nullable=True),
        sa.Column("paused_at", UTCDateTime(), nullable=True),
        sa.Column("cancelled_at", UTCDateTime(), nullable=True),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("opened", sa.Integer(), nullable=False),
        sa.Column("ignored", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_batch"),
    )
    op.create_table(
        "batch_row",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("email_norm", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("fate", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("ref", sa.String(length=43), nullable=False),
        sa.Column("search_text", sa.String(), nullable=False),
        sa.Column("invitation_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name="fk_batch_row_batch_id_batch"),
        sa.PrimaryKeyConstraint("id", name="pk_batch_row"),
    )
    op.create_index("ix_batch_row_order", "batch_row", ["batch_id", "fate", "line"])
    pace = op.create_table(
        "pace",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("buckets", sa.JSON(), nullable=False),
        sa.CheckConstraint("id = 1", name="ck_pace_only_one"),
        sa.PrimaryKeyConstraint("id", name="pk_pace"),
    )
    op.bulk_insert(pace, [{"id": 1, "buckets": {}}])
    # Not by Alembic's batch mode: it would put a copy in the place of the table, which SQLite refuses
    # while other tables point to its rows.
    op.execute(
        "ALTER TABLE invitation ADD COLUMN batch_id INTEGER "
        "CONSTRAINT fk_invitation_batch_id_batch REFERENCES batch (id)"
    )
    op.add_column(
        "invitation", sa.Column("place", sa.Integer(), nullable=False, server_default="0")
    )
    op.add_column(
        "invitation",
        sa.Column("is_paused", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.drop_index("ix_invitation_claim", "invitation")
    op.create_index(
        "ix_invitation_claim", "invitation", ["state", "is_paused", "place", "next_try_at"]
    )
    op.create_index("ix_invitation_batch", "invitation", ["batch_id", "state"])


def downgrade() -> None:
    op.drop_index("ix_invitation_batch", "invitation")
    op.drop_index("ix_invitation_claim", "invitation")
    op.create_index("ix_invitation_claim", "invitation", ["state", "next_try_at"])
    with op.batch_alter_table("invitation") as table:
        table.drop_column("is_paused")
        table.drop_column("place")
        table.drop_column("batch_id")
    op.drop_table("pace")
    op.drop_index("ix_batch_row_order", "batch_row")
    op.drop_table("batch_row")
    op.drop_table("batch")
