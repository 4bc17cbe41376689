"""The pages of batches: preview, correct, send, follow, and take the results."""

import csv
import io
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from invite_site.web.admin import csv_files
from tests.support.batches import LIST, lines, pastes, results, uploads
from tests.support.person import Person
from tests.support.running import ADMIN, RunningSite, Tenant, accepts

ADA = "ada@example.com"


def lists_as(desk: Person, site: RunningSite) -> str:
    """The state of the newest batch in the list of them."""
    return desk.opens(f"{site.url}/admin/batches").text_of("tbody .status")


def token_of(desk: Person) -> str:
    return str(desk.soup.select("input[name=csrf_token]")[0]["value"])


def test_it_works(site: RunningSite, tenant: Tenant, desk: Person) -> None:
    """Upload, preview, correct one row in place, leave one out, send, follow, results."""
    desk.presses("Invite many").chooses("File", "people.csv", LIST).presses("Show preview")
    assert desk.heading == "people.csv"
    assert "What would come of its 4 rows" in desk.text
    assert not site.services.listing.page(now=site.clock())
    first, second, *_ = lines(desk)
    assert {"Line 3" in first, "Line 5" in first} == {True, False}
    assert {"Line 3" in second, "Line 5" in second} == {True, False}

    desk.types_into("Email address in line 3", "grace@example.com").presses("Save line 3")
    assert "Line 3 is corrected and will be invited." in desk.text
    desk.presses("Leave out line 4")
    assert "left out" in desk.text
    desk.presses("Send 2 invitations")
    assert "2 invitations are on the way." in desk.text
    assert "0 of 2 have gone out" in desk.text

    while site.delivers():
        pass
    desk.presses("Refresh")
    assert "2 of 2 have gone out" in desk.text
    assert not desk.offers("Pause")
    assert {mail["To"][0]["Address"] for mail in tenant.mails()} == {ADA, "grace@example.com"}
    addresses = {row[0] for row in results(desk)}
    assert {ADA, "grace@example.com", "ADA@example.com"} <= addresses


def test_one_mistake_after_the_other_is_open_to_be_mended(site: RunningSite, desk: Person) -> None:
    """*Save* sends the form of one row: all of them stood open, and what was typed into the others was
    lost without a word."""

    def opened() -> list[str]:
        return [str(field["id"]) for field in desk.soup.select("details[open] [name=email]")]

    pastes(desk, site, f"{ADA}\nbob@\neve@")
    [bob] = opened()
    desk.types_into("Email address in line 2", "bob@still").presses("Save line 2")
    assert opened() == [bob]
    desk.types_into("Email address in line 2", "bob@example.com").presses("Save line 2")
    [eve] = opened()
    assert eve != bob
    desk.presses("Leave out line 3")
    assert not opened()
    desk.presses("Leave out line 1").presses("Leave out line 2")
    assert "No row can be sent. Choose another list" in desk.text


def test_the_invitation_and_the_list_lead_to_the_batch_and_back(
    site: RunningSite, desk: Person
) -> None:
    """From each page to the others."""
    pastes(desk, site, ADA).presses("Send 1 invitation")
    batch = desk.url
    assert desk.sees_link("Show it in the list").endswith("/admin/invitations?batch=1")
    assert desk.sees_link("1 Queued").endswith("/admin/invitations?batch=1&state=queued")
    desk.opens(f"{site.url}/admin/invitations").presses(ADA).presses("Open its batch")
    assert desk.url == batch
    desk.presses("Batches")
    assert "Pasted list" in desk.text
    assert "1 invitation" in desk.text
    assert "Under way" in desk.text
    desk.presses("Pasted list")
    assert desk.url == batch


def test_the_empty_list_offers_many(site: RunningSite, desk: Person) -> None:
    """Where nobody has been invited, a list may be the first thing to send."""
    assert desk.offers("Invite many with a list")
    desk.presses("Batches")
    assert "No list has been sent yet" in desk.text
    desk.presses("Invite many")
    assert desk.heading == "Invite many"


