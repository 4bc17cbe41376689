"""Choosing invitations in the list, asking, following the job; and the list as a file."""

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from sqlalchemy import update

from invite_site.invitations.jobs import JobKind
from invite_site.invitations.options import Options
from invite_site.invitations.people import Inviter
from invite_site.invitations.tables import Invitation
from tests.support.person import Person
from tests.support.running import RunningSite, Tenant, signs_in

FORMULA = "=cmd@example.com"


@pytest.fixture
def desk(site: RunningSite, admin: Person) -> Person:
    """An admin, signed in, before a list of sixty."""
    site.make_admin()
    for number in range(59):
        site.invites(f"p{number:02}@example.com")
    site.invites(FORMULA, "Ada, \u0022Countess\u0022")
    return signs_in(admin, site, start="/admin/invitations")


def rows_of(person: Person, words: str) -> Iterator[list[str]]:
    person.opens(person.sees_link(words))
    assert person.response.headers["Content-Type"] == "text/csv; charset=utf-8"
    return csv.reader(io.StringIO(person.response.text.lstrip("\ufeff")))


def works(site: RunningSite) -> None:
    while site.services.jobs.work("worker"):
        pass


def test_some_are_chosen_and_revoked(site: RunningSite, desk: Person) -> None:
    """A page asks first with their number; the job says how many it changed."""
    desk.presses("Revoke the chosen")
    assert "Choose at least one invitation first." in desk.text
    page = f"{site.url}/admin/jobs/new?kind=revoke"
    desk.opens(f"{page}&id=1&id=2&id=3")
    assert desk.heading == "Revoke 3 invitations?"
    assert desk.types(Reason="a mistake").form("Revoke invitations")[0] == "POST"
    # The fields that share a name are sent by a browser, and left out by this one without script.
    method, action, fields = desk.form("Revoke invitations")
    answer = desk.browser.request(method, action, data={**fields, "id": ["1", "2", "3"]}, timeout=9)
    desk.shows(answer)
    assert desk.heading == "Revoke 3 invitations"
    assert "0 done of 3" in desk.text
    assert "a mistake" in desk.text
    assert "A job is under way" in desk.opens(f"{site.url}/admin/invitations").text
    works(site)
    desk.opens(answer.url)
    assert "3 done" in desk.text
    assert desk.soup.progress["value"] == "100"  # type: ignore[index]
    assert not desk.offers("Stop")
    assert site.status("p02@example.com") == "revoked"
    assert site.status("p03@example.com") == "queued"
    assert site.services.listing.events(3)[-1].actor == "Admin"
    part = desk.browser.get(answer.url + "/progress", headers={"HX-Request": "true"}, timeout=9)
    assert "hx-get" not in part.text


def test_the_question_says_what_a_revocation_takes_and_what_it_leaves(
    site: RunningSite, desk: Person
) -> None:
    """What has expired is open until then, so it is revoked too."""
    expired, sent, failed = site.row(1), site.row(2), site.row(3)
    with site.services.engine.begin() as db:
        for row, change in (
            (expired, {"expires_at": site.clock()}),
            (failed, {"state": "failed", "closed_at": site.clock()}),
        ):
            db.execute(update(Invitation).where(Invitation.id == row.id).values(**change))
    desk.opens(f"{site.url}/admin/jobs/new?kind=revoke&id=1&id=2&id=3")
    assert "Expired invitations are closed as well." in desk.text
    assert "What has been accepted or revoked, or has failed, stays as it is." in desk.text
    job = site.services.jobs.begin(JobKind.REVOKE, numbers=[1, 2, 3], actor="Grace")
    works(site)
    assert site.services.jobs.get(job.id).changed == 2
    assert [site.row(row.id).state for row in (expired, sent, failed)] == [
        "revoked",
        "revoked",
        "failed",
    ]


def test_all_that_match_are_extended_or_the_job_is_stopped(site: RunningSite, desk: Person) -> None:
    """On every page of the list, by its filters; a wrong number of days is told."""
    site.services.invitations.revoke(1, actor="Grace")
    desk.opens(f"{site.url}/admin/invitations?state=queued&q=p&inviter=Grace+Hopper")
    assert "Choose all that match, on every page" in desk.text
    assert "matches no more" not in desk.opens(f"{site.url}/admin/jobs/new?kind=extend&all=1").text
    desk.opens(f"{site.url}/admin/jobs/new?kind=extend&all=1&state=queued&q=p0")
    assert "matches no more" in desk.text
    assert desk.heading == "Extend 9 invitations?"
    assert "Search: p0" in desk.text
    desk.types(Days_from_now="-1").presses("Extend invitations")
    assert desk.response.status_code == 422
    assert "Choose a number of days from 1 to 365." in desk.text
    desk.types(Days_from_now="40").presses("Extend invitations")
    works(site)
    assert "9 done" in desk.opens(desk.url).text
    assert (site.row(2).expires_at - site.clock()).days in (39, 40)
    assert site.row(20).expires_at - site.clock() < timedelta(days=10)
    desk.opens(f"{site.url}/admin/jobs/new?kind=revoke&all=1")
    assert "Every invitation there is." in desk.text
    desk.presses("Revoke invitations").presses("Stop")
    assert "Stopped." in desk.text
    works(site)
    assert site.status("p20@example.com") == "queued"
    for odd in ("jobs/new?kind=delete&id=1", "jobs/new"):
        assert desk.opens(f"{site.url}/admin/{odd}").path == "/admin/invitations"
    assert desk.opens(f"{site.url}/admin/jobs/99").response.status_code == 404


