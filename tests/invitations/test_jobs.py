"""Actions on many invitations: each is done once, and what cannot be done is counted."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from invite_site.errors import AlreadyInvited, JobNotFound, NotPossibleNow
from invite_site.invitations.jobs import JobKind, Jobs
from invite_site.invitations.jobs.ledger import JobLedger
from invite_site.invitations.jobs.service import MOST_NUMBERS, OTHER_IS_OPEN
from invite_site.invitations.listing import Filters
from invite_site.invitations.tables import Invitation, InvitationEvent, Job
from invite_site.settings import Delivery, LinkKind
from tests.support.running import RunningSite, Tenant, running_site

SENT = Filters(status="sent")
WORKER = "worker"
ADA = "ada@example.com"


def jobs_of(site: RunningSite, size: int = 2, looks: int = 3) -> Jobs:
    """In smaller chunks than the site's own."""
    return replace(
        site.services.jobs, ledger=JobLedger(site.services.engine, size=size, looks=looks)
    )


def to_its_end(jobs: Jobs, job: Job) -> Job:
    while jobs.work(WORKER):
        pass
    return jobs.get(job.id)


def set_state(site: RunningSite, state: str, *rows: Invitation, **more: object) -> None:
    with site.services.engine.begin() as db:
        db.execute(
            update(Invitation)
            .where(Invitation.id.in_([row.id for row in rows]))
            .values(state=state, next_try_at=None, **more)
        )


def states(site: RunningSite) -> list[str]:
    with site.services.engine.begin() as db:
        return list(db.scalars(select(Invitation.state).order_by(Invitation.id)))


def test_a_job_does_all_that_fit_once_and_says_why_others_stay(site_on: RunningSite) -> None:
    """In chunks; the mails wait behind those of single invitations, and no limit by hand counts."""
    rows = [site_on.invites(f"p{number}@example.com") for number in range(7)]
    set_state(site_on, "sent", *rows[:6], first_sent_at=site_on.clock())
    jobs = jobs_of(site_on)
    job = jobs.begin(JobKind.RESEND, filters=SENT, actor="Grace")
    assert (job.total, job.is_exact) == (6, True)
    assert jobs.work(WORKER)
    assert 0 < jobs.get(job.id).share_done < 1
    done = to_its_end(jobs, job)
    assert (done.changed, done.refused, done.share_done) == (6, 0, 1.0)
    assert done.ended_at
    assert states(site_on) == ["queued"] * 7
    site_on.clock.forward(minutes=2)
    assert not jobs.work(WORKER), "nobody takes up what is over"
    resent = site_on.row(rows[0].id)
    assert (resent.generation, resent.place, resent.resends) == (2, 1, 0)
    again = to_its_end(
        jobs, jobs.begin(JobKind.RESEND, numbers=[row.id for row in rows], actor="Grace")
    )
    assert (again.changed, again.refused) == (0, 7)
    assert again.refusals == {"This invitation is already on its way.": 7}


def test_a_job_for_numbers_does_each_once_and_only_so_many(
    site: RunningSite,
) -> None:
    """In whichever order they are named, and however often."""
    rows = [site.invites(f"p{number}@example.com") for number in range(3)]
    numbers = [rows[2].id, rows[0].id, rows[2].id]
    jobs = jobs_of(site)
    job = jobs.begin(JobKind.REVOKE, numbers=numbers, actor="Grace")
    assert (job.total, job.numbers) == (2, [rows[0].id, rows[2].id])
    assert to_its_end(jobs, job).changed == 2
    assert states(site) == ["revoked", "queued", "revoked"]
    job = jobs.begin(JobKind.REVOKE, numbers=range(1, MOST_NUMBERS + 2), actor="Grace")
    assert job.numbers == list(range(1, MOST_NUMBERS + 1))
    assert job.total == MOST_NUMBERS, "it tells of no more than it takes"
    with pytest.raises(JobNotFound):
        jobs.stop(99)


