"""The admin pages: who may open them, the form, the list, one invitation and what can be done."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
import requests
from sqlalchemy import update
from sqlalchemy.orm import sessionmaker

from invite_site.invitations.jobs import JobKind
from invite_site.invitations.people import Inviter
from invite_site.invitations.tables import Batch, Invitation
from tests.support.person import Person
from tests.support.running import RunningSite, Tenant, accepts, signs_in

ADA = "ada@example.com"
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_it_works(site: RunningSite, desk: Person) -> None:
    """The empty list says what to do; an invitation sent appears in it, newest first."""
    assert "Nobody has been invited yet" in desk.text
    for address in (ADA, "bob@example.com"):
        desk.opens(f"{site.url}/admin/invitations").presses("Invite someone")
        desk.types(Email_address=address).presses("Send invitation")
        assert desk.heading == address
        assert "on its way" in desk.text
    desk.opens(f"{site.url}/admin/invitations")
    assert [a.get_text(strip=True) for a in desk.soup.select("tbody a")] == [
        "bob@example.com",
        ADA,
    ]


def admin_routes(site: RunningSite) -> list[tuple[str, str]]:
    return sorted(
        (method, re.sub("<[^>]*>", "1", rule.rule))
        for rule in site.app.url_map.iter_rules()
        if rule.rule.startswith("/admin")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    )


def test_every_admin_page_is_closed_to_the_world(site: RunningSite, person: Person) -> None:
    """Whoever is unknown is sent to sign in; the list of pages is the application's own."""
    site.invites(ADA)
    for method, path in admin_routes(site):
        answer = person.peeks(site.url + path, method)
        # Without its token a form is refused before anybody asks who sent it.
        assert answer.status_code == (302 if method == "GET" else 400), (method, path)


def test_every_admin_page_is_closed_to_people_without_a_grant(
    site: RunningSite, person: Person
) -> None:
    """Being signed in is not enough."""
    site.invites(ADA)
    signs_in(person, site)
    token = token_of(person)
    for method, path in admin_routes(site):
        answer = person.browser.request(
            method, site.url + path, data={"csrf_token": token}, allow_redirects=False, timeout=10
        )
        assert answer.status_code == 403, (method, path)
        assert ADA not in answer.text
    assert site.status(ADA) == "queued"


def token_of(person: Person) -> str:
    return person.form("Sign out")[2]["csrf_token"]


def test_a_grant_and_its_removal_count_from_the_next_request(
    site: RunningSite, person: Person
) -> None:
    """No new sign-in is needed, and none is waited for."""
    signs_in(person, site)
    assert person.opens(f"{site.url}/admin/invitations").response.status_code == 403
    site.make_admin()
    assert person.opens(f"{site.url}/admin/invitations").response.status_code == 200
    site.services.admins.revoke("admin@example.com")
    assert person.opens(f"{site.url}/admin/invitations").response.status_code == 403


def test_a_form_without_its_token_changes_nothing(site: RunningSite, desk: Person) -> None:
    """Another site cannot make an admin's browser invite."""
    answer = desk.browser.post(
        f"{site.url}/admin/invitations", data={"email": ADA, "key": "k"}, timeout=10
    )
    assert answer.status_code == 400
    assert "lost its cookie" in answer.text
    assert not site.services.listing.page(now=site.clock())


@pytest.mark.parametrize(
    ("address", "name", "words"),
    [
        ("", "", "Enter the address to invite."),
        ("ada", "", "Enter an email address such as"),
        ("ada@example.com, bob@example.com", "", "one address at a time"),
        (ADA, "x" * 81, "too long"),
        (ADA, "see https://evil.example", "cannot hold a web address"),
        (ADA, "Claim 500 EUR at evil.example/x", "nor the signs / and @"),
        ("a\u200bda@example.com", "", "contains an invisible character"),
        ("a" * 300 + "@example.com", "", "too long"),
    ],
)
def test_a_mistake_is_told_and_what_was_typed_stays(
    site: RunningSite, desk: Person, address: str, name: str, words: str
) -> None:
    """At the top and at the field, with the title saying so."""
    desk.presses("Invite someone").types(Email_address=address, Name=name)
    desk.presses("Send invitation")
    assert desk.response.status_code == 422
    assert words in desk.text
    assert desk.sees_in("Email address") == address
    assert desk.sees_in("Name") == name
    assert desk.title.startswith("Error:")
    assert not site.services.listing.page(now=site.clock())