@pytest.mark.parametrize("page", ["invitations/1/revoke", "jobs/new?kind=revoke&id=1"])
def test_a_reason_that_is_too_long_is_not_cut(site: RunningSite, desk: Person, page: str) -> None:
    """It is for the record: nothing is revoked until it fits, and what was typed stays."""
    reason = "Left the company. " * 12
    desk.opens(f"{site.url}/admin/{page}").types(Reason=reason)
    button = "Revoke" if desk.offers("Revoke") else "Revoke invitation"
    desk.presses(button)
    assert desk.response.status_code == 422
    assert "Shorten the reason to 200 characters at most." in desk.text
    assert desk.sees_in("Reason") == reason
    works(site)
    assert site.row(1).state == "queued"


@pytest.mark.parametrize(("kind", "field"), [("extend", "days"), ("revoke", "reason")])
def test_a_mistake_is_told_where_it_was_made(
    site: RunningSite, desk: Person, kind: str, field: str
) -> None:
    """The sentence has the focus, as in every form, and belongs to its field for a screen reader."""
    desk.opens(f"{site.url}/admin/jobs/new?kind={kind}&id=1")
    desk.types_into("Days from now" if kind == "extend" else "Reason", "9" * 201)
    desk.presses(f"{kind.capitalize()} invitation")
    [banner] = desk.soup.select(".banner.error")
    assert banner.has_attr("autofocus")
    assert banner["tabindex"] == "-1"
    [typed] = desk.soup.select(f"#{field}")
    described = " ".join(
        desk.soup.select(f"#{each}")[0].get_text()
        for each in str(typed.get("aria-describedby", "")).split()
    )
    assert banner.get_text(strip=True) in described


def test_a_mistake_in_the_days_of_one_leaves_its_form_open(site: RunningSite, desk: Person) -> None:
    """With what was typed, and the sentence at the field, as where many are extended."""
    desk.opens(f"{site.url}/admin/invitations/1").types(Days_from_now="soon").presses("Extend")
    assert desk.response.status_code == 422
    assert desk.title.startswith("Error:")
    assert desk.sees_in("Days from now") == "soon"
    [form] = desk.soup.select(".actions details[open]")
    [typed] = form.select("#days")
    [banner] = desk.soup.select(".banner.error[autofocus]")
    assert "Choose a number of days from 1 to 365." in banner.get_text()
    assert banner.select(f"#{typed['aria-describedby']}")
    assert "It ends on" in desk.types(Days_from_now="20").presses("Extend").text


def test_where_none_is_chosen_all_that_match_a_filter_are_meant(
    site: RunningSite, desk: Person
) -> None:
    """The list says so, and the next page with which filter; without one nothing is meant."""
    assert "if you choose none" not in desk.text
    desk.opens(f"{site.url}/admin/invitations?q=p01")
    assert "All that match, if you choose none." in desk.text
    desk.presses("Revoke the chosen")
    assert desk.heading == "Revoke 1 invitation?"
    assert "All that match" in desk.text
    assert "Search: p01" in desk.text
    desk.presses("Revoke invitation")
    works(site)
    assert site.status("p01@example.com") == "revoked"
    assert site.status("p02@example.com") == "queued"


def test_a_filter_that_nothing_matches_any_more_asks_nothing(
    site: RunningSite, desk: Person
) -> None:
    """A list was left open, and somebody else did what was to be done: *Revoke 0 invitations?* stood there."""
    desk.opens(f"{site.url}/admin/invitations?q=p01&state=queued")
    [row] = site.services.listing.page(now=site.clock(), query="p01", size=2)
    site.services.invitations.revoke(row.id, actor="Grace Hopper")
    desk.presses("Revoke the chosen")
    assert desk.heading == "Invitations"
    assert "No invitation matches any more." in desk.text
    assert desk.sees_in("Address or name") == "p01"


def test_two_who_ask_for_the_same_see_what_came_of_all(site: RunningSite, desk: Person) -> None:
    """What the first has changed matches no more when the turn of the second comes, who is told."""
    page = f"{site.url}/admin/jobs/new?kind=revoke&state=queued&all=y"
    jobs = [desk.opens(page).presses("Revoke invitations").url for _ in range(2)]
    assert len(set(jobs)) == 2
    works(site)
    desk.opens(jobs[0])
    assert "Revoked 60 Left as they are 0 Started" in desk.text
    desk.opens(jobs[1])
    assert desk.heading == "Revoke 60 invitations"
    assert "Revoked 0 Left as they are 0 Matched no more 60 Started" in desk.text


