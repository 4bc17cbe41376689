"""Forms that were sent after a session had ended"""

import sqlalchemy as sa
from alembic import op

from invite_site.database.base import UTCDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kept_form",
        sa.Column("browser_hash", sa.String(64), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("had_file", sa.Boolean(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
    )
    op.create_index("ix_kept_form_expires_at", "kept_form", ["expires_at"])


def downgrade() -> None:
    op.drop_table("kept_form")
