"""Rows of a list name roles"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("batch_row", sa.Column("roles", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("batch_row", "roles")
