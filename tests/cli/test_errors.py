"""What commands refuse, and what they cannot do: one sentence and an exit status."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from invite_site.invitations.people import Inviter
from tests.support.databases import copy_sqlite
from tests.support.running import RunningSite, Tenant

from .conftest import Run

ROOT = Path(__file__).resolve().parents[2]


def test_sending_again_too_soon_says_when_it_is_possible(
    site: RunningSite, tenant: Tenant, run: Run
) -> None:
    """The same words as the page, and no second mail."""
    row = site.invites_and_delivers("ada@example.com")
    run("invite", "resend", str(row.id))
    site.delivers()
    output = run("invite", "resend", str(row.id))
    assert output.startswith("Error: This invitation was sent again already")
    assert "It can be sent again from" in output
    assert output.endswith("[exit 1]")
    site.delivers()
    assert len(tenant.mails("ada@example.com")) == 2


def test_a_mistake_is_one_sentence(run: Run) -> None:
    """And exit status 1, without a traceback."""
    for words in (
        ("invite", "send", "nonsense"),
        ("invite", "send", "ada@example.com", "--name", "Claim 500 EUR at evil.example/x"),
        ("invite", "resend", "999"),
        ("invite", "revoke", "999"),
        ("admin", "grant", "nobody@example.com"),
        ("admin", "revoke", "nobody@example.com"),
    ):
        output = run(*words)
        assert output.startswith("Error: ")
        assert output.endswith("[exit 1]")
        assert "Traceback" not in output


def test_a_second_invitation_says_who_sent_the_first(run: Run) -> None:
    """The same words as the page."""
    run("invite", "send", "ada@example.com")
    assert "the command line already invited this address" in run(
        "invite", "send", "ADA@example.com"
    )


def test_what_others_have_said_cannot_command_a_terminal(site: RunningSite, run: Run) -> None:
    """Names come out of sign-ins, and reasons of an outage out of replies."""
    eve = "Eve\x1b[2J"
    site.services.invitations.invite("ada@example.com", inviter=Inviter(eve))
    assert "Eve [2J already invited this address" in run("invite", "send", "ada@example.com")
    site.services.circuit_breaker.open("mail", f"{eve} said no.", now=site.clock())
    assert "Invitations are waiting. Eve [2J said no." in run("invite", "overview")
    run("invite", "import", "-", "--yes", "--no-wait", typed="bob@example.com\n")
    assert "1 queued. Eve [2J said no." in run("invite", "batch", "1")


def test_settings_that_cannot_work_are_listed_and_nothing_starts() -> None:
    """Every problem at once, without a traceback."""
    result = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "app", "serve"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "SECRET_KEY": "short"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode != 0
    assert "AUTH0_DOMAIN is missing." in result.stderr
    assert "SECRET_KEY must be at least 32 characters" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_output_that_cannot_be_written_is_one_sentence(
    tenant: Tenant, environment: dict[str, str]
) -> None:
    """As on a full disk; what the command did stays done."""
    for words in (["db", "upgrade"], ["invite", "export"], ["mail", "check", "you@example.com"]):
        with open("/dev/full", "wb") as full:
            ended = subprocess.run(
                [sys.executable, "-m", "flask", "--app", "app", *words],
                cwd=ROOT,
                env=environment,
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                timeout=60,
            )
        assert ended.stderr == "Error: The output cannot be written: No space left on device.\n"
        assert ended.returncode == 1
    assert len(tenant.mails("you@example.com")) == 1


def test_a_reader_that_has_seen_enough_hears_nothing_of_it(environment: dict[str, str]) -> None:
    """Such as `head`: the command ends, and that is no fault."""
    ours, theirs = os.pipe()
    os.close(ours)
    ended = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "app", "db", "upgrade"],
        cwd=ROOT,
        env=environment,
        stdout=theirs,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    os.close(theirs)
    assert ended.stderr == ""


def test_a_terminal_of_another_encoding_gets_what_it_can_show(environment: dict[str, str]) -> None:
    """And CSV is UTF-8 wherever it goes, as its first sign says."""

    def run(*words: str) -> bytes:
        ended = subprocess.run(
            [sys.executable, "-m", "flask", "--app", "app", *words],
            cwd=ROOT,
            env=environment | {"PYTHONIOENCODING": "latin-1"},
            capture_output=True,
            timeout=60,
        )
        assert b"Traceback" not in ended.stderr
        return ended.stdout

    copy_sqlite(environment["DATABASE_URL"])
    run("invite", "send", "ada@łódź.example", "--name", "Łukasz")
    assert b"ada@?\xf3d?.example" in run("invite", "list")
    assert "Łukasz" in run("invite", "export").decode("utf-8-sig")
    assert b"Sign-ups" in run("tenant", "check")


def test_words_that_a_command_does_not_know_are_a_mistake_of_usage(run: Run) -> None:
    """Exit status 2, and what it would take; an empty list would look like an answer."""
    for words in (
        ("invite", "list", "--state", "nonsense"),
        ("invite", "list", "--number", "0"),
        ("invite", "resend"),
        ("invite", "resend", "ada"),
        ("invite", "revoke", "-5"),
        ("invite", "revoke", "99999999999999999999"),
        ("invite", "batch", "0"),
        ("invite", "export", "--batch", "99999999999999999999"),
    ):
        output = run(*words)
        assert output.endswith("[exit 2]"), (words, output)
        assert "Usage: " in output
        assert "Traceback" not in output
    assert "password_set" in run("invite", "list", "--state", "nonsense")


def test_a_word_that_names_no_invitation_is_told(run: Run) -> None:
    """Neither by its number nor by an address, such as an address without its host."""
    refused = run("invite", "revoke", "ada")
    assert "ada is neither the number of an invitation nor an address." in refused
    assert refused.endswith("[exit 2]")


@pytest.mark.parametrize("command", [("list",), ("export",), ("resend", "--yes")])
@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_a_day_at_an_end_of_time_is_a_mistake_of_usage(
    day: str, command: tuple[str, ...], run: Run
) -> None:
    """The one has no day before it, the other none after."""
    output = run("invite", *command, "--day", day)
    assert f"Invalid value for '--day': Nobody can have been invited on {day}.\n" in output
    assert output.endswith("[exit 2]")


def test_an_address_without_an_open_invitation_is_one_sentence(site: RunningSite, run: Run) -> None:
    """The same for each command that takes one."""
    for command in ("resend", "revoke"):
        for address in ("nobody@example.com", "no@body@example"):
            output = run("invite", command, address)
            assert output.startswith("Error: ")
            assert output.endswith("[exit 1]")
            assert len(output.splitlines()) == 2
    assert "No invitation to nobody@example.com is open." in run(
        "invite", "revoke", "nobody@example.com"
    )


def test_a_duplicate_names_the_invitation_that_exists(site: RunningSite, run: Run) -> None:
    """So that the next command can name it."""
    row = site.invites("ada@example.com")
    output = run("invite", "send", "ada@example.com")
    assert f"It has the number {row.id}." in output
    assert output.endswith("[exit 1]")


def test_a_tenant_that_is_away_is_one_sentence(tenant: Tenant, run: Run) -> None:
    """Refused, like every other fault; `flask tenant` has statuses of its own."""
    for path in ("/api/v2/users-by-email", "/api/v2/users"):
        tenant.fails(f"GET {path}", kind="status", status=503, times=20)
    output = run("admin", "grant", "somebody@example.com")
    assert output.startswith("Error: ")
    assert output.endswith("[exit 1]")
    assert len(output.splitlines()) == 2


@pytest.mark.parametrize("option", ["--search", "--inviter", "--role"])
@pytest.mark.parametrize("blank", ["", " ", "\t"])
@pytest.mark.parametrize("others", [(), ("--state", "queued")])
def test_a_blank_filter_picks_nobody(
    site: RunningSite, run: Run, option: str, blank: str, others: tuple[str, ...]
) -> None:
    """A variable of a script that is empty or holds only spaces does not stand for everybody."""
    site.invites("ada@example.com")
    output = run("invite", "revoke", *others, option, blank, "--yes")
    assert f"{option} is blank. Leave it out if any will do." in output
    assert output.endswith("[exit 2]")
    assert site.status("ada@example.com") == "queued"


@pytest.mark.parametrize(
    "words",
    [
        ("invite", "revoke", "1", "--reason", "weg\udce9"),
        ("invite", "list", "--search", "\udce9"),
        ("invite", "send", "bob@example.com", "--note", "Andr\udce9"),
        ("invite", "send", "bob@example.com", "--role", "Editor", "--role", "\udce9"),
        ("admin", "grant", "\udce9@example.com"),
    ],
)
def test_words_that_are_not_utf8_are_refused(
    words: tuple[str, ...], site: RunningSite, run: Run
) -> None:
    """Before anything is done: what is stored with them could be shown on no page."""
    row = site.invites("ada@example.com")
    output = run(*words)
    assert "This is not UTF-8. Set the terminal to UTF-8.\n" in output
    assert output.endswith("[exit 2]")
    assert site.row(row.id).state == "queued"
    assert len(site.services.listing.page(now=site.clock())) == 1
