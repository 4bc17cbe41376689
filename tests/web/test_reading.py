"""How moments and rates are said on a page."""

from datetime import UTC, datetime, timedelta

import pytest
from werkzeug.datastructures import MultiDict

from invite_site.web.admin.filters import filters_in
from invite_site.web.templating import pace, relative
from tests.support.person import Person
from tests.support.running import RunningSite, signs_in

NOW = datetime(2026, 11, 25, 3, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("later", "words"),
    [
        (timedelta(), "just now"),
        (timedelta(seconds=-59), "just now"),
        (timedelta(seconds=-60), "1 minute ago"),
        (timedelta(minutes=-59), "59 minutes ago"),
        (timedelta(hours=-1), "1 hour ago"),
        (timedelta(hours=-47), "1 day ago"),
        (timedelta(days=-30), "30 days ago"),
        (timedelta(days=-31), "25 Oct 2026"),
        (timedelta(seconds=1), "in less than a minute"),
        (timedelta(days=2, hours=3), "in 2 days"),
        (timedelta(days=4, hours=23, minutes=1), "in 5 days"),
        (timedelta(days=4, hours=22, minutes=59), "in 4 days"),
        (timedelta(hours=1, minutes=59, seconds=1), "in 2 hours"),
        (timedelta(minutes=58, seconds=59), "in 58 minutes"),
        (timedelta(days=40), "4 Jan 2027"),
    ],
)
def test_a_moment_is_said_as_people_say_it(later: timedelta, words: str) -> None:
    """The exact one stands beside it."""
    assert relative(NOW + later, NOW) == words


@pytest.mark.parametrize(
    ("rate", "words"),
    [(25.4, "about 25 a second"), (1.0, "about 1 a second"), (0.5, "about 30 a minute")],
)
def test_a_rate_is_said_in_whole_invitations(rate: float, words: str) -> None:
    """A second where there is one in it, else a minute."""
    assert pace(rate) == words


@pytest.mark.parametrize(
    "name", ["\u0639\u0644\u06cc\u200c\u0631\u0636\u0627", "\u0c30\u0c4d\u200d\u0c2f"]
)
def test_a_name_with_a_joiner_is_found_as_it_is_written(site_on: RunningSite, name: str) -> None:
    """In Persian and Indic names such a sign is no space between two words."""
    row = site_on.invites("ada@example.com", name)
    filters = filters_in(MultiDict({"q": f" {name}\n"}))
    found = site_on.services.listing.find(filters, now=site_on.clock()).rows
    assert [each.id for each in found] == [row.id]


def test_an_address_with_a_letter_that_postgresql_cannot_store_is_answered(
    site_on: RunningSite, admin: Person
) -> None:
    """No browser sends it; whoever does gets the sentence of any other address."""
    site_on.make_admin()
    row = site_on.invites("ada@example.com")
    page = f"/admin/invitations/{row.id}"
    sent = {
        "csrf_token": signs_in(admin, site_on, start=page).form("Sign out")[2]["csrf_token"],
        "email": "ada@example.com\0",
    }
    admin.shows(admin.browser.post(f"{site_on.url}{page}/readdress", data=sent, timeout=9))
    assert "does not wait for another address" in admin.text
    for question in ("revoke", "revoke-invitations"):
        admin.opens(f"{site_on.url}/admin/admins/{question}?sub=%00")
        assert admin.heading == "Admins"


@pytest.mark.parametrize("letter", ["ü".encode(), "ü".encode("latin-1")], ids=["UTF-8", "Latin-1"])
@pytest.mark.parametrize(
    ("path", "status"),
    [("/", 200), ("/healthz", 200), ("/nowhere", 404), ("/admin/invitations", 302)],
)
def test_an_address_with_letters_as_they_are_is_answered(
    site: RunningSite, path: str, status: int, letter: bytes
) -> None:
    """Programs do not encode them as browsers do. Waitress refuses such a request, other servers hand it
    on."""
    query = f"q=M{letter.decode('latin-1')}ller"  # as WSGI has it
    answer = site.app.test_client().get(path, environ_overrides={"QUERY_STRING": query})
    assert answer.status_code == status


@pytest.mark.parametrize(("length", "status"), [(70, 303), (71, 400)])
def test_a_boundary_that_no_browser_writes_is_not_looked_for(
    site: RunningSite, person: Person, length: int, status: int
) -> None:
    """Each new one of 30,000 letters would cost 200 ms and be kept in memory, before anybody has signed
    in."""
    method, action, fields = signs_in(person, site).form("Sign out")
    boundary = "b" * length
    body = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    answer = person.browser.request(
        method,
        action,
        data=f"{body}--{boundary}--\r\n",
        headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
        allow_redirects=False,
        timeout=15,
    )
    assert answer.status_code == status