def test_sending_twice_is_sending_once(site: RunningSite, desk: Person) -> None:
    """Five clicks at once, and Back and *Send* again: the same invitations, the same answer."""
    pastes(desk, site, "\n".join(f"p{n}@example.com" for n in range(20)))
    _, action, fields = desk.form("Send 20 invitations")

    def press(_: int) -> str:
        with requests.Session() as tab:
            tab.cookies.update(desk.cookies)
            answer = tab.post(action, data=fields, headers={"Referer": desk.url}, timeout=20)
        assert answer.status_code == 200
        return answer.text

    with ThreadPoolExecutor(5) as pool:
        pages = list(pool.map(press, range(5)))
    assert all("20 invitations are on the way." in page for page in pages)
    assert len(site.services.listing.page(now=site.clock(), size=50)) == 20
    # What the page offered before is answered, not lost.
    late = desk.browser.post(
        f"{site.url}/admin/batches/1/rows/1", data={**fields, "email": ADA}, timeout=10
    )
    assert late.status_code == 200
    assert len(site.services.listing.page(now=site.clock(), size=50)) == 20


def test_two_admins_with_overlapping_lists_are_told_the_truth(
    site: RunningSite, tenant: Tenant, desk: Person
) -> None:
    """Both have their previews before either sends: one invitation an address."""
    site.invites_and_delivers("joan@example.com")
    with Person() as joan:
        accepts(joan, tenant.link_to("joan@example.com"))
        site.make_admin("joan@example.com")
        pastes(desk, site, "\n".join(f"p{n}@example.com" for n in range(0, 8)))
        pastes(joan, site, "\n".join(f"p{n}@example.com" for n in range(5, 12)))
        desk.presses("Send 8 invitations")
        joan.presses("Send 7 invitations")
        assert "8 invitations are on the way." in desk.text
        assert "4 invitations are on the way." in joan.text
        assert "Left out: 3." in joan.text
        left_out = [
            row for row in results(joan) if row[0] in {f"p{n}@example.com" for n in (5, 6, 7)}
        ]
        assert len(left_out) == 3
        assert all("invited" in " ".join(row) for row in left_out)
    rows = site.services.listing.page(now=site.clock(), size=50)
    assert len([row for row in rows if row.email.startswith("p")]) == 12


def test_a_batch_can_be_paused_resumed_and_cancelled(
    site: RunningSite, tenant: Tenant, desk: Person
) -> None:
    """Each says what it did, and the page says why nothing goes out."""
    pastes(desk, site, "\n".join(f"p{n}@example.com" for n in range(15)))
    desk.presses("Send 15 invitations").presses("Pause")
    assert "Nothing goes out at the moment." in desk.text
    assert site.delivers() == 0
    desk.presses("Resume")
    assert "The batch goes on." in desk.text
    assert site.sends(10) == 10
    desk.opens(desk.url)
    desk.presses("Cancel the rest now")
    assert "What had not gone out is revoked" in desk.text
    assert "10 of 15 have gone out" in desk.text
    assert desk.sees_link("5 Revoked")
    assert not desk.offers("Pause")
    assert len(tenant.mails()) == 10


def test_a_pause_that_came_too_late_to_hold_anything_can_be_ended(
    site: RunningSite, desk: Person
) -> None:
    """The last was being sent. Until then no reminder goes out to anybody of the batch, nor what a job sends
    again."""
    pastes(desk, site, ADA).presses("Send 1 invitation")
    batch, deliveries = desk.url, site.services.deliveries
    [job] = deliveries.claim("worker", limit=1)
    assert lists_as(desk, site) == "Under way"
    desk.opens(batch).presses("Pause")
    deliveries.deliver(job)
    assert lists_as(desk, site) == "Paused"
    assert desk.opens(batch).text_of(".proof .status") == "Paused"
    desk.presses("Resume")
    assert not desk.offers("Pause")
    assert not desk.offers("Resume")
    assert desk.text_of(".proof .status") == "Done"
    assert lists_as(desk, site) == "Done"


