"""A mail that asks to sign in: for an account that is in use, so that nobody loses their password."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from invite_site.errors import AlreadyAccepted, ResentTooSoon
from invite_site.invitations.people import Inviter
from invite_site.settings import Delivery, LinkKind
from tests.support.accounts import api
from tests.support.dying import dies_after_the_mail
from tests.support.person import Person
from tests.support.running import (
    PASSWORD,
    Clock,
    RunningSite,
    Tenant,
    accepts,
    running_site,
    sets_password,
    sets_password_quietly,
    settings_for,
    signs_in,
)

ADA = "ada@example.com"


def sign_in_link(tenant: Tenant) -> str:
    """The link of the newest mail, which holds no ticket."""
    text = tenant.mails(ADA)[0]["Text"]
    assert "ticket=" not in text
    return str(next(word for word in text.split() if "/invite/sign-in?i=" in word))


def account(site: RunningSite, **more: Any) -> str:
    """An account of this address that somebody made at the tenant without us; returns its id."""
    body = {
        "connection": site.settings.connection,
        "email": ADA,
        "password": PASSWORD,
        "email_verified": True,
        "verify_email": False,
    }
    return str(api(site).send("POST", "/users", body | more)["user_id"])


def chose_password(site: RunningSite, tenant: Tenant, person: Person) -> Any:
    """An invitation whose invitee chose a password and went away."""
    row = site.invites_and_delivers(ADA)
    sets_password(person, tenant.link_to(ADA))
    site.clock.forward(seconds=16)
    site.delivers()
    assert site.row(row.id).state == "password_set"
    return row


def test_it_works(site: RunningSite, tenant: Tenant, person: Person) -> None:
    """An account that is in use keeps its password; its next sign-in accepts."""
    user_id = account(site)
    signs_in(person, site, ADA, PASSWORD)
    row = site.invites_and_delivers(ADA, "Ada Byron")
    sent = site.row(row.id)
    assert (sent.state, sent.user_id, sent.asks_to_sign_in) == ("sent", user_id, True)
    assert sent.check_at is None, "there is no password to wait for"
    assert tenant.state["tickets"] == []
    [mail] = tenant.mails(ADA)
    assert mail["Subject"].startswith("You have access to ")
    assert "Ada Byron" in mail["Text"]
    assert "Sign in" in mail["HTML"]
    with Person() as invitee:
        invitee.opens(sign_in_link(tenant))
        assert invitee.sees_in("Email address") == ADA
        invitee.types(Password=PASSWORD).presses("Continue")
        assert invitee.url == f"{site.url}/"
    assert site.status(ADA) == "accepted"
    with Person() as later:
        assert later.opens(sign_in_link(tenant)).heading == "You have accepted this invitation"


def test_a_revoked_link_dies_though_the_newer_mail_has_none(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """The account came into use by another way than the link, so that no newer ticket replaces it."""
    row = site.invites_and_delivers(ADA)
    site.services.invitations.revoke(row.id, actor="Grace")
    user = f"/users/{site.row(row.id).user_id}"
    api(site).send("PATCH", user, {"password": PASSWORD, "connection": site.settings.connection})
    api(site).send("PATCH", user, {"email_verified": True, "connection": site.settings.connection})
    signs_in(person, site, ADA, PASSWORD)
    assert len(tenant.linked_accounts()) == 1
    newer = site.invites_and_delivers(ADA)
    assert site.row(newer.id).asks_to_sign_in
    assert tenant.linked_accounts() == []


@pytest.mark.parametrize(
    ("has_logged_in", "is_verified"), [(False, True), (True, False), (False, False)]
)
def test_an_account_whose_owner_is_not_known_is_left_alone(
    site: RunningSite, tenant: Tenant, person: Person, has_logged_in: bool, is_verified: bool
) -> None:
    """Somebody may have made it to be there first."""
    account(site, email_verified=is_verified)
    if has_logged_in:
        signs_in(person, site, ADA, PASSWORD)
    row = site.invites_and_delivers(ADA)
    failed = site.row(row.id)
    assert failed.state == "failed"
    assert "did not create" in failed.last_error
    assert tenant.mails(ADA) == []
    assert tenant.state["tickets"] == []


def test_an_account_of_an_earlier_invitation_that_somebody_uses_unverified_is_left_alone(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """Its password came from elsewhere, so that nobody has shown that the address is theirs."""
    earlier = site.invites_and_delivers(ADA)
    user = f"/users/{site.row(earlier.id).user_id}"
    api(site).send("PATCH", user, {"password": PASSWORD, "connection": site.settings.connection})
    signs_in(person, site, ADA, PASSWORD)
    site.services.invitations.revoke(earlier.id, actor="Grace")
    row = site.invites_and_delivers(ADA)
    failed = site.row(row.id)
    assert failed.state == "failed"
    assert "did not create" in failed.last_error
    assert len(tenant.mails(ADA)) == 1


def test_a_password_that_was_chosen_by_an_earlier_link_says_nothing_of_the_newer_mail(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """The person set it, never signed in, and is invited again: the newer mail may still be unread."""
    earlier = site.invites_and_delivers(ADA)
    sets_password(person, tenant.link_to(ADA))
    site.services.invitations.revoke(earlier.id, actor="Grace")
    site.delivers()
    tenant.forward(seconds=10)
    row = site.invites_and_delivers(ADA)
    assert not site.row(row.id).asks_to_sign_in
    site.clock.forward(hours=2)
    before = tenant.calls("GET /api/v2/users/")
    site.delivers()
    assert tenant.calls("GET /api/v2/users/") == before + 1
    assert site.row(row.id).state == "sent"


def test_an_account_that_came_into_use_elsewhere_is_asked_to_sign_in_when_sent_to_again(
    site: RunningSite, tenant: Tenant
) -> None:
    """Such as by another application of the tenant: a ticket would make them choose another password."""
    row = site.invites_and_delivers(ADA)
    user = api(site).get(f"/users/{site.row(row.id).user_id}") or {}
    used = {**user, "email_verified": True, "logins_count": 3}
    tenant.fails("GET /api/v2/users/", kind="status", status=200, body=used, times=None)
    site.services.resending.resend(row.id, actor="Grace")
    tickets = tenant.calls("POST /api/v2/tickets")
    site.delivers()
    assert site.row(row.id).asks_to_sign_in
    assert tenant.calls("POST /api/v2/tickets") == tickets
    assert "/invite/sign-in?" in tenant.mails(ADA)[0]["Text"]


def test_whoever_is_signed_in_as_the_invited_person_is_not_asked_who_they_are(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """They had an account here before they were invited. The sign-in accepts, so it is asked for."""
    account(site)
    signs_in(person, site, ADA, PASSWORD)
    row = site.invites_and_delivers(ADA)
    for way in (f"/invite/sign-in?i={row.ref}", f"/invite/complete?i={row.ref}&success=true"):
        person.opens(site.url + way)
        assert person.sees_in("Email address") == ADA
    person.types(Password=PASSWORD).presses("Continue")
    assert site.row(row.id).state == "accepted"


def test_an_account_that_is_there_and_not_found_is_said(site: RunningSite, tenant: Tenant) -> None:
    """The search of the tenant may lag behind; nothing is sent by guess."""
    account(site)
    tenant.fails("GET /api/v2/users-by-email", kind="status", status=200, body=[], times=1)
    row = site.invites_and_delivers(ADA)
    failed = site.row(row.id)
    assert failed.state == "failed"
    assert "does not find it" in failed.last_error
    assert tenant.mails(ADA) == []


def test_a_blocked_account_is_said(site: RunningSite, tenant: Tenant, person: Person) -> None:
    """A mail that asks to sign in would lead to a refusal."""
    user_id = account(site)
    signs_in(person, site, ADA, PASSWORD)
    api(site).send("PATCH", f"/users/{user_id}", {"blocked": True})
    row = site.invites_and_delivers(ADA)
    assert "blocked" in site.row(row.id).last_error
    assert tenant.mails(ADA) == []


@pytest.mark.parametrize("accepts_first", [True, False])
def test_whoever_used_an_earlier_invitation_signs_in(
    site: RunningSite, tenant: Tenant, person: Person, accepts_first: bool
) -> None:
    """Access is the ledger's word: also who was withdrawn after the password can be invited again."""
    first = site.invites_and_delivers(ADA)
    sets_password(person, tenant.link_to(ADA))
    if not accepts_first:
        site.services.invitations.revoke(first.id, actor="Grace")
    person.types(Password=PASSWORD).presses("Continue")
    if accepts_first:
        with pytest.raises(AlreadyAccepted, match="Ask them to sign in"):
            site.invites(ADA)
    else:
        assert person.response.status_code == 403
    second = site.services.invitations.invite(ADA, inviter=Inviter("Grace"), again=True)
    site.delivers()
    link = sign_in_link(tenant)
    site.delivers()  # what is left of the earlier one changes nothing
    with Person() as invitee:
        invitee.opens(link).types(Password=PASSWORD).presses("Continue")
        assert invitee.url == f"{site.url}/"
    assert site.row(second.id).state == "accepted"


