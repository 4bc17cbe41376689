"""`flask invite import`, `batch`, `export`: lists on the command line."""

import csv
import io
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, update

from invite_site.invitations.batches.lists import MAX_BYTES
from invite_site.invitations.people import COMMAND_LINE, Inviter
from invite_site.invitations.tables import Invitation, InvitationEvent
from invite_site.server import working
from tests.support.running import RunningSite, Tenant

from .conftest import Run

LIST = "Email,Name,Team\nada@example.com,Ada,x\nnobody,No One,x\n=bob@example.com,Bob,x\n"


@pytest.fixture
def run(run: Run) -> Run:
    """Run `flask invite …`."""
    return partial(run, "invite")


def test_it_works(site: RunningSite, tenant: Tenant, run: Run) -> None:
    """Read from standard input, sent, exported."""
    said = run("import", "-", "--yes", "--no-wait", typed=LIST)
    assert "      2 to be invited\n      1 cannot be used\n" in said
    assert "  line 3: nobody: Enter an email address" in said
    assert "  line 2: " not in said, "nothing is wrong with it"
    assert "Not used: Team" in said.splitlines()
    assert said.endswith("Batch 1: 2 invitations on the way.\n")
    site.delivers()
    assert len(tenant.mails()) == 2
    assert "Standard input, uploaded" in run("batch", "1")
    assert "2 sent." in run("batch", "1")
    rows = list(csv.reader(io.StringIO(run("export", "--batch", "1").lstrip("\ufeff"))))
    assert rows[0][:3] == ["Address", "Name", "Status"]
    assert {tuple(row[:3]) for row in rows[1:]} == {
        ("ada@example.com", "Ada", "Sent"),
        ("'=bob@example.com", "Bob", "Sent"),  # a spreadsheet program would run it as a formula
        ("nobody", "No One", "Left out"),
    }
    assert len(list(csv.reader(io.StringIO(run("export"))))) == 3
    filtered = run("export", "--batch", "1", "--search", "ada").splitlines()
    assert [line.split(",")[0] for line in filtered[1:]] == ["ada@example.com"]


def test_a_batch_is_followed_to_its_end(site: RunningSite, tenant: Tenant, run: Run) -> None:
    """Plain lines on a pipe, while a worker sends it."""
    with working(site.services):
        said = run("import", "-", "--yes", typed=LIST)
    assert said.endswith("2 sent.\n")
    assert len(tenant.mails()) == 2


def test_who_stops_following_a_batch_does_not_stop_it(site: RunningSite, run: Run) -> None:
    """It says so, and that is no mistake. What has not changed at the second look is said once."""
    looks: list[Any] = []

    def interrupts(*about: Any) -> None:
        if about[2].startswith("SELECT invitation.state, count"):
            looks.append(about)
            if len(looks) == 3:
                raise KeyboardInterrupt

    event.listen(site.services.engine, "before_cursor_execute", interrupts)
    said = run("import", "-", "--yes", typed=LIST)
    event.remove(site.services.engine, "before_cursor_execute", interrupts)
    assert said.count("2 queued. No worker has been seen yet") == 1
    assert said.endswith("\nThe batch goes on without you. Follow it: flask invite batch 1\n")
    assert site.delivers() == 2


@pytest.mark.parametrize(
    ("faster", "said"),
    [
        (["ada"], "Batch 1: 1 invitation on the way.\nLeft out since the preview: 1."),
        (["ada", "bob"], "Batch 1: 0 invitations on the way.\nLeft out since the preview: 2."),
    ],
)
def test_who_is_invited_by_others_meanwhile_is_told(
    site: RunningSite, run: Run, faster: list[str], said: str
) -> None:
    """Between the preview and the start somebody invites the same people; with none left, that is no
    success."""
    asks: list[bool] = []

    def others_invite(*_: object) -> None:  # as a connection is taken, so that nothing is locked
        if any(asks):
            return
        asks.append(True)
        if site.services.batches.latest(before=None, size=1):
            for name in faster:
                site.invites(f"{name}@example.com")
        else:
            asks.clear()

    event.listen(site.services.engine, "checkout", others_invite)
    output = run("import", "-", "--yes", "--no-wait", typed="ada@example.com\nbob@example.com\n")
    event.remove(site.services.engine, "checkout", others_invite)
    assert said in output
    assert "`flask invite export --batch 1` says why" in output
    assert output.endswith("[exit 1]") == (len(faster) == 2)
    assert "ada@example.com,,Left out,Grace Hopper invited this" in run("export", "--batch", "1")
    if len(faster) == 2:
        assert "No row of this list can be invited any more." in output
        assert run("batch", "1").endswith("\nNo invitation came of it.\n")