def test_what_was_replaced_before_the_application_changed_is_left_and_holds_up_no_job(
    site_on: RunningSite,
) -> None:
    """AUTH0_CLIENT_ID names another one since; its earlier invitations are in the list as well."""
    failed = site_on.invites(ADA)
    set_state(site_on, "failed", failed, closed_at=site_on.clock())
    newer = site_on.invites(ADA)
    with site_on.services.engine.begin() as db:
        db.execute(update(Invitation).values(client_id="earlier"))
    with pytest.raises(AlreadyInvited) as refused:
        site_on.services.resending.resend(failed.id, actor="Grace")
    assert refused.value.invitation_id == newer.id
    jobs = jobs_of(site_on)
    job = jobs.begin(JobKind.RESEND, numbers=[failed.id], actor="Grace")
    done = to_its_end(jobs, job)
    assert (done.refusals, bool(done.ended_at)) == ({OTHER_IS_OPEN: 1}, True)


def test_a_worker_that_stood_still_in_a_job_sends_nothing_again(
    site_on: RunningSite, tenant: Tenant
) -> None:
    """Another one has done the job after the lease ran out, and the mail is out, when it goes on."""
    row = site_on.invites_and_delivers(ADA)
    jobs = jobs_of(site_on)
    job = jobs.begin(JobKind.RESEND, filters=SENT, actor="Grace")
    is_first = iter([True])

    def stands_still() -> datetime:
        if next(is_first, False):
            site_on.clock.forward(seconds=61)
            tenant.forward(61)
            while jobs.work("other worker"):
                pass
            site_on.delivers()
        return site_on.clock()

    slow = replace(jobs, resending=replace(site_on.services.resending, clock=stands_still))
    assert slow.work(WORKER)
    site_on.delivers()
    assert len(tenant.mails(ADA)) == 2
    assert site_on.row(row.id).generation == 2
    done = jobs.get(job.id)
    assert (done.changed, done.refused, bool(done.ended_at)) == (1, 0, True)


@pytest.mark.parametrize("kind", [JobKind.RESEND, JobKind.EXTEND])
def test_a_job_that_is_interrupted_changes_nothing_twice(
    site_on: RunningSite, kind: JobKind
) -> None:
    """A worker that dies has changed a part of a chunk and said nothing of it; another goes on. An
    extension of what has the tenant's link is a mail as well."""
    rows = [site_on.invites(f"p{number}@example.com") for number in range(4)]
    set_state(site_on, "sent", *rows)
    jobs = jobs_of(site_on, size=4)
    job = jobs.begin(kind, filters=Filters(), actor="Grace", days=40)
    assert jobs.ledger.take("dead", site_on.clock())
    resending = site_on.services.resending
    for row in rows[2:]:
        if kind == JobKind.EXTEND:
            resending.extend(row.id, 40, actor="Grace", job_id=job.id)
        else:
            resending.resend(row.id, actor="Grace", job_id=job.id)
    set_state(site_on, "sent", *rows[2:])  # and they have gone out meanwhile
    assert not jobs.work(WORKER)
    site_on.clock.forward(minutes=2)
    done = to_its_end(jobs, job)
    assert (done.changed, done.refused) == (4, 0)
    assert [site_on.row(row.id).generation for row in rows] == [2, 2, 2, 2]


def test_what_an_interrupted_job_has_changed_counts_though_it_fits_no_more(
    site_on: RunningSite,
) -> None:
    """Revoked invitations are not among the sent ones, which the job is about."""
    rows = [site_on.invites(f"p{number}@example.com") for number in range(7)]
    set_state(site_on, "sent", *rows)
    jobs = jobs_of(site_on, size=3, looks=4)
    job = jobs.begin(JobKind.REVOKE, filters=SENT, actor="Grace")
    for row in rows[5:]:
        site_on.services.invitations.revoke(row.id, actor="Grace", job_id=job.id)
    done = to_its_end(jobs, job)
    assert (done.total, done.changed, done.refused) == (7, 7, 0)
    assert states(site_on) == ["revoked"] * 7


