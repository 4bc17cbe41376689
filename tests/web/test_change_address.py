"""*Change address*: the earlier invitation is withdrawn, another address is invited in its place."""

import threading
from typing import Any

import pytest

from invite_site.errors import AlreadyInvited, NotPossibleNow
from invite_site.invitations.options import Options
from invite_site.invitations.people import Inviter
from tests.support.person import Person
from tests.support.running import RunningSite, Tenant, accepts, signs_in

ADA, NEW = "ada@example.com", "ada.byron@example.com"
GRACE = Inviter("Grace Hopper")


def sent(site: RunningSite) -> Any:
    options = Options.parse(site.settings, note="See you on Monday.", lifetime=86_400)
    row = site.services.invitations.invite(ADA, name="Ada Byron", inviter=GRACE, options=options)
    site.delivers()
    return row


def test_it_works(site: RunningSite, tenant: Tenant, admin: Person, person: Person) -> None:
    """Name, note and life come along; the older link works no more, the new one does."""
    row = sent(site)
    older = tenant.link_to(ADA)
    site.make_admin()
    signs_in(admin, site, start=f"/admin/invitations/{row.id}")
    admin.presses("Change address")
    assert admin.sees_in("Email address") == ADA
    admin.types(Email_address=NEW).presses("Change address")
    assert NEW in admin.heading
    site.delivers()
    [mail] = tenant.mails(NEW)
    assert "Ada Byron" in mail["Text"]
    assert "See you on Monday." in mail["Text"]
    assert site.status(ADA) == "revoked"
    events = site.services.listing.events(row.id)
    assert [each.actor for each in events if each.event == "revoked"] == ["Admin"]
    person.opens(older)
    assert "new password" not in person.text.lower() or not person.offers("Reset password")
    with Person() as invitee:
        accepts(invitee, tenant.link_to(NEW))
    assert site.status(NEW) == "accepted"


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "Enter the address"),
        ("nobody", "Enter an email address"),
        ("ADA@example.com", "was invited already"),
        ("taken@example.com", "already invited this address"),
    ],
)
def test_what_cannot_be_invited_leaves_everything_as_it_is(
    site: RunningSite, tenant: Tenant, admin: Person, typed: str, words: str
) -> None:
    """A sentence, and what was typed."""
    row = sent(site)
    site.invites("taken@example.com")
    site.make_admin()
    signs_in(admin, site, start=f"/admin/invitations/{row.id}/address")
    admin.types(Email_address=typed).presses("Change address")
    assert admin.response.status_code == 422
    assert words in admin.text
    assert admin.sees_in("Email address") == typed
    assert admin.offers("Open that invitation") == (typed == "taken@example.com")
    assert site.status(ADA) == "sent"


def test_a_second_click_leads_to_the_invitation_of_the_first(
    site: RunningSite, tenant: Tenant, admin: Person
) -> None:
    """It does not say that the address stays as it was: it was changed."""
    row = sent(site)
    site.make_admin()
    signs_in(admin, site, start=f"/admin/invitations/{row.id}/address")
    method, action, fields = admin.types(Email_address=NEW).form("Change address")
    for _ in range(2):
        admin.shows(admin.browser.request(method, action, data=fields, timeout=9))
    assert NEW in admin.heading
    assert "so its address stays" not in admin.text
    assert site.status(NEW) == "queued"


def test_one_that_has_ended_is_left_alone(site: RunningSite, tenant: Tenant, admin: Person) -> None:
    """The form does not open, and a form that was open says so and keeps what was typed."""
    row = sent(site)
    site.make_admin()
    signs_in(admin, site, start=f"/admin/invitations/{row.id}/address")
    site.services.invitations.revoke(row.id, actor="Grace")
    admin.types(Email_address=NEW).presses("Change address")
    assert "has ended" in admin.text
    assert admin.response.status_code == 422
    assert admin.sees_in("Email address") == NEW
    admin.opens(f"{site.url}/admin/invitations/{row.id}/address")
    assert admin.path == f"/admin/invitations/{row.id}"
    with pytest.raises(NotPossibleNow):
        site.services.invitations.change_address(row.id, NEW, inviter=GRACE)
    assert site.services.ledger.open_of(NEW) is None


def test_a_grant_that_waits_is_for_the_address_it_was_made_for(
    site: RunningSite, tenant: Tenant, admin: Person
) -> None:
    """The page says so before anything is changed, and only where one waits."""
    row = sent(site)
    site.make_admin()
    address = f"/admin/invitations/{row.id}/address"
    assert "invite others" not in signs_in(admin, site, start=address).text
    site.services.granting.grant(ADA, by=GRACE, invites=True)
    assert "grant it again" in admin.opens(site.url + address).text
    admin.types(Email_address=NEW).presses("Change address")
    assert not site.services.granting.awaited()


def test_of_two_who_change_it_at_once_one_does(site_on: RunningSite, tenant: Tenant) -> None:
    """One open invitation is left, whoever was first."""
    row = sent(site_on)
    ready, said = threading.Barrier(2), []

    def change(email: str) -> None:
        ready.wait()
        try:
            said.append(
                site_on.services.invitations.change_address(row.id, email, inviter=GRACE).email
            )
        except (NotPossibleNow, AlreadyInvited) as refused:
            said.append(str(refused))

    threads = [
        threading.Thread(target=change, args=(f"{name}@example.com",)) for name in ("one", "two")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ledger = site_on.services.ledger
    left = [each for name in ("one", "two") if (each := ledger.open_of(f"{name}@example.com"))]
    assert [each.email for each in left] == [each for each in said if "@" in each]
    assert len(left) == 1
    assert site_on.row(row.id).state == "revoked"