def test_an_invitation_of_a_paused_batch_says_what_it_waits_for(
    site: RunningSite, desk: Person
) -> None:
    """Else it would be queued for days without a word, while a worker runs."""
    pastes(desk, site, "ada@example.com")
    desk.presses("Send 1 invitation").presses("Pause")
    batch = desk.url
    [row] = site.services.listing.page(now=site.clock())
    page = f"{site.url}/admin/invitations/{row.id}"
    assert "It waits: its batch is paused." in desk.opens(page).text
    desk.opens(desk.sees_link("Open the batch"))
    assert desk.url == batch
    desk.presses("Resume")
    assert "is paused" not in desk.opens(page).text


def test_a_page_that_sends_again_says_what_a_pause_means_for_it(
    site: RunningSite, tenant: Tenant, desk: Person
) -> None:
    """One person is chosen by name and goes out; what goes in bulk waits for the batch."""
    tenant.fails("SMTP", kind="status", status=550, at="rcpt", times=1)
    pastes(desk, site, f"{ADA}\nbob@example.com").presses("Send 2 invitations")
    batch = desk.url
    site.sends(1)
    [row] = site.services.listing.page(now=site.clock(), status="failed")
    alone = f"{site.url}/admin/invitations/{row.id}"
    many = f"{site.url}/admin/jobs/new?kind=resend&state=failed&all=1"
    at_once = "It goes out at once, though the batch is paused."
    waits = "They wait with the rest until the batch is resumed."
    assert at_once not in desk.opens(alone).text
    assert waits not in desk.opens(batch).text
    desk.presses("Pause")
    assert waits in desk.opens(batch).text
    assert "Those of a paused batch wait until it is resumed." in desk.opens(many).text
    assert at_once in desk.opens(alone).text


def test_what_has_expired_is_not_said_to_have_gone_out(site: RunningSite, desk: Person) -> None:
    """A batch that was paused for longer than its invitations live."""
    pastes(desk, site, ADA).presses("Send 1 invitation").presses("Pause")
    site.clock.forward(days=30)
    desk.opens(desk.url)  # by way of the tenant, which still knows them
    assert "1 of 1 has gone out or expired" in desk.text
    assert desk.sees_link("1 Expired")


def test_an_outage_is_said_on_the_page(site: RunningSite, tenant: Tenant, desk: Person) -> None:
    """Why nothing goes out."""
    pastes(desk, site, ADA).presses("Send 1 invitation")
    tenant.fails("POST /api/v2/users", kind="status", status=503, times=1)
    site.sends(1)
    desk.presses("Refresh")
    assert "Nothing goes out at the moment." in desk.text
    assert "trouble of its own" in desk.text


def test_the_failed_are_sent_again(site: RunningSite, tenant: Tenant, desk: Person) -> None:
    """One button for all of them, also after the batch is over."""
    pastes(desk, site, "ada@example.com\nbob@example.com")
    desk.presses("Send 2 invitations")
    tenant.fails("SMTP", kind="status", status=550, at="rcpt", times=2)
    while site.delivers():
        pass
    desk.opens(desk.url)
    assert desk.sees_link("2 Failed")
    desk.presses("Send the 2 failed again")
    assert "2 invitations are queued again." in desk.text
    while site.delivers():
        pass
    desk.opens(desk.url)
    assert "2 of 2 have gone out" in desk.text


def test_the_button_counts_those_of_the_failed_that_it_sends_again(
    site: RunningSite, tenant: Tenant, desk: Person
) -> None:
    """Not whoever was invited anew since, and there is none where nobody is left."""
    pastes(desk, site, "ada@example.com\nbob@example.com\nzoe@example.com")
    desk.presses("Send 3 invitations")
    tenant.fails("SMTP", kind="status", status=550, at="rcpt", times=3)
    while site.delivers():
        pass
    site.invites("ada@example.com")
    desk.opens(desk.url)
    assert "1 that failed has another invitation by now and is not sent again." in desk.text
    assert desk.offers("Send the 2 failed again")
    for name in ("bob", "zoe"):
        site.invites(f"{name}@example.com")
    desk.opens(desk.url)
    assert "3 that failed have another invitation by now and are not sent again." in desk.text
    assert "failed again" not in desk.text


