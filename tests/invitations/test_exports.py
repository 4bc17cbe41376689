"""What stands in the columns of an export."""

from datetime import timedelta

from sqlalchemy import update

from invite_site.invitations.exports import CHUNK
from invite_site.invitations.listing import Filters
from invite_site.invitations.tables import Invitation
from tests.support.batches import people, starts
from tests.support.running import RunningSite

ADA = "ada@example.com"
MINUTES = "%Y-%m-%d %H:%M"


def test_each_column_of_invitations_holds_what_it_is_called(site: RunningSite) -> None:
    """The end of one that has ended otherwise says nothing."""
    batch = starts(site, people("p", 1))
    row = site.invites(ADA)
    at = site.clock() + timedelta(hours=1)
    with site.services.engine.begin() as db:
        values = {"state": "password_set", "password_set_at": at}
        db.execute(update(Invitation).where(Invitation.id == row.id).values(values))
    site.services.batches.cancel(batch.id, actor="Grace")
    header, *table = site.services.exports.invitations(Filters())
    ada, revoked = (dict(zip(header, cells, strict=True)) for cells in table)
    assert ada["Password set (UTC)"] == f"{at:{MINUTES}}"
    assert ada["Ends (UTC)"] == f"{row.expires_at:{MINUTES}}"
    assert (ada["Invited by"], ada["Batch"], ada["Number"]) == (row.inviter, None, row.id)
    assert (revoked["Ends (UTC)"], revoked["Password set (UTC)"]) == ("", "")
    assert (revoked["Status"], revoked["Batch"]) == ("Revoked", batch.id)


def test_each_column_of_events_holds_what_it_is_called(site: RunningSite) -> None:
    """Of each invitation the oldest first."""
    row = site.invites_and_delivers(ADA)
    site.services.invitations.revoke(row.id, actor="Heidi", reason="A mistake.")
    header, *table = site.services.exports.events(Filters())
    events = [dict(zip(header, cells, strict=True)) for cells in table]
    moves = {each["Event"]: (each["From"], each["To"]) for each in events}
    assert next(iter(moves)) == "invited"
    assert ("sending", "sent") in moves.values()
    revoked = events[-1]
    assert (revoked["Number"], revoked["Address"]) == (row.id, ADA)
    assert (revoked["Event"], revoked["By"]) == ("revoked", "Heidi")
    assert revoked["Details"] == "reason: A mistake."


def test_an_export_has_more_than_it_reads_at_once(site: RunningSite) -> None:
    """Each invitation once."""
    starts(site, people("p", CHUNK + 1))
    _, *table = site.services.exports.invitations(Filters())
    assert len({cells[0] for cells in table}) == len(table) == CHUNK + 1
