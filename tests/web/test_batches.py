"""The pages of batches: upload or paste, preview, correct, send, follow, and take the results."""

import csv
import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from flask import request
from flask_wtf.csrf import CSRFError

from tests.support.at_tenant import at_tenant
from tests.support.person import Person
from tests.support.running import PASSWORD, RunningSite, Tenant, sets_password, signs_in

ADA = "ada@example.com"
LIST = b"""Email address,Name
ada@example.com,Ada Byron
grace@example,Grace Hopper
hedy@example.com,Hedy Lamarr
ADA@example.com,Ada again
"""


@pytest.fixture
def desk(site: RunningSite, admin: Person) -> Person:
    """An admin, signed in, before the list."""
    site.make_admin()
    return signs_in(admin, site, start="/admin/invitations")


def uploads(desk: Person, site: RunningSite, content: bytes, name: str = "people.csv") -> Person:
    desk.opens(f"{site.url}/admin/batches/new").chooses("File", name, content)
    return desk.presses("Show preview")


def pastes(desk: Person, site: RunningSite, text: str) -> Person:
    desk.opens(f"{site.url}/admin/batches/new").types_into("Or paste the list", text)
    return desk.presses("Show preview")


def results(desk: Person) -> list[list[str]]:
    answer = desk.peeks(desk.sees_link("Download the results (CSV)"))
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))


def lines(desk: Person) -> list[str]:
    """The rows of the preview as they are seen, without their forms."""
    return [
        " ".join(" ".join(cell.get_text(" ") for cell in row.find_all("td")[:3]).split())
        for row in desk.soup.select("tbody tr")
    ]


def token_of(desk: Person) -> str:
    return str(desk.soup.find("input", {"name": "csrf_token"})["value"])


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


def test_both_databases_take_whatever_is_typed(site_on: RunningSite, admin: Person) -> None:
    """A correction with a NUL, which PostgreSQL cannot store, and the way to the results."""
    site_on.make_admin()
    desk = signs_in(admin, site_on, start="/admin/invitations")
    pastes(desk, site_on, "ada@example\nbob@example.com")
    desk.types_into("Email address in line 1", "ada\0@example.com")
    desk.types_into("Name in line 1", "A\0da").presses("Save line 1")
    assert "Line 1 is corrected and will be invited." in desk.text
    desk.presses("Send 2 invitations").presses("Pause").presses("Resume")
    site_on.delivers()
    desk.presses("Refresh")
    assert "2 of 2 have gone out" in desk.text
    assert [row[:3] for row in results(desk)[1:]] == [
        ["ada@example.com", "Ada", "Sent"],
        ["bob@example.com", "", "Sent"],
    ]


def test_an_uploaded_file_stays_in_memory(site: RunningSite) -> None:
    """Also one that Werkzeug would write to disk."""
    body = (
        b"--x\r\nContent-Disposition: form-data; name=file; filename=people.csv\r\n\r\n"
        + b"x" * 1_000_000
        + b"\r\n--x--\r\n"
    )
    with site.app.test_request_context(
        "/admin/batches", method="POST", data=body, content_type="multipart/form-data; boundary=x"
    ):
        with pytest.raises(CSRFError):  # looked for in the body, which is read by then
            site.app.preprocess_request()
        assert isinstance(request.files["file"].stream, io.BytesIO)


def test_pasted_text_is_a_list_too(site: RunningSite, desk: Person) -> None:
    """One a line, with a name before the address where there is one."""
    pastes(desk, site, "ada@example.com\r\nGrace Hopper <grace@example.com>\r\n")
    assert desk.heading == "Pasted list"
    desk.presses("Send 2 invitations")
    rows = site.services.listing.page(now=site.clock())
    assert {(row.email, row.name) for row in rows} == {
        (ADA, ""),
        ("grace@example.com", "Grace Hopper"),
    }


def test_the_invitation_and_the_list_lead_to_the_batch_and_back(
    site: RunningSite, desk: Person
) -> None:
    """From each page to the others."""
    pastes(desk, site, ADA).presses("Send 1 invitation")
    batch = desk.url
    assert desk.sees_link("Show all 1 in the list").endswith("/admin/invitations?batch=1")
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


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"PK\x03\x04" + b"x" * 500, "people.xlsx"),
        (b"\x1f\x8b\x08\x00" + b"x" * 500, "people.csv.gz"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "ada.jpg"),
        ("Ada Müller <ada@example.com>".encode("latin-1"), "latin.csv"),
        (b'email,name\nada@example.com,"Ada\nbob@example.com,Bob\n', "open-quote.csv"),
        (b"\n\n  \n", "blank.csv"),
    ],
)
def test_a_file_that_is_no_list_is_one_sentence(
    site: RunningSite, desk: Person, content: bytes, name: str
) -> None:
    """At the top and at the field; nothing is kept of it."""
    uploads(desk, site, content, name)
    assert desk.response.status_code == 422
    assert str(desk.soup.title.string).startswith("Error:")
    assert desk.soup.select_one("#file-error") is not None
    assert not site.services.batches.latest(before=None, size=1)


