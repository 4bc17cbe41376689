"""The commands: the same use cases, one sentence for each mistake."""

import os
import re
import subprocess
import sys
from collections.abc import Sized
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, update

from invite_site.invitations.people import Inviter
from invite_site.invitations.tables import Invitation
from invite_site.web.templating import moment
from tests.support.at_tenant import at_tenant
from tests.support.person import Person
from tests.support.running import RunningSite, Tenant, sets_password

from .conftest import Run

ROOT = Path(__file__).resolve().parents[2]


def test_it_works(site: RunningSite, tenant: Tenant, run: Run) -> None:
    """Send, list, resend, revoke."""
    assert run("invite", "send", "ada@example.com", "--name", "Ada").startswith("Queued as number")
    site.delivers()
    assert "sent\tada@example.com" in run("invite", "list")
    assert len(tenant.mails("ada@example.com")) == 1
    number = str(site.services.listing.page(now=site.clock())[0].id)
    assert "Queued again." in run("invite", "resend", number)
    assert "Revoked." in run("invite", "revoke", number, "--reason", "typo")
    assert "revoked" in run("invite", "list", "--state", "revoked")


def test_a_long_list_is_read_in_parts(site_on: RunningSite) -> None:
    """PostgreSQL takes 65,535 numbers in a statement, SQLite often 32,766; `--number` may be larger."""
    site, engine = site_on, site_on.services.engine
    site.services.batches.start(
        site.services.batches.preview(
            "\n".join(["email", *(f"p{number}@example.com" for number in range(1100))]).encode(),
            name="people.csv",
            inviter=Inviter("Grace"),
        ).id,
        inviter=Inviter("Grace"),
    )
    numbers: list[int] = []

    def counts(_c: object, _k: object, _s: object, parameters: Sized, *_: object) -> None:
        numbers.append(len(parameters))

    event.listen(engine, "before_cursor_execute", counts)
    listed = site.app.test_cli_runner().invoke(args=["invite", "list", "--number", "1050"])
    event.remove(engine, "before_cursor_execute", counts)
    addresses = [line.split("\t")[2] for line in listed.output.splitlines()]
    assert addresses == [
        row.email for row in site.services.listing.page(now=site.clock(), size=1050)
    ]
    assert max(numbers) < 600


def test_an_invitation_from_here_is_from_nobody_the_invitee_knows(
    site: RunningSite, tenant: Tenant, run: Run
) -> None:
    """The mail says that they are invited, and names no command line."""
    run("invite", "send", "ada@example.com")
    site.delivers()
    [mail] = tenant.mails("ada@example.com")
    assert mail["Subject"] == f"You are invited to {site.settings.app_name}"
    assert "You are invited to" in mail["Text"]
    assert "command line" not in mail["Text"] + mail["HTML"]


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


def test_an_admin_is_granted_by_address_and_kept_by_sub(
    site: RunningSite, tenant: Tenant, run: Run
) -> None:
    """The address is resolved at the tenant once; afterwards only the account counts."""
    assert "may invite." in run("admin", "grant", "Admin@Example.com")
    assert "could invite already." in run("admin", "grant", "admin@example.com")
    sub = tenant.user("admin@example.com")["user_id"]
    assert sub in run("admin", "list")
    assert site.services.admins.includes(sub)
    assert "may no longer invite." in run("admin", "revoke", "Admin@Example.com")
    assert not site.services.admins.includes(sub)
    assert "may invite." in run("admin", "grant", "auth0|somebody")


def test_the_database_can_be_brought_up_to_date(run: Run) -> None:
    """Twice is once."""
    assert "up to date" in run("db", "upgrade")
    assert "up to date" in run("db", "upgrade")


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

    run("db", "upgrade")
    run("invite", "send", "ada@łódź.example", "--name", "Łukasz")
    assert b"ada@?\xf3d?.example" in run("invite", "list")
    assert "Łukasz" in run("invite", "export").decode("utf-8-sig")
    assert b"Sign-ups" in run("tenant", "check")


