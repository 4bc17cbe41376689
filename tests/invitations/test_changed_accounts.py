"""Accounts that change at the tenant while an invitation is open: renamed, blocked, gone, linked."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from invite_site.errors import AlreadyInvited, NotPossibleNow
from invite_site.invitations.acceptance import LoginOutcome
from invite_site.invitations.checks import password_chosen_at
from invite_site.invitations.people import Inviter
from invite_site.invitations.tables import Invitation
from invite_site.settings import Delivery, LinkKind
from tests.support.accounts import api, change_user, identity_of
from tests.support.person import Person
from tests.support.running import (
    ADMIN,
    PASSWORD,
    RunningSite,
    Tenant,
    accepts,
    logs_in,
    running_site,
    sets_password,
    sets_password_quietly,
    signs_in,
)

ADA = "ada@example.com"
NEW = "ada.byron@example.com"
GRACE = Inviter("Grace Hopper")


def sent(site: RunningSite, email: str = ADA) -> Any:
    row = site.invites_and_delivers(email, "Ada Byron")
    return site.row(row.id)


@pytest.fixture
def renamed(site: RunningSite, tenant: Tenant) -> Any:
    """A sent invitation whose account got another address, and that was sent again since."""
    row = sent(site)
    change_user(site, row, email=NEW, connection=site.settings.connection)
    site.services.resending.resend(row.id, actor="Grace")
    site.delivers()
    return site.row(row.id)


def test_the_link_to_a_renamed_account_goes_to_nobody(
    site: RunningSite, tenant: Tenant, renamed: Any
) -> None:
    """Neither to the address typed first nor, unasked, to the new one; the older link is dead."""
    assert len(tenant.mails()) == 1
    assert (renamed.state, renamed.new_email) == ("queued", NEW)
    site.clock.forward(days=1)
    assert site.delivers() == 0
    assert [each["state"] for each in tenant.state["tickets"]][:1] == ["superseded"]
    with pytest.raises(NotPossibleNow, match="another address"):
        site.services.resending.resend(renamed.id, actor="Grace")


def test_the_admin_sees_both_addresses_and_sends_to_the_new_one(
    site: RunningSite, tenant: Tenant, renamed: Any, admin: Person
) -> None:
    """One button, for the address that the page showed."""
    site.make_admin()
    signs_in(admin, site, start=f"/admin/invitations/{renamed.id}")
    assert ADA in admin.text
    assert NEW in admin.text
    admin.presses("Send to the new address")
    site.delivers()
    assert site.row(renamed.id).state == "sent"
    [mail] = tenant.mails(NEW)
    assert NEW in mail["Text"]
    with Person() as invitee:
        accepts(invitee, tenant.link_to(NEW))
    assert site.status(NEW) == "accepted"


def test_sending_to_the_new_address_wakes_a_worker_of_this_process(
    site: RunningSite, renamed: Any
) -> None:
    """As whatever else is queued does."""
    site.services.wake.clear()
    site.services.invitations.readdress(renamed.id, NEW, actor="Grace")
    assert site.services.wake.is_set()


def test_a_held_invitation_can_be_revoked(site: RunningSite, renamed: Any) -> None:
    """The other choice."""
    site.services.invitations.revoke(renamed.id, actor="Grace")
    assert site.row(renamed.id).state == "revoked"


def test_a_revoked_link_dies_though_the_address_is_invited_with_another_account(
    site: RunningSite, tenant: Tenant
) -> None:
    """Renamed at the tenant, revoked, invited again: the newer ticket is not of the older account."""
    old = sent(site)
    change_user(site, old, email=NEW, connection=site.settings.connection)
    site.services.invitations.revoke(old.id, actor="Grace")
    new = sent(site)
    site.clock.forward(seconds=61)
    site.delivers()
    assert new.user_id != old.user_id
    assert tenant.linked_accounts() == [new.user_id]


def test_the_link_to_an_address_that_was_changed_at_both_places_works(
    site: RunningSite, tenant: Tenant
) -> None:
    """The account was renamed first, so that the newer invitation uses the account of the older one."""
    old = sent(site)
    change_user(site, old, email=NEW, connection=site.settings.connection)
    new = site.services.invitations.change_address(old.id, NEW, inviter=Inviter("Grace"))
    for _ in range(3):
        site.delivers()
        site.clock.forward(seconds=61)
    assert site.row(new.id).user_id == old.user_id
    with Person() as invitee:
        sets_password(invitee, tenant.link_to(NEW))
        assert invitee.sees_in("Email address") == NEW


def test_the_newest_link_to_an_account_dies_though_an_older_invitation_of_it_is_open(
    site: RunningSite, tenant: Tenant
) -> None:
    """What replaces a ticket is one that was made later."""
    old = sent(site)
    change_user(site, old, email=NEW, connection=site.settings.connection)
    new = sent(site, NEW)
    assert (new.user_id, site.row(old.id).is_open) == (old.user_id, True)
    site.services.invitations.revoke(new.id, actor="Grace")
    site.delivers()
    assert tenant.linked_accounts() == []


def test_the_newest_link_to_an_account_dies_though_its_invitation_is_the_older_one(
    site: RunningSite, tenant: Tenant
) -> None:
    """It was sent again when the account had its first address back."""
    old = sent(site)
    change_user(site, old, email=NEW, connection=site.settings.connection)
    assert sent(site, NEW).user_id == old.user_id
    change_user(site, old, email=ADA, connection=site.settings.connection)
    site.services.resending.resend(old.id, actor="Grace")
    site.delivers()
    site.services.invitations.revoke(old.id, actor="Grace")
    site.delivers()
    assert tenant.linked_accounts() == []


def test_an_account_with_a_password_of_the_earlier_address_is_left_alone(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """Whoever chose it could accept in place of the person who is invited now."""
    old = sent(site)
    person.opens(tenant.link_to(ADA)).types_into("New password", PASSWORD)
    person.types_into("Re-enter new password", PASSWORD).presses("Reset password")
    change_user(site, old, email=NEW, connection=site.settings.connection)
    new = sent(site, NEW)
    assert new.state == "failed"
    assert "did not create for it" in new.last_error
    assert tenant.mails(NEW) == []


def test_the_new_address_gets_a_password_of_its_own(site: RunningSite, tenant: Tenant) -> None:
    """Whoever read the mails to the earlier address chose one; with it they could accept."""
    row = sent(site)
    sets_password_quietly(tenant.link_to(ADA))
    site.services.checks.ask(row)
    assert site.row(row.id).state == "password_set"
    change_user(site, row, email=NEW, email_verified=True, connection=site.settings.connection)
    site.services.resending.resend(row.id, actor="Grace")
    site.delivers()
    site.services.invitations.readdress(row.id, NEW, actor="Grace")
    site.delivers()
    with Person() as invitee:
        sets_password(invitee, tenant.link_to(NEW), "Another-Horse-8")
    with Person() as earlier:
        signs_in(earlier, site, NEW, PASSWORD)
    assert site.row(row.id).state != "accepted"
    with Person() as invitee:
        signs_in(invitee, site, NEW, "Another-Horse-8")
    assert site.row(row.id).state == "accepted"


def test_a_grant_that_waits_is_not_for_who_has_the_account_now(
    site: RunningSite, tenant: Tenant
) -> None:
    """The account was renamed, and the person at the new address was invited by themselves."""
    old = sent(site)
    site.services.granting.grant(ADA, by=GRACE, invites=True)
    change_user(site, old, email=NEW, connection=site.settings.connection)
    sent(site, NEW)
    with Person() as invitee:
        accepts(invitee, tenant.link_to(NEW))
        assert invitee.url == f"{site.url}/"
    assert site.services.admins.all() == []
    assert not site.services.granting.awaited()
    assert site.services.listing.events(old.id)[-1].event == "grant_cancelled"


def test_the_address_shown_is_the_address_used(site: RunningSite, renamed: Any) -> None:
    """A page that was open while the address changed once more sends to nobody."""
    with pytest.raises(NotPossibleNow):
        site.services.invitations.readdress(renamed.id, "other@example.com", actor="Grace")


def test_a_new_address_that_is_invited_already_is_said(site: RunningSite, renamed: Any) -> None:
    """One address has one open invitation."""
    site.invites(NEW)
    with pytest.raises(AlreadyInvited):
        site.services.invitations.readdress(renamed.id, NEW, actor="Grace")


@pytest.mark.parametrize("change", [{"email": NEW}, {"blocked": True}])
def test_a_landing_link_to_a_changed_account_leads_nowhere(
    site: RunningSite, tenant: Tenant, change: dict[str, Any]
) -> None:
    """The ticket would be the key of an account that belongs to another address now, or to nobody."""
    settings = replace(site.settings, link=LinkKind.LANDING)
    with running_site(settings, clock=site.clock) as landing, Person() as invitee:
        row = sent(landing)
        text = tenant.mails(ADA)[0]["Text"]
        link = next(word for word in text.split() if "/i/" in word)
        change_user(landing, row, **change, connection=site.settings.connection)
        invitee.opens(link).presses("Choose your password")
        assert invitee.heading == "This link does not lead anywhere"
        assert "has been changed" in invitee.text
        assert invitee.sees_link("Ask for a new invitation").startswith("mailto:")
        assert not invitee.offers("Choose your password")
        assert tenant.calls("POST /api/v2/tickets") == 0


def test_a_landing_link_to_an_account_that_is_gone_names_what_makes_it_anew(
    site: RunningSite, tenant: Tenant
) -> None:
    """Nobody has to be asked: the new link is mailed to the invited address alone."""
    settings = replace(site.settings, link=LinkKind.LANDING)

    def link_in_newest_mail() -> str:
        text: str = tenant.mails(ADA)[0]["Text"]
        return next(word for word in text.split() if "/i/" in word)

    with running_site(settings, clock=site.clock) as landing, Person() as invitee:
        row = sent(landing)
        change_user(landing, row, deleted=True)
        invitee.opens(link_in_newest_mail()).presses("Choose your password")
        assert not invitee.offers("Choose your password")
        invitee.presses("Get a new link").presses("Send me a new link")
        landing.delivers()
        invitee.opens(link_in_newest_mail()).presses("Choose your password")
        assert "ticket=" in invitee.url


def test_a_blocked_account_is_said_and_can_be_sent_again(site: RunningSite, tenant: Tenant) -> None:
    """Nothing goes out while it is blocked."""
    row = sent(site)
    change_user(site, row, blocked=True)
    site.services.resending.resend(row.id, actor="Grace")
    site.delivers()
    failed = site.row(row.id)
    assert failed.state == "failed"
    assert "blocked" in (failed.last_error or "")
    change_user(site, row, blocked=False)
    site.clock.forward(minutes=3)
    site.services.resending.resend(row.id, actor="Grace")
    site.delivers()
    assert site.row(row.id).state == "sent"
    assert len(tenant.mails(ADA)) == 2


def test_an_account_that_is_gone_is_made_anew(site: RunningSite, tenant: Tenant) -> None:
    """Sending again is enough."""
    row = sent(site)
    api(site).send("DELETE", f"/users/{row.user_id}", None)
    site.services.resending.resend(row.id, actor="Grace")
    site.delivers()
    again = site.row(row.id)
    assert again.state == "sent"
    assert again.user_id != row.user_id
    assert tenant.user(ADA)["user_id"] == again.user_id


def test_an_account_that_took_the_place_of_a_gone_one_is_accepted(
    site: RunningSite, tenant: Tenant
) -> None:
    """The address is verified and the invited account is no more, as after linking."""
    row = sent(site)
    api(site).send("DELETE", f"/users/{row.user_id}", None)
    who = identity_of(row, sub="google-oauth2|1")
    assert site.services.acceptance.complete_login(who, row.ref) is LoginOutcome.ACCEPTED
    accepted = site.row(row.id)
    assert (accepted.state, accepted.accepted_sub) == ("accepted", "google-oauth2|1")
    assert accepted.user_id == "google-oauth2|1", "who gets the roles that were chosen"
    assert site.services.acceptance.complete_login(who, None) is LoginOutcome.SIGNED_IN


@pytest.mark.parametrize("has_ref", [True, False])
def test_an_account_that_the_invited_one_was_linked_into_is_accepted(
    site: RunningSite, tenant: Tenant, has_ref: bool
) -> None:
    """The tenant lists the invited one among its parts."""
    row = sent(site)
    provider, _, number = row.user_id.partition("|")
    parts = [
        {"provider": "google-oauth2", "user_id": "1"},
        {"provider": provider, "user_id": number},
    ]
    whole = {"user_id": "google-oauth2|1", "email": ADA, "identities": parts}
    tenant.fails("GET /api/v2/users", kind="status", status=200, body=whole, times=None)
    who = identity_of(row, sub="google-oauth2|1")
    outcome = site.services.acceptance.complete_login(who, row.ref if has_ref else None)
    assert outcome is LoginOutcome.ACCEPTED


def test_it_is_accepted_at_an_ordinary_login_too(site: RunningSite, tenant: Tenant) -> None:
    """Without a trace of the invitation in the browser, by the verified address."""
    row = sent(site)
    api(site).send("DELETE", f"/users/{row.user_id}", None)
    who = identity_of(row, sub="google-oauth2|1", email="Ada@Example.com")
    assert site.services.acceptance.complete_login(who, None) is LoginOutcome.ACCEPTED


@pytest.mark.parametrize(
    ("fields", "outcome", "event"),
    [
        ({}, LoginOutcome.OTHER_ACCOUNT, "other_account"),
        ({"email_verified": False}, LoginOutcome.OTHER_ACCOUNT, "other_account"),
        ({"email": "eve@example.com"}, LoginOutcome.WRONG_ACCOUNT, "wrong_account"),
        ({"email": ""}, LoginOutcome.WRONG_ACCOUNT, "wrong_account"),
    ],
)
def test_another_account_beside_the_invited_one_is_not_accepted(
    site: RunningSite, fields: dict[str, Any], outcome: LoginOutcome, event: str
) -> None:
    """While the invited account exists, only it accepts; the event says which case it was."""
    row = sent(site)
    who = identity_of(row, sub="google-oauth2|1", **fields)
    assert site.services.acceptance.complete_login(who, row.ref) is outcome
    assert site.row(row.id).state == "sent"
    assert site.services.listing.events(row.id)[-1].event == event


@pytest.mark.parametrize("has_ref", [True, False])
def test_an_account_that_the_tenant_knows_besides_the_invited_one_is_not_accepted(
    site: RunningSite, has_ref: bool
) -> None:
    """Though it is there, and calls the same address verified: the invited one is no part of it."""
    row = sent(site)
    other = site.services.tenant.find_user(ADMIN)
    assert other is not None
    who = identity_of(row, sub=other.user_id)
    outcome = site.services.acceptance.complete_login(who, row.ref if has_ref else None)
    assert outcome is (LoginOutcome.OTHER_ACCOUNT if has_ref else LoginOutcome.SIGNED_IN)
    assert site.row(row.id).state == "sent"


@pytest.mark.parametrize("has_ref", [True, False])
def test_nobody_takes_the_place_of_an_account_that_is_not_made_yet(
    site: RunningSite, has_ref: bool
) -> None:
    """Nothing has been mailed that they could have read."""
    row = site.invites(ADA)
    who = identity_of(row, sub="google-oauth2|1")
    outcome = site.services.acceptance.complete_login(who, row.ref if has_ref else None)
    assert outcome is (LoginOutcome.OTHER_ACCOUNT if has_ref else LoginOutcome.SIGNED_IN)
    assert site.row(row.id).state == "queued"


@pytest.mark.parametrize("has_ref", [True, False])
def test_an_unverified_address_takes_no_place(
    site: RunningSite, tenant: Tenant, has_ref: bool
) -> None:
    """Anybody can register somebody else's address while the invited account is gone."""
    row = sent(site)
    api(site).send("DELETE", f"/users/{row.user_id}", None)
    who = identity_of(row, sub="google-oauth2|1", email_verified=False)
    outcome = site.services.acceptance.complete_login(who, row.ref if has_ref else None)
    assert outcome is (LoginOutcome.OTHER_ACCOUNT if has_ref else LoginOutcome.SIGNED_IN)
    assert site.row(row.id).state == "sent"


