"""Delivery, with a tenant and a mail server that fail on request: nothing is lost or doubled."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from invite_site.errors import AlreadyInvited, InvitationNotFound, NotPossibleNow
from invite_site.invitations.people import Inviter
from tests.support.person import Person
from tests.support.running import RunningSite, Tenant, accepts, sets_password, signs_in

ADA = "ada@example.com"


def test_it_works(site_on: RunningSite, tenant: Tenant) -> None:
    """One account with a marker, one ticket, one mail; on both kinds of database."""
    site = site_on
    row = site.invites(ADA, "Ada")
    assert site.delivers() == 1
    user = tenant.user(ADA)
    assert user["app_metadata"] == {"invitedToMyApp": True, "invitation_id": row.ref}
    assert user["email_verified"] is False
    assert len(tenant.mails(ADA)) == 1
    assert site.row(row.id).user_id == user["user_id"]
    assert site.delivers() == 0


def test_the_journey_on_both_databases(
    site_on: RunningSite, tenant: Tenant, person: Person
) -> None:
    """From the form to *Accepted*."""
    site_on.invites_and_delivers(ADA)
    accepts(person, tenant.link_to(ADA))
    assert site_on.status(ADA) == "accepted"


def test_an_account_that_did_not_come_from_here_is_left_alone(
    site: RunningSite, tenant: Tenant
) -> None:
    """Whoever made it could share it with the invitee; the admin is told what to do."""
    tenant.reset()
    row = site.invites_and_delivers("admin@example.com")
    failed = site.row(row.id)
    assert failed.state == "failed"
    assert "did not create" in (failed.last_error or "")
    assert tenant.mails() == []
    assert tenant.state["tickets"] == []


def test_an_account_of_an_earlier_invitation_that_nobody_used_is_used_again(
    site: RunningSite, tenant: Tenant
) -> None:
    """Withdrawn and invited again: the same account, a new ticket."""
    first = site.invites_and_delivers(ADA)
    site.services.invitations.revoke(first.id, actor="Grace")
    site.delivers()
    second = site.invites_and_delivers(ADA)
    assert site.row(second.id).state == "sent"
    assert site.row(second.id).user_id == site.row(first.id).user_id
    with Person() as person:
        accepts(person, tenant.link_to(ADA))
        assert person.url == f"{site.url}/"
    assert site.row(second.id).state == "accepted"
    assert site.row(first.id).state == "revoked"


def test_resending_replaces_the_link_and_the_life(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """The older link says that it was replaced; the newer one works, and lives in full."""
    row = site.invites_and_delivers(ADA)
    old = tenant.link_to(ADA)
    site.clock.forward(days=4)
    site.services.resending.resend(row.id, actor="Grace")
    site.delivers()
    new = tenant.link_to(ADA)
    assert new != old
    person.opens(old)
    assert person.heading == "A newer mail has replaced this link"
    sets_password(person, new)
    assert person.sees_in("Email address") == ADA
    mails = tenant.mails(ADA)
    assert mails[0]["MessageID"] != mails[1]["MessageID"]
    assert site.row(row.id).expires_at - site.clock() > timedelta(days=4, hours=23)


@pytest.mark.parametrize(
    ("state", "extending"),
    [
        ("queued", "ends later than that already"),
        ("accepted", "has been accepted; it does not end"),
        ("revoked", "has ended"),
    ],
)
def test_what_cannot_be_resent_or_extended_says_why(
    site: RunningSite, tenant: Tenant, person: Person, state: str, extending: str
) -> None:
    """A sentence for each state."""
    row = site.invites(ADA)
    if state != "queued":
        site.delivers()
    if state == "accepted":
        accepts(person, tenant.link_to(ADA))
    if state == "revoked":
        site.services.invitations.revoke(row.id, actor="Grace")
    assert site.row(row.id).state == state
    with pytest.raises(NotPossibleNow) as refused:
        site.services.resending.resend(row.id, actor="Grace")
    assert str(refused.value).endswith(".")
    with pytest.raises(NotPossibleNow, match=extending):
        site.services.resending.extend(row.id, 1, actor="Grace")


def test_a_number_of_no_invitation_is_said_whatever_is_asked_for(site: RunningSite) -> None:
    """As a page that is not there; nothing of it has ended."""
    invitations, resending = site.services.invitations, site.services.resending
    for asks in (
        partial(invitations.revoke, actor="Grace"),
        partial(invitations.readdress, email=ADA, actor="Grace"),
        partial(invitations.change_address, email=ADA, inviter=Inviter("Grace")),
        partial(resending.resend, actor="Grace"),
        partial(resending.extend, days=3, actor="Grace"),
    ):
        with pytest.raises(InvitationNotFound):
            asks(999)


def test_inviting_again_after_the_end_renews_the_same_invitation(
    site: RunningSite, tenant: Tenant
) -> None:
    """An expired invitation is no obstacle."""
    row = site.invites_and_delivers(ADA)
    with pytest.raises(AlreadyInvited):
        site.invites(ADA)
    site.clock.forward(days=6)
    assert site.status(ADA) == "expired"
    site.services.wake.clear()
    again = site.invites(ADA)
    assert again.id == row.id
    assert site.services.wake.is_set(), "a worker of this process sends it at once"
    site.delivers()
    assert site.status(ADA) == "sent"
    assert len(tenant.mails(ADA)) == 2


def test_the_ticket_never_outlives_the_invitation(site: RunningSite, tenant: Tenant) -> None:
    """Its life is what is left when it is made, said in seconds."""
    row = site.invites(ADA)
    site.clock.forward(days=3)
    site.delivers()
    [ticket] = tenant.state["tickets"]
    life = datetime.fromisoformat(ticket["expires"]) - datetime.fromisoformat(ticket["created"])
    assert life <= row.expires_at - site.clock() + timedelta(seconds=1)
    assert life > timedelta(days=1, hours=23)


def test_somebody_else_signing_in_leaves_the_invitation(site: RunningSite, person: Person) -> None:
    """An ordinary sign-in accepts nothing that is not its own."""
    site.invites_and_delivers(ADA)
    signs_in(person, site)
    assert site.status(ADA) == "sent"


def test_an_address_of_a_foreign_domain_gets_its_mail(site: RunningSite, tenant: Tenant) -> None:
    """The network sees A-labels; the person reads the address as it was typed."""
    site.invites_and_delivers("jo@bücher.example")
    assert site.status("jo@xn--bcher-kva.example") == "sent"
    [mail] = tenant.mails("jo@xn--bcher-kva.example")
    assert "jo@bücher.example" in mail["Text"]


def test_an_invitation_whose_worker_died_and_whose_time_ran_out_is_expired(
    site: RunningSite, tenant: Tenant
) -> None:
    """It can be sent again like any other."""
    row = site.invites(ADA)
    site.services.deliveries.claim("dead", limit=1)
    site.clock.forward(days=6)
    site.delivers()
    assert site.status(ADA) == "expired"
    site.services.resending.resend(row.id, actor="Grace")
    site.delivers()
    assert site.status(ADA) == "sent"


def test_inviting_an_expired_address_again_takes_the_new_words(
    site: RunningSite, tenant: Tenant
) -> None:
    """The mail names who invites now; the same form sent twice is one renewal."""
    site.invites_and_delivers(ADA, "Old Name")
    site.clock.forward(days=6)
    joan = Inviter("Joan Clarke", "auth0|joan")
    anew: dict[str, Any] = {"name": "New Name", "inviter": joan, "form_key": "k"}
    rows = [site.services.invitations.invite(ADA, **anew) for _ in range(2)]
    assert rows[0].id == rows[1].id
    assert site.services.granting.open_from(joan.sub) == 1, "to be revoked with her right to invite"
    site.delivers()
    mails = tenant.mails(ADA)
    assert len(mails) == 2
    assert mails[0]["Subject"].startswith("Joan Clarke invites you")
    assert "New Name" in mails[0]["Text"]


def test_coming_back_again_asks_the_tenant_again(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """An early or forged return uses nothing up."""
    row = site.invites_and_delivers(ADA)
    person.peeks(f"{site.url}/invite/complete?i={row.ref}&success=true")
    site.clock.forward(seconds=16)
    site.delivers()
    assert site.status(ADA) == "sent"
    site.clock.forward(seconds=61)
    sets_password(person, tenant.link_to(ADA))
    site.clock.forward(seconds=16)
    site.delivers()
    assert site.status(ADA) == "password_set"


def test_back_and_another_address_renews_an_expired_one(site: RunningSite) -> None:
    """The same form was sent for somebody else before."""
    site.invites_and_delivers("bob@example.com")
    site.clock.forward(days=6)
    invite = site.services.invitations.invite
    invite(ADA, inviter=Inviter("Grace"), form_key="k")
    assert invite("bob@example.com", inviter=Inviter("Grace"), form_key="k").state == "queued"


def test_back_after_a_revocation_invites_anew(site: RunningSite) -> None:
    """The form that is sent again means another invitation, once the first has ended."""
    invite = site.services.invitations.invite
    first = invite(ADA, inviter=Inviter("Grace"), form_key="k")
    site.services.invitations.revoke(first.id, actor="Grace")
    second = invite(ADA, inviter=Inviter("Grace"), form_key="k")
    assert second.id != first.id
    assert second.state == "queued"