def test_a_file_is_called_by_its_name_or_as_it_is_said_and_never_sent_in_part(
    site: RunningSite, run: Run, tmp_path: Path
) -> None:
    """The folder is nobody's business; of a file that is too large no part is read as a list."""
    file = tmp_path / "people.csv"
    file.write_text(LIST)
    run("import", str(file), "--yes", "--no-wait")
    assert run("batch", "1").startswith("people.csv, uploaded ")
    file.write_text("bob@example.com\n")
    run("import", str(file), "--list-name", "Guests", "--yes", "--no-wait")
    assert run("batch", "2").startswith("Guests, uploaded ")
    file.write_bytes(b"Email\neve@example.com\n".ljust(MAX_BYTES + 1, b"\n"))
    assert "This list is larger than 2 MB." in run("import", str(file), "--yes", "--no-wait")


def test_the_rows_of_a_list_are_counted_by_what_comes_of_them(site: RunningSite, run: Run) -> None:
    """Who has accepted is invited again only alone, and where that is asked for."""
    accepted, _ = site.invites("cy@example.com"), site.invites("dan@example.com")
    with site.services.engine.begin() as db:
        now = site.clock()
        proof = {"accepted_at": now, "accepted_sub": "auth0|cy"}
        values = {"state": "accepted", "closed_at": now, "next_try_at": None, **proof}
        db.execute(update(Invitation).where(Invitation.id == accepted.id).values(values))
    typed = LIST + "Ada@example.com,,\ncy@example.com,,\ndan@example.com,,\n"
    typed += "".join(f"p{number}@example.com,,\n" for number in range(998))
    assert run("import", "-", "--yes", "--no-wait", typed=typed).startswith(
        "  1,000 to be invited\n"
        "      1 twice in the list\n"
        "      1 invited already\n"
        "      1 accepted already\n"
        "      1 cannot be used\n"
        "  line 3: nobody: "
    )
    assert run("send", "cy@example.com").endswith("[exit 1]")
    assert run("send", "cy@example.com", "--again").startswith("Queued as number ")


def test_on_a_pipe_nothing_is_sent_without_yes(site: RunningSite, run: Run) -> None:
    """And the sentence says so."""
    said = run("import", "-", typed=LIST)
    assert "Nothing was sent. Add --yes" in said
    assert said.endswith("[exit 2]")
    assert site.delivers() == 0


def test_a_batch_is_shown_paused_and_cancelled(site: RunningSite, run: Run) -> None:
    """By its number."""
    batch = site.services.batches.preview("ada@example.com\n", name="x", inviter=Inviter("Grace"))
    site.services.batches.start(batch.id, inviter=Inviter("Grace"))
    assert "1 queued." in run("batch", "1")
    assert "Paused." in run("batch", "1", "--pause")
    assert "1 queued. The batch is paused." in run("batch", "1")
    assert "It goes on." in run("batch", "1", "--resume")
    assert "Cancelled: 1 invitation revoked." in run("batch", "1", "--cancel")
    assert site.services.listing.events(1)[-1].actor == COMMAND_LINE
    assert "1 revoked." in run("batch", "1")


def test_of_many_rows_with_a_problem_the_first_twenty_are_shown(run: Run) -> None:
    """And the number of the rest; 21 are one more."""
    for number, rest in ((20, []), (21, ["  and 1 more"])):
        typed = ",Nobody\n" + "nobody\n" * (number - 1)
        said = run("import", "-", "--yes", "--no-wait", typed=typed).splitlines()
        shown = [line for line in said if line.startswith("  line ")]
        assert len(shown) == 20
        assert shown[0] == "  line 1: (no address): This row has no address."
        assert [line for line in said if line.startswith("  and ")] == rest