def test_the_results_uploaded_again_name_the_same_people(site: RunningSite, desk: Person) -> None:
    """Also those with what could begin a formula, before which a sign stands in the file."""
    content = '=bob@example.com,=Bob\n-cy@example.com,\'t Hooft\ndan@example.com,"Dan ""+1"" ;-)"\n'
    uploads(desk, site, f"Email,Name\n{content}".encode())
    desk.presses("Send 3 invitations")
    table = desk.peeks(desk.sees_link("Download the results (CSV)")).content
    uploads(desk, site, table)
    assert [row.partition(" Line ")[0] for row in lines(desk)] == [
        "=bob@example.com =Bob",
        "-cy@example.com 't Hooft",
        'dan@example.com Dan "+1" ;-)',
    ]
    assert "No row can be sent." in desk.text


def test_a_preview_has_no_results_yet(site: RunningSite, desk: Person) -> None:
    """Its rows became no invitation and were not left out either."""
    pastes(desk, site, ADA)
    desk.opens(desk.url.partition("?")[0] + "/results.csv")
    assert "This batch has not been sent yet." in desk.text
    assert desk.offers("Send 1 invitation")


def test_the_results_are_a_table_that_runs_nothing(site: RunningSite, desk: Person) -> None:
    """Formulas are text there; the file is named, not kept by caches, and read as UTF-8."""
    pastes(desk, site, "ada@example.com").presses("Send 1 invitation")
    uploads(desk, site, "email,name\nbob@example.com,=1+1\nzoë,Zoë\n".encode())
    desk.presses("Send 1 invitation")
    answer = desk.peeks(desk.sees_link("Download the results (CSV)"))
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="batch-2.csv"'
    assert answer.headers["Cache-Control"] == "no-store"
    rows = results(desk)
    assert any("'=1+1" in row for row in rows)
    assert any("zoë" in row for row in rows)
    assert len({len(row) for row in rows}) == 1


@pytest.mark.parametrize("name", ["Ada;=1+1;-1", 'Ada;"=1+1;"-1;'])
def test_a_file_runs_nothing_where_the_semicolon_separates_lists(
    site: RunningSite, desk: Person, name: str
) -> None:
    """A spreadsheet program in German or French takes our rows apart at each semicolon. A mark behind
    one is doubled in the file, so there it opens a cell and closes it again."""
    site.invites("ada@example.com", name)
    answer = desk.peeks(f"{site.url}/admin/invitations/export.csv")
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))
    cells = [cell for row in rows for cell in row]
    assert [cell for cell in cells if cell.startswith(("'=1+1", "'-1"))]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


@pytest.mark.parametrize("begins", ["", "\t", "\r", "\n", "\0", "a;", "a\t", "a\r", "a\n", "a\r\n"])
@pytest.mark.parametrize("sign", "=+-@")
def test_no_part_of_a_cell_begins_a_formula(begins: str, sign: str) -> None:
    """Wherever a spreadsheet program may take it apart, or leave out what nobody sees."""
    [text] = csv_files.written([["Ada", f"{begins}{sign}1+1"]])
    [[_, cell]] = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    assert not [part for part in re.split("[;\t\r\n]", cell) if part.startswith(sign)]
    assert not cell.startswith(("\t", "\r", "\n", "\0"))


