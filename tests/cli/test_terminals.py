"""Commands on a terminal: what they ask before they act, and the bar while a batch is sent."""

import io
import os
import pty
import select
from pathlib import Path

from tests.support.forked import Flask, Forked
from tests.support.running import RunningSite, Tenant, wait_until

from .conftest import Run

ADA = "ada@example.com"


class Terminal(io.BytesIO):
    """Somebody who types these words."""

    def isatty(self) -> bool:
        return True


def test_a_list_is_sent_only_after_a_yes(site: RunningSite, run: Run, tmp_path: Path) -> None:
    """The question says how many it would be."""
    file = tmp_path / "people.csv"
    file.write_text("ada@example.com\nbob@example.com\nnobody\n")
    words = ("invite", "import", str(file), "--no-wait")
    refused = run(*words, typed=Terminal(b"n\n"))
    assert "Send 2 invitations? [y/N]: n\nAborted!" in refused
    assert refused.endswith("[exit 1]")
    assert site.services.batches.get(1).started_at is None
    assert "Batch 2: 2 invitations on the way." in run(*words, typed=Terminal(b"y\n"))


def test_many_are_changed_only_after_a_yes(site: RunningSite, run: Run) -> None:
    """The question says what would be done to how many."""
    site.invites(ADA)
    words = ("invite", "revoke", "--search", "ada")
    refused = run(*words, typed=Terminal(b"n\n"))
    assert "Revoke 1 invitation? [y/N]: n\nAborted!" in refused
    assert refused.endswith("[exit 1]")
    assert site.status(ADA) == "queued"
    site.invites("adam@example.com")
    assert "Revoke 2 invitations? [y/N]: y\nRevoked: 2.\n" in run(*words, typed=Terminal(b"y\n"))


def test_an_admin_who_is_not_there_yet_is_invited_after_a_yes(
    site: RunningSite, tenant: Tenant, run: Run
) -> None:
    """Who is invited already is offered the grant alone."""
    words = ("admin", "grant", ADA)
    refused = run(*words, typed=Terminal(b"n\n"))
    assert refused.startswith("Nobody at the tenant has this address yet.")
    assert "Invite them and grant when they have accepted? [y/N]: n\nAborted!" in refused
    assert site.services.ledger.open_of(ADA) is None
    row = site.invites(ADA)
    granted = run(*words, typed=Terminal(b"y\n"))
    assert "? Grant when they have accepted" not in granted
    assert "Grant when they have accepted? [y/N]: y\n" in granted
    assert granted.endswith(f"{ADA} may invite once they have accepted invitation {row.id}.\n")


def test_a_bar_shows_how_far_a_batch_is(
    site: RunningSite, environment: dict[str, str], tmp_path: Path
) -> None:
    """With why nothing goes out, as long as that is so, and at its end what came of it."""
    file = tmp_path / "people.csv"
    file.write_text("ada@example.com\nbob@example.com\n")
    ours, theirs = pty.openpty()
    command = Flask("invite", "import", str(file), "--yes")
    process = Forked(
        command, environment | {"TERM": "xterm"}, os.ttyname(theirs), str(tmp_path / "err")
    )
    said = ""

    def shows(words: str) -> bool:
        nonlocal said
        while words not in said and select.select([ours], [], [], 0)[0]:
            said += os.read(ours, 1000).decode()
        return words in said

    try:
        wait_until(lambda: shows("  0/2  No worker has been seen yet"), "nothing is sent")
        site.sends(1)
        wait_until(lambda: shows("  1/2"), "the first is sent")
        site.sends(1)
        wait_until(lambda: shows("2 sent.\r\n"), "both are sent")
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        os.close(theirs)
        os.close(ours)
    assert "No worker" not in said.rpartition("  2/2")[2], "nothing waits any more"
    assert "  3/2" not in said