def test_the_failed_of_a_batch_are_sent_again(site: RunningSite, tenant: Tenant, run: Run) -> None:
    """By its number."""

    def last_event(number: int) -> InvitationEvent:
        return site.services.listing.events(number)[-1]

    tenant.fails("SMTP", kind="status", status=550, at="rcpt", times=1)
    run("import", "-", "--yes", "--no-wait", typed=LIST)
    site.delivers()
    assert "1 sent, 1 failed." in run("batch", "1")
    assert run("batch", "1", "--again") == "Queued again: 1 invitation.\n"
    [last] = [each for each in map(last_event, (1, 2)) if each.event == "resent"]
    assert last.actor == COMMAND_LINE
    site.delivers()
    assert "2 sent." in run("batch", "1")
    assert "No invitation of this batch has failed" in run("batch", "1", "--again")


@pytest.mark.parametrize(
    ("words", "typed", "sentence"),
    [
        (("import", "-", "--yes"), b"PK\x03\x04....", "This is an Excel or a ZIP file."),
        (("import", "-", "--yes"), "", "This list is empty."),
        (("import", "-", "--yes"), "nobody\n", "No row of this list can be invited."),
        (("import", "missing.csv"), "", "No such file"),
        (("batch", "9"), "", "There is no such batch."),
        (("batch", "9", "--pause"), "", "There is no such batch."),
        (("export", "--batch", "9"), "", "There is no such batch."),
        (("export", "--batch", "9", "--events"), "", "There is no such batch."),
    ],
)
def test_a_mistake_is_one_sentence(
    run: Run, words: tuple[str, ...], typed: str | bytes, sentence: str
) -> None:
    """And an exit status that says so."""
    said = run(*words, typed=typed)
    assert sentence in said
    assert "[exit" in said
    assert "Traceback" not in said


def test_of_two_actions_none_is_taken(site: RunningSite, run: Run) -> None:
    """*Cancel* cannot be taken back."""
    run("import", "-", "--yes", "--no-wait", typed=LIST)
    said = run("batch", "1", "--pause", "--cancel")
    assert "Choose one of --pause and --cancel.\n" in said
    assert said.endswith("[exit 2]")
    batch = site.services.batches.get(1)
    assert (batch.paused_at, batch.cancelled_at) == (None, None)
    assert run("batch", "1", "--pause") == "Paused.\n"
    assert run("batch", "1", "--resume") == "It goes on.\n"


def test_a_list_whose_name_is_not_utf8_is_refused(
    site: RunningSite, run: Run, tmp_path: Path
) -> None:
    """Its name would be that of the batch, which no page could show."""
    file = tmp_path / "m\udcfcller.csv"
    file.write_text(LIST)
    said = run("import", str(file), "--yes", "--no-wait")
    assert "This is not UTF-8. Rename the file.\n" in said
    assert said.endswith("[exit 2]")
    assert "There is no such batch." in run("batch", "1")


def test_cells_of_a_list_cannot_command_a_terminal(site: RunningSite, run: Run) -> None:
    """Nor can the names of lists and of those who sent them; a terminal would obey an escape."""
    eve = Inviter("Eve\r\x1b[2J")
    site.services.invitations.invite("bob@example.com", inviter=eve)
    typed = "ada@example.com\nno\x1b[2Jbody,No One\nbob@example.com\n"
    said = run("import", "-", "--yes", "--no-wait", typed=typed)
    assert "  line 2: no [2Jbody: " in said
    assert "  line 3: bob@example.com: Eve [2J" in said
    named = run("import", "-", "--yes", "--no-wait", typed="Email,Te\x1b[2Jam\ncy@example.com,x\n")
    assert "Not used: Te [2Jam\n" in named
    batch = site.services.batches.preview("x\x9b2J@example.com\n", name="x\x1b[2J", inviter=eve)
    shown = run("batch", str(batch.id))
    assert shown.startswith("x [2J, uploaded")
    assert "by Eve [2J\nA preview; nothing has been sent.\n" in shown
    said = run("export", "--batch", "1")
    assert "no\ufffd[2Jbody" in said
    assert "Eve\ufffd\ufffd[2J invited" in said, "a return would begin the line anew"
    assert len(list(csv.reader(io.StringIO(said)))) == 4
    said += run("export") + run("export", "--events")
    assert "has not been sent yet" in run("export", "--batch", str(batch.id))
    assert not {"\x1b", "\x9b"} & set(said)
