"""The commands: the same use cases as the pages."""

import re
from collections.abc import Sized
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, update

from invite_site.invitations.people import COMMAND_LINE, Inviter
from invite_site.invitations.tables import Invitation
from invite_site.web.templating import moment
from tests.support.at_tenant import at_tenant
from tests.support.person import Person
from tests.support.running import RunningSite, Tenant, sets_password

from .conftest import Run


def test_it_works(site: RunningSite, tenant: Tenant, run: Run) -> None:
    """Send, list, resend, extend, revoke; the history says that it was done here."""
    assert run("invite", "send", "ada@example.com", "--name", "Ada").startswith("Queued as number")
    assert tenant.calls("POST /oauth/token") == 0, "the tenant is not waited for"
    site.delivers()
    assert "sent\tada@example.com" in run("invite", "list")
    assert len(tenant.mails("ada@example.com")) == 1
    number = str(site.services.listing.page(now=site.clock())[0].id)
    assert "Queued again." in run("invite", "resend", number)
    assert "It ends on " in run("invite", "extend", number, "--days", "9")
    assert "Revoked." in run("invite", "revoke", number, "--reason", "typo")
    actors = {each.event: each.actor for each in site.services.listing.events(int(number))}
    done_here = ("invited", "resent", "extended", "revoked")
    assert [actors[event] for event in done_here] == [COMMAND_LINE] * 4
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


@pytest.mark.parametrize("command", ["resend", "revoke", "extend"])
def test_the_help_says_that_filters_take_the_place_of_a_number(run: Run, command: str) -> None:
    """Brackets mark what can be left out."""
    assert f"invite {command} [OPTIONS] [NUMBER_OR_ADDRESS]" in run("invite", command, "--help")


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
    day = f"{site.clock():%Y-%m-%d}"
    tenant.fails("SMTP", kind="status", status=550, at="rcpt", times=3)
    site.invites_and_delivers("ada@example.com")
    site.clock.forward(minutes=5)
    for address in ("carol@example.com", "bob@example.com"):
        site.invites_and_delivers(address)
    site.invites("carol@example.com")
    since = f"{site.clock():%Y-%m-%dT%H:%M}"
    for others in (["1"], ["--state", "failed"]):
        output = run("invite", "resend", "--failed-since", since.replace("T", " "), *others)
        assert "Name one invitation by its number or address, or use --failed-since" in output
        assert output.endswith("[exit 2]")
    assert run("invite", "resend", "--failed-since", since) == "Queued again: 1.\n"
    assert (site.status("ada@example.com"), site.status("bob@example.com")) == ("failed", "queued")
    assert run("invite", "resend", "--failed-since", day) == "Queued again: 1.\n"
    again = [site.services.listing.events(number)[-1] for number in (1, 3)]
    assert {(each.event, each.actor) for each in again} == {("resent", COMMAND_LINE)}


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
        "accepted_at": now + timedelta(hours=24),
        "accepted_sub": "auth0|p",
    }
    with site.services.engine.begin() as db:
        values = {**sent, **accepted, "closed_at": accepted["accepted_at"]}
        db.execute(update(Invitation).where(Invitation.id == numbers[6]).values(values))
    said = run("invite", "overview")
    assert "Median time from the first mail to acceptance: about 24 hours.\n" in said
    assert re.findall(r"^\d{4}-\S+ +(\d).* (\d) accepted$", said, re.MULTILINE) == [
        ("7", "0"),
        ("0", "1"),
    ]


def test_many_are_changed_by_filters(site: RunningSite, run: Run) -> None:
    """With --yes, or not at all on a pipe; each refusal is counted."""
    for name in ("ada", "abe", "bob"):
        site.invites(f"{name}@example.com")
    assert "Add --yes" in run("invite", "revoke", "--search", "a")
    for command in (("revoke",), ("resend",), ("extend", "--days", "3")):
        assert "Name one invitation" in run("invite", *command, "--yes")
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
    copied = "\u202abob@example.com\u202c"  # as Windows hands it over, with marks that nobody sees
    assert "bob@" in run("invite", "list", "--search", copied)
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


@pytest.mark.parametrize("words", [("1",), ("--search", "ada", "--yes")])
def test_a_reason_is_kept_as_the_page_keeps_it(
    words: tuple[str, ...], site: RunningSite, run: Run
) -> None:
    """One line of at most 200 letters, for one invitation and for many; a longer one is refused."""
    row = site.invites("ada@example.com")
    output = run("invite", "revoke", *words, "--reason", "a\x1b[2J \n" + 195 * "b")
    assert "Shorten the reason to 200 characters at most." in output
    assert output.endswith("[exit 2]")
    assert site.row(row.id).state == "queued"
    assert "Revoked" in run("invite", "revoke", *words, "--reason", "a\x1b[2J \n" + 194 * "b")
    [event] = [each for each in site.services.listing.events(row.id) if each.event == "revoked"]
    assert event.evidence["reason"] == "a [2J " + 194 * "b"
