"""Batches: previews, one start, turns in the queue, pause, cancel, and what came of each row."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import event, select, text, update
from sqlalchemy.orm import sessionmaker

from invite_site.errors import AlreadyInvited, BatchNotFound, NotPossibleNow
from invite_site.invitations.batches.judging import Fate, Judged
from invite_site.invitations.batches.ledger import CHUNK
from invite_site.invitations.people import Inviter
from invite_site.invitations.tables import Batch, BatchRow, Invitation
from tests.support.batches import GRACE, people, starts
from tests.support.interleaving import meanwhile, waits_for
from tests.support.person import Person
from tests.support.running import RunningSite, Tenant, accepts

ADA = "ada@example.com"
LIST = (
    "Email,Name\nada@example.com,Ada\nbob@example.com,Bob\nnobody,No One\nBob@Example.com,Again\n"
)


def preview(site: RunningSite, content: str | bytes = LIST, inviter: Inviter = GRACE) -> Batch:
    content = content.encode() if isinstance(content, str) else content
    return site.services.batches.preview(content, name="people.csv", inviter=inviter)


def rows(site: RunningSite, batch: Batch) -> dict[int, BatchRow]:
    page = site.services.batches.rows(batch.id, after=None, size=100)
    return {row.line: row for row in page.rows}


def test_a_preview_says_what_comes_of_each_row(site_on: RunningSite, tenant: Tenant) -> None:
    """Problems first, each with its line and its reason; nothing is sent."""
    site_on.invites("carol@example.com")
    batch = preview(site_on, LIST + "carol@example.com,Carol\n")
    found = rows(site_on, batch)
    assert [(line, row.fate) for line, row in found.items()] == [
        (4, Fate.BAD),
        (5, Fate.REPEATED),
        (6, Fate.INVITED),
        (2, Fate.GOOD),
        (3, Fate.GOOD),
    ]
    assert found[4].reason == "Enter an email address such as ada@example.com."
    assert found[5].reason == "The same address stands in line 3."
    assert found[6].reason.startswith("Grace Hopper invited this address on ")
    assert found[6].invitation_id is not None
    assert site_on.services.batches.fates(batch.id) == {
        Fate.GOOD: 2, Fate.BAD: 1, Fate.REPEATED: 1, Fate.INVITED: 1,
    }  # fmt: skip
    assert batch.rows == 5
    site_on.delivers()
    assert len(tenant.mails()) == 1


def test_a_preview_comes_in_pages(site_on: RunningSite) -> None:
    """Each row once, whatever the page begins with."""
    batch = preview(site_on, people("p", 12) + "bad\nworse\n")
    after, seen = None, []
    while True:
        page = site_on.services.batches.rows(batch.id, after=after, size=5)
        seen += [row.line for row in page.rows]
        after = page.next
        if after is None:
            break
    assert seen == [14, 15, *range(2, 14)]


def test_a_batch_is_sent_once(site_on: RunningSite, tenant: Tenant) -> None:
    """A second click on *Send* changes nothing and gets the same answer; good rows are gone."""
    batch = preview(site_on)
    first = site_on.services.batches.start(batch.id, inviter=GRACE)
    assert (first.opened, first.left_out) == (2, 2)
    assert site_on.services.batches.start(batch.id, inviter=GRACE) == first
    assert site_on.delivers() == 2
    assert len(tenant.mails()) == 2
    assert {row.fate for row in rows(site_on, batch).values()} == {Fate.BAD, Fate.REPEATED}
    progress = site_on.services.batches.progress(batch.id)
    assert (progress.counts["sent"], progress.is_over, progress.per_minute) == (2, True, 2)
    row = site_on.services.ledger.open_of(ADA)
    assert row is not None
    assert (row.inviter, row.inviter_sub, row.name) == ("Grace Hopper", "auth0|grace", "Ada")
    events = [event.event for event in site_on.services.listing.events(row.id)]
    assert events[0] == "invited"


def test_a_row_of_a_list_becomes_what_a_single_invitation_would_be(site_on: RunningSite) -> None:
    """With the address as it was typed, found by name, after an earlier one, by whoever sent the list."""
    earlier = site_on.invites(ADA)
    site_on.services.invitations.revoke(earlier.id, actor="Grace")
    batch = preview(site_on, "Ada@example.com,Countess\n", Inviter("Heidi"))
    site_on.services.batches.start(batch.id, inviter=GRACE)
    [row] = site_on.services.listing.page(now=site_on.clock(), query="countess")
    assert (row.email, row.email_norm, row.supersedes_id) == ("Ada@example.com", ADA, earlier.id)
    assert (row.generation, row.attempts, row.link_uses, row.is_paused) == (1, 0, 0, False)
    [event] = site_on.services.listing.events(row.id)
    assert (event.event, event.actor) == ("invited", "Grace Hopper")


def test_the_person_of_a_list_comes_in(
    site_on: RunningSite, tenant: Tenant, person: Person
) -> None:
    """From the row of a file to the login."""
    starts(site_on, "ada@example.com\n")
    site_on.delivers()
    accepts(person, tenant.link_to(ADA))
    assert site_on.status(ADA) == "accepted"
    again = preview(site_on, "ada@example.com\n")
    row = rows(site_on, again)[1]
    assert (row.fate, row.reason[:35]) == (Fate.ACCEPTED, "This person accepted an invitation ")
    with pytest.raises(NotPossibleNow, match="No row of this list can be invited"):
        site_on.services.batches.start(again.id, inviter=GRACE)


def test_the_same_file_twice_says_so_for_each_row(site_on: RunningSite) -> None:
    """And sends nothing."""
    starts(site_on, people("p", 5))
    again = preview(site_on, people("p", 5))
    assert site_on.services.batches.fates(again.id) == {Fate.INVITED: 5}


@pytest.mark.parametrize("state", ["sending", "sent", "password_set"])
def test_a_list_invites_nobody_who_is_invited_however_far_they_are(
    site_on: RunningSite, state: str
) -> None:
    """The preview says so, and so does the start where it came to that since."""
    early = preview(site_on, f"{ADA}\nbob@example.com\n")
    ends = site_on.invites(ADA).expires_at
    lease = {"lease_until": ends, "lease_by": "worker"} if state == "sending" else {}
    with site_on.services.engine.begin() as db:
        db.execute(update(Invitation).values(state=state, **lease))
    assert rows(site_on, preview(site_on, f"{ADA}\n"))[1].fate == Fate.INVITED
    assert site_on.services.batches.start(early.id, inviter=GRACE).opened == 1
    assert rows(site_on, early)[1].fate == Fate.INVITED


@pytest.mark.parametrize("setting", ["client_id", "connection"])
@pytest.mark.parametrize("state", ["queued", "accepted"])
def test_an_invitation_of_an_earlier_application_stands_in_nobodys_way(
    site_on: RunningSite, setting: str, state: str
) -> None:
    """AUTH0_CLIENT_ID or AUTH0_CONNECTION names another one since."""
    row, now = site_on.invites(ADA), site_on.clock()
    proof = {"accepted_at": now, "accepted_sub": "auth0|ada", "closed_at": now}
    with site_on.services.engine.begin() as db:
        db.execute(update(Invitation).values({setting: "earlier", "state": state, **proof}))
    batch = preview(site_on, "ada@example.com\n")
    assert rows(site_on, batch)[1].fate == Fate.GOOD
    assert site_on.services.batches.start(batch.id, inviter=GRACE).opened == 1
    assert site_on.row(row.id + 1).supersedes_id is None


def test_an_expired_invitation_is_renewed(site_on: RunningSite, tenant: Tenant) -> None:
    """It counts as good, and keeps its place in the history of the person."""
    kept = {"note": "Welcome.", "locale": "de", "roles": {"r1": "Editor"}}
    row = site_on.invites(ADA, "Old Name")
    with site_on.services.engine.begin() as db:
        db.execute(update(Invitation).values(kept))
    site_on.clock.forward(days=6)
    batch = preview(site_on, "ada@example.com,Ada\nbob@example.com,Bob\n")
    assert rows(site_on, batch)[1].fate == Fate.GOOD
    assert site_on.services.batches.start(batch.id, inviter=GRACE).opened == 2
    renewed = site_on.row(row.id)
    assert (renewed.name, renewed.batch_id, renewed.generation) == ("Ada", batch.id, 2)
    assert {name: getattr(renewed, name) for name in kept} == kept, "the list says nothing of these"
    assert rows(site_on, batch) == {}, "it is not told as left out as well"
    event = site_on.services.listing.events(row.id)[-1]
    assert (event.event, event.actor) == ("resent", "Grace Hopper")
    bob = site_on.services.ledger.open_of("bob@example.com")
    assert bob is not None
    assert [each.event for each in site_on.services.listing.events(bob.id)] == ["invited"]
    assert site_on.delivers() == 2


def test_overlapping_lists_of_two_admins(site_on: RunningSite, tenant: Tenant) -> None:
    """Started in the same moment: one invitation an address, and both hear the truth."""
    one = preview(site_on, people("p", 60), Inviter("Grace"))
    backwards = "Email\n" + "".join(f"p{each}@example.com\n" for each in reversed(range(30, 90)))
    two = preview(site_on, backwards, Inviter("Heidi"))
    ready = threading.Barrier(2)

    def send(batch: Batch, inviter: str) -> None:
        ready.wait()
        site_on.services.batches.start(batch.id, inviter=Inviter(inviter))

    threads = [
        threading.Thread(target=send, args=each) for each in ((one, "Grace"), (two, "Heidi"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    opened = [site_on.services.batches.get(batch.id).opened for batch in (one, two)]
    assert sum(opened) == 90
    assert sorted(opened) == [30, 60]
    loser, winner = (one, "Heidi") if opened[0] == 30 else (two, "Grace")
    left_out = rows(site_on, loser).values()
    assert Counter(row.fate for row in left_out) == {Fate.INVITED: 30}
    assert all(row.reason.startswith(f"{winner} invited this address") for row in left_out)


def test_a_row_is_corrected_in_place(site_on: RunningSite) -> None:
    """It is judged anew, and so are the rows that it was the same as."""
    batch = preview(site_on)
    found = rows(site_on, batch)
    batches = site_on.services.batches
    assert batches.correct(batch.id, found[4].id, " dan@example.com", "Dan").fate == Fate.GOOD
    assert batches.correct(batch.id, found[3].id, "bad again", "Bob").fate == Fate.BAD
    assert rows(site_on, batch)[5].fate == Fate.GOOD, "the first of them is no longer bob"
    with pytest.raises(BatchNotFound):  # a row of another list
        batches.correct(preview(site_on).id, found[3].id, "eve@example.com", "")
    assert batches.correct(batch.id, found[3].id, "ada@example.com", "").fate == Fate.REPEATED
    batches.leave_out(batch.id, found[2].id)
    assert rows(site_on, batch)[3].fate == Fate.GOOD
    started = batches.start(batch.id, inviter=GRACE)
    assert (started.opened, started.left_out) == (3, 0)
    assert site_on.services.listing.page(now=site_on.clock(), query="dan")
    for change in (batches.correct, lambda *_: batches.leave_out(batch.id, found[4].id)):
        with pytest.raises(BatchNotFound):
            change(batch.id, found[4].id, "eve@example.com", "")


def test_rows_with_one_address_name_the_first_of_them(site_on: RunningSite) -> None:
    """Also once another is the first; that is judged by what the address has already."""
    invitation = site_on.invites(ADA)
    batch = preview(site_on, f"{ADA}\nbob@example.com\n{ADA}\n{ADA}\nbob@example.com\n{ADA}\n")
    reasons = {line: row.reason for line, row in rows(site_on, batch).items()}
    assert reasons[3] == reasons[4] == reasons[6] == "The same address stands in line 1."
    assert reasons[5] == "The same address stands in line 2."
    site_on.services.batches.leave_out(batch.id, rows(site_on, batch)[1].id)
    found = rows(site_on, batch)
    assert (found[3].fate, found[3].invitation_id) == (Fate.INVITED, invitation.id)
    assert [found[line].fate for line in (4, 6)] == [Fate.REPEATED] * 2
    assert found[4].reason == found[6].reason == "The same address stands in line 3."


def test_a_correction_changes_no_other_list(site_on: RunningSite) -> None:
    """Another admin has the same person in theirs."""
    other = preview(site_on, "bob@example.com\n", Inviter("Heidi"))
    batch, batches = preview(site_on, "nobody\n"), site_on.services.batches
    row = batches.correct(batch.id, rows(site_on, batch)[1].id, "bob@example.com", "")
    assert row.fate == rows(site_on, other)[1].fate == Fate.GOOD


def test_a_row_that_two_admins_leave_out_at_once_is_counted_once(site_on: RunningSite) -> None:
    """Else it would be told that fewer rows became no invitation than did."""
    batch = preview(site_on)
    services = site_on.services
    gone = rows(site_on, batch)[5]
    for _ in range(2):  # both have the page with the row
        services.batches.previews.leave_out(gone, site_on.clock())
    assert services.batches.start(batch.id, inviter=GRACE).left_out == 1
    assert list(rows(site_on, batch)) == [4]


def test_a_row_of_who_has_accepted_says_when_and_names_that_invitation(
    site_on: RunningSite,
) -> None:
    """The page leads there."""
    invitation = site_on.invites(ADA)
    then = datetime(2026, 3, 5, 12, tzinfo=UTC)
    proof = {"state": "accepted", "accepted_at": then, "accepted_sub": "auth0|a", "closed_at": then}
    with site_on.services.engine.begin() as db:
        db.execute(update(Invitation).values(proof))
    row = rows(site_on, preview(site_on, ADA))[1]
    assert row.reason == "This person accepted an invitation on 5 March 2026."
    assert (row.fate, row.invitation_id) == (Fate.ACCEPTED, invitation.id)


def test_single_invitations_go_first_and_batches_take_turns(site_on: RunningSite) -> None:
    """A batch of three behind one of twenty is not the last; one person is the next."""
    starts(site_on, people("long", 20))
    starts(site_on, people("short", 3))
    site_on.invites("single@example.com")
    claimed = site_on.services.deliveries.leases.claim("w", limit=7, now=site_on.clock(), calls={})
    kinds = Counter(row.email.partition("@")[0].rstrip("0123456789") for row in claimed)
    assert kinds == {"single": 1, "long": 3, "short": 3}


def test_a_batch_begins_beside_the_first_of_those_that_wait(site_on: RunningSite) -> None:
    """Not before it: neither what is out already counts, nor a paused batch, nor a single person."""
    batches = site_on.services.batches
    batches.pause(starts(site_on, people("paused", 2)).id)
    starts(site_on, people("long", 6))
    site_on.sends(3)
    site_on.invites("single@example.com")
    short = starts(site_on, people("short", 3))
    places = {row.email: row.place for row in batches.ledger.results(short.id)}
    assert places == {f"short{number}@example.com": 4 + number for number in range(3)}


def test_a_probe_is_what_has_waited_longest(site_on: RunningSite) -> None:
    """Not the single invitation that goes first else: it would be the probe again and again."""
    starts(site_on, people("p", 1))
    site_on.clock.forward(seconds=1)
    site_on.invites("single@example.com")
    leases, now = site_on.services.deliveries.leases, site_on.clock()
    [probe] = leases.claim("w", limit=1, now=now, calls={}, is_probe=True)
    [other] = leases.claim("w", limit=1, now=now, calls={}, is_probe=True)
    assert (probe.email, other.email) == ("p0@example.com", "single@example.com")


def test_a_paused_batch_waits_and_goes_on(site_on: RunningSite, tenant: Tenant) -> None:
    """What was claimed before goes out; the rest waits, and says why."""
    batch = starts(site_on, people("p", 4))
    deliveries, batches = site_on.services.deliveries, site_on.services.batches
    jobs = deliveries.claim("w", limit=1)
    batches.pause(batch.id)
    with pytest.raises(NotPossibleNow, match="paused already"):
        batches.pause(batch.id)
    tenant.fails("SMTP", kind="status", status=450, at="rcpt", times=1)
    for job in jobs:
        deliveries.deliver(job)
    site_on.clock.forward(minutes=5)
    assert site_on.delivers() == 0, "the one that came back into the queue is paused as well"
    progress = batches.progress(batch.id)
    assert (progress.counts["queued"], progress.waiting) == (4, "The batch is paused.")
    batches.resume(batch.id)
    assert site_on.delivers() == 4
    with pytest.raises(NotPossibleNow, match="not paused"):
        batches.resume(batch.id)


def test_cancelling_revokes_what_has_not_gone_out(site_on: RunningSite, tenant: Tenant) -> None:
    """What has gone out stays; the addresses are free for another invitation."""
    batch = starts(site_on, people("p", 5))
    deliveries, batches = site_on.services.deliveries, site_on.services.batches
    while len(jobs := deliveries.claim("w", limit=1)) == 1 and not tenant.mails():
        deliveries.deliver(jobs[0])
    assert batches.cancel(batch.id, actor="Grace") == 3
    for job in jobs:
        deliveries.deliver(job)
    progress = batches.progress(batch.id)
    assert (progress.counts["sent"], progress.counts["revoked"], progress.is_over) == (2, 3, True)
    with pytest.raises(NotPossibleNow, match="was cancelled"):
        batches.cancel(batch.id, actor="Grace")
    with pytest.raises(NotPossibleNow, match="was cancelled"):
        batches.pause(batch.id)
    assert site_on.services.batches.fates(preview(site_on, people("p", 5)).id)[Fate.GOOD] == 3


def test_what_expired_unsent_is_not_being_sent(site_on: RunningSite) -> None:
    """Its batch is over, and the end of a later one does not wait for it."""
    old, batches = starts(site_on, people("old", 3)), site_on.services.batches
    assert batches.under_way([old]) == {old.id}
    site_on.clock.forward(days=6)
    new = starts(site_on, people("new", 2))
    assert batches.under_way([old, new]) == {new.id}
    assert batches.progress(old.id).is_over
    assert batches.ledger.queued_until_last_of(new.id, site_on.clock()) == 2


def test_the_failed_are_sent_again_unless_they_were_replaced(
    site_on: RunningSite, tenant: Tenant
) -> None:
    """One that somebody invited anew meanwhile is left alone."""
    tenant.fails("SMTP", kind="status", status=550, at="rcpt", times=2)
    batch = starts(site_on, people("p", 3))
    site_on.delivers()
    batches = site_on.services.batches
    assert batches.progress(batch.id).counts["failed"] == 2
    failed = site_on.services.listing.page(now=site_on.clock(), status="failed", size=5)
    site_on.invites(failed[0].email)
    assert batches.send_failed_again(batch.id, actor="Grace") == 1
    assert site_on.delivers() == 2
    assert batches.progress(batch.id).counts["failed"] == 1
    with pytest.raises(NotPossibleNow, match="all were replaced"):
        batches.send_failed_again(batch.id, actor="Grace")


def test_the_results_name_every_row(site_on: RunningSite) -> None:
    """Invitations with their status, then what was left out with its reason; nobody of another list."""
    starts(site_on, "carol@example.com\nno one\n")
    batch = starts(site_on, LIST)
    site_on.delivers()
    header, *table = site_on.services.batches.results(batch.id)
    assert header[:4] == ("Address", "Name", "Status", "Reason")
    assert [row[:3] for row in table] == [
        ("ada@example.com", "Ada", "Sent"),
        ("bob@example.com", "Bob", "Sent"),
        ("nobody", "No One", "Left out"),
        ("Bob@example.com", "Again", "Left out"),
    ]
    assert table[3][3] == "The same address stands in line 3."


def test_a_list_has_more_rows_than_are_read_at_once(site: RunningSite) -> None:
    """Its results name each once, and uploaded again each address is known."""
    content = people("p", CHUNK + 1) + "".join(f"bad{each}\n" for each in range(CHUNK + 1))
    _, *table = site.services.batches.results(starts(site, content).id)
    assert len({cells[0] for cells in table}) == len(table) == 2 * (CHUNK + 1)
    again = site.services.batches.fates(preview(site, content).id)
    assert again == {Fate.INVITED: CHUNK + 1, Fate.BAD: CHUNK + 1}


def test_the_results_say_of_each_invitation_how_far_it_came(site_on: RunningSite) -> None:
    """In words, with what was wrong, and the last of its mails."""
    at = site_on.clock()
    last = at + timedelta(days=1)
    later, batch = last + timedelta(days=1), starts(site_on, people("p", 3))
    came: dict[str, Any] = {"accepted_at": later, "accepted_sub": "auth0|p", "closed_at": later}
    of_each: list[dict[str, Any]] = [
        {"state": "password_set", "first_sent_at": at, "last_sent_at": last},
        {"state": "failed", "closed_at": at, "last_error": "There is no such mailbox."},
        {"state": "accepted", "first_sent_at": at, "last_sent_at": last} | came,
    ]
    with site_on.services.engine.begin() as db:
        for number, values in enumerate(of_each):
            is_it = Invitation.email == f"p{number}@example.com"
            db.execute(update(Invitation).where(is_it).values(values))
    _, *table = site_on.services.batches.results(batch.id)
    assert [row[2:] for row in table] == [
        ("Password set", "", f"{at:%Y-%m-%d %H:%M}", f"{last:%Y-%m-%d %H:%M}", ""),
        ("Failed", "There is no such mailbox.", f"{at:%Y-%m-%d %H:%M}", "", ""),
        ("Accepted", "", *(f"{each:%Y-%m-%d %H:%M}" for each in (at, last, later))),
    ]


def test_a_list_of_a_site_that_others_reach_invites_nobody_at_a_test_domain(
    site: RunningSite,
) -> None:
    """No mail can come there."""
    reached = replace(site.settings, site_url="https://invite.example.com")
    batches, content = site.services.batches, "ada@acme.test\nbob@example.com\n"
    there = replace(batches, settings=reached).preview(content, name="list", inviter=GRACE)
    assert batches.fates(there.id) == {Fate.BAD: 1, Fate.GOOD: 1}
    assert batches.fates(preview(site, content).id) == {Fate.GOOD: 2}


def test_progress_says_why_nothing_goes_out(site_on: RunningSite, tenant: Tenant) -> None:
    """An outage; no worker; nothing where nothing waits."""
    batch = starts(site_on, people("p", 2))
    batches = site_on.services.batches
    assert "No worker has been seen yet" in batches.progress(batch.id).waiting
    heartbeats = site_on.services.heartbeats
    heartbeats.beat("desk:1", site_on.clock())
    assert batches.progress(batch.id).waiting == ""
    site_on.clock.forward(minutes=2)
    assert "No worker has been seen for 2 minutes" in batches.progress(batch.id).waiting
    heartbeats.beat("desk:1", site_on.clock())
    assert "though a worker runs" in batches.progress(batch.id).waiting
    tenant.fails("POST /api/v2/users", kind="status", status=503, times=None)
    site_on.delivers()
    assert "trouble of its own" in batches.progress(batch.id).waiting
    tenant.heals()
    site_on.clock.forward(minutes=2)
    site_on.delivers()
    assert batches.progress(batch.id).waiting == ""
    site_on.clock.forward(hours=1)
    assert batches.progress(batch.id).waiting == "", "no worker is needed any more"


def test_in_an_outage_no_next_try_is_promised_without_a_worker(site_on: RunningSite) -> None:
    """Nobody would try."""
    batch = starts(site_on, people("p", 1))
    services = site_on.services
    services.circuit_breaker.open("mail", "The mail server is down.", now=site_on.clock())
    waiting = services.batches.progress(batch.id).waiting
    assert waiting.startswith("The mail server is down. No worker has been seen yet")
    services.heartbeats.beat("desk:1", site_on.clock())
    waiting = services.batches.progress(batch.id).waiting
    assert waiting.startswith("The mail server is down. The next try is at ")


def test_a_batch_that_waits_has_no_end_and_one_that_moves_says_nothing(
    site_on: RunningSite, tenant: Tenant
) -> None:
    """Though a part of what moves was put off."""
    batch = starts(site_on, people("p", 2))
    batches = site_on.services.batches
    site_on.clock.forward(minutes=2)
    tenant.fails("SMTP", kind="status", status=450, at="rcpt", times=1)
    site_on.delivers()
    site_on.services.heartbeats.beat("desk:1", site_on.clock())
    moving = batches.progress(batch.id)
    assert (moving.counts["sent"], moving.counts["queued"], moving.waiting) == (1, 1, "")
    assert moving.ends_at is not None
    batches.pause(batch.id)
    paused = batches.progress(batch.id)
    assert (paused.waiting, paused.ends_at) == ("The batch is paused.", None)


def test_the_end_is_estimated_from_the_limit_of_the_tenant(
    site_on: RunningSite, tenant: Tenant
) -> None:
    """Its own rows, and those of others that take turns with them."""
    starts(site_on, people("other", 100))
    batch = starts(site_on, people("p", 30))
    site_on.services.heartbeats.beat("desk:1", site_on.clock())
    end = site_on.services.batches.progress(batch.id).ends_at
    assert end is not None
    # one invitation a second until the tenant was heard; 30 of ours and 30 of the others
    left = end - site_on.clock()
    assert timedelta(seconds=55) < left < timedelta(seconds=65)


def test_without_a_limit_of_the_tenant_the_end_is_estimated_from_the_last_minute(
    site: RunningSite,
) -> None:
    """And there is none once nothing waits."""
    batch = starts(site, people("p", 4))
    site.sends(2)
    site.services.heartbeats.beat("desk:1", site.clock())
    now = site.clock()
    batches = replace(site.services.batches, rate=lambda: None, clock=lambda: now)
    assert batches.progress(batch.id).ends_at == now + timedelta(minutes=1)
    site.sends(2)
    assert batches.progress(batch.id).ends_at is None


def test_what_nobody_sent_is_forgotten_after_a_day(site_on: RunningSite) -> None:
    """And the rows that became no invitation; the batch and its invitations stay."""
    unsent, emptied = preview(site_on, people("q", 3)), preview(site_on, "nobody\n")
    site_on.services.batches.leave_out(emptied.id, rows(site_on, emptied)[1].id)
    sent = starts(site_on, LIST)
    site_on.clock.forward(hours=23)
    site_on.services.batches.sweep()
    assert len(rows(site_on, unsent)) == 3
    site_on.clock.forward(hours=2)
    site_on.services.batches.sweep()
    assert [each.id for each in site_on.services.batches.latest(before=None, size=9)] == [sent.id]
    with pytest.raises(BatchNotFound):
        site_on.services.batches.get(unsent.id)
    assert site_on.services.batches.get(sent.id).opened == 2
    assert rows(site_on, sent) == {}
    with site_on.services.engine.connect() as db:
        assert db.execute(text("SELECT count(*) FROM batch_row")).scalar() == 0


def test_a_person_that_is_invited_between_preview_and_start_is_left_out(
    site_on: RunningSite,
) -> None:
    """The row says who was first."""
    batch = preview(site_on, "ada@example.com\n")
    invitation = site_on.invites(ADA)
    started = site_on.services.batches.start(batch.id, inviter=Inviter("Heidi"))
    assert (started.opened, started.left_out) == (0, 1)
    row = rows(site_on, batch)[1]
    assert row.reason.startswith("Grace Hopper invited this address")
    assert row.invitation_id == invitation.id
    with pytest.raises(AlreadyInvited):
        site_on.invites(ADA)


def test_a_person_that_accepted_between_preview_and_start_is_left_out(
    site_on: RunningSite, tenant: Tenant, person: Person
) -> None:
    """They are in already."""
    batch = preview(site_on, "ada@example.com\n")
    invitation = site_on.invites_and_delivers(ADA)
    accepts(person, tenant.link_to(ADA))
    assert site_on.services.batches.start(batch.id, inviter=GRACE).opened == 0
    row = rows(site_on, batch)[1]
    assert (row.fate, row.invitation_id) == (Fate.ACCEPTED, invitation.id)
    assert row.reason == "This person has accepted an invitation since."


def test_a_start_wakes_a_worker_of_this_process(site_on: RunningSite) -> None:
    """So does a single invitation, and whatever else queues some: nobody waits for the next look at the
    queue."""
    wake, batches = site_on.services.wake, site_on.services.batches
    site_on.invites(ADA)
    assert wake.is_set()
    wake.clear()
    batch = starts(site_on, "bob@example.com\n")
    assert wake.is_set()
    batches.pause(batch.id)
    wake.clear()
    batches.resume(batch.id)
    assert wake.is_set()
    with site_on.services.engine.begin() as db:
        db.execute(update(Invitation).values(state="failed", closed_at=site_on.clock()))
    wake.clear()
    batches.send_failed_again(batch.id, actor="Grace")
    assert wake.is_set()


def test_a_list_that_was_not_sent_says_so_whatever_is_done_with_it(site_on: RunningSite) -> None:
    """As by a command, which takes any number."""
    batches = site_on.services.batches
    batch, grace = preview(site_on), {"actor": "Grace"}
    for change in (
        partial(batches.pause, batch.id),
        partial(batches.resume, batch.id),
        partial(batches.cancel, batch.id, **grace),
        partial(batches.send_failed_again, batch.id, **grace),
        partial(batches.results, batch.id),
    ):
        with pytest.raises(NotPossibleNow, match="has not been sent yet"):
            change()
    assert batches.start(batch.id, inviter=GRACE).opened == 2


def test_an_expired_one_that_is_invited_again_wakes_it_too(site: RunningSite) -> None:
    """It is queued like any other."""
    site.invites_and_delivers(ADA)
    site.clock.forward(days=6)
    site.services.wake.clear()
    site.invites(ADA)
    assert site.services.wake.is_set()


def test_the_number_of_a_removed_preview_is_given_to_no_other_list(site_on: RunningSite) -> None:
    """Else *Send*, pressed on a page that stayed open for a day, would send the list of somebody else."""
    removed = [preview(site_on, people(name, 2)) for name in ("p", "q")]
    site_on.clock.forward(hours=25)
    batches = site_on.services.batches
    batches.sweep()
    with site_on.services.engine.connect() as db:
        assert db.execute(text("SELECT name FROM batch")).all() == [("",)], "only its number stays"
    other = preview(site_on, people("r", 2))
    for each in removed:
        with pytest.raises(BatchNotFound):
            batches.start(each.id, inviter=GRACE)
        with pytest.raises(BatchNotFound):
            batches.get(each.id)
    assert [batch.id for batch in batches.latest(before=None, size=9)] == [other.id]
    assert batches.start(other.id, inviter=GRACE).opened == 2


def test_what_was_left_out_is_kept_for_a_day_after_the_start(site_on: RunningSite) -> None:
    """A preview may be nearly a day old when it is sent; its page says that the reasons stay a day."""
    batch = preview(site_on)
    site_on.clock.forward(hours=23)
    site_on.services.batches.start(batch.id, inviter=GRACE)
    site_on.clock.forward(hours=2)
    site_on.services.batches.sweep()
    assert len(rows(site_on, batch)) == 2
    site_on.clock.forward(hours=23)
    site_on.services.batches.sweep()
    assert rows(site_on, batch) == {}


def test_a_day_old_preview_is_removed_or_sent_as_a_whole(site: RunningSite) -> None:
    """On SQLite a question holds nothing: whoever sends it between that and the removal keeps the
    reasons of its rows. On PostgreSQL the removal holds it from the question on."""
    batch, engine = preview(site), site.services.engine
    site.clock.forward(hours=25)
    outcome: list[int] = []

    def starts_it(*about: Any) -> None:
        if about[2].startswith("SELECT") and not outcome:
            outcome.append(0)
            outcome[0] = site.services.batches.start(batch.id, inviter=GRACE).opened

    event.listen(engine, "after_cursor_execute", starts_it)
    try:
        site.services.batches.sweep()
    finally:
        event.remove(engine, "after_cursor_execute", starts_it)
    if outcome:
        assert outcome == [2]
        assert len(rows(site, batch)) == 2
    else:
        with pytest.raises(BatchNotFound):
            site.services.batches.get(batch.id)


def test_a_row_that_is_corrected_while_the_list_is_sent_stays_left_out(
    site_on: RunningSite,
) -> None:
    """By another admin, in that very moment: its reason stays, and nobody reads that it will be invited."""
    batch = preview(site_on)
    bad = rows(site_on, batch)[4]
    batches = site_on.services.batches

    def sends_first() -> datetime:
        batches.start(batch.id, inviter=GRACE)
        return site_on.clock()

    with pytest.raises(BatchNotFound):
        replace(batches, clock=sends_first).correct(batch.id, bad.id, "dan@example.com", "Dan")
    left_out = rows(site_on, batch)[4]
    assert (left_out.fate, left_out.reason) == (Fate.BAD, bad.reason)


def test_two_admins_who_correct_rows_to_and_from_one_address_keep_what_both_have_written(
    site_on: RunningSite,
) -> None:
    """Whoever looks for repeated addresses writes no row as it was before."""
    batches = site_on.services.batches
    batch = batches.preview("ada@example.com\nmistyped\n", name="list", inviter=GRACE)
    mistyped, ada = batches.rows(batch.id, after=None, size=2).rows  # what is wrong comes first
    moves = partial(batches.correct, batch.id, ada.id, "other@example.com", "")
    with meanwhile(site_on, moves, before="SELECT invitation.email_norm", nth=2) as moved:
        batches.correct(batch.id, mistyped.id, ada.email, "")
    moved.result()
    rows = batches.rows(batch.id, after=None, size=2).rows
    assert [row.email for row in rows] == ["other@example.com", "ada@example.com"]
    assert batches.fates(batch.id) == {Fate.GOOD: 2}


def test_of_a_row_that_two_admins_correct_at_once_no_address_is_forgotten(
    site_on: RunningSite,
) -> None:
    """The first made it the same as others, which the second did not see."""
    bob, cyd = "bob@example.com", "cyd@example.com"
    batch, batches = preview(site_on, f"{ADA}\n{bob}\n{bob}\n"), site_on.services.batches
    seen_by_second = rows(site_on, batch)[1]
    batches.correct(batch.id, seen_by_second.id, bob, "")
    assert batches.fates(batch.id) == {Fate.GOOD: 1, Fate.REPEATED: 2}
    by_second = Judged(1, cyd, cyd, "", Fate.GOOD, "")
    batches.previews.correct(seen_by_second, by_second, site_on.clock())
    good = [row.email for row in rows(site_on, batch).values() if row.fate == Fate.GOOD]
    assert good == [cyd, bob]


def test_a_row_that_is_corrected_in_the_midst_of_the_start_stops_nothing(
    site_on: RunningSite,
) -> None:
    """The start has passed it already, and would meet a good row of an address that nobody knows."""
    batch = preview(site_on)
    bad = rows(site_on, batch)[4]
    batches = site_on.services.batches
    corrects = partial(batches.correct, batch.id, bad.id, "dan@example.com", "Dan")
    with meanwhile(site_on, corrects, before="INSERT INTO invitation_event") as corrected:
        started = batches.start(batch.id, inviter=GRACE)
    with pytest.raises(BatchNotFound):
        corrected.result(timeout=15)
    assert started.opened == 2
    left_out = rows(site_on, batch)[4]
    assert (left_out.fate, left_out.reason) == (Fate.BAD, bad.reason)


def test_a_person_whose_invitation_ends_in_the_midst_of_the_start_is_invited(
    site_on: RunningSite,
) -> None:
    """It had taken the address when the start came there. On SQLite the end comes after the start."""
    batch = preview(site_on)
    ada = site_on.invites(ADA)
    revokes = partial(site_on.services.invitations.revoke, ada.id, actor="Grace")
    with meanwhile(site_on, revokes, before="INSERT INTO invitation_event"):
        started = site_on.services.batches.start(batch.id, inviter=GRACE)
    is_invited = site_on.services.engine.dialect.name == "postgresql"
    assert started.opened == (2 if is_invited else 1)
    left_out = [(each.email, each.fate) for each in rows(site_on, batch).values()]
    assert ((ADA, Fate.ACCEPTED) in left_out, (ADA, Fate.INVITED) in left_out) == (
        False,
        not is_invited,
    )
    for row in site_on.services.listing.page(now=site_on.clock(), batch_id=batch.id):
        assert [each.event for each in site_on.services.listing.events(row.id)] == ["invited"]


def test_an_expired_one_that_is_sent_again_in_the_midst_of_the_start_is_left_out(
    site_on: RunningSite,
) -> None:
    """By another admin: it gets one mail, and the list says so. On SQLite they come after the start."""
    row = site_on.invites(ADA)
    site_on.clock.forward(days=6)
    services, batch = site_on.services, preview(site_on, ADA)
    sends = partial(services.resending.resend, row.id, actor="Heidi")
    with meanwhile(site_on, sends, before="UPDATE invitation") as sent:
        started = services.batches.start(batch.id, inviter=GRACE)
    is_first = services.engine.dialect.name == "postgresql"
    assert (sent.exception(timeout=15) is None) == is_first
    left_out = [(each.fate, each.invitation_id) for each in rows(site_on, batch).values()]
    assert (started.opened, left_out) == ((0, [(Fate.INVITED, row.id)]) if is_first else (1, []))
    assert [each.event for each in services.listing.events(row.id)] == ["invited", "resent"]
    assert site_on.row(row.id).generation == 2


def test_two_lists_that_renew_the_same_people_do_not_wait_for_each_other_in_a_circle(
    site_on: RunningSite,
) -> None:
    """Each names them in another order. Both have begun when the first of them is renewed."""
    batches, engine = site_on.services.batches, site_on.services.engine
    names = ["ada", "bob", "cy"]
    numbers = [site_on.invites(f"{name}@example.com").id for name in names]
    site_on.clock.forward(days=30)
    one, other = (
        preview(site_on, "Email\n" + "".join(f"{name}@example.com\n" for name in order))
        for order in (names, names[::-1])
    )

    def start_both() -> list[int]:
        starts_other = partial(batches.start, other.id, inviter=GRACE)
        with meanwhile(site_on, starts_other, before="UPDATE invitation") as second:
            first = batches.start(one.id, inviter=GRACE)
        return sorted([first.opened, second.result(timeout=15).opened])

    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as db:  # whoever renews meanwhile waits for the one in the middle
            bob = select(Invitation.id).where(Invitation.id == numbers[1])
            db.execute(bob.with_for_update(key_share=True))
            both = pool.submit(start_both)
            waits_for(site_on, 2)
        assert both.result(timeout=15) == [0, 3]


def test_an_address_that_changes_while_a_list_with_both_is_started_gets_one_invitation(
    site_on: RunningSite,
) -> None:
    """The list has opened the new address and waits in the middle, when the earlier invitation is sent
    there; then the list comes to the earlier address."""
    services, engine = site_on.services, site_on.services.engine
    new, middle = "ada.new@example.com", "bob@example.com"
    batch = preview(site_on, f"Email\n{new}\n{middle}\n{ADA}\n")
    held = site_on.invites(ADA)
    with engine.begin() as db:
        db.execute(update(Invitation).values(new_email=new, next_try_at=None))
    with ThreadPoolExecutor(2) as pool:
        with sessionmaker(engine)() as db:
            if engine.dialect.name == "postgresql":  # on SQLite whoever writes is alone
                db.add(invitation_like(held, middle))
                db.flush()
            started = pool.submit(services.batches.start, batch.id, inviter=GRACE)
            waits_for(site_on, 1)
            changed = pool.submit(services.invitations.readdress, held.id, new, actor="Grace")
            waits_for(site_on, 2)
        changes = changed.exception(timeout=15)
        opened = started.result(timeout=15).opened
    assert isinstance(changes, AlreadyInvited) or changes is None
    assert opened == 2
    assert site_on.services.ledger.open_of(new)


def invitation_like(row: Invitation, email: str) -> Invitation:
    """Another one, for this address."""
    shared = ("name", "connection", "client_id", "state", "inviter", "created_at", "expires_at")
    same = {name: getattr(row, name) for name in (*shared, "inviter_sub")}
    return Invitation(ref="another", email=email, email_norm=email, **same)


def test_days_are_written_as_on_every_page(site: RunningSite) -> None:
    """ "5 December 2026", and not "05 December 2026" in a sentence beside it."""
    while site.clock().day > 9:
        site.clock.forward(days=1)
    at = site.invites(ADA).created_at
    when = f"on {at.day} {at:%B %Y at %H:%M} UTC."
    with pytest.raises(AlreadyInvited, match=when):
        site.invites(ADA)
    site.clock.forward(days=1)
    batch = site.services.batches.preview(ADA, name="people", inviter=GRACE)
    [row] = site.services.batches.rows(batch.id, after=None, size=1).rows
    assert when in row.reason