def test_a_second_admin_hears_who_invited_and_when(site: RunningSite, desk: Person) -> None:
    """With a link to that invitation, which is where the sentence itself leads as well: it says to open it."""
    row = site.invites("ADA@example.com")
    desk.presses("Invite someone").types(Email_address=ADA).presses("Send invitation")
    assert desk.response.status_code == 422
    assert "Grace Hopper already invited this address on" in desk.text
    assert f"{datetime.now(UTC):%B %Y}" in desk.text
    [sentence] = desk.soup.select(".banner.error a")
    assert sentence["href"] == f"/admin/invitations/{row.id}"
    desk.presses("Open that invitation")
    assert desk.path == f"/admin/invitations/{row.id}"


def test_ten_posts_of_one_form_are_one_invitation(
    site: RunningSite, tenant: Tenant, desk: Person
) -> None:
    """A nervous finger: every click ends at the same page."""
    desk.presses("Invite someone").types(Email_address=ADA)
    ends = post_at_once([desk] * 10)
    assert len(set(ends)) == 1
    while site.delivers():
        pass
    assert len(tenant.mails(ADA)) == 1
    assert sum(user["email"] == ADA for user in tenant.state["users"]) == 1


def test_two_admins_at_once_are_one_invitation(
    site: RunningSite, tenant: Tenant, desk: Person
) -> None:
    """Five posts each; one page wins and the others hear of it."""
    site.invites_and_delivers("joan@example.com")
    with Person() as joan:
        accepts(joan, tenant.link_to("joan@example.com"))
        site.make_admin("joan@example.com")
        for each in (desk, joan):
            each.opens(f"{site.url}/admin/invitations/new").types(Email_address=ADA)
        post_at_once([desk, joan] * 5)
    while site.delivers():
        pass
    assert len([r for r in site.services.listing.page(now=site.clock()) if r.email == ADA]) == 1
    assert len(tenant.mails(ADA)) == 1


def post_at_once(people: list[Person]) -> list[str]:
    """Send the form that each has before them, all in the same moment; where each ended."""
    forms = [
        (person.form("Send invitation"), person.cookies.get_dict(), person.url) for person in people
    ]

    def post(sent: tuple[tuple[str, str, dict[str, str]], dict[str, str], str]) -> str:
        (_, action, fields), cookies, page = sent
        answer = requests.post(
            action,
            data=fields,
            cookies=cookies,
            headers={"Referer": page},
            allow_redirects=False,
            timeout=20,
        )
        assert answer.status_code in (303, 422)
        return answer.headers.get("Location", "")

    with ThreadPoolExecutor(len(forms)) as pool:
        return list(pool.map(post, forms))


def test_the_list_can_be_searched_and_turned(site: RunningSite, desk: Person) -> None:
    """By part of an address, by status, and page by page."""
    for number in range(60):
        site.invites(f"p{number:02}@example.com")
    desk.opens(f"{site.url}/admin/invitations")
    assert len(desk.soup.select("tbody tr")) == 50
    desk.presses("Older")
    assert len(desk.soup.select("tbody tr")) == 10
    desk.presses("Newest")
    assert len(desk.soup.select("tbody tr")) == 50
    desk.opens(f"{site.url}/admin/invitations?q=P07")
    assert len(desk.soup.select("tbody tr")) == 1
    desk.opens(f"{site.url}/admin/invitations?state=accepted")
    assert "No invitation matches" in desk.text
    for odd in (
        "before=x",
        "before=-1",
        "before=99999999999999999999",
        "before=-99999999999999999999",
        "state=no",
        "q=%25%00",
    ):
        desk.opens(f"{site.url}/admin/invitations?{odd}")
        assert desk.response.status_code == 200


