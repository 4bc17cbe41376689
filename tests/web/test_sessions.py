"""Sessions: each sign-in begins one, and signing out, time or a copy of its cookie ends it."""

from urllib.parse import parse_qs

import pytest
from sqlalchemy import event, text

from invite_site.accounts.sessions import Identity
from invite_site.web.current import sid_cookie
from tests.support.person import Person
from tests.support.running import (
    ADMIN,
    RunningSite,
    Tenant,
    signs_in,
)


def test_the_session_is_new_at_every_sign_in(site: RunningSite, person: Person) -> None:
    """A session id from before is worth nothing afterwards."""
    signs_in(person, site)
    first = person.cookie("sid")
    person.opens(f"{site.url}/login")
    second = person.cookie("sid")
    assert first
    assert second
    assert first != second
    assert site.services.sessions.find(first) is None
    assert site.services.sessions.find(second) is not None


def test_a_copied_cookie_dies_with_the_sign_out(site: RunningSite, person: Person) -> None:
    """Signing out ends the session itself, not only this browser's cookie."""
    signs_in(person, site)
    copied = person.cookie("sid")
    assert copied
    person.presses("Sign out")
    assert site.services.sessions.find(copied) is None
    assert person.cookie("sid") is None


def test_what_is_stored_of_a_session_is_not_its_cookie(site: RunningSite, person: Person) -> None:
    """The database holds hashes."""
    signs_in(person, site)
    with site.services.engine.connect() as db:
        stored = str(db.execute(text("SELECT * FROM session")).all())
    assert str(person.cookie("sid")) not in stored


