"""What one invitation has of its own: language, note, life, roles; renewals; what the tenant knows"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from invite_site.database.base import UTCDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Not by Alembic's batch mode, as in 0005.
    for table, column in _columns():
        op.add_column(table, column)


def downgrade() -> None:
    for table, column in reversed(_columns()):
        op.drop_column(table, column.name)


def _columns() -> list[tuple[str, sa.Column[Any]]]:
    return [
        ("invitation", sa.Column("locale", sa.String(16), nullable=True)),
        ("invitation", sa.Column("note", sa.String(), nullable=False, server_default="")),
        ("invitation", sa.Column("lifetime", sa.Integer(), nullable=True)),
        ("invitation", sa.Column("roles", sa.JSON(), nullable=True)),
        ("invitation", sa.Column("roles_granted_at", UTCDateTime(), nullable=True)),
        (
            "invitation",
            sa.Column("asks_to_sign_in", sa.Boolean(), nullable=False, server_default=sa.false()),
        ),
        ("invitation", sa.Column("renew_from", UTCDateTime(), nullable=True)),
        ("invitation", sa.Column("renewals", sa.Integer(), nullable=False, server_default="0")),
        ("invitation", sa.Column("renewal_day_ends", UTCDateTime(), nullable=True)),
        ("invitation", sa.Column("reminded_at", UTCDateTime(), nullable=True)),
        ("invitation", sa.Column("asked_at", UTCDateTime(), nullable=True)),
        ("invitation", sa.Column("tenant_account", sa.JSON(), nullable=True)),
        ("invitation", sa.Column("drift", sa.String(16), nullable=True)),
        ("batch_row", sa.Column("locale", sa.String(16), nullable=True)),
        ("batch_row", sa.Column("note", sa.String(), nullable=False, server_default="")),
    ]