def test_the_list_shows_one_batch_until_that_is_taken_off(
    site_on: RunningSite, admin: Person
) -> None:
    """With its name, together with a status and a search, page by page."""
    site_on.make_admin()
    with sessionmaker(site_on.services.engine).begin() as db:
        db.add(Batch(id=7, name="<b>June.csv", inviter="Grace", inviter_sub="", created_at=NOW))
    for number in range(52):
        row = site_on.invites(f"p{number:02}@example.com")
        with sessionmaker(site_on.services.engine).begin() as db:
            db.execute(update(Invitation).where(Invitation.id == row.id).values(batch_id=7))
    site_on.invites("alone@example.com")
    signs_in(admin, site_on).opens(f"{site_on.url}/admin/invitations?batch=7")
    assert "Batch: <b>June.csv" in admin.text
    assert len(admin.soup.select("tbody tr")) == 50
    assert len(admin.presses("Older").soup.select("tbody tr")) == 2
    assert "Batch: <b>June.csv" in admin.text
    admin.opens(f"{site_on.url}/admin/invitations?batch=7&state=queued&q=p0")
    assert len(admin.soup.select("tbody tr")) == 10
    admin.opens(f"{site_on.url}/admin/invitations?batch=7&q=alone")
    assert "No invitation matches" in admin.text
    assert admin.form("Show")[2]["batch"] == "7"
    admin.presses("Remove the filter Batch: <b>June.csv")
    assert "alone@example.com" in admin.text
    assert "Batch: " not in admin.text
    for odd in ("batch=8", "batch=x", "batch=-1", "batch=99999999999999999999"):
        admin.opens(f"{site_on.url}/admin/invitations?{odd}")
        assert admin.response.status_code == 200
        assert ("Batch: " in admin.text) == (odd != "batch=x")


def test_the_list_of_a_status_is_turned_by_its_links(site: RunningSite, desk: Person) -> None:
    """Also where all of it ends in the same moment; a link of an earlier version shows the first."""
    for number in range(60):
        site.invites(f"p{number:02}@example.com")
    desk.opens(f"{site.url}/admin/invitations?state=queued")
    assert "p59@example.com" in desk.text
    desk.presses("Older")
    assert [a.get_text(strip=True) for a in desk.soup.select("tbody a")] == [
        f"p{number:02}@example.com" for number in range(9, -1, -1)
    ]
    desk.opens(f"{site.url}/admin/invitations?state=queued&before=30")
    assert "p59@example.com" in desk.text


def test_the_last_change_comes_first_where_that_is_asked_for(
    site: RunningSite, desk: Person
) -> None:
    """On each page, with and without a filter, until all is shown again."""
    for number in range(60):
        site.invites(f"p{number:02}@example.com")
    site.clock.forward(minutes=1)
    site.services.invitations.revoke(7, actor="Grace", reason="")
    desk.opens(f"{site.url}/admin/invitations")
    desk.presses("Last change")
    assert desk.soup.select("tbody a")[0].get_text() == "p06@example.com"
    desk.presses("Older")
    assert len(desk.soup.select("tbody tr")) == 10
    assert desk.form("Show")[2]["order"] == "changed"
    desk.presses("Newest")
    desk.types_into("Address or name", "example").presses("Show")
    assert desk.soup.select("tbody a")[0].get_text() == "p06@example.com"
    desk.presses("Remove the filter Search: example")
    assert desk.soup.select("tbody a")[0].get_text() == "p06@example.com"
    desk.presses("Remove the order Last change first")
    assert desk.soup.select("tbody a")[0].get_text() == "p59@example.com"


def test_the_page_says_where_a_search_finds_beginnings_only(
    site_on: RunningSite, admin: Person
) -> None:
    """On PostgreSQL; on SQLite it finds any part."""
    site_on.make_admin()
    site_on.invites(ADA)
    signs_in(admin, site_on, start="/admin/invitations")
    is_postgres = site_on.services.engine.dialect.name == "postgresql"
    assert ("by their beginning" in admin.text) == is_postgres


def test_resend_and_revoke_are_buttons(site: RunningSite, tenant: Tenant, desk: Person) -> None:
    """Each says what it did; what cannot be done says why."""
    row = site.invites_and_delivers(ADA)
    desk.opens(f"{site.url}/admin/invitations/{row.id}").presses("Resend")
    assert "older link stops working" in desk.text
    assert site.row(row.id).state == "queued"
    site.delivers()
    desk.opens(desk.url).presses("Revoke").types(Reason="wrong person").presses("Revoke")
    assert "The invitation is revoked." in desk.text
    assert "wrong person" in desk.text
    assert site.row(row.id).state == "revoked"
    stale = desk.browser.post(
        f"{site.url}/admin/invitations/{row.id}/resend",
        data={"csrf_token": token_of(desk)},
        timeout=10,
    )
    assert "This invitation has ended. Invite the address again." in stale.text


