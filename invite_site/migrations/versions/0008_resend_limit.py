"""How often an invitation has been sent again by hand"""

import sqlalchemy as sa
from alembic import op

from invite_site.database.base import UTCDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Not by Alembic's batch mode, as in 0005.
    op.add_column("invitation", sa.Column("resend_from", UTCDateTime(), nullable=True))
    op.add_column(
        "invitation", sa.Column("resends", sa.Integer(), nullable=False, server_default="0")
    )
    op.add_column("invitation", sa.Column("resend_day_ends", UTCDateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("invitation", "resend_day_ends")
    op.drop_column("invitation", "resends")
    op.drop_column("invitation", "resend_from")
