"""The page of admins: who may invite, who granted it, and how it ends."""

from pathlib import Path
from urllib.parse import quote

import pytest

from invite_site.invitations.people import Inviter
from tests.support.person import Person
from tests.support.running import (
    ADMIN,
    PASSWORD,
    RunningSite,
    Tenant,
    running_site,
    sets_password,
    settings_for,
    signs_in,
)

ADA, BOB = "ada@example.com", "bob@example.com"
SENTENCE = "You were signed out; nothing was done yet"


@pytest.fixture
def desk(site: RunningSite, admin: Person) -> Person:
    """An admin, signed in, before the list of admins."""
    site.make_admin()
    return signs_in(admin, site, start="/admin/admins")


def joins(site: RunningSite, tenant: Tenant, email: str) -> Person:
    """Somebody who was invited, chose a password and signed in."""
    site.invites_and_delivers(email)
    with Person() as person:
        sets_password(person, tenant.link_to(email))
        signs_in(person, site, email, PASSWORD)
        return person


def account_of(tenant: Tenant, email: str) -> str:
    return str(tenant.user(email)["user_id"])


def asks_to_revoke(person: Person, site: RunningSite, sub: str) -> Person:
    return person.opens(f"{site.url}/admin/admins/revoke?sub={quote(sub, safe='')}")


def test_a_name_keeps_its_direction_to_itself(site: RunningSite, desk: Person) -> None:
    """Else one from right to left would turn round what stands beside it on a phone."""
    site.services.admins.grant("auth0|2", label=BOB, now=site.clock(), by="\u05e9\u05e8\u05d4 (IT)")
    desk.opens(f"{site.url}/admin/admins")
    assert [each.text for each in desk.soup.select("td bdi")][-2:] == [
        BOB,
        "\u05e9\u05e8\u05d4 (IT)",
    ]


def test_it_works(site: RunningSite, tenant: Tenant, desk: Person) -> None:
    """Grant by address and by account id, see who granted it, withdraw; each counts at once."""
    assert desk.sees_link("Admins").endswith("/admin/admins")
    assert f"{ADMIN} You" in desk.text
    bob = joins(site, tenant, BOB)
    assert bob.opens(f"{site.url}/admin/admins").response.status_code == 403
    for named in (f" {BOB.upper()} ", account_of(tenant, BOB)):
        desk.opens(f"{site.url}/admin/admins").types(Address_or_account_id=named)
        assert "They may invite from now on." in desk.presses("Let them invite").text
        [granted] = [each for each in site.services.admins.all() if each.label != ADMIN]
        assert (granted.sub, granted.label.lower()) == (account_of(tenant, BOB), BOB)
        assert granted.granted_by in desk.text
        assert bob.opens(f"{site.url}/admin/admins").response.status_code == 200
        desk.types(Address_or_account_id=named).presses("Let them invite")
        assert "They could invite already." in desk.text
        desk.presses(f"Withdraw the right of {granted.label}")
        assert "They lose these pages" in desk.text
        desk.presses("Withdraw")
        assert f"{granted.label} may no longer invite." in desk.text
        assert bob.opens(f"{site.url}/admin/admins").response.status_code == 403


def test_the_last_admin_stays_and_oneself_may_go(
    site: RunningSite, tenant: Tenant, desk: Person
) -> None:
    """The page says which of the two it is, also where it is asked for without the page."""
    own = account_of(tenant, ADMIN)
    asks_to_revoke(desk, site, own)
    assert "You are the only admin" in desk.text
    assert not desk.offers("Withdraw")
    token = desk.form("Sign out")[2]["csrf_token"]
    answer = desk.browser.post(
        f"{site.url}/admin/admins/revoke", data={"sub": own, "csrf_token": token}, timeout=10
    )
    assert "This is the only admin" in answer.text
    site.services.admins.grant("auth0|other", label="Other", now=site.clock())
    asks_to_revoke(desk, site, own)
    assert desk.heading == "Withdraw your own right to invite?"
    desk.presses("Withdraw")
    assert desk.path == "/"
    assert "You may no longer invite." in desk.text
    assert desk.opens(f"{site.url}/admin/admins").response.status_code == 403


def test_where_a_role_makes_admins_the_last_grant_may_go(
    tenant: Tenant, tmp_path: Path, admin: Person
) -> None:
    """Somebody can still come in."""
    settings = settings_for(
        tenant, tmp_path, ADMIN_ROLE_CLAIM="https://example.com/roles", ADMIN_ROLE="inviter"
    )
    with running_site(settings) as site:
        site.make_admin()
        signs_in(admin, site, start="/admin/admins")
        assert "whose sign-in carries the role" in admin.text
        asks_to_revoke(admin, site, account_of(tenant, ADMIN))
        assert "only the role makes admins" in admin.text
        admin.presses("Withdraw")
        assert not site.services.admins.all()


