"""Where a login may begin, and which page may follow it."""

from urllib.parse import urlencode, urlsplit

import pytest

from tests.support.person import Person
from tests.support.running import (
    ADMIN,
    ADMIN_PASSWORD,
    RunningSite,
    logs_in,
)


def test_the_tenant_may_begin_a_login(site: RunningSite, person: Person) -> None:
    """With our issuer's name, as from its *Back to* button."""
    query = urlencode({"iss": site.settings.issuer, "login_hint": "ada@example.com"})
    answer = person.peeks(f"{site.url}/login?{query}")
    assert answer.status_code == 302
    assert "login_hint=ada%40example.com" in answer.headers["Location"]


@pytest.mark.parametrize(
    "senders",
    [
        ["https://evil.example/"],
        [""],
        ["http://localhost:1/"],
        ["ours", "https://evil.example/"],
        ["https://evil.example/", "ours"],
        ["ours", "ours"],
    ],
)
def test_nobody_else_may_begin_a_login(
    site: RunningSite, person: Person, senders: list[str]
) -> None:
    """Another issuer's name is a page, not a redirect; and so are two names."""
    named = [("iss", site.settings.issuer if each == "ours" else each) for each in senders]
    person.opens(f"{site.url}/login?{urlencode(named)}")
    assert person.response.status_code == 403
    assert person.heading == "This sign-in came from somewhere else"


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/admin/",
        "//evil.example/",
        "/\\evil.example",
        "/%09/evil.example",
        "/\t/evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "\\\\evil.example",
        "///evil.example",
        "http://localhost@evil.example/",
        "http://[evil.example/",
        "/nowhere",
        "/logout",
        "/admin/invitations/999999999999999999999/resend",
        "",
    ],
)
def test_the_next_page_is_one_of_ours(site: RunningSite, person: Person, target: str) -> None:
    """Whatever the address says, the sign-in ends on this site."""
    person.opens(f"{site.url}/login?{urlencode({'target_link_uri': target})}")
    logs_in(person, ADMIN, ADMIN_PASSWORD)
    assert person.url == f"{site.url}/"


@pytest.mark.parametrize(
    "target",
    [
        "/callback",
        "/callback?code=x&state=y",
        "/login",
        "/login?iss=https://evil.example",
        "/invite/complete",
        "/invite/complete?success=true&email=eve@evil.example",
        "/i/guess",
        "/static/site.css",
    ],
)
def test_what_begins_or_ends_a_login_is_no_next_page(
    site: RunningSite, person: Person, target: str
) -> None:
    """Whoever writes such an address would choose what happens after somebody's sign-in."""
    person.opens(f"{site.url}/login?{urlencode({'target_link_uri': site.url + target})}")
    logs_in(person, ADMIN, ADMIN_PASSWORD)
    assert person.url == f"{site.url}/"
    visited = [each.url for each in person.response.history if each.url.startswith(site.url)]
    assert [urlsplit(url).path for url in visited] == ["/callback"]


@pytest.mark.parametrize("target", ["/admin/invitations", "/admin/batches/new"])
def test_the_next_page_can_be_named(site: RunningSite, person: Person, target: str) -> None:
    """By its full address on this site."""
    site.make_admin()
    person.opens(f"{site.url}/login?{urlencode({'target_link_uri': site.url + target})}")
    logs_in(person, ADMIN, ADMIN_PASSWORD)
    assert person.path == target