def test_signing_out_ends_the_tenants_session_too(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """The next sign-in asks for the password again, without a question on the way out."""
    signs_in(person, site)
    person.presses("Sign out")
    assert person.url == f"{site.url}/"
    person.presses("Sign in")
    assert person.url.startswith(tenant.url)


def test_signing_out_works_while_the_tenant_is_away(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """Where the tenant offers no end of session, its older address is used."""
    tenant.lies("end_session_absent")
    signs_in(person, site)
    method, action, fields = person.form("Sign out")
    answer = person.browser.post(action, data=fields, allow_redirects=False, timeout=10)
    address, _, query = answer.headers["Location"].partition("?")
    assert address == f"{tenant.url}/v2/logout"
    # Without the client the tenant would look for the way back among its own addresses alone.
    assert parse_qs(query) == {
        "client_id": [site.settings.client_id],
        "returnTo": [f"{site.url}/"],
    }
    assert method == "POST"


@pytest.mark.parametrize("is_away", [True, False])
def test_signing_out_works_while_nobody_can_say_where_the_tenant_ends_its_session(
    site: RunningSite, tenant: Tenant, person: Person, is_away: bool
) -> None:
    """A site that has just started and never reached it, or meets the document of another one."""
    sid = site.services.sessions.open(
        Identity("auth0|grace", "grace@example.com", True, "Grace", "a session", False)
    )
    person.cookies.set(sid_cookie(site.settings), sid)
    person.opens(site.url)
    if is_away:
        discovery = "GET /.well-known/openid-configuration"
        tenant.fails(discovery, kind="status", status=503, times=None)
    else:
        tenant.lies("discovery_issuer_other")
    person.presses("Sign out")
    assert (person.response.status_code, person.url) == (200, f"{site.url}/")
    assert site.services.sessions.find(sid) is None


def test_signing_out_needs_its_token(site: RunningSite, person: Person) -> None:
    """Another site cannot sign anybody out."""
    signs_in(person, site)
    assert person.browser.post(f"{site.url}/logout", timeout=10).status_code == 400
    answer = person.peeks(f"{site.url}/logout")
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"OPTIONS", "POST"}  # RFC 9110 §15.5.6
    assert site.services.sessions.find(person.cookie("sid") or "") is not None


def test_a_session_ends_when_it_is_not_used(site: RunningSite, person: Person) -> None:
    """An admin's after half an hour, and no page revives it."""
    site.make_admin()
    signs_in(person, site)
    site.clock.forward(minutes=29)
    assert person.peeks(f"{site.url}/admin/invitations").status_code == 200
    site.clock.forward(minutes=31)
    for _ in range(2):  # the first refusal is no use that would keep it alive
        assert person.peeks(f"{site.url}/admin/invitations").status_code == 302
    assert site.services.sessions.find(person.cookie("sid") or "") is None
    assert ADMIN not in person.opens(f"{site.url}/").text


def test_an_admin_who_goes_on_working_stays_signed_in(site: RunningSite, desk: Person) -> None:
    """Each page that they open counts, however little before its end."""
    for minutes in (2, 29, 29):
        site.clock.forward(minutes=minutes)
        assert desk.peeks(f"{site.url}/admin/invitations").status_code == 200


def test_what_one_does_with_a_session_leaves_that_of_another_as_it_is(
    site: RunningSite, desk: Person, person: Person
) -> None:
    """To use it keeps no other one alive, and to sign out ends no other one."""
    page = f"{site.url}/admin/invitations"
    signs_in(person, site)
    site.clock.forward(minutes=20)
    assert person.peeks(page).status_code == 200
    site.clock.forward(minutes=20)
    assert (person.peeks(page).status_code, desk.peeks(page).status_code) == (200, 302)
    desk.opens(page).presses("Sign out")
    assert (person.peeks(page).status_code, desk.peeks(page).status_code) == (200, 302)


def test_a_page_view_need_not_be_a_write(site: RunningSite, desk: Person) -> None:
    """Whoever opens many pages in a minute is written down as seen once."""
    written: list[str] = []

    def note(connection: object, cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("UPDATE session"):
            written.append(statement)

    event.listen(site.services.engine, "before_cursor_execute", note)
    site.clock.forward(minutes=2)
    for _ in range(3):
        desk.opens(f"{site.url}/admin/invitations")
    assert len(written) == 1


def test_anybodys_session_ends_after_eight_hours_without_use(
    site: RunningSite, person: Person
) -> None:
    """Half an hour is for admins."""
    signs_in(person, site)
    site.clock.forward(hours=7, minutes=59)
    assert ADMIN in person.opens(f"{site.url}/").text
    person.opens(f"{site.url}/login")  # another session, which would last for twelve hours
    site.clock.forward(hours=8, minutes=1)
    assert ADMIN not in person.opens(f"{site.url}/").text


def test_what_has_ended_by_itself_is_removed(site: RunningSite, person: Person) -> None:
    """Who they were is nobody's business then."""
    signs_in(person, site)
    for hours, left in ((12, 1), (1, 0)):
        site.services.sessions.sweep()
        with site.services.engine.connect() as db:
            assert db.execute(text("SELECT count(*) FROM session")).scalar() == left
        site.clock.forward(hours=hours)


def test_a_session_ends_after_twelve_hours_however_busy(site: RunningSite, person: Person) -> None:
    """The longest life."""
    signs_in(person, site)
    for _ in range(11):
        site.clock.forward(hours=1)
        assert ADMIN in person.opens(f"{site.url}/").text
    site.clock.forward(hours=1, seconds=1)
    assert ADMIN not in person.opens(f"{site.url}/").text


def test_signing_out_too_late_ends_the_tenants_session_too(
    site: RunningSite, tenant: Tenant, desk: Person
) -> None:
    """An open page still offers it after the session has run out: whoever comes next is asked who they
    are."""
    site.clock.forward(minutes=31)
    desk.presses("Sign out")
    desk.opens(f"{site.url}/login")
    assert desk.url.startswith(tenant.url)


def test_signing_out_after_the_browser_has_dropped_its_cookie_ends_the_tenants_session_too(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """The cookie lives as long as the session, so on a page that was left open overnight it is gone. The
    tenant then asks before it ends its own."""
    signs_in(person, site)
    [session] = [each for each in person.cookies if each.name.startswith("sid")]
    person.cookies.clear(session.domain, session.path, session.name)
    person.presses("Sign out")
    assert person.url.startswith(tenant.url)
    assert person.presses("Log out").url == f"{site.url}/"
    person.presses("Sign in")
    assert person.url.startswith(tenant.url)