def test_where_a_role_makes_admins_a_withdrawn_grant_does_not_say_that_all_is_over(
    tenant: Tenant, tmp_path: Path, admin: Person
) -> None:
    """Whoever has the role goes on inviting; of another person it is not known here."""
    claim = "https://example.com/roles"
    settings = settings_for(tenant, tmp_path, ADMIN_ROLE_CLAIM=claim, ADMIN_ROLE="inviter")
    tenant.lies("role_claim", claim=claim, value=["inviter"])
    with running_site(settings) as site:
        site.make_admin()
        site.services.admins.grant("auth0|bob", label=BOB, now=site.clock())
        signs_in(admin, site, start="/admin/admins")
        asks_to_revoke(admin, site, account_of(tenant, ADMIN))
        assert "You keep these pages: your sign-in carries the role" in admin.text
        assert "You lose" not in admin.text
        admin.presses("Withdraw")
        assert "Your grant is withdrawn; you still may invite, by your role." in admin.text
        assert admin.heading == "Admins"
        asks_to_revoke(admin, site, "auth0|bob")
        assert "next click, unless their sign-in carries the role" in admin.text
        assert (
            f"{BOB} may no longer invite, unless a role lets them."
            in admin.presses("Withdraw").text
        )


def test_somebody_who_is_not_there_yet_is_invited_and_granted_by_their_own_sign_in(
    site: RunningSite, tenant: Tenant, desk: Person
) -> None:
    """What is granted is the account that accepted; the timeline says so."""
    desk.types(Address_or_account_id=ADA).presses("Let them invite")
    assert desk.response.status_code == 422
    assert "Nobody at the tenant has this address yet." in desk.text
    assert desk.sees_in("Address or account id") == ADA
    assert not site.services.listing.page(now=site.clock()), "nothing is sent without the box"
    assert "Invite them, and let them invite others once they have accepted" in desk.text
    fields = desk.form("Let them invite")[2] | {"invites": "y"}
    desk.shows(desk.browser.post(f"{site.url}/admin/admins", data=fields, timeout=10))
    assert "They are invited, and may invite others once they have accepted." in desk.text
    assert "Invited, not yet there" in desk.text
    again = desk.browser.post(f"{site.url}/admin/admins", data=fields, timeout=10)
    assert "They are invited already" in again.text
    site.delivers()
    with Person() as ada:
        sets_password(ada, tenant.link_to(ADA))
        assert not site.services.admins.includes(account_of(tenant, ADA))
        signs_in(ada, site, ADA, PASSWORD)
        assert ada.opens(f"{site.url}/admin/admins").response.status_code == 200
    [granted] = [each for each in site.services.admins.all() if each.label != ADMIN]
    assert (granted.sub, granted.label) == (account_of(tenant, ADA), ADA)
    assert not site.services.granting.awaited()
    [row] = site.services.listing.page(now=site.clock())
    desk.opens(f"{site.url}/admin/invitations/{row.id}")
    assert "May invite others, once accepted: granted" in desk.text
    assert "May invite others from here on: granted" in desk.text


def test_a_grant_is_withdrawn_before_anybody_has_accepted(
    site: RunningSite, tenant: Tenant, desk: Person
) -> None:
    """The invitation stays, and its acceptance grants nothing; of an invitation that is open already too."""
    row = site.invites_and_delivers(ADA)
    desk.types(Address_or_account_id=ADA).presses("Let them invite")
    assert "is invited, but has not signed in yet" in desk.text
    assert "Invite them" not in desk.text
    fields = desk.form("Let them invite")[2] | {"invites": "y"}
    desk.shows(desk.browser.post(f"{site.url}/admin/admins", data=fields, timeout=10))
    assert [each.invitation_id for each in site.services.granting.awaited()] == [row.id]
    desk.presses(f"Withdraw the right of {ADA}")
    assert "their acceptance gives no right to invite" in desk.text
    with Person() as ada:
        sets_password(ada, tenant.link_to(ADA))
        signs_in(ada, site, ADA, PASSWORD)
        assert ada.opens(f"{site.url}/admin/admins").response.status_code == 403
    assert site.status(ADA) == "accepted"
    desk.opens(f"{site.url}/admin/invitations/{row.id}")
    assert "May not invite others after all: withdrawn" in desk.text


def test_what_cannot_be_granted_is_a_sentence_and_stays_in_the_form(
    site: RunningSite, tenant: Tenant, desk: Person
) -> None:
    """Unknown, unverified, too long, not to be asked: nothing is granted."""
    api_user = "mallory@example.com"
    site.services.tenant.create_user(api_user, "", "not-one-of-ours")
    script = "<script>alert(1)</script>"
    for typed, words in (
        ("", "Enter an address or an account id."),
        ("auth0|nobody", "The tenant has no account with this id."),
        (f"auth0|{script}", "The tenant has no account with this id."),
        (f"{script}@example.com", "Enter an email address such as"),
        (f"{ADA}, {BOB}", "one address at a time"),
        (api_user, "has not verified that this account owns the address"),
        ("a" * 20_000, "At most 255 characters."),
    ):
        desk.opens(f"{site.url}/admin/admins").types(Address_or_account_id=typed)
        desk.presses("Let them invite")
        assert (desk.response.status_code, words in desk.text) == (422, True), typed[:40]
        assert desk.sees_in("Address or account id") == typed
        assert script not in desk.response.text
    desk.opens(f"{site.url}/admin/admins").types(Address_or_account_id="a" * 1_000_000)
    assert desk.presses("Let them invite").response.status_code == 413
    desk.opens(f"{site.url}/admin/admins").types(Address_or_account_id=ADA)
    tenant.fails("GET /api/v2/users-by-email", kind="status", status=503, times=20)
    desk.presses("Let them invite")
    assert "The tenant could not be asked; nothing was changed." in desk.text
    assert desk.sees_in("Address or account id") == ADA
    assert [each.label for each in site.services.admins.all()] == [ADMIN]