def test_an_address_that_nobody_has_verified_makes_no_admin(
    site: RunningSite, tenant: Tenant, run: Run
) -> None:
    """Where sign-ups are open, anybody could have registered it first."""
    site.invites_and_delivers("boss@example.com")
    output = run("admin", "grant", "boss@example.com")
    assert "has not verified" in output
    assert output.endswith("[exit 1]")
    assert not site.services.admins.all()


@pytest.mark.parametrize("status", ["password_set", "password set", "Password Set"])
def test_the_list_takes_a_status_as_it_prints_it(
    status: str, site: RunningSite, tenant: Tenant, run: Run
) -> None:
    """And as addresses have it."""
    site.invites("bob@example.com")
    site.invites_and_delivers("ada@example.com")
    with Person() as person:
        sets_password(person, tenant.link_to("ada@example.com"))
    site.clock.forward(minutes=2)
    site.delivers()
    lines = run("invite", "list", "--state", status).splitlines()
    assert [line.split("\t")[1:3] for line in lines] == [["password set", "ada@example.com"]]


def test_the_list_has_the_last_change_first_where_that_is_asked_for(
    site: RunningSite, run: Run
) -> None:
    for name in ("ada", "bob"):
        site.invites(f"{name}@example.com")
    site.clock.forward(minutes=1)
    site.services.invitations.revoke(1, actor="Grace", reason="")
    assert run("invite", "list").split("\n")[0].startswith("2\t")
    assert len(run("invite", "list", "--number", "1").splitlines()) == 1
    assert run("invite", "list", "--by-change").split("\n")[0].startswith("1\t")


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


@pytest.mark.parametrize("command", ["resend", "revoke", "extend"])
def test_the_help_says_that_filters_take_the_place_of_a_number(run: Run, command: str) -> None:
    """Brackets mark what can be left out."""
    assert f"invite {command} [OPTIONS] [NUMBER_OR_ADDRESS]" in run("invite", command, "--help")


@pytest.mark.parametrize("command", [("list",), ("export",), ("resend", "--yes")])
@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_a_day_at_an_end_of_time_is_a_mistake_of_usage(
    day: str, command: tuple[str, ...], run: Run
) -> None:
    """The one has no day before it, the other none after."""
    output = run("invite", *command, "--day", day)
    assert f"Invalid value for '--day': Nobody can have been invited on {day}.\n" in output
    assert output.endswith("[exit 2]")


def test_an_address_stands_for_its_open_invitation(
    site: RunningSite, tenant: Tenant, run: Run
) -> None:
    """Nobody knows numbers by heart."""
    first = site.invites_and_delivers("ada@example.com")
    assert run("invite", "revoke", "ADA@example.com") == "Revoked.\n"
    second = site.invites_and_delivers("ada@example.com")
    assert run("invite", "resend", "Ada@Example.com") == "Queued again.\n"
    assert [site.row(each.id).state for each in (first, second)] == ["revoked", "queued"]


def test_on_one_machine_an_address_may_be_of_a_test_domain(run: Run) -> None:
    """Whoever tries the site invites such people, whichever command it is."""
    assert run("invite", "send", "ada@acme.test").startswith("Queued as number")
    changed = run("invite", "change-address", "ada@acme.test", "byron@acme.test")
    assert changed.startswith("Queued as number")
    assert run("invite", "revoke", "byron@acme.test") == "Revoked.\n"
    assert "may invite once" in run("admin", "grant", "grace@acme.test", "--invite")
    assert run("mail", "check", "ada@acme.test").endswith("The mail server took the message.\n")


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