@pytest.mark.parametrize(
    "content",
    [
        b",".join([b"email"] + [b"x"] * 200_000) + b"\nada@example.com\n",
        b"email\n" + b"a" * 1_000_000 + b"@example.com\n",
        b"email,name\nada\x00@example.com,Ada\x00\nbob@example.com,Bob\n",
        "email,name\n\u202eada@example.com,\u202eadA\n".encode(),
        b'email,name\n"=cmd|\'/c\'!A1@example.com","=1+1"\n',
        "email\n\U000e0041@example.com\n\ufeff\n".encode("utf-16"),
        b"email\n" + b"\n".join(b"p%d@example.com" % n for n in range(10_050)),
        b"\xef\xbb\xbf",
        b"\xff\xfe\x00",
        b"",
    ],
)
def test_a_hostile_file_is_a_preview_or_a_sentence(
    site: RunningSite, desk: Person, content: bytes
) -> None:
    """Whatever is in it; never an error of ours."""
    uploads(desk, site, content, "../../\u202e<b>=evil.csv")
    assert desk.response.status_code in (200, 422)
    if desk.response.status_code == 200:
        assert desk.heading == "<b>=evil.csv"
        batch = site.services.batches.latest(before=None, size=1)[0]
        assert sum(site.services.batches.fates(batch.id).values()) == batch.rows
        for button in ("Send 1 invitation", "Send 2 invitations"):
            if desk.offers(button):
                desk.presses(button)
                assert desk.response.status_code == 200
                assert all(
                    not cell.startswith(("=", "+", "-", "@"))
                    for row in results(desk)
                    for cell in row
                )


def test_what_was_pasted_stays_when_it_is_refused(site: RunningSite, desk: Person) -> None:
    """To the letter, beside the sentence; also where a file was chosen as well."""
    text = "\r\n\r\n  \r\nno address here"
    many = "\r\n".join(f"p{n}@example.com" for n in range(10_050))
    pastes(desk, site, many)
    assert desk.response.status_code == 422
    assert desk.sees_in("Or paste the list").split() == many.split()
    desk.opens(f"{site.url}/admin/batches/new").types_into("Or paste the list", text)
    desk.chooses("File", "people.csv", LIST).presses("Show preview")
    assert desk.response.status_code == 422
    assert "not both" in desk.text
    assert "no address here" in desk.sees_in("Or paste the list")


def test_no_list_at_all_is_a_sentence(site: RunningSite, desk: Person) -> None:
    """Neither file nor text."""
    desk.opens(f"{site.url}/admin/batches/new").presses("Show preview")
    assert desk.response.status_code == 422
    assert "Choose a file, or paste a list below." in desk.text


@pytest.mark.parametrize("size", [2_600_000, 4_000_000])  # more is refused by the server
def test_a_list_that_is_too_large_is_a_page_with_the_limit(
    site: RunningSite, desk: Person, size: int
) -> None:
    """In our words, with the way back; nothing is read."""
    uploads(desk, site, b"x" * size)
    assert desk.response.status_code == 413
    assert desk.heading == "This list is too large"
    assert "at most 2 MB" in desk.text
    desk.presses("Choose another list")
    assert desk.heading == "Invite many"


def test_text_of_two_megabytes_is_read(site: RunningSite, desk: Person) -> None:
    """More than Flask takes in a field unless told; refused for its rows, not for its size."""
    pastes(desk, site, "\r\n".join(f"{'p' * 90}@{n}.example.com" for n in range(17_500)))
    assert desk.response.status_code == 422
    assert "10,000" in desk.text


def test_a_list_of_10000_rows_is_shown_page_by_page(site: RunningSite, desk: Person) -> None:
    """Problems first, 50 rows a page, each row once."""
    content = b"".join(b"p%d@example.com,P %d\n" % (n, n) for n in range(9_940))
    content += b"".join(b"p%d@example,P %d\n" % (n, n) for n in range(60))
    uploads(desk, site, content)
    assert "10,000 rows" in desk.text
    assert desk.offers("Send 9,940 invitations")
    seen = []
    for _ in range(3):
        seen += [str(row["id"]) for row in desk.soup.select("tbody tr")]
        desk.presses("More rows")
    assert len(seen) == len(set(seen)) == 150
    desk.opens(f"{site.url}/admin/batches/1")
    assert len(desk.soup.select("tr .fate-bad")) == 50
    desk.presses("More rows")
    assert len(desk.soup.select("tr .fate-bad")) == 10
    assert len(desk.soup.select("tbody tr")) == 50
    # A row of the second page is corrected there.
    page, row = desk.url, str(desk.soup.select_one("tr .line").get_text(" ", strip=True))
    number = row.removeprefix("Line ").replace(",", "")
    desk.types_into(f"Email address in line {number}", "new@example.com").presses(
        f"Save line {number}"
    )
    assert desk.url == page
    assert "corrected" in desk.text
    for odd in ("x", "1", "1-2-3", "-", "99999999999999999999-1", "0-x"):
        desk.opens(f"{site.url}/admin/batches/1?after={odd}")
        assert desk.response.status_code == 200