def test_a_job_that_is_stopped_leaves_the_rest(site_on: RunningSite) -> None:
    """What was done stays so, and a second stop says that it is over."""
    for number in range(6):
        site_on.invites(f"p{number}@example.com")
    jobs = jobs_of(site_on)
    job = jobs.begin(JobKind.REVOKE, filters=Filters(), actor="Grace", reason="A mistake.")
    jobs.work(WORKER)
    jobs.stop(job.id)
    assert not jobs.work(WORKER)
    assert states(site_on) == ["queued"] * 4 + ["revoked"] * 2
    stopped = jobs.get(job.id)
    assert (stopped.changed, stopped.is_stopped) == (2, True)
    assert 0 < stopped.share_done < 1
    with pytest.raises(NotPossibleNow, match="over already"):
        jobs.stop(job.id)
    with sessionmaker(site_on.services.engine).begin() as db:
        assert evidence_of(db, "revoked") == [{"reason": "A mistake.", "job": job.id}] * 2


def test_what_a_dead_worker_has_changed_counts_though_the_job_was_stopped(
    site_on: RunningSite,
) -> None:
    """It died in the midst of its part, and somebody stopped the job before another went on with it."""
    rows = [site_on.invites(f"p{number}@example.com") for number in range(5)]
    jobs = jobs_of(site_on, size=4, looks=4)
    job = jobs.begin(JobKind.REVOKE, filters=Filters(), actor="Grace")
    assert jobs.ledger.take("dead", site_on.clock())
    for row in rows[3:]:
        site_on.services.invitations.revoke(row.id, actor="Grace", job_id=job.id)
    jobs.stop(job.id)
    assert not jobs.work(WORKER), "the worker may live, and count them itself"
    site_on.clock.forward(minutes=2)
    done = to_its_end(jobs, job)
    assert (done.changed, done.refused, done.is_stopped) == (2, 0, True)
    assert states(site_on) == ["queued"] * 3 + ["revoked"] * 2
    site_on.clock.forward(minutes=2)
    assert not jobs.work(WORKER), "they are counted once"


def test_a_worker_that_is_too_slow_leaves_the_rest_of_its_part(site_on: RunningSite) -> None:
    """Somebody else may have the job by then; a stop in the midst of a part is seen the same way."""
    for number in range(6):
        site_on.invites(f"p{number}@example.com")
    jobs = jobs_of(site_on, size=6, looks=6)
    job = jobs.begin(JobKind.REVOKE, filters=Filters(), actor="Grace")

    def each_look_takes_half_a_minute() -> datetime:
        site_on.clock.forward(seconds=31)
        return site_on.clock()

    assert replace(jobs, clock=each_look_takes_half_a_minute).work(WORKER)
    assert states(site_on) == ["queued"] * 5 + ["revoked"]
    assert to_its_end(jobs, job).changed == 6
    assert states(site_on) == ["revoked"] * 6


def evidence_of(db: Session, event: str) -> list[dict[str, object]]:
    return list(
        db.scalars(select(InvitationEvent.evidence).where(InvitationEvent.event == event)).all()
    )


def test_what_comes_later_is_no_part_of_a_job(site_on: RunningSite) -> None:
    """Only what was there when somebody was asked; the same form twice is one job."""
    site_on.invites("ada@example.com")
    jobs = jobs_of(site_on)
    job, same = (
        jobs.begin(JobKind.REVOKE, filters=Filters(query="a"), actor="Grace", form_key="k")
        for _ in range(2)
    )
    assert job.id == same.id
    site_on.invites("abe@example.com")
    to_its_end(jobs, job)
    assert states(site_on) == ["revoked", "queued"]