def test_one_is_extended_on_its_page(site: RunningSite, tenant: Tenant, desk: Person) -> None:
    """A queued one gets a later end; a sent one a mail whose link lasts as long, which it says."""
    assert "a new mail goes out" not in desk.opens(f"{site.url}/admin/invitations/1").text
    desk.types(Days_from_now="20").presses("Extend")
    assert "It ends on" in desk.text
    assert "Extended by" in desk.text
    desk.types(Days_from_now="x").presses("Extend")
    assert "Choose a number of days from 1 to 365." in desk.text
    with site.services.engine.begin() as db:
        db.execute(update(Invitation).where(Invitation.id == 1).values(state="sent"))
    assert "a new mail goes out" in desk.opens(f"{site.url}/admin/invitations/1").text
    desk.types(Days_from_now="30").presses("Extend")
    assert site.row(1).state == "queued"
    desk.opens(f"{site.url}/admin/invitations/1")
    assert not tenant.mails()


def test_the_list_is_a_file_as_it_is_filtered(site: RunningSite, desk: Person) -> None:
    """All pages of it, newest first, safe to open in a spreadsheet program; and the events."""
    header, *rows = rows_of(desk, "Download all (CSV)")
    assert header[:3] == ["Address", "Name", "Status"]
    assert len(rows) == 60
    assert rows[0][:3] == ["'" + FORMULA, 'Ada, "Countess"', "Queued"]
    assert 'filename="invitations-20' in desk.response.headers["Content-Disposition"]
    desk.opens(f"{site.url}/admin/invitations?q=p0")
    _, *rows = rows_of(desk, "Download all that match (CSV)")
    assert [row[0] for row in rows] == [f"p{number:02}@example.com" for number in range(9, -1, -1)]
    site.services.invitations.revoke(1, actor="Grace", reason="=1+1")
    desk.opens(f"{site.url}/admin/invitations?q=p00")
    header, *rows = rows_of(desk, "Download what happened to them (CSV)")
    assert header[3] == "Event"
    assert [row[3] for row in rows] == ["invited", "revoked"]
    assert rows[1][-1] == "reason: =1+1"


def test_the_filters_are_chosen_and_taken_off_by_links(site: RunningSite, desk: Person) -> None:
    """By who invited, by the day; what names nothing is left out."""
    today = site.clock().date()
    desk.opens(f"{site.url}/admin/invitations?inviter=Grace+Hopper&day={today}&q=p01")
    assert len(desk.soup.select("tbody tr")) == 1
    assert "Grace Hopper" in [each.get_text() for each in desk.soup.select("#inviter option")]
    desk.presses(f"Remove the filter Invited on {today.day} {today:%B %Y} (UTC)")
    assert len(desk.soup.select("tbody tr")) == 1
    desk.presses("Remove the filter Invited by Grace Hopper")
    desk.presses("Remove the filter Search: p01")
    assert len(desk.soup.select("tbody tr")) == 50
    for odd in ("day=x", "day=9999-12-31", "day=0001-01-01", "attention=x", "inviter=", "role="):
        desk.opens(f"{site.url}/admin/invitations?{odd}")
        assert len(desk.soup.select("tbody tr")) == 50, odd
    for none in ("day=1999-01-01", "inviter=x", "role=x", "attention=stuck", "attention=ending"):
        desk.opens(f"{site.url}/admin/invitations?{none}")
        assert "No invitation matches" in desk.text, none


def test_a_role_is_called_by_its_name(site: RunningSite, desk: Person) -> None:
    """In the list and where an action on all that match is asked for; its id where none is known."""
    options = Options(roles={"rol_1": "Editor"})
    site.services.invitations.invite("ada@example.com", inviter=Inviter("Eve"), options=options)
    desk.opens(f"{site.url}/admin/invitations?role=rol_1")
    assert len(desk.soup.select("tbody tr")) == 1
    desk.presses("Revoke the chosen")
    assert "Role: Editor" in desk.text
    desk.opens(f"{site.url}/admin/invitations?role=rol_1").presses("Remove the filter Role: Editor")
    assert len(desk.soup.select("tbody tr")) == 50
    desk.opens(f"{site.url}/admin/invitations?role=rol_2")
    assert "Role: rol_2" in desk.text


@pytest.mark.parametrize("name", ["Ada  Byron ", "Ada \u0639\u0644\u06cc\u200c\u0631\u0636\u0627"])
def test_an_inviter_is_found_by_the_name_as_the_tenant_has_it(
    site: RunningSite, desk: Person, name: str
) -> None:
    """Also with a space at its end, two in a row, or a joiner that nobody sees."""
    site.services.invitations.invite("ada@example.com", inviter=Inviter(name))
    desk.opens(f"{site.url}/admin/invitations")
    [value] = [each["value"] for each in desk.soup.select("#inviter option") if "Ada" in each.text]
    assert value == name
    desk.opens(f"{site.url}/admin/invitations?{urlencode({'inviter': value})}")
    assert len(desk.soup.select("tbody tr")) == 1
    desk.presses("Revoke the chosen")
    desk.presses("Revoke invitation")
    works(site)
    assert site.status("ada@example.com") == "revoked"