def test_the_owner_sends_one_where_only_the_sign_in_is_left(
    site: RunningSite, tenant: Tenant, person: Person, admin: Person
) -> None:
    """*Password set* stays what it is, and no new password is asked for."""
    row = chose_password(site, tenant, person)
    tickets = len(tenant.state["tickets"])
    site.make_admin()
    signs_in(admin, site, start=f"/admin/invitations/{row.id}")
    admin.presses("Send a sign-in mail")
    assert "is on its way" in admin.text
    with Person() as waiting:  # while the mail is on its way
        waiting.opens(f"{site.url}/invite/complete?i={row.ref}&success=false")
        assert waiting.heading == "Your password is set"
    site.delivers()
    after = site.row(row.id)
    assert after.state == "password_set"
    assert after.password_set_at is not None
    assert len(tenant.state["tickets"]) == tickets
    events = [each.event for each in site.services.listing.events(row.id)]
    assert events[-3:] == ["resent", "delivery_started", "sign_in_mail_sent"]
    with Person() as invitee:
        invitee.opens(sign_in_link(tenant)).types(Password=PASSWORD).presses("Continue")
    assert site.row(row.id).state == "accepted"


def test_one_that_waits_too_long_leaves_the_password_set(
    site_on: RunningSite, tenant: Tenant, person: Person
) -> None:
    """No worker ran until its time was over; it can be sent again."""
    row = chose_password(site_on, tenant, person)
    site_on.services.resending.resend(row.id, actor="Grace")
    site_on.clock.forward(days=6)
    site_on.delivers()
    assert site_on.status(ADA) == "password_set"
    assert "was not sent" in site_on.row(row.id).last_error
    assert len(tenant.mails(ADA)) == 1
    site_on.services.resending.resend(row.id, actor="Grace")
    site_on.delivers()
    assert sign_in_link(tenant)