def test_an_invitation_from_here_takes_a_note_a_life_and_roles(
    site: RunningSite, tenant: Tenant, tmp_path: Path, run: Run
) -> None:
    """Roles by name or id; a role that the tenant does not have is named."""
    api = at_tenant(tenant, tmp_path).api
    ids = {
        name: api.send("POST", "/roles", {"name": name, "description": ""})["id"]
        for name in ("Editor", "Reader")
    }
    send = ("invite", "send", "ada@example.com", "--note", "Hello", "--days", "3")
    assert "The tenant has no role Owner." in run(*send, "--role", "Owner")
    assert "Queued" in run(*send, "--role", "Editor", "--role", ids["Reader"])
    [row] = site.services.listing.page(now=site.clock())
    assert (row.note, row.lifetime) == ("Hello", 3 * 86400)
    assert row.roles == {each: name for name, each in ids.items()}
    assert "31" in run(*send[:-1], "31")


def test_an_invitation_from_here_takes_a_language(site: RunningSite, run: Run) -> None:
    """By code or name; another is a mistake of usage that names those there are."""
    for name, language in (("ada", "de"), ("bob", "Español")):
        assert "Queued" in run("invite", "send", f"{name}@example.com", "--language", language)
    found = site.services.listing.page(now=site.clock())
    assert {row.email[:3]: row.locale for row in found} == {"ada": "de", "bob": "es"}
    output = run("invite", "send", "cy@example.com", "--language", "Klingon")
    assert "Klingon is none of English, " in output
    assert output.endswith("[exit 2]")


def test_all_that_failed_since_a_moment_are_sent_again(
    site: RunningSite, tenant: Tenant, run: Run
) -> None:
    """At that moment or after it, and neither with a number nor with filters; but for one in whose place
    there is another."""
    tenant.fails("SMTP", kind="status", status=550, at="rcpt", times=3)
    site.invites_and_delivers("ada@example.com")
    site.clock.forward(minutes=5)
    for address in ("carol@example.com", "bob@example.com"):
        site.invites_and_delivers(address)
    site.invites("carol@example.com")
    since = f"{site.clock():%Y-%m-%dT%H:%M}"
    for others in (["1"], ["--state", "failed"]):
        output = run("invite", "resend", "--failed-since", since, *others)
        assert "Name one invitation by its number or address, or use --failed-since" in output
        assert output.endswith("[exit 2]")
    assert run("invite", "resend", "--failed-since", since) == "Queued again: 1.\n"
    assert (site.status("ada@example.com"), site.status("bob@example.com")) == ("failed", "queued")


def test_another_address_is_invited_in_place_of_one(site: RunningSite, run: Run) -> None:
    """By number or address; the first is revoked."""
    row = site.invites("ada@example.com")
    said = run("invite", "change-address", "ada@example.com", "byron@example.com")
    assert said == f"Queued as number {row.id + 1}.\n"
    assert site.row(row.id).state == "revoked"
    assert (site.row(row.id + 1).email, site.row(row.id + 1).state) == (
        "byron@example.com",
        "queued",
    )


def test_the_overview_counts_what_needs_attention(site: RunningSite, run: Run) -> None:
    """And says why nothing goes out; days on which nothing happened are left out."""
    numbers = [site.invites(f"p{number}@example.com").id for number in range(7)]
    now = site.clock()
    sent = {"first_sent_at": now, "last_sent_at": now, "next_try_at": None}
    with site.services.engine.begin() as db:
        for some, values in (
            (numbers[:1], {"state": "password_set", "password_set_at": now, **sent}),
            (numbers[1:3], {"state": "sent", **sent}),
            (numbers[3:6], {"state": "failed", "closed_at": now, "next_try_at": None}),
        ):
            db.execute(update(Invitation).where(Invitation.id.in_(some)).values(values))
    said = run("invite", "overview")
    assert "      0 ending within two days\n" in said
    assert (
        "        3 sent\n"
        "        1 password set, 33% of the step before\n"
        "        0 accepted, 0% of the step before\n"
    ) in said
    assert "Median" not in said, "nobody has accepted"
    assert "Invitations are waiting. No worker has been seen yet; " in said
    assert len(re.findall(r"^\d{4}-", said, re.MULTILINE)) == 1
    site.clock.forward(days=4)
    said = run("invite", "overview")
    assert "Needs attention:\n        1 stuck: " in said
    assert "      3 ending within two days\n        3 refused by the tenant" in said
    accepted = {
        "state": "accepted",
        "accepted_at": now + timedelta(hours=2),
        "accepted_sub": "auth0|p",
    }
    with site.services.engine.begin() as db:
        values = {**sent, **accepted, "closed_at": accepted["accepted_at"]}
        db.execute(update(Invitation).where(Invitation.id == numbers[6]).values(values))
    said = run("invite", "overview")
    assert "Median time from the first mail to acceptance: about 2 hours.\n" in said


