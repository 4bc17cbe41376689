"""A list that is uploaded or pasted: what is read of it, and what is a sentence."""

import io
from pathlib import Path

import pytest
from flask import request
from flask_wtf.csrf import CSRFError

from tests.support.at_tenant import at_tenant
from tests.support.batches import LIST, lines, pastes, results, uploads
from tests.support.person import Person
from tests.support.running import RunningSite, Tenant, signs_in

ADA = "ada@example.com"


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
    assert desk.title.startswith("Error:")
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


@pytest.mark.parametrize(
    ("file", "shown"),
    [("a" * 80, "a" * 80), ("a" * 81, "a" * 79 + "…")],
    ids=["as long as can be", "longer"],
)
def test_a_long_name_of_a_file_is_cut_with_a_sign(
    site: RunningSite, desk: Person, file: str, shown: str
) -> None:
    """Else the batch would seem to have another name than the file."""
    uploads(desk, site, LIST, file).presses("Send 2 invitations")
    assert desk.heading == shown


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
    page, row = desk.url, desk.text_of("tr .line")
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


def test_a_row_that_is_mended_keeps_what_was_right(
    site: RunningSite, tenant: Tenant, desk: Person, tmp_path: Path
) -> None:
    """A wrong role costs neither another role, nor the note, nor the language."""
    role = at_tenant(tenant, tmp_path).api.send("POST", "/roles", {"name": "Editor"})
    rows = (
        "Email,Language,Note,Roles\n"
        "ada@example.com,de,Welcome!,Editor|Emperor\n"
        f"bob@example.com,fr,{'x' * 501},Editor\n"
    )
    pastes(desk, site, rows)
    desk.presses("Save line 2").presses("Save line 3").presses("Send 2 invitations")
    ada, bob = (
        site.services.listing.page(now=site.clock(), query=each)[0] for each in ("ada", "bob")
    )
    assert (ada.locale, ada.note, ada.roles) == ("de", "Welcome!", {role["id"]: "Editor"})
    assert (bob.locale, bob.note, bob.roles) == ("fr", "", {role["id"]: "Editor"})


def test_the_empty_list_to_download_is_one_that_is_read(site: RunningSite, desk: Person) -> None:
    """Filled in with one line, it becomes one invitation."""
    desk.opens(f"{site.url}/admin/batches/new")
    answer = desk.peeks(desk.sees_link("Download an empty list (CSV)"))
    assert answer.headers["Content-Type"].startswith("text/csv")
    uploads(desk, site, answer.content + b"ada@example.com,Ada Byron\r\n")
    desk.presses("Send 1 invitation")
    [row] = site.services.listing.page(now=site.clock())
    assert (row.email, row.name) == (ADA, "Ada Byron")


def test_the_same_file_twice_says_so_for_each_row(site: RunningSite, desk: Person) -> None:
    """Nothing is left to send, and each row names who invited it."""
    uploads(desk, site, LIST).presses("Send 2 invitations")
    uploads(desk, site, LIST)
    assert "No row can be sent." in desk.text
    assert sum("Already invited" in line for line in lines(desk)) >= 2
    assert desk.offers("Open that invitation")