def test_a_correction_is_judged_against_the_rest(site: RunningSite, desk: Person) -> None:
    """Another mistake, an address of another row: each is said, and what was typed stays."""
    uploads(desk, site, LIST)
    desk.types_into("Email address in line 3", "still wrong").presses("Save line 3")
    assert desk.soup.select_one(".banner.error") is not None
    assert desk.sees_in("Email address in line 3") == "still wrong"
    desk.types_into("Email address in line 3", "hedy@example.com").presses("Save line 3")
    assert "Line 3" in desk.text
    assert desk.offers("Send 2 invitations")


def test_language_note_and_roles_of_a_row_reach_its_invitation(
    site: RunningSite, tenant: Tenant, desk: Person, tmp_path: Path
) -> None:
    """As far as the list has them; what is wrong with them is told, and the row is mended without."""
    role = at_tenant(tenant, tmp_path).api.send("POST", "/roles", {"name": "Editor"})
    rows = (
        "Email,Language,Note,Roles\n"
        "ada@example.com,de,Welcome!,Editor\n"
        "bob@example.com,,,\n"
        "cyd@example.com,,,Emperor\n"
        f"dan@example.com,,{'x' * 501},\n"
    )
    pastes(desk, site, rows)
    told = [row.get_text(" ", strip=True) for row in desk.soup.select("tbody tr")]
    assert "The tenant has no role Emperor." in told[0]
    assert "a role that is wrong is left away when the row is saved" in told[0]
    assert "This note is too long: 501 characters" in told[1]
    assert told[2].startswith("ada@example.com Deutsch, Editor, with a note")
    assert told[3].startswith("bob@example.com Line")
    desk.presses("Save line 4")
    desk.presses("Send 3 invitations")
    ada, bob, cyd = (
        site.services.listing.page(now=site.clock(), query=each)[0]
        for each in ("ada", "bob", "cyd")
    )
    assert (ada.locale, ada.note, ada.roles) == ("de", "Welcome!", {role["id"]: "Editor"})
    for row in (bob, cyd):
        assert (row.locale, row.note, row.roles) == (None, "", None)


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


def test_the_same_file_twice_says_so_for_each_row(site: RunningSite, desk: Person) -> None:
    """Nothing is left to send, and each row names who invited it."""
    uploads(desk, site, LIST).presses("Send 2 invitations")
    uploads(desk, site, LIST)
    assert "No row can be sent." in desk.text
    assert sum("Already invited" in line for line in lines(desk)) >= 2
    assert desk.offers("Open that invitation")


def test_two_admins_with_overlapping_lists_are_told_the_truth(
    site: RunningSite, tenant: Tenant, desk: Person
) -> None:
    """Both have their previews before either sends: one invitation an address."""
    site.invites("joan@example.com")
    site.delivers()
    with Person() as joan:
        sets_password(joan, tenant.link_to("joan@example.com"))
        joan.types(Password=PASSWORD).presses("Continue")
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
    site.delivers()
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
    assert "2 invitations are on the way again." in desk.text
    while site.delivers():
        pass
    desk.opens(desk.url)
    assert "2 of 2 have gone out" in desk.text


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


def test_the_empty_list_to_download_is_one_that_is_read(site: RunningSite, desk: Person) -> None:
    """Filled in with one line, it becomes one invitation."""
    desk.opens(f"{site.url}/admin/batches/new")
    answer = desk.peeks(desk.sees_link("Download an empty list (CSV)"))
    assert answer.headers["Content-Type"].startswith("text/csv")
    uploads(desk, site, answer.content + b"ada@example.com,Ada Byron\r\n")
    desk.presses("Send 1 invitation")
    [row] = site.services.listing.page(now=site.clock())
    assert (row.email, row.name) == (ADA, "Ada Byron")


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
    """Half an hour that no person used the site ends an admin's session; the page then reloads as
    a whole, and begins one login, not one with each question."""
    pastes(desk, site, ADA).presses("Send 1 invitation")
    script, url = {"HX-Request": "true"}, f"{desk.url}/progress"
    for _ in range(2):
        site.clock.forward(minutes=14)
        assert desk.browser.get(url, headers=script, timeout=10).status_code == 200
    site.clock.forward(minutes=14)
    answer = desk.browser.get(url, headers=script, allow_redirects=False, timeout=10)
    assert answer.status_code == 401
    assert answer.headers["HX-Refresh"] == "true"
    assert answer.text == ""


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
