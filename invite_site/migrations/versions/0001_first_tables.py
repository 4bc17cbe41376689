"""The first tables"""

import sqlalchemy as sa
from alembic import op

from invite_site.database.base import UTCDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "admin_grant",
        sa.Column("sub", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("granted_at", UTCDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sub", name=op.f("pk_admin_grant")),
    )
    op.create_table(
        "invitation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(length=43), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("email_norm", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("connection", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("inviter", sa.String(), nullable=False),
        sa.Column("inviter_sub", sa.String(), nullable=False),
        sa.Column("form_key", sa.String(), nullable=True),
        sa.Column("supersedes_id", sa.Integer(), nullable=True),
        sa.Column("user_id", sa.String(), nullable=True),
        sa.Column("created_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("first_sent_at", UTCDateTime(timezone=True), nullable=True),
        sa.Column("last_sent_at", UTCDateTime(timezone=True), nullable=True),
        sa.Column("ticket_issued_at", UTCDateTime(), nullable=True),
        sa.Column("result_seen_at", UTCDateTime(timezone=True), nullable=True),
        sa.Column("password_set_at", UTCDateTime(timezone=True), nullable=True),
        sa.Column("accepted_at", UTCDateTime(timezone=True), nullable=True),
        sa.Column("accepted_sub", sa.String(), nullable=True),
        sa.Column("accepted_email", sa.String(), nullable=True),
        sa.Column("closed_at", UTCDateTime(timezone=True), nullable=True),
        sa.Column("trouble", sa.String(), nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", UTCDateTime(timezone=True), nullable=True),
        sa.Column("lease_until", UTCDateTime(timezone=True), nullable=True),
        sa.Column("lease_by", sa.String(), nullable=True),
        sa.Column("check_at", UTCDateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state <> 'accepted' OR (accepted_at IS NOT NULL AND accepted_sub IS NOT NULL)",
            name=op.f("ck_invitation_accepted_has_proof"),
        ),
        sa.CheckConstraint(
            "state <> 'sending' OR lease_until IS NOT NULL",
            name=op.f("ck_invitation_sending_has_lease"),
        ),
        sa.CheckConstraint(
            "state IN ('queued', 'sending', 'sent', 'password_set') OR closed_at IS NOT NULL",
            name=op.f("ck_invitation_end_has_time"),
        ),
        sa.CheckConstraint(
            "state IN ('queued', 'sending', 'sent', 'password_set', 'accepted', 'revoked', 'failed')",
            name=op.f("ck_invitation_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["supersedes_id"],
            ["invitation.id"],
            name=op.f("fk_invitation_supersedes_id_invitation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("form_key", name=op.f("uq_invitation_form_key")),
        sa.UniqueConstraint("ref", name=op.f("uq_invitation_ref")),
    )
    with op.batch_alter_table("invitation", schema=None) as batch_op:
        batch_op.create_index("ix_invitation_check_at", ["check_at"], unique=False)
        batch_op.create_index("ix_invitation_claim", ["state", "next_try_at"], unique=False)
        batch_op.create_index("ix_invitation_user_id", ["user_id"], unique=False)
        batch_op.create_index(
            "uq_invitation_open",
            ["email_norm", "connection", "client_id"],
            unique=True,
            sqlite_where=sa.text("state IN ('queued', 'sending', 'sent', 'password_set')"),
            postgresql_where=sa.text("state IN ('queued', 'sending', 'sent', 'password_set')"),
        )

    op.create_table(
        "login_transaction",
        sa.Column("state_hash", sa.String(length=64), nullable=False),
        sa.Column("browser_hash", sa.String(length=64), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("expires_at", UTCDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("state_hash", name=op.f("pk_login_transaction")),
    )
    with op.batch_alter_table("login_transaction", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_login_transaction_expires_at"), ["expires_at"], unique=False
        )

    op.create_table(
        "pause",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("sentence", sa.String(), nullable=False),
        sa.Column("since", UTCDateTime(timezone=True), nullable=False),
        sa.Column("until", UTCDateTime(timezone=True), nullable=False),
        sa.Column("rounds", sa.Integer(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_pause_only_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pause")),
    )
    op.create_table(
        "session",
        sa.Column("id_hash", sa.String(length=64), nullable=False),
        sa.Column("sub", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("tenant_sid", sa.String(), nullable=False),
        sa.Column("has_admin_role", sa.Boolean(), nullable=False),
        sa.Column("created_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("seen_at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", UTCDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id_hash", name=op.f("pk_session")),
    )
    with op.batch_alter_table("session", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_session_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "delivery",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("invitation_id", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("server_words", sa.String(), nullable=False),
        sa.Column("at", UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["invitation_id"], ["invitation.id"], name=op.f("fk_delivery_invitation_id_invitation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.UniqueConstraint("message_id", name=op.f("uq_delivery_message_id")),
    )
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_delivery_invitation_id"), ["invitation_id"], unique=False
        )

    op.create_table(
        "invitation_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("invitation_id", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("from_state", sa.String(), nullable=True),
        sa.Column("to_state", sa.String(), nullable=True),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["invitation_id"],
            ["invitation.id"],
            name=op.f("fk_invitation_event_invitation_id_invitation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation_event")),
    )
    with op.batch_alter_table("invitation_event", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_invitation_event_invitation_id"), ["invitation_id"], unique=False
        )
    keep_events()


def keep_events() -> None:
    """An event, once written, is neither changed nor removed."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION invitation_event_is_kept() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'invitation_event is only added to'; END $$"
        )
        op.execute(
            "CREATE TRIGGER invitation_event_is_kept BEFORE UPDATE OR DELETE ON invitation_event "
            "FOR EACH ROW EXECUTE FUNCTION invitation_event_is_kept()"
        )
        return
    for action in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER invitation_event_no_{action.lower()} BEFORE {action} "
            "ON invitation_event BEGIN "
            "SELECT RAISE(ABORT, 'invitation_event is only added to'); END"
        )


def downgrade() -> None:
    with op.batch_alter_table("invitation_event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_invitation_event_invitation_id"))

    op.drop_table("invitation_event")
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_delivery_invitation_id"))

    op.drop_table("delivery")
    with op.batch_alter_table("session", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_session_expires_at"))

    op.drop_table("session")
    op.drop_table("pause")
    with op.batch_alter_table("login_transaction", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_login_transaction_expires_at"))

    op.drop_table("login_transaction")
    with op.batch_alter_table("invitation", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_invitation_open",
            sqlite_where=sa.text("state IN ('queued', 'sending', 'sent', 'password_set')"),
            postgresql_where=sa.text("state IN ('queued', 'sending', 'sent', 'password_set')"),
        )
        batch_op.drop_index("ix_invitation_user_id")
        batch_op.drop_index("ix_invitation_claim")
        batch_op.drop_index("ix_invitation_check_at")

    op.drop_table("invitation")
    op.drop_table("admin_grant")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION invitation_event_is_kept()")