def test_another_address_takes_no_place(site: RunningSite) -> None:
    """Whoever was handed the link signs in as themselves, while the invited account is gone."""
    row = sent(site)
    change_user(site, row, deleted=True)
    who = identity_of(row, sub="google-oauth2|1", email="eve@example.com")
    assert site.services.acceptance.complete_login(who, row.ref) is LoginOutcome.WRONG_ACCOUNT
    assert site.row(row.id).state == "sent"


def test_an_ordinary_login_does_not_need_the_management_api(
    site: RunningSite, tenant: Tenant
) -> None:
    """Whether another account is meant is asked some other time: nobody is kept out for that."""
    row = sent(site)
    tenant.fails("GET /api/v2/users", kind="status", status=503, times=None)
    who = identity_of(row, sub="google-oauth2|1")
    assert site.services.acceptance.complete_login(who, None) is LoginOutcome.SIGNED_IN
    assert site.row(row.id).state == "sent"


def test_another_account_signs_in_as_ever_without_an_invitation(site: RunningSite) -> None:
    """An open invitation to the same address takes nothing from it."""
    row = sent(site)
    who = identity_of(row, sub="google-oauth2|1")
    assert site.services.acceptance.complete_login(who, None) is LoginOutcome.SIGNED_IN
    assert site.row(row.id).state == "sent"