def test_the_same_form_with_another_choice_is_another_job(site_on: RunningSite) -> None:
    """After Back, with more days; the job of the first choice says nothing of it."""
    row = site_on.invites("ada@example.com")
    jobs = jobs_of(site_on)
    first, other, again = (
        jobs.begin(JobKind.EXTEND, filters=Filters(), actor="G", days=days, form_key="k")
        for days in (10, 40, 10)
    )
    assert (first.days, other.days) == (10, 40)
    assert again.id == first.id
    to_its_end(jobs, other)
    assert (site_on.row(row.id).expires_at - site_on.clock()).days in (39, 40)
    mistake, left, again = (
        jobs.begin(JobKind.REVOKE, filters=Filters(), actor="G", reason=reason, form_key="r")
        for reason in ("a mistake", "left us", "a mistake")
    )
    assert (mistake.reason, left.reason) == ("a mistake", "left us")
    assert again.id == mistake.id


@pytest.mark.parametrize("query", ["*", "--"])
def test_a_search_that_finds_nothing_changes_nothing(site_on: RunningSite, query: str) -> None:
    """PostgreSQL looks for no word in mere signs: the list is empty then, and so is the job."""
    site_on.invites("ada@example.com")
    jobs = jobs_of(site_on)
    job = jobs.begin(JobKind.REVOKE, filters=Filters(query=query), actor="Grace")
    assert job.total == 0
    assert to_its_end(jobs, job).changed == 0
    assert states(site_on) == ["queued"]


def test_an_extension_moves_the_end_or_sends_a_link_that_lasts(
    site: RunningSite, tenant: Tenant
) -> None:
    """A link of the tenant keeps its end; one of ours and a queued invitation get a later one."""
    queued, sent, expired, over = (
        site.invites(f"{name}@example.com") for name in ("queued", "sent", "expired", "over")
    )
    now = site.clock()
    set_state(site, "sent", sent, landing_hash="of our link")
    set_state(site, "queued", expired, expires_at=now)
    set_state(site, "revoked", over, closed_at=now)
    ours = replace(
        site.services.jobs,
        resending=replace(
            site.services.resending, settings=replace(site.settings, link=LinkKind.LANDING)
        ),
    )
    done = to_its_end(ours, ours.begin(JobKind.EXTEND, filters=Filters(), actor="G", days=30))
    assert (done.changed, done.refused) == (3, 1)
    assert done.refusals == {"This invitation has ended. Invite the address again.": 1}
    for row in (queued, sent, expired):
        assert (site.row(row.id).expires_at - now).days == 30
        assert site.services.listing.events(row.id)[-1].evidence["job"] == 1
    assert site.row(sent.id).state == "sent"
    assert site.row(expired.id).next_try_at  # it goes out after all
    while site.delivers():
        pass
    assert {mail["To"][0]["Address"] for mail in tenant.mails()} == {queued.email, expired.email}
    done = to_its_end(
        site.services.jobs,
        site.services.jobs.begin(JobKind.EXTEND, numbers=[sent.id], actor="G", days=60),
    )
    assert done.changed == 1
    assert site.row(sent.id).state == "queued"
    assert (site.row(sent.id).expires_at - now).days == 60


def test_what_cannot_be_extended_is_told_what_can_be_done_instead(site: RunningSite) -> None:
    """Not all that has no end to move can be invited again."""
    now = site.clock()
    for state, proof in (
        ("password_set", {}),
        ("accepted", {"closed_at": now, "accepted_at": now, "accepted_sub": "auth0|1"}),
        ("failed", {"closed_at": now}),
        ("revoked", {"closed_at": now}),
    ):
        set_state(site, state, site.invites(f"{state}@example.com"), **proof)
    jobs = site.services.jobs
    done = to_its_end(jobs, jobs.begin(JobKind.EXTEND, filters=Filters(), actor="G", days=30))
    assert done.refusals == {
        "This person has chosen a password; such an invitation does not end.": 1,
        "This invitation has been accepted; it does not end.": 1,
        "This invitation has failed. Resend it instead.": 1,
        "This invitation has ended. Invite the address again.": 1,
    }