def test_many_are_changed_by_filters(site: RunningSite, run: Run) -> None:
    """With --yes, or not at all on a pipe; each refusal is counted."""
    for name in ("ada", "abe", "bob"):
        site.invites(f"{name}@example.com")
    assert "Add --yes" in run("invite", "revoke", "--search", "a")
    for command in ("revoke", "resend"):
        assert "Name one invitation" in run("invite", command, "--yes")
    assert "Name one invitation" in run("invite", "revoke", "1", "--state", "queued")
    today = f"{site.clock():%Y-%m-%d}"
    assert run("invite", "extend", "--day", today, "--days", "30", "--yes") == "Extended: 3.\n"
    end = site.clock() + timedelta(days=40)
    assert run("invite", "extend", "1", "--days", "40") == f"It ends on {moment(end)}.\n"
    assert run("invite", "revoke", "--search", "bob", "--yes", "--reason", "x") == "Revoked: 1.\n"
    output = run("invite", "resend", "--inviter", "Grace Hopper", "--yes")
    assert output.startswith("Queued again: 0.\nLeft as they are: 2. This invitation is already on")
    assert "bob@" in run("invite", "list", "--state", "revoked")
    assert "ada@" not in run("invite", "list", "--search", "bob")
    header, *lines = run("invite", "export", "--state", "queued").splitlines()
    assert header.endswith("Invited by,Batch,Number")
    assert len(lines) == 2
    lines = run("invite", "export", "--events", "--search", "bob").splitlines()
    assert [line.split(",")[3] for line in lines] == ["Event", "invited", "extended", "revoked"]


def test_a_job_that_somebody_stops_is_no_success(site: RunningSite, run: Run) -> None:
    """The page of a job has *Stop*; a script is not to take the part for the whole."""
    batch = "\n".join(f"p{number}@example.com" for number in range(60))
    inviter, batches, jobs = Inviter("Grace"), site.services.batches, site.services.jobs
    batches.start(batches.preview(batch, name="x", inviter=inviter).id, inviter=inviter)
    asks: list[bool] = []

    def stops_it(*_: object) -> None:  # as a connection is taken, so that nothing is locked
        if any(asks):
            return
        asks.append(True)
        begun = [job for job in jobs.unfinished() if job.changed]
        for job in begun:
            jobs.stop(job.id)
        if not begun:
            asks.clear()

    event.listen(site.services.engine, "checkout", stops_it)
    output = run("invite", "revoke", "--state", "queued", "--yes")
    event.remove(site.services.engine, "checkout", stops_it)
    assert output == (
        "Revoked: 25.\nError: Somebody stopped this job; the rest stays as it is.\n[exit 1]"
    )


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


@pytest.mark.parametrize("words", [("1",), ("--search", "ada", "--yes")])
def test_a_reason_is_kept_as_the_page_keeps_it(
    words: tuple[str, ...], site: RunningSite, run: Run
) -> None:
    """One line of at most 200 letters, for one invitation and for many; a longer one is refused."""
    row = site.invites("ada@example.com")
    output = run("invite", "revoke", *words, "--reason", "a\x1b[2J\n" + 195 * "b")
    assert "Shorten the reason to 200 characters at most." in output
    assert output.endswith("[exit 2]")
    assert site.row(row.id).state == "queued"
    assert "Revoked" in run("invite", "revoke", *words, "--reason", "a\x1b[2J\n" + 194 * "b")
    [event] = [each for each in site.services.listing.events(row.id) if each.event == "revoked"]
    assert event.evidence["reason"] == "a [2J " + 194 * "b"
