"""What an invitation has of its own: a note and a life of its links, which every mail of it keeps."""

from datetime import timedelta
from pathlib import Path

import pytest

from invite_site.errors import InvalidInvitee
from invite_site.invitations.options import NOTE_LENGTH, Options
from invite_site.invitations.people import Inviter
from invite_site.settings import DAY
from tests.support.running import RunningSite, Tenant, settings_for

ADA = "ada@example.com"
GRACE = Inviter("Grace Hopper")


def test_every_link_lives_as_long_as_the_invitation_says(
    site_on: RunningSite, tenant: Tenant
) -> None:
    """The first one, that of a resend and the one that the invitee asks for; and each mail has the
    note."""
    site = site_on
    options = Options.parse(site.settings, note="Welcome!\nGrace", lifetime=DAY)
    row = site.services.invitations.invite(ADA, inviter=GRACE, options=options)
    site.delivers()
    site.clock.forward(hours=5)
    tenant.forward(5 * 3600)
    site.services.resending.resend(row.id, actor="Grace")
    site.delivers()
    site.clock.forward(hours=5)
    tenant.forward(5 * 3600)
    site.services.resending.renew(row.ref)
    site.delivers()
    ends = site.row(row.id).expires_at - site.row(row.id).last_sent_at
    assert abs(ends - timedelta(days=1)) < timedelta(seconds=30)
    mails = tenant.mails(ADA)
    assert len(mails) == 3
    for mail in mails:
        assert "> Welcome!\n> Grace\n" in mail["Text"].replace("\r", "")
        assert "(1 day from now)" in " ".join(mail["Text"].split())
    [live] = [each for each in tenant.state["tickets"] if each["state"] == "live"]
    assert live


def test_an_expired_invitation_that_is_renewed_takes_the_new_options(site: RunningSite) -> None:
    """Those of the form that was sent last."""
    options = Options.parse(site.settings, note="First", lifetime=DAY)
    row = site.services.invitations.invite(ADA, inviter=GRACE, options=options)
    site.delivers()
    site.clock.forward(days=2)
    again = site.services.invitations.invite(ADA, inviter=GRACE)
    assert again.id == row.id
    assert (again.note, again.lifetime) == ("", None)
    assert again.expires_at - site.clock() > timedelta(days=4)


@pytest.mark.parametrize("lifetime", [0, -1, 31 * DAY])
def test_a_life_that_is_no_choice_is_refused(site: RunningSite, lifetime: int) -> None:
    """By the command line's way too."""
    with pytest.raises(InvalidInvitee, match="at most 30 days"):
        Options.parse(site.settings, lifetime=lifetime)


@pytest.mark.parametrize("words", [{"note": "Hello"}, {"lifetime": DAY}, {"language": "de"}])
def test_the_tenants_own_mail_takes_none_of_them(
    tenant: Tenant, tmp_path: Path, words: dict[str, object]
) -> None:
    """It would drop them without a word."""
    settings = settings_for(tenant, tmp_path, INVITE_DELIVERY="tenant_email")
    with pytest.raises(InvalidInvitee, match="The tenant sends its own mail"):
        Options.parse(settings, **words)  # type: ignore[arg-type]
    assert Options.parse(settings, note=" \n") == Options()


def test_a_note_keeps_its_lines_and_nothing_that_nobody_sees(site: RunningSite) -> None:
    """Paragraphs, as they come from a form or a cell: a tab between words is a blank, and what stands
    at the ends of lines is nothing."""
    note = "\n Welcome,\tAda! \r\n \r\n\n\n  See you\u202e on Monday.  \n"
    found = Options.parse(site.settings, note=note).note
    assert found == "Welcome, Ada!\n\nSee you on Monday."
    longest = "ä" * NOTE_LENGTH
    assert Options.parse(site.settings, note="a\u0308" * NOTE_LENGTH).note == longest


def test_another_address_gets_all_that_the_first_one_had(site: RunningSite) -> None:
    """Every column that is the invitation's own, also those that come to be."""
    given = Options.parse(
        site.settings, note="Welcome!", lifetime=DAY, roles={"rol_1": "Editor"}, language="de"
    )
    row = site.services.invitations.invite(ADA, inviter=GRACE, options=given)
    other = site.services.invitations.change_address(row.id, "byron@example.com", inviter=GRACE)
    assert Options.of(other).columns == given.columns
    assert all(given.columns.values()), "each of them is set here"
