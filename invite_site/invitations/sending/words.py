"""What the mail of an invitation says, by its row: for the mail that is sent and for the one that is
shown beforehand."""

from datetime import datetime

from ...mail.message import MailKind, Recipient, Words
from ..people import plain_address
from ..tables import Invitation


def recipient_of(row: Invitation) -> Recipient:
    """The invitee."""
    return Recipient(row.email, plain_address(row.email, row.email_norm), row.name)


def words_of(
    row: Invitation,
    *,
    kind: MailKind,
    url: str,
    site_url: str,
    message_id: str,
    first_message_id: str | None,
    now: datetime,
) -> Words:
    """The words of a mail with the link `url`."""
    return Words(
        kind=kind,
        url=url,
        renew_url=f"{site_url}/invite/renew?i={row.ref}",
        inviter=row.inviter_known,
        note=row.note,
        language=row.locale,
        is_reminder=row.is_reminder,
        expires_at=row.expires_at,
        message_id=message_id,
        first_message_id=first_message_id,
        now=now,
    )
