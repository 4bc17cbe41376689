"""Batches that are paused or cancelled while some of them are being sent, fail, or went out before."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from invite_site.errors import NotPossibleNow
from invite_site.invitations.jobs import JobKind
from invite_site.invitations.lifecycle import POSTPONE, State
from invite_site.invitations.options import Options
from invite_site.invitations.people import Inviter, search_text
from invite_site.invitations.tables import Batch, BatchRow, Invitation
from tests.support.batches import GRACE, people, starts
from tests.support.interleaving import meanwhile, waiting, waits_for
from tests.support.person import Person
from tests.support.running import (
    PASSWORD,
    RunningSite,
    Tenant,
    accepts,
    signs_in,
    wait_until,
)

DAY = 24 * 60 * 60


def open_row(site: RunningSite, email: str) -> Any:
    row = site.services.ledger.open_of(email)
    assert row is not None
    return row


def one_that_failed(site: RunningSite, tenant: Tenant) -> Batch:
    """A batch of three whose first was refused; the others wait."""
    tenant.fails("SMTP", kind="status", status=550, at="rcpt", times=1)
    batch = starts(site, people("p", 3))
    site.sends(1)
    assert site.services.batches.progress(batch.id).counts["failed"] == 1
    return batch


def reasons(site: RunningSite, row: Any) -> list[Any]:
    """Why it was revoked, once for each time."""
    events = site.services.listing.events(row.id)
    return [each.evidence["reason"] for each in events if each.event == "revoked"]


def invited_anew(failed: Any) -> dict[str, Any]:
    """The columns of another invitation of the same address."""
    columns = Invitation.__mapper__.columns.items()
    kept = [
        (each.name, key) for key, each in columns if key not in ("id", "batch_id", "changed_at")
    ]
    anew = {"ref": "anew", "state": State.QUEUED, "closed_at": None, "next_try_at": None}
    return {name: getattr(failed, key) for name, key in kept} | anew


def test_what_comes_back_to_the_queue_of_a_cancelled_batch_is_revoked(
    site_on: RunningSite, tenant: Tenant
) -> None:
    """Its mail was refused for the moment: it is not tried again, and its link ends."""
    batch = starts(site_on, people("p", 3))
    deliveries, batches = site_on.services.deliveries, site_on.services.batches
    [job] = deliveries.claim("w", limit=1)
    assert batches.cancel(batch.id, actor="Grace") == 2
    tenant.fails("SMTP", kind="status", status=421, at="connect", times=1)
    deliveries.deliver(job)
    assert reasons(site_on, job) == ["The batch was cancelled."]
    progress = batches.progress(batch.id)
    assert (progress.counts["revoked"], progress.is_over) == (3, True)
    site_on.clock.forward(minutes=5)
    site_on.delivers()
    assert tenant.mails() == []
    assert tenant.linked_accounts() == []


def test_what_comes_back_to_the_queue_while_its_paused_batch_is_cancelled_is_revoked(
    site_on: RunningSite,
) -> None:
    """Neither sees what the other writes: without a lock it would stay in the queue of a batch that
    nobody can resume."""
    batch = starts(site_on, people("p", 1))
    deliveries, batches = site_on.services.deliveries, site_on.services.batches
    [job] = deliveries.claim("w", limit=1)
    batches.pause(batch.id)
    now = site_on.clock()
    with meanwhile(site_on, partial(batches.cancel, batch.id, actor="Grace")) as cancelled:
        deliveries.leases.finish(job, POSTPONE, now=now, next_try_at=now)
    cancelled.result(timeout=15)
    assert reasons(site_on, job) == ["The batch was cancelled."]
    assert batches.progress(batch.id).is_over


@pytest.mark.parametrize("restarts", [True, False])
def test_what_a_dead_worker_held_of_a_cancelled_batch_is_revoked(
    site_on: RunningSite, tenant: Tenant, restarts: bool
) -> None:
    """When that worker starts again, or when its lease has run out."""
    batch = starts(site_on, people("p", 1))
    [job] = site_on.services.deliveries.claim("dead", limit=1)
    assert site_on.services.batches.cancel(batch.id, actor="Grace") == 0
    if restarts:
        site_on.services.deliveries.start("dead")
    site_on.clock.forward(minutes=2)
    assert site_on.delivers() == 0
    assert reasons(site_on, job) == ["The batch was cancelled."]
    assert tenant.mails() == []


def test_one_of_a_cancelled_batch_that_is_sent_again_by_hand_goes_out(
    site_on: RunningSite, tenant: Tenant
) -> None:
    """Also after a pause, and where the mail server puts it off."""
    batch = starts(site_on, people("p", 1))
    site_on.delivers()
    batches = site_on.services.batches
    batches.pause(batch.id)
    batches.cancel(batch.id, actor="Grace")
    row = open_row(site_on, "p0@example.com")
    site_on.services.resending.resend(row.id, actor="Grace")
    tenant.fails("SMTP", kind="status", status=450, at="rcpt", times=1)
    site_on.delivers()
    site_on.clock.forward(minutes=5)
    site_on.delivers()
    assert len(tenant.mails()) == 2
    assert site_on.row(row.id).state == State.SENT


def test_cancelling_keeps_who_has_chosen_a_password_though_a_mail_to_them_waits(
    site_on: RunningSite, tenant: Tenant
) -> None:
    """That mail goes out, also if the batch was paused after it was queued."""
    batch = starts(site_on, people("p", 1))
    site_on.delivers()
    with Person() as invitee:
        invitee.opens(tenant.link_to("p0@example.com"))
        invitee.types_into("New password", PASSWORD)
        invitee.types_into("Re-enter new password", PASSWORD)
        invitee.sends("Reset password")
    site_on.clock.forward(hours=1, seconds=1)
    site_on.delivers()
    row = open_row(site_on, "p0@example.com")
    assert row.state == State.PASSWORD_SET
    site_on.services.resending.resend(row.id, actor="Grace")
    batches = site_on.services.batches
    batches.pause(batch.id)
    assert batches.cancel(batch.id, actor="Grace") == 0
    assert batches.progress(batch.id).waiting != "The batch is paused."
    assert site_on.delivers() == 1
    assert site_on.row(row.id).state == State.PASSWORD_SET


def test_cancelling_revokes_what_the_batch_renewed_and_has_not_sent(
    site_on: RunningSite, tenant: Tenant
) -> None:
    """A mail of before the batch does not count as gone out with it."""
    row = site_on.invites_and_delivers("p0@example.com")
    site_on.clock.forward(days=6)
    batch = starts(site_on, people("p", 1))
    assert site_on.services.batches.cancel(batch.id, actor="Grace") == 1
    site_on.delivers()
    assert site_on.row(row.id).state == State.REVOKED
    assert len(tenant.mails()) == 1


def test_cancelling_says_nothing_of_what_was_revoked_before(site_on: RunningSite) -> None:
    """It has its own event, with its own reason; those of the others name who cancelled the batch."""
    batch = starts(site_on, people("p", 2))
    by_hand, by_batch = (open_row(site_on, f"p{number}@example.com") for number in range(2))
    site_on.services.invitations.revoke(by_hand.id, actor="Heidi", reason="Mistyped.")
    site_on.clock.forward(seconds=1)
    assert site_on.services.batches.cancel(batch.id, actor="Grace") == 1
    revoked = [
        (each.actor, each.evidence["reason"])
        for row in (by_hand, by_batch)
        for each in site_on.services.listing.events(row.id)
        if each.event == "revoked"
    ]
    assert revoked == [("Heidi", "Mistyped."), ("Grace", "The batch was cancelled.")]


def test_the_failed_of_a_cancelled_batch_are_not_sent_again(
    site_on: RunningSite, tenant: Tenant
) -> None:
    """It says so."""
    batch = one_that_failed(site_on, tenant)
    batches = site_on.services.batches
    batches.cancel(batch.id, actor="Grace")
    with pytest.raises(NotPossibleNow, match="This batch was cancelled"):
        batches.send_failed_again(batch.id, actor="Grace")
    assert site_on.delivers() == 0


def test_the_page_of_a_cancelled_batch_offers_nothing_that_is_refused(
    site: RunningSite, tenant: Tenant, admin: Person
) -> None:
    """Though some have failed, and another mail waits about one that went out."""
    batch = one_that_failed(site, tenant)
    site.sends(1)
    sent = site.services.listing.page(now=site.clock(), status="sent", size=1)[0]
    site.services.resending.resend(sent.id, actor="Grace")
    site.make_admin()
    desk = signs_in(admin, site, start=f"/admin/batches/{batch.id}")
    offered = ("Send the 1 failed again", "Pause", "Cancel the rest now")
    assert [each for each in offered if not desk.offers(each)] == []
    assert site.services.batches.cancel(batch.id, actor="Grace") == 1
    desk.opens(desk.url)
    assert [each for each in offered if desk.offers(each)] == []


def test_what_a_dead_worker_held_of_a_paused_batch_waits(
    site_on: RunningSite, tenant: Tenant
) -> None:
    """It is in the queue again, and goes out with the rest."""
    batch = starts(site_on, people("p", 1))
    site_on.services.deliveries.claim("dead", limit=1)
    batches = site_on.services.batches
    batches.pause(batch.id)
    site_on.clock.forward(minutes=2)
    assert site_on.delivers() == 0
    assert batches.progress(batch.id).counts["queued"] == 1
    batches.resume(batch.id)
    assert site_on.delivers() == 1
    assert len(tenant.mails()) == 1


def test_the_failed_of_a_paused_batch_wait_when_they_are_sent_again(
    site_on: RunningSite, tenant: Tenant
) -> None:
    """They go out with the rest."""
    batch = one_that_failed(site_on, tenant)
    batches = site_on.services.batches
    batches.pause(batch.id)
    assert batches.send_failed_again(batch.id, actor="Grace") == 1
    assert site_on.delivers() == 0
    batches.resume(batch.id)
    assert site_on.delivers() == 3


def test_sending_the_failed_again_says_nothing_of_those_that_wait(
    site_on: RunningSite, tenant: Tenant
) -> None:
    """Nobody has sent them a second time."""
    batch = one_that_failed(site_on, tenant)
    site_on.clock.forward(seconds=1)
    services = site_on.services
    assert services.batches.send_failed_again(batch.id, actor="Grace") == 1
    resent = [
        [each.event for each in services.listing.events(row.id)].count("resent")
        for row in services.batches.ledger.results(batch.id)
    ]
    assert resent == [1, 0, 0]


def test_of_a_paused_batch_what_is_sent_again_in_bulk_waits_and_who_is_chosen_alone_does_not(
    site_on: RunningSite, tenant: Tenant
) -> None:
    """By a job, by the batch and by --failed-since it is the same: they go out with the rest."""
    tenant.fails("SMTP", kind="status", status=550, at="rcpt", times=3)
    batch = starts(site_on, people("p", 4))
    site_on.sends(3)
    services, began = site_on.services, site_on.clock() - timedelta(minutes=1)
    failed = [row for row in services.batches.ledger.results(batch.id) if row.state == State.FAILED]
    services.batches.pause(batch.id)
    alone, by_job, since = failed
    services.resending.resend(alone.id, actor="Grace")
    assert site_on.delivers() == 1
    assert site_on.row(alone.id).state == State.SENT
    services.jobs.begin(JobKind.RESEND, numbers=[by_job.id], actor="Grace")
    assert services.jobs.work("worker")
    assert services.resending.resend_failed(began, actor="Grace") == 1
    assert site_on.delivers() == 0
    assert {site_on.row(row.id).state for row in (by_job, since)} == {State.QUEUED}
    services.batches.resume(batch.id)
    assert site_on.delivers() == 3


def test_a_job_and_a_resume_at_once_leave_nothing_paused(
    site_on: RunningSite, tenant: Tenant
) -> None:
    """Else it would wait for a batch that goes on."""
    batch = one_that_failed(site_on, tenant)
    services = site_on.services
    services.batches.pause(batch.id)
    [failed] = [r for r in services.batches.ledger.results(batch.id) if r.state == State.FAILED]
    again = partial(services.resending.resend, failed.id, actor="Grace", job_id=1)
    with meanwhile(site_on, again) as resent:
        services.batches.resume(batch.id)
    resent.result(timeout=15)
    assert not site_on.row(failed.id).is_paused


def test_progress_counts_what_went_out_within_a_minute(site_on: RunningSite) -> None:
    """Also what was sent again."""
    batch = starts(site_on, people("p", 2))
    site_on.delivers()
    per_minute = [site_on.services.batches.progress(batch.id).per_minute]
    site_on.clock.forward(minutes=1, seconds=1)
    per_minute.append(site_on.services.batches.progress(batch.id).per_minute)
    row = open_row(site_on, "p0@example.com")
    site_on.services.resending.resend(row.id, actor="Grace")
    site_on.delivers()
    per_minute.append(site_on.services.batches.progress(batch.id).per_minute)
    assert per_minute == [2, 0, 1]


def test_progress_counts_all_that_have_expired(site_on: RunningSite) -> None:
    """Sent or not."""
    batch = starts(site_on, people("p", 3))
    site_on.sends(1)
    site_on.clock.forward(days=6)
    counts = site_on.services.batches.progress(batch.id).counts
    assert {status: number for status, number in counts.items() if number} == {"expired": 3}


def test_the_end_of_a_batch_does_not_wait_for_a_paused_one(site_on: RunningSite) -> None:
    """They would take turns if it went on."""
    batches = site_on.services.batches
    batch, other = (starts(site_on, people(name, 3)) for name in ("p", "other"))
    left = [batches.ledger.queued_until_last_of(batch.id, site_on.clock())]
    batches.pause(other.id)
    left.append(batches.ledger.queued_until_last_of(batch.id, site_on.clock()))
    assert left == [6, 3]


def test_progress_says_when_what_was_put_off_is_tried_again(
    site_on: RunningSite, tenant: Tenant
) -> None:
    """And looks for a fault in the worker only once that time has come."""
    tenant.fails("SMTP", kind="status", status=450, at="rcpt", times=2)
    batch = starts(site_on, people("p", 1))
    site_on.delivers()
    site_on.clock.forward(minutes=1, seconds=1)
    site_on.delivers()
    site_on.clock.forward(minutes=2)
    site_on.services.heartbeats.beat("desk:1", site_on.clock())
    at = open_row(site_on, "p0@example.com").next_try_at
    waiting = site_on.services.batches.progress(batch.id).waiting
    assert waiting == (f"What is left could not be sent yet. The next try is at {at:%H:%M:%S} UTC.")
    site_on.clock.forward(minutes=5)
    site_on.services.heartbeats.beat("desk:1", site_on.clock())
    assert "though a worker runs" in site_on.services.batches.progress(batch.id).waiting


def test_progress_says_that_what_is_held_waits_for_an_admin(site_on: RunningSite) -> None:
    """Such a row has no next try."""
    batch = starts(site_on, people("p", 1))
    with site_on.services.engine.begin() as db:
        held = update(Invitation).values(next_try_at=None, new_email="other@example.com")
        db.execute(held)
    site_on.clock.forward(minutes=2)
    site_on.services.heartbeats.beat("desk:1", site_on.clock())
    assert "have other addresses now" in site_on.services.batches.progress(batch.id).waiting


def test_the_failed_are_sent_again_while_one_of_them_is_invited_anew(
    site_on: RunningSite, tenant: Tenant
) -> None:
    """Its other invitation is committed while the statement runs: it is left out, the others go."""
    tenant.fails("SMTP", kind="status", status=550, at="rcpt", times=2)
    batch = starts(site_on, people("p", 2))
    site_on.delivers()
    batches, engine = site_on.services.batches, site_on.services.engine
    site_on.clock.forward(seconds=1)
    [failed, _] = site_on.services.listing.page(now=site_on.clock(), status="failed", size=2)
    resent: list[int] = []
    resending = threading.Thread(
        target=lambda: resent.append(batches.send_failed_again(batch.id, actor="Grace"))
    )
    with engine.begin() as db:
        db.execute(insert(Invitation).values(invited_anew(failed)))
        resending.start()
        waits_for(site_on, 1)
    resending.join(timeout=15)
    assert resent == [1]


@pytest.mark.parametrize("is_start", [True, False], ids=["a start", "another batch's failed"])
def test_sending_the_failed_again_and_what_invites_the_same_people_do_not_wait_in_a_circle(
    site_on: RunningSite, tenant: Tenant, is_start: bool
) -> None:
    """Each comes to the same addresses in another order, and would wait for one that the other has."""
    batches, engine = site_on.services.batches, site_on.services.engine
    tenant.fails("SMTP", kind="status", status=550, at="rcpt", times=None)
    batch = starts(site_on, people("p", 3))
    site_on.delivers()
    other = batches.preview(people("p", 3), name="list", inviter=GRACE)
    if not is_start:
        batches.start(other.id, inviter=GRACE)
        site_on.delivers()
    again = partial(batches.send_failed_again, actor="Grace")
    invites = partial(batches.start, inviter=GRACE) if is_start else again
    failed = list(batches.ledger.results(batch.id))
    with engine.begin() as db:
        for row in reversed(failed):  # the last one ends and lies first
            ends_at = row.expires_at - timedelta(hours=row.id)
            db.execute(update(Invitation).where(Invitation.id == row.id).values(expires_at=ends_at))
    with ThreadPoolExecutor(2) as pool:
        with engine.connect() as db:
            db.execute(insert(Invitation).values(invited_anew(failed[1])))
            inviting = pool.submit(invites, other.id)
            waits_for(site_on, 1)
            resending = pool.submit(again, batch.id)
            waits_for(site_on, 2)
            db.rollback()
        done = [each.exception(timeout=15) for each in (inviting, resending)]
    assert all(each is None or isinstance(each, NotPossibleNow) for each in done), done
    assert (
        batches.progress(batch.id).counts["queued"] + batches.progress(other.id).counts["queued"]
        == 3
    )


def test_of_two_that_failed_for_one_address_the_later_is_sent_again(
    site_on: RunningSite, tenant: Tenant
) -> None:
    """An account of the batch got the address of another, and the mail to it was refused as well."""
    tenant.fails("SMTP", kind="status", status=550, at="rcpt", times=3)
    batch = starts(site_on, people("p", 3))
    site_on.delivers()
    moved = update(Invitation).where(Invitation.email_norm == "p1@example.com")
    with site_on.services.engine.begin() as db:
        address = "p0@example.com"
        words = search_text(address, address, "")
        db.execute(moved.values(email=address, email_norm=address, search_text=words))
    assert site_on.services.batches.progress(batch.id).failed_left == 2
    assert site_on.services.batches.send_failed_again(batch.id, actor="Grace") == 2
    progress = site_on.services.batches.progress(batch.id)
    assert (progress.counts["queued"], progress.counts["failed"], progress.failed_left) == (2, 1, 0)


def test_one_that_failed_again_in_a_later_list_is_sent_again_by_either(
    site_on: RunningSite, tenant: Tenant
) -> None:
    """Neither stands for the other; once one of them is queued, that one does."""
    tenant.fails("SMTP", kind="status", status=550, at="rcpt", times=2)
    batches, both = site_on.services.batches, []
    for _ in range(2):
        both.append(starts(site_on, people("p", 1)).id)
        site_on.delivers()
    assert [batches.progress(number).failed_left for number in both] == [1, 1]
    assert batches.send_failed_again(both[0], actor="Grace") == 1
    assert [batches.progress(number).failed_left for number in both] == [0, 0]
    assert site_on.delivers() == 1


@pytest.mark.parametrize("hours", [0, 25], ids=["a row is left out", "old previews are removed"])
def test_a_start_does_not_wait_for_what_waits_for_it(site_on: RunningSite, hours: int) -> None:
    """It holds the batch, then its rows; so does everybody else."""
    batches, engine = site_on.services.batches, site_on.services.engine
    batch = batches.preview(people("p", 2), name="list", inviter=GRACE)
    row = batches.rows(batch.id, after=None, size=1).rows[0]
    site_on.clock.forward(hours=hours)
    removes = batches.sweep if hours else partial(batches.previews.leave_out, row, site_on.clock())
    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as db:
            db.execute(update(Batch).values(started_at=site_on.clock()))
            removing = pool.submit(removes)
            if engine.dialect.name == "postgresql":
                wait_until(lambda: removing.done() or waiting(site_on) > 0, "it went on or waits")
            db.execute(delete(BatchRow).where(BatchRow.id == row.id))
        removing.result(timeout=15)
    assert batches.get(batch.id).started_at
    assert sum(batches.fates(batch.id).values()) == 1, "what was left out stays for a day"


def test_a_pause_and_what_revokes_the_same_rows_do_not_wait_for_each_other_in_a_circle(
    site_on: RunningSite,
) -> None:
    """PostgreSQL finds the rows of a batch where they lie, and others by their numbers; one that was
    changed lies behind all others."""
    batch = starts(site_on, people("p", 600))
    batches, engine = site_on.services.batches, site_on.services.engine
    numbers = [row.id for row in batches.ledger.results(batch.id)]
    with engine.begin() as db:
        db.execute(update(Invitation).where(Invitation.id == numbers[0]).values(place=9))
        db.exec_driver_sql("ANALYZE")
    with ThreadPoolExecutor(2) as pool:
        with engine.begin() as db:
            db.execute(select(Invitation.id).where(Invitation.id == numbers[300]).with_for_update())
            pausing = pool.submit(batches.pause, batch.id)
            waits_for(site_on, 1)
            revoking = pool.submit(site_on.services.granting.revoke_from, GRACE.sub, by=GRACE)
            waits_for(site_on, 2)
        pausing.result(timeout=15)
        assert revoking.result(timeout=15) == 600


def test_a_life_of_its_own_counts_when_a_batch_sends_it_again(
    site_on: RunningSite, tenant: Tenant
) -> None:
    """When a list renews it, and when it failed and is sent again."""
    site_on.services.invitations.invite(
        "p0@example.com", inviter=Inviter("Grace"), options=Options(lifetime=DAY)
    )
    site_on.clock.forward(days=2)
    tenant.fails("SMTP", kind="status", status=550, at="rcpt", times=2)
    batch = starts(site_on, people("p", 2))

    def lives(email: str) -> timedelta:
        ends: datetime = open_row(site_on, email).expires_at
        return ends - site_on.clock()

    usual = timedelta(seconds=site_on.settings.invitation_ttl)
    minute = timedelta(minutes=1)
    for is_again in (False, True):
        if is_again:
            site_on.delivers()
            site_on.clock.forward(hours=1)
            assert site_on.services.batches.send_failed_again(batch.id, actor="Grace") == 2
        assert timedelta(days=1) - minute < lives("p0@example.com") <= timedelta(days=1)
        assert usual - minute < lives("p1@example.com") <= usual


def test_one_that_failed_is_not_sent_again_to_whoever_has_accepted_since(
    site_on: RunningSite, tenant: Tenant, person: Person
) -> None:
    """By another invitation; they would be invited to what they use."""
    tenant.fails("SMTP", kind="status", status=550, at="rcpt", times=1)
    batch = starts(site_on, "ada@example.com\n")
    site_on.delivers()
    site_on.invites_and_delivers("ada@example.com")
    accepts(person, tenant.link_to("ada@example.com"))
    assert site_on.services.ledger.accepted_of("ada@example.com")
    assert site_on.services.batches.progress(batch.id).failed_left == 0
    with pytest.raises(NotPossibleNow, match="all were replaced"):
        site_on.services.batches.send_failed_again(batch.id, actor="Grace")
    resending = site_on.services.resending
    assert resending.resend_failed(batch.created_at, actor="Grace") == 0
    [failed] = site_on.services.listing.page(now=site_on.clock(), status="failed", size=2)
    with pytest.raises(NotPossibleNow, match="has accepted another invitation since"):
        resending.resend(failed.id, actor="Grace")