def test_all_open_invitations_of_an_admin_are_revoked_at_once(
    site: RunningSite, tenant: Tenant, desk: Person
) -> None:
    """The page asks with the number; links end at the tenant, those of others stay, and the history too."""
    sub = account_of(tenant, ADMIN)
    other = Inviter("<b>Grace</b>", "auth0|grace")
    site.services.admins.grant(other.sub, label=other.name, now=site.clock())
    for address in (ADA, BOB):
        site.services.invitations.invite(address, inviter=other)
    site.services.invitations.invite("carol@example.com", inviter=Inviter("Me", sub))
    site.delivers()
    link = tenant.link_to(ADA)
    asks_to_revoke(desk, site, other.sub)
    assert "<b>Grace</b>" in desk.text
    assert "<b>Grace</b>" not in desk.response.text
    desk.presses("Withdraw")
    assert desk.heading == "Revoke 2 open invitations?"
    assert site.status(ADA) == "sent"
    desk.presses("Revoke 2 invitations")
    assert "2 invitations are revoked." in desk.text
    assert [site.status(each) for each in (ADA, BOB, "carol@example.com")] == [
        "revoked",
        "revoked",
        "sent",
    ]
    site.delivers()
    with Person() as ada:
        assert "Reset password" not in ada.opens(link).text
    row = site.services.listing.page(now=site.clock(), query=ADA)[0]
    desk.opens(f"{site.url}/admin/invitations/{row.id}")
    assert "All open invitations of this admin were revoked." in desk.text
    assert "<b>Grace</b>" in desk.text


def test_a_form_sent_too_late_comes_back(site: RunningSite, tenant: Tenant, desk: Person) -> None:
    """With what was typed, or with the name of the admin that it is about."""
    joins(site, tenant, BOB)
    desk.opens(f"{site.url}/admin/admins")
    site.clock.forward(minutes=31)
    desk.types(Address_or_account_id=BOB).presses("Let them invite")
    assert desk.heading == SENTENCE
    assert desk.sees_in("Address or account id") == BOB
    assert not site.services.admins.includes(account_of(tenant, BOB))
    assert "They may invite from now on." in desk.presses("Let them invite").text
    asks_to_revoke(desk, site, account_of(tenant, BOB))
    site.clock.forward(minutes=31)
    desk.presses("Withdraw")
    assert desk.heading == SENTENCE
    assert f"It was about the admin {BOB}" in desk.text
    assert f"{BOB} may no longer invite." in desk.presses("Withdraw").text


def test_an_address_with_an_unknown_or_broken_account_id_leads_to_the_list(
    site: RunningSite, desk: Person
) -> None:
    """A link may be old, or put together by somebody."""
    for page in ("revoke", "revoke-invitations"):
        for sub in ("", "auth0%7Cgone", "%00", "x" * 5000, "%3Cscript%3E"):
            desk.opens(f"{site.url}/admin/admins/{page}?sub={sub}")
            assert (desk.path, desk.heading) == ("/admin/admins", "Admins")
    token = desk.form("Sign out")[2]["csrf_token"]
    for path in ("revoke", "revoke-invitations", "awaited/999/withdraw"):
        for fields in ({}, {"sub": "auth0|gone"}, {"sub": "\0"}):
            answer = desk.browser.post(
                f"{site.url}/admin/admins/{path}", data=fields | {"csrf_token": token}, timeout=10
            )
            assert answer.status_code == 200
    assert "There was nothing to withdraw any more" in answer.text


def test_an_admin_who_was_withdrawn_keeps_their_name(site: RunningSite, desk: Person) -> None:
    """On the page that asks about their invitations."""
    site.services.admins.grant("auth0|bob", label=BOB, now=site.clock())
    site.services.invitations.invite(ADA, inviter=Inviter("Bob", "auth0|bob"))
    desk.opens(f"{site.url}/admin/admins/revoke?sub=auth0%7Cbob").presses("Withdraw")
    assert "Bob sent it" in desk.text
    site.clock.forward(minutes=31)
    desk.presses("Revoke 1 invitation")
    assert desk.heading == SENTENCE
    assert "It was about the admin Bob" in desk.text
    assert "1 invitation is revoked." in desk.presses("Revoke").text
