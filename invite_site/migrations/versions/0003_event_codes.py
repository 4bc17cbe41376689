"""Events as codes: the words for people are in the templates"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

CODES = {
    "invited": "invited",
    "sent again": "resent",
    "revoked": "revoked",
    "delivery started": "delivery_started",
    "lease released": "lease_released",
    "waiting": "postponed",
    "failed": "failed",
    "handed to the mail server": "handed_to_mail_server",
    "handed to the tenant": "handed_to_tenant",
    "opened the link": "link_opened",
    "came back from the password page": "result_seen",
    "password set": "password_set",
    "wrong account": "wrong_account",
    "accepted": "accepted",
    "link withdrawn at the tenant": "ticket_withdrawn",
}

_event = sa.table("invitation_event", sa.column("event", sa.String()))


def upgrade() -> None:
    _replace(CODES)


def downgrade() -> None:
    _replace({code: phrase for phrase, code in CODES.items()})


def _replace(words: dict[str, str]) -> None:
    """Rewrite the column, with the guard against changes lifted meanwhile."""
    _lift_guard()
    op.execute(
        _event.update()
        .where(_event.c.event.in_(list(words)))
        .values(event=sa.case(words, value=_event.c.event))
    )
    _set_guard()


def _lift_guard() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER invitation_event_is_kept ON invitation_event")
    else:
        op.execute("DROP TRIGGER invitation_event_no_update")


def _set_guard() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER invitation_event_is_kept BEFORE UPDATE OR DELETE ON invitation_event "
            "FOR EACH ROW EXECUTE FUNCTION invitation_event_is_kept()"
        )
    else:
        op.execute(
            "CREATE TRIGGER invitation_event_no_update BEFORE UPDATE ON invitation_event BEGIN "
            "SELECT RAISE(ABORT, 'invitation_event is only added to'); END"
        )
