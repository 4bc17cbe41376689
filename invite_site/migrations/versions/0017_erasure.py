"""The history of an invitation may be deleted with the person that it is about"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

ONLY_ADDED_TO = "invitation_event is only added to"
# Of an invitation whose person has been erased only its number is left.
IS_OF_SOMEBODY = (
    "EXISTS (SELECT 1 FROM invitation WHERE id = OLD.invitation_id AND email_norm <> '')"
)


def upgrade() -> None:
    _keep_events(f"TG_OP = 'UPDATE' OR {IS_OF_SOMEBODY}", f"WHEN {IS_OF_SOMEBODY}")


def downgrade() -> None:
    _keep_events("true", "")


def _keep_events(refused_on_postgresql: str, refused_on_sqlite: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE OR REPLACE FUNCTION invitation_event_is_kept() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN IF {refused_on_postgresql} THEN RAISE EXCEPTION '{ONLY_ADDED_TO}'; END IF; "
            "RETURN OLD; END $$"
        )
        return
    op.execute("DROP TRIGGER invitation_event_no_delete")
    op.execute(
        "CREATE TRIGGER invitation_event_no_delete BEFORE DELETE ON invitation_event "
        f"{refused_on_sqlite} BEGIN SELECT RAISE(ABORT, '{ONLY_ADDED_TO}'); END"
    )