def test_the_part_that_asks_for_itself_stops_when_all_is_over(
    site: RunningSite, desk: Person
) -> None:
    """It asks while there is something to follow, and then no more; it is a part, not a page."""
    pastes(desk, site, ADA).presses("Send 1 invitation")
    script = {"HX-Request": "true"}
    part = desk.browser.get(f"{desk.url}/progress", headers=script, timeout=10)
    assert 'hx-trigger="every' in part.text
    assert "<html" not in part.text
    assert "htmx.min.js" in desk.response.text
    while site.delivers():
        pass
    part = desk.browser.get(f"{desk.url}/progress", headers=script, timeout=10)
    assert "hx-trigger" not in part.text
    assert "htmx.min.js" not in desk.opens(desk.url).response.text


def test_a_page_that_asks_by_itself_keeps_nobody_signed_in(site: RunningSite, desk: Person) -> None:
    """Half an hour that no person used the site ends an admin's session; the page then says so, and
    begins no login with each question."""
    pastes(desk, site, ADA).presses("Send 1 invitation")
    script, url = {"HX-Request": "true"}, f"{desk.url}/progress"
    for _ in range(2):
        site.clock.forward(minutes=14)
        assert desk.browser.get(url, headers=script, timeout=10).status_code == 200
    site.clock.forward(minutes=14)
    answer = desk.browser.get(url, headers=script, allow_redirects=False, timeout=10)
    assert answer.status_code == 401
    assert "HX-Refresh" not in answer.headers
    assert "You are signed out" in answer.text
    assert ADA not in answer.text


def test_a_page_that_asks_by_itself_is_loaded_anew_for_who_may_invite_no_more(
    site: RunningSite, desk: Person
) -> None:
    """They are signed in; the whole page tells them why."""
    pastes(desk, site, ADA).presses("Send 1 invitation")
    script, url = {"HX-Request": "true"}, f"{desk.url}/progress"
    site.services.admins.revoke(ADMIN)
    answer = desk.browser.get(url, headers=script, timeout=10)
    assert (answer.status_code, answer.headers["HX-Refresh"]) == (401, "true")
    assert ADA not in answer.text


@pytest.mark.parametrize(
    "path", ["", "/progress", "/results.csv", "?after=1-2"], ids=lambda path: path or "page"
)
def test_an_unknown_batch_is_a_page(site: RunningSite, desk: Person, path: str) -> None:
    """404 that says why a preview may be gone."""
    for number in ("0", "999"):
        desk.opens(f"{site.url}/admin/batches/{number}{path}")
        assert desk.response.status_code == 404
        assert desk.heading == "There is no such batch"


def test_batches_are_listed_page_by_page(site: RunningSite, desk: Person) -> None:
    """Newest first, 50 a page; whatever stands in the address."""
    token = token_of(desk)
    for number in range(53):
        desk.browser.post(
            f"{site.url}/admin/batches",
            data={"csrf_token": token, "text": f"p{number}@example.com"},
            allow_redirects=False,
            timeout=10,
        )
    desk.opens(f"{site.url}/admin/batches")
    assert len(desk.soup.select("tbody tr")) == 50
    desk.presses("Older")
    assert len(desk.soup.select("tbody tr")) == 3
    desk.presses("Newest")
    for odd in ("x", "-1", "0", "99999999999999999999"):
        desk.opens(f"{site.url}/admin/batches?before={odd}")
        assert desk.response.status_code == 200


def test_nothing_is_changed_without_the_token(site: RunningSite, desk: Person) -> None:
    """CSRF: each action is refused, and the preview stays as it was."""
    uploads(desk, site, LIST)
    before = lines(desk)
    for action in ("start", "pause", "resume", "cancel", "resend", "rows/1", "rows/1/leave-out"):
        answer = desk.browser.post(f"{site.url}/admin/batches/1/{action}", timeout=10)
        assert answer.status_code == 400
    answer = desk.browser.post(
        f"{site.url}/admin/batches", files={"file": ("a.csv", LIST)}, timeout=10
    )
    assert answer.status_code == 400
    assert lines(desk.opens(f"{site.url}/admin/batches/1")) == before
    assert len(site.services.batches.latest(before=None, size=5)) == 1