def test_a_refused_mail_takes_no_access_away(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """Whoever could sign in before somebody invited them still can, and nothing was withdrawn."""
    account(site)
    signs_in(person, site, ADA, PASSWORD)
    assert person.url == f"{site.url}/"
    tenant.fails("SMTP", kind="status", status=550, at="rcpt", times=1)
    row = site.invites_and_delivers(ADA)
    assert site.row(row.id).state == "failed"
    with Person() as later:
        signs_in(later, site, ADA, PASSWORD)
        assert later.url == f"{site.url}/"


def test_one_too_soon_after_another_is_refused(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """As with every mail that is sent again by hand."""
    row = chose_password(site, tenant, person)
    site.services.resending.resend(row.id, actor="Grace")
    site.delivers()
    with pytest.raises(ResentTooSoon):
        site.services.resending.resend(row.id, actor="Grace")


def test_a_refused_one_takes_nothing_away(
    site: RunningSite, tenant: Tenant, person: Person, admin: Person
) -> None:
    """The password is set whatever the mail server says; the page tells its answer."""
    row = chose_password(site, tenant, person)
    tenant.fails("SMTP", kind="status", status=550, at="rcpt", times=1)
    site.services.resending.resend(row.id, actor="Grace")
    site.delivers()
    after = site.row(row.id)
    assert after.state == "password_set"
    assert after.last_error
    assert after.closed_at is None
    tenant.heals()
    site.make_admin()
    signs_in(admin, site, start=f"/admin/invitations/{row.id}")
    timeline = admin.soup.select(".timeline li > span")
    assert timeline[-1].get_text().startswith("Not sent"), "and not that it failed"
    person.opens(f"{site.url}/login?login_hint={ADA}")
    person.types(Password=PASSWORD).presses("Continue")
    assert site.row(row.id).state == "accepted"


@pytest.mark.parametrize(
    "faults",
    [
        [],
        [{"route": "POST /api/v2/tickets/password-change", "kind": "status", "status": 503}],
        [{"route": "SMTP", "kind": "status", "status": 451, "at": "data"}],
    ],
)
def test_an_account_that_is_gone_gets_a_link_again(
    site: RunningSite, tenant: Tenant, person: Person, faults: list[dict[str, Any]]
) -> None:
    """Its password went with it, also where the first try made the new account and came no further."""
    row = chose_password(site, tenant, person)
    api(site).send("DELETE", f"/users/{site.row(row.id).user_id}", {})
    site.services.resending.resend(row.id, actor="Grace")
    for fault in faults:
        tenant.fails(times=1, **fault)
        site.sends(1)
        site.clock.forward(minutes=2)
    site.delivers()
    after = site.row(row.id)
    assert (after.state, after.password_set_at) == ("sent", None)
    with Person() as invitee:
        accepts(invitee, tenant.link_to(ADA))
    assert site.row(row.id).state == "accepted"


def test_the_tenants_own_mail_cannot_ask_for_it(
    site: RunningSite, tenant: Tenant, person: Person, clock: Clock, tmp_path: Path
) -> None:
    """It always makes people choose another password: nothing is sent, with a sentence."""
    account(site)
    signs_in(person, site, ADA, PASSWORD)
    settings = replace(
        site.settings,
        delivery=Delivery.TENANT_EMAIL,
        database_url=f"sqlite:///{tmp_path / 'other.db'}",
    )
    with running_site(settings, clock=clock) as other:
        row = other.invites_and_delivers(ADA)
        failed = other.row(row.id)
        assert failed.state == "failed"
        assert "Ask them to sign in" in failed.last_error
    assert tenant.mails(ADA) == []


def test_the_tenants_own_mail_is_not_sent_again_to_an_account_in_use(
    tenant: Tenant, person: Person, clock: Clock, tmp_path: Path
) -> None:
    """Its invitee knew a password before that mail, and signs in elsewhere with it: the invitation stays
    open, and their next sign-in here accepts it."""
    settings = settings_for(tenant, tmp_path, INVITE_DELIVERY="tenant_email")
    elsewhere = replace(settings, database_url=f"sqlite:///{tmp_path / 'other.db'}")
    with running_site(settings, clock=clock) as site, running_site(elsewhere) as other:
        earlier = site.invites_and_delivers(ADA)
        sets_password_quietly(tenant.link_to(ADA))
        site.services.invitations.revoke(earlier.id, actor="Grace")
        site.delivers()
        tenant.forward(seconds=2)
        row = site.invites_and_delivers(ADA)
        signs_in(person, other, ADA, PASSWORD)
        mails = len(tenant.mails(ADA))
        site.services.resending.resend(row.id, actor="Grace")
        site.delivers()
        after = site.row(row.id)
        assert (after.state, after.closed_at) == ("sent", None)
        assert "Ask them to sign in" in after.last_error
        assert len(tenant.mails(ADA)) == mails
        with Person() as invitee:
            signs_in(invitee, site, ADA, PASSWORD)
        assert site.row(row.id).state == "accepted"


@pytest.mark.parametrize(
    ("delivery", "link"),
    [
        (Delivery.TENANT_EMAIL, LinkKind.TICKET),
        (Delivery.TICKET, LinkKind.TICKET),
        (Delivery.TICKET, LinkKind.LANDING),
    ],
)
def test_a_later_mail_asks_for_a_password(
    site: RunningSite,
    tenant: Tenant,
    person: Person,
    clock: Clock,
    delivery: Delivery,
    link: LinkKind,
) -> None:
    """To an account that was made anew, whichever way it goes: what is known of its mail is that it has
    a link, which an extension, a reminder and a withdrawal go by."""
    user_id = account(site)
    signs_in(person, site, ADA, PASSWORD)
    row = site.invites_and_delivers(ADA)
    assert site.row(row.id).asks_to_sign_in
    api(site).send("DELETE", f"/users/{user_id}", {})
    settings = replace(site.settings, delivery=delivery, link=link)
    with running_site(settings, clock=clock) as other:
        other.services.resending.resend(row.id, actor="Grace")
        other.delivers()
        after = other.row(row.id)
    assert (after.state, after.asks_to_sign_in) == ("sent", False)


def test_a_mail_after_a_password_that_nobody_saw_asks_to_sign_in(
    site: RunningSite, tenant: Tenant
) -> None:
    """They chose it and never came back, and it was sent again before the tenant was asked: the password
    stays, and only the sign-in is left."""
    row = site.invites_and_delivers(ADA)
    site.clock.forward(hours=7)
    site.delivers()
    sets_password_quietly(tenant.link_to(ADA))
    site.services.resending.resend(row.id, actor="Grace")
    site.delivers()
    assert site.status(ADA) == "password_set"
    assert "/invite/sign-in?" in tenant.mails(ADA)[0]["Text"]


def test_two_kills_after_it_bring_no_third_copy(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """Nothing at the account shows that it arrived, and two copies are enough."""
    account(site)
    signs_in(person, site, ADA, PASSWORD)
    row = site.invites(ADA)
    dies_after_the_mail(site)
    dies_after_the_mail(site)
    site.delivers()
    assert len(tenant.mails(ADA)) == 2
    assert site.row(row.id).state == "sent"