def test_a_link_that_was_mailed_before_the_setting_changed_keeps_its_end(
    site: RunningSite, tenant: Tenant
) -> None:
    """So a new mail goes out: the tenant would refuse the first link while pages show a later end."""
    row = site.invites("ada@example.com")
    site.delivers()
    with running_site(replace(site.settings, link=LinkKind.LANDING)) as other:
        resending = other.services.resending
        for mails in (2, 2):  # the second has a link of ours, which needs no other one
            assert resending.mails_to_extend_one(other.row(row.id)) == (len(tenant.mails()) == 1)
            resending.extend(row.id, 20 + len(tenant.mails()), actor="Grace")
            other.delivers()
            assert len(tenant.mails()) == mails
            assert other.row(row.id).state == "sent"
        assert (other.row(row.id).expires_at - other.clock()).days in (21, 22)


def test_a_mail_that_asks_to_sign_in_is_extended_without_another(site: RunningSite) -> None:
    """It holds no link that ends; and there is no password to ask the tenant for."""
    row = site.invites("ada@example.com")
    set_state(site, "sent", row, asks_to_sign_in=True)
    settings = replace(site.settings, link=LinkKind.LANDING)
    resending = replace(site.services.resending, settings=settings)
    assert not resending.mails_to_extend_one(site.row(row.id))
    extended = resending.extend(row.id, 30, actor="Grace")
    assert (extended.state, extended.check_at) == ("sent", None)
    assert (extended.expires_at - site.clock()).days in (29, 30)


@pytest.mark.parametrize("link", LinkKind)
def test_an_extension_takes_no_time_away(site_on: RunningSite, link: LinkKind) -> None:
    """What ends later than that already stays as it is, and gets no mail with a shorter link."""
    queued, sent = (site_on.invites(f"{name}@example.com") for name in ("queued", "sent"))
    end = site_on.clock() + timedelta(days=30)
    set_state(site_on, "queued", queued, expires_at=end)
    set_state(site_on, "sent", sent, expires_at=end)
    settings = replace(site_on.settings, link=link)
    jobs = replace(
        site_on.services.jobs, resending=replace(site_on.services.resending, settings=settings)
    )
    done = to_its_end(jobs, jobs.begin(JobKind.EXTEND, filters=Filters(), actor="G", days=7))
    assert done.refusals == {"This invitation ends later than that already.": 2}
    assert states(site_on) == ["queued", "sent"]
    assert {site_on.row(row.id).expires_at for row in (queued, sent)} == {end}


def test_what_cannot_be_done_is_said_before_it_begins(site: RunningSite) -> None:
    """Nobody chosen, no number of days, and a tenant that decides itself."""
    jobs = site.services.jobs
    with pytest.raises(NotPossibleNow, match="Choose at least one"):
        jobs.begin(JobKind.RESEND, actor="G")
    with pytest.raises(NotPossibleNow, match="Choose a number of days"):
        jobs.begin(JobKind.EXTEND, filters=Filters(), actor="G", days=0)
    settings = replace(site.settings, delivery=Delivery.TENANT_EMAIL)
    theirs = replace(jobs, resending=replace(jobs.resending, settings=settings))
    with pytest.raises(NotPossibleNow, match="tenant's own mail"):
        theirs.begin(JobKind.EXTEND, filters=Filters(), actor="G", days=3)
    row = site.invites("ada@example.com")
    for resending, days, words in (
        (jobs.resending, 0, "number of days"),
        (theirs.resending, 3, "tenant's own mail"),
    ):
        with pytest.raises(NotPossibleNow, match=words):
            resending.extend(row.id, days, actor="G")
