"""The whole way over real sockets and SMTP, without script, and its unhappy twin."""

from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from invite_site.web.current import sid_cookie
from tests.support.person import Person
from tests.support.running import (
    APP_NAME,
    PASSWORD,
    RunningSite,
    Tenant,
    accepts,
    sets_password,
    signs_in,
)


@pytest.mark.parametrize("address", ["ada@example.com", "a+tag@example.com", "O'Brien@example.com"])
def test_it_works(
    site: RunningSite, tenant: Tenant, admin: Person, person: Person, address: str
) -> None:
    """An admin invites, the invitee does three things, and the admin sees *Accepted*."""
    site.make_admin()
    signs_in(admin, site, start="/admin/")
    assert admin.heading == "Invitations"
    admin.presses("Invite someone").types(Email_address=address, Name="Ada Byron")
    admin.presses("Send invitation")
    assert address in admin.text
    assert "Queued" in admin.text

    site.delivers()
    admin.opens(admin.url)
    assert "Sent" in admin.text

    sets_password(person, tenant.link_to(address))
    assert person.path == "/login"  # the tenant's, reached by two redirects without a page between
    assert urlsplit(person.url).netloc == urlsplit(tenant.url).netloc
    assert person.sees_in("Email address") == address
    person.types(Password=PASSWORD).presses("Continue")

    assert person.url == f"{site.url}/"
    assert "Ada Byron" in person.heading
    assert address.lower() in person.text
    admin.opens(admin.url)
    assert site.status(address) == "accepted"
    assert "Accepted" in admin.text
    assert tenant.user(address)["email_verified"] is True


def test_the_link_is_the_ticket_and_a_note_behind_its_hash(
    site: RunningSite, tenant: Tenant
) -> None:
    """Up to and including the `#` nothing is changed; the application's name stands encoded."""
    site.invites_and_delivers("ada@example.com")
    link = tenant.link_to("ada@example.com")
    ticket, note = link.split("#")
    assert ticket.encode() + b"#" in [issued.encode() for issued in issued_tickets(tenant)], (
        "not the tenant's own words"
    )
    assert note.startswith("type=invite&app=")
    assert unquote(note.removeprefix("type=invite&app=")) == APP_NAME
    assert link.isascii()
    assert not set(' "<>') & set(link)


def issued_tickets(tenant: Tenant) -> list[str]:
    return [f"{tenant.url}/lo/reset?ticket={code}#" for code in tenant.state["issued"]["tickets"]]


def test_the_hint_the_prompt_and_the_connection_reach_authorize(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """The login after an invitation is a fresh one, on our connection, for the invited address."""
    row = site.invites_and_delivers("a+tag@example.com")
    answer = person.peeks(
        f"{site.url}/invite/complete?i={row.ref}&success=true&email=x@evil.example"
    )
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert query["login_hint"] == ["a+tag@example.com"]
    assert query["prompt"] == ["login"]
    assert query["connection"] == ["Username-Password-Authentication"]
    assert query["code_challenge_method"] == ["S256"]
    assert query["state"]
    assert query["nonce"]


def test_a_link_opened_fifty_times_by_scanners_still_works(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """GET and HEAD spend nothing; only the password does."""
    site.invites_and_delivers("ada@example.com")
    link = tenant.link_to("ada@example.com")
    with Person() as scanner:
        for n in range(50):
            assert scanner.peeks(link, "HEAD" if n % 2 else "GET").status_code == 200
    accepts(person, link)
    assert site.status("ada@example.com") == "accepted"


def test_a_used_link_leads_to_the_login(site: RunningSite, tenant: Tenant, person: Person) -> None:
    """The second click is no dead end."""
    site.invites_and_delivers("ada@example.com")
    link = tenant.link_to("ada@example.com")
    sets_password(person, link)
    with Person() as again:
        again.opens(link)
        assert again.url.startswith(site.url)
        assert again.heading == "Your password is set"
        again.presses("Sign in")
        assert again.sees_in("Email address") == "ada@example.com"
        again.types(Password=PASSWORD).presses("Continue")
        assert again.url == f"{site.url}/"
    assert site.status("ada@example.com") == "accepted"


def test_an_expired_link_says_so_and_offers_a_way_on(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """The page leads to a new link."""
    site.invites_and_delivers("ada@example.com")
    tenant.forward(6 * 24 * 60 * 60)
    person.opens(tenant.link_to("ada@example.com"))
    assert person.url.startswith(site.url)
    assert person.heading == "This link has expired"
    assert person.offers("Get a new link")
    assert person.form("Sign in")


def test_no_parameter_in_an_address_moves_an_invitation(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """Everything the tenant could say, said by somebody else: the row stays where it was."""
    row = site.invites_and_delivers("ada@example.com")
    forged = (
        f"i={row.ref}&success=true&email=ada%40example.com&message=You%20can%20now%20login"
        f"&code=success&state=x&sub={tenant.user('ada@example.com')['user_id']}"
        "&email_verified=true&status=accepted&state=accepted"
    )
    for path in ("/invite/complete", "/callback", "/login", "/"):
        person.peeks(f"{site.url}{path}?{forged}")
    site.delivers()
    after = site.row(row.id)
    assert after.state == "sent"
    assert after.accepted_at is None
    assert after.password_set_at is None


def test_the_check_at_the_tenant_finds_a_password_that_was_set(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """Who sets a password and closes the tab shows as *Password set*, and can sign in later."""
    site.invites_and_delivers("ada@example.com")
    sets_password(person, tenant.link_to("ada@example.com"))
    site.delivers()
    assert site.status("ada@example.com") == "sent"
    site.clock.forward(seconds=16)
    site.delivers()
    assert site.status("ada@example.com") == "password_set"
    with Person() as later:
        signs_in(later, site, "ada@example.com", PASSWORD)
        assert later.url == f"{site.url}/"
    assert site.status("ada@example.com") == "accepted"


def test_an_admin_can_sign_out(site: RunningSite, person: Person) -> None:
    """*Sign out* ends both sessions: the next sign-in asks for the password."""
    site.make_admin()
    signs_in(person, site, start="/admin/invitations")
    assert person.path == "/admin/invitations"
    stolen = str(person.cookie("sid"))
    person.presses("Sign out")
    assert person.url == f"{site.url}/"
    assert "Sign in" in person.text
    person.presses("Sign in")
    assert person.heading != ""
    assert person.sees_in("Email address") == ""
    with Person() as thief:
        thief.cookies.set(sid_cookie(site.settings), stolen, domain="localhost.local", path="/")
        assert thief.peeks(f"{site.url}/admin/invitations").status_code == 302