def test_an_action_that_comes_too_late_leads_back_to_its_page(
    site: RunningSite, desk: Person
) -> None:
    """With the reason: whether it was about an invitation, a batch or a job."""
    batches, jobs, inviter = site.services.batches, site.services.jobs, Inviter("Grace")
    row = site.invites(ADA)
    site.services.invitations.revoke(row.id, actor="Grace")
    batch = batches.preview("bob@example.com", name="List", inviter=inviter)
    batches.start(batch.id, inviter=inviter)
    batches.cancel(batch.id, actor="Grace")
    job = jobs.begin(JobKind.REVOKE, numbers=[row.id], actor="Grace")
    jobs.stop(job.id)
    late = {
        f"/admin/invitations/{row.id}": ("revoke", "ended already; there is nothing to revoke"),
        f"/admin/batches/{batch.id}": ("pause", "This batch was cancelled."),
        f"/admin/jobs/{job.id}": ("stop", "This job is over already."),
    }
    for page, (action, reason) in late.items():
        answer = desk.browser.post(
            f"{site.url}{page}/{action}", data={"csrf_token": token_of(desk)}, timeout=10
        )
        assert (answer.status_code, answer.url) == (200, site.url + page)
        desk.shows(answer)
        assert reason in desk.text


def test_a_paused_queue_is_one_banner(site: RunningSite, tenant: Tenant, desk: Person) -> None:
    """Why, that nothing is lost, and when the next try is."""
    row = site.invites(ADA)
    tenant.fails("POST /api/v2/users", kind="status", status=503, times=1)
    site.sends(1)
    for path in ("/admin/invitations", f"/admin/invitations/{row.id}"):
        desk.opens(site.url + path)
        assert "trouble of its own" in desk.text
        assert "Nothing is lost" in desk.text
        assert len(desk.soup.select(".banner.warning")) == 1


def test_a_failed_invitation_says_why(site: RunningSite, tenant: Tenant, desk: Person) -> None:
    """With the mail server's words."""
    row = site.invites(ADA)
    tenant.fails("SMTP", kind="status", status=550, at="rcpt", times=1)
    site.delivers()
    desk.opens(f"{site.url}/admin/invitations/{row.id}")
    assert "Failed" in desk.text
    assert "550" in desk.text


def test_no_page_shows_the_link(site: RunningSite, tenant: Tenant, desk: Person) -> None:
    """Whoever holds it could become the invited person."""
    row = site.invites_and_delivers(ADA)
    desk.opens(f"{site.url}/admin/invitations/{row.id}").opens(f"{site.url}/admin/invitations")
    assert not any("ticket=" in page for page in desk.pages)


@pytest.mark.parametrize("number", ["0", "999", "99999999999999999999999"])
def test_an_unknown_number_is_a_page(site: RunningSite, desk: Person, number: str) -> None:
    """404 with a way on."""
    desk.opens(f"{site.url}/admin/invitations/{number}")
    assert desk.response.status_code == 404
    assert desk.sees_link("Go to the start page")


@pytest.mark.parametrize("path", ["/nowhere", "/admin/nowhere", "/invite/", "/static/nothing.css"])
def test_an_unknown_page_is_a_page(site: RunningSite, person: Person, path: str) -> None:
    """404, with the same headers as every page."""
    person.opens(site.url + path)
    assert person.response.status_code == 404
    assert person.heading == "There is no such page"


def test_too_much_at_once_is_refused(site: RunningSite, desk: Person) -> None:
    """A form is small."""
    answer = desk.browser.post(
        f"{site.url}/admin/invitations",
        data={"csrf_token": token_of(desk), "email": "x" * 70_000},
        timeout=10,
    )
    assert answer.status_code == 413


def test_a_form_that_was_changed_is_another_invitation(site: RunningSite, desk: Person) -> None:
    """Back, another address, and sent again: both are invited."""
    desk.presses("Invite someone").types(Email_address=ADA)
    _, action, fields = desk.form("Send invitation")
    for address in (ADA, "bob@example.com", "bob@example.com"):
        answer = desk.browser.post(
            action, data={**fields, "email": address}, headers={"Referer": desk.url}, timeout=10
        )
        assert address in answer.text
    rows = site.services.listing.page(now=site.clock())
    assert sorted(row.email for row in rows) == [ADA, "bob@example.com"]


@pytest.mark.parametrize("path", ["/admin", "//admin/", "/invite//complete", "/i//x"])
def test_a_slash_too_few_or_too_many_never_redirects_by_the_host(
    site: RunningSite, path: str
) -> None:
    """Such a redirect would be built from a header that anybody can send."""
    answer = site.app.test_client().get(path, headers={"Host": "evil.example"})
    assert "evil.example" not in answer.headers.get("Location", "")