def test_replacing_the_application_loses_no_open_invitation(
    site: RunningSite, tenant: Tenant
) -> None:
    """The account is the same, whichever application it signs in with."""
    row = sent(site)
    other = replace(site.settings, client_id="another-client")
    with running_site(other, clock=site.clock) as replaced:
        who = identity_of(row)
        assert replaced.services.acceptance.complete_login(who, None) is LoginOutcome.ACCEPTED
    assert site.row(row.id).state == "accepted"


def test_somebody_who_never_came_back_is_seen(site: RunningSite, tenant: Tenant) -> None:
    """New Universal Login in default settings leaves no trace here; the tenant is asked."""
    row = sent(site)
    with Person() as invitee:
        invitee.opens(tenant.link_to(ADA))
        invitee.types_into("New password", PASSWORD).types_into("Re-enter new password", PASSWORD)
        answer = invitee.sends("Reset password")
        assert answer.headers["Location"].startswith(site.url)
    assert site.row(row.id).state == "sent"
    site.clock.forward(minutes=59)
    site.delivers()
    assert site.row(row.id).state == "sent"
    site.clock.forward(minutes=2)
    site.delivers()
    assert site.row(row.id).state == "password_set"


def test_a_password_that_was_set_in_the_tenants_dashboard_is_not_taken_for_one_chosen_by_the_link(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """It shows nothing about the address: the sign-in is refused, and a new link is one that proves it."""
    row = sent(site)
    change_user(site, row, password=PASSWORD, connection=site.settings.connection)
    person.opens(f"{site.url}/invite/complete?success=true&i={row.ref}")
    logs_in(person, ADA, PASSWORD)
    assert person.heading == "Your address is not confirmed yet"
    site.clock.forward(hours=1)
    site.delivers()
    assert site.row(row.id).state == "sent"
    person.presses("Get a new link").presses("Send me a new link")
    site.delivers()
    sets_password(person, tenant.link_to(ADA), "Another-Good-1!")
    logs_in(person, ADA, "Another-Good-1!")
    assert site.row(row.id).state == "accepted"


def test_of_the_tenants_own_mail_a_password_is_all_that_is_asked(
    site: RunningSite, tenant: Tenant
) -> None:
    """A tenant need not verify the address with it, as our tickets do."""
    row = sent(site)
    sets_password_quietly(tenant.link_to(ADA))
    user = site.services.tenant.get_user(row.user_id)
    assert user is not None
    unverified = replace(user, email_verified=False)
    assert password_chosen_at(row, user, Delivery.TICKET)
    assert password_chosen_at(row, unverified, Delivery.TICKET) is None
    assert password_chosen_at(row, unverified, Delivery.TENANT_EMAIL)


def test_sent_invitations_are_asked_about_less_and_less(site: RunningSite, tenant: Tenant) -> None:
    """After an hour, six, a day, then daily, and once at the end."""
    row = sent(site)
    asked = []
    start = site.clock()
    for hour in range(1, 24 * 7):
        site.clock.forward(hours=1)
        before = tenant.calls("GET /api/v2/users/")
        site.delivers()
        if tenant.calls("GET /api/v2/users/") > before:
            asked.append(hour)
    assert asked == [1, 6, 24, 48, 72, 96, 120], (start, row.expires_at)
    assert site.row(row.id).check_at is None


def test_a_withdrawal_claims_no_more_than_it_does(site: RunningSite, admin: Person) -> None:
    """The tenant's account lives on and may open other applications; the page says so before."""
    row = sent(site)
    site.make_admin()
    signs_in(admin, site, start=f"/admin/invitations/{row.id}/revoke")
    assert "a sign-in with it is refused here" in admin.text
    assert "The account stays at the tenant" in admin.text


def test_an_extension_sends_nothing_of_what_waits_for_an_admin(site_on: RunningSite) -> None:
    """It has a later end, and is still held: nobody has said which address is right."""
    row = site_on.invites(ADA)
    with site_on.services.engine.begin() as db:
        held = {"next_try_at": None, "new_email": "other@example.com"}
        db.execute(update(Invitation).where(Invitation.id == row.id).values(held))
    extended = site_on.services.resending.extend(row.id, 30, actor="Grace")
    assert extended.expires_at > row.expires_at
    assert extended.next_try_at is None
