"""The counts of invitations are those of the rows, whatever happens to these, on both databases."""

import random
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import median_low

import pytest
from sqlalchemy import Engine, Executable, delete, event, func, insert, select, text, update
from sqlalchemy.orm import Session

from invite_site.database.engine import alembic_config, open_engine, upgrade
from invite_site.invitations.leases import Leases
from invite_site.invitations.ledger import Ledger
from invite_site.invitations.lifecycle import STATUSES, State
from invite_site.invitations.pacer import Pacer
from invite_site.invitations.people import Invitee, Inviter
from invite_site.invitations.statistics import Statistics
from invite_site.invitations.statistics.figures import Day, Progress, Standing
from invite_site.invitations.statistics.tally import FOLD_FROM, Mistake
from invite_site.invitations.tables import Invitation, InvitationEvent, Tally
from invite_site.settings import Plan
from tests.support.databases import postgres_database
from tests.support.interleaving import meanwhile
from tests.support.person import Person
from tests.support.query_plans import plans_of
from tests.support.running import PASSWORD, RunningSite, Tenant, logs_in, sets_password

NOW = datetime(2026, 3, 1, 12, 20, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
GRACE = Inviter("Grace")
GUARDS = {"sqlite": "no_delete", "postgresql": "is_kept ON invitation_event"}


@pytest.fixture
def postgres(_postgres: str, _template: str) -> Iterator[Engine]:
    with postgres_database(_postgres, template=_template) as url:
        engine = open_engine(url)
        yield engine
        engine.dispose()


def invited(engine: Engine, *names: str) -> list[int]:
    ledger = Ledger(engine, "Users", "cid")
    return [
        ledger.open(
            Invitee.parse(f"{name}@example.com"), inviter=GRACE, expires_at=NOW + 5 * DAY, now=NOW
        ).id
        for name in names
    ]


# The same figures by hand -------------------------------------------------------------------------


def standing_of(rows: list[Invitation], now: datetime) -> Standing:
    counts = Counter(row.status(now) for row in rows)
    return Standing(
        counts={status: counts[status] for status in STATUSES},
        stuck=sum(
            row.state == State.PASSWORD_SET
            and row.password_set_at is not None
            and row.password_set_at <= now - HOUR
            for row in rows
        ),
        ending=sum(
            row.state in (State.QUEUED, State.SENT) and now < row.expires_at <= now + 2 * DAY
            for row in rows
        ),
    )


def progress_of(rows: list[Invitation], now: datetime) -> Progress:
    took = [
        two_digits(int(row.accepted_at.timestamp()) - int(row.first_sent_at.timestamp()))
        for row in rows
        if row.accepted_at and row.first_sent_at
    ]
    invited = Counter(row.created_at.date() for row in rows)
    accepted = Counter(row.accepted_at.date() for row in rows if row.accepted_at)
    days = [(now - number * DAY).date() for number in range(29, -1, -1)]
    return Progress(
        sent=sum(row.first_sent_at is not None for row in rows),
        password_set=sum(row.password_set_at is not None for row in rows),
        accepted=sum(row.accepted_at is not None for row in rows),
        seconds_to_accept=median_low(took) if took else None,
        days=tuple(Day(day, invited[day], accepted[day]) for day in days),
    )


def two_digits(number: int) -> int:
    zeros = max(len(str(max(number, 0))) - 2, 0)
    step = int(10**zeros)
    return max(number, 0) // step * step


def agree(engine: Engine, now: datetime) -> None:
    """The counts are those of the rows, by another way; and a recount finds the same."""
    statistics = Statistics(engine)
    with Session(engine) as db:
        rows = list(db.scalars(select(Invitation)))
    assert statistics.standing(now) == standing_of(rows, now)
    assert statistics.progress(now) == progress_of(rows, now)
    assert statistics.recount(now) == []


# --------------------------------------------------------------------------------------------------


def test_the_counts_follow_what_people_and_workers_do(
    site_on: RunningSite, tenant: Tenant, person: Person
) -> None:
    """From the invitation to each of its ends, one by one and as a batch."""
    services = site_on.services

    def same() -> Standing:
        agree(services.engine, site_on.clock())
        return services.statistics.standing(site_on.clock())

    assert same().total == 0
    failed = site_on.invites("ada@example.com")
    assert same().counts["queued"] == 1
    leases = services.deliveries.leases
    leases.claim("a worker", limit=1, now=site_on.clock(), calls={})
    assert same().counts["sending"] == 1
    leases.release("a worker", now=site_on.clock())
    assert same().counts["queued"] == 1
    tenant.fails("SMTP", kind="status", status=550, at="rcpt", times=1)
    site_on.delivers()
    assert same().counts["failed"] == 1
    services.resending.resend(failed.id, actor="Grace")
    slow, quick = (site_on.invites(f"{name}@example.com") for name in ("bob", "cyd"))
    site_on.delivers()
    assert same().counts["sent"] == 3
    services.invitations.revoke(failed.id, actor="Grace")
    assert same().counts["revoked"] == 1
    sets_password(person, tenant.link_to(quick.email))
    logs_in(person, quick.email, PASSWORD)
    assert same().counts["accepted"] == 1
    with Person() as other:
        sets_password(other, tenant.link_to(slow.email))
    site_on.clock.forward(seconds=20)
    site_on.delivers()
    assert same().counts["password_set"] == 1
    site_on.clock.forward(hours=1)
    assert same().stuck == 1

    batch = services.batches.preview(b"a@b.example.com\nb@b.example.com", name="x", inviter=GRACE)
    services.batches.start(batch.id, inviter=GRACE)
    assert same().counts["queued"] == 2
    site_on.clock.forward(days=4)
    assert same().ending == 2
    site_on.clock.forward(days=2)
    assert same().counts["expired"] == 2
    services.batches.cancel(batch.id, actor="Grace")
    assert same().counts["revoked"] == 3


def edges() -> list[datetime]:
    """Moments on both sides of whatever a figure depends on: hours, days, and what lies an hour back
    or two days ahead."""
    tick = timedelta(microseconds=1)
    hour = NOW.replace(minute=0)
    steps = [hour + each * HOUR for each in (-1, 0, 1, 48, 49)]
    steps += [NOW, NOW - HOUR, NOW + 2 * DAY, NOW - 2 * DAY, NOW.replace(hour=0, minute=0)]
    return [at + part for at in steps for part in (-tick, timedelta(), tick)] + [NOW - 90 * DAY]


def test_the_counts_are_right_at_every_edge(engine: Engine) -> None:
    """Of the states whose figures depend on a moment, at each of these."""
    cases = [
        (state, at)
        for state in (State.QUEUED, State.SENDING, State.SENT, State.PASSWORD_SET)
        for at in edges()
    ]
    rows = [
        {
            "ref": f"r{number}", "email": "", "email_norm": str(number), "name": "",
            "connection": "", "client_id": "", "inviter": "", "inviter_sub": "",
            "state": state, "created_at": at, "expires_at": at, "first_sent_at": at,
            "password_set_at": at, "lease_until": at, "generation": 1, "attempts": 1,
        }
        for number, (state, at) in enumerate(cases)
    ]  # fmt: skip
    with engine.begin() as db:
        db.execute(insert(Invitation), rows)
    agree(engine, NOW)


def test_the_counts_follow_whatever_changes_a_row(engine: Engine) -> None:
    """Any state and any moment, many rows at a time; what is rolled back never counted, and what is
    deleted counts no more."""
    chance = random.Random(7)  # noqa: S311
    numbers = invited(engine, *"abcdefghijkl")

    def changes() -> dict[str, object]:
        state = chance.choice(list(State))
        moments = {
            name: chance.choice([None, *edges()])
            for name in ("first_sent_at", "password_set_at", "accepted_at")
        }
        if state in (State.ACCEPTED, State.PASSWORD_SET):
            moments = {name: at or chance.choice(edges()) for name, at in moments.items()}
        return moments | {
            "state": state,
            "created_at": chance.choice(edges()),
            "expires_at": chance.choice(edges()),
            "accepted_sub": "sub",
            "closed_at": NOW,
            "lease_until": NOW,
        }

    for _ in range(10):
        some = chance.sample(numbers, 3)
        with engine.begin() as db:
            db.execute(update(Invitation).where(Invitation.id.in_(some)).values(changes()))
        with engine.connect() as db:
            db.execute(update(Invitation).values(changes()))
            db.rollback()
        agree(engine, NOW)
    with engine.begin() as db:
        gone = numbers[:5]
        # Events are only added to, but for an erasure.
        db.execute(text(f"DROP TRIGGER invitation_event_{GUARDS[engine.dialect.name]}"))
        db.execute(delete(InvitationEvent).where(InvitationEvent.invitation_id.in_(gone)))
        db.execute(delete(Invitation).where(Invitation.id.in_(gone)))
    agree(engine, NOW)
    assert Statistics(engine).standing(NOW).total == len(numbers) - len(gone)


def test_a_claim_adds_nothing_and_a_delivery_little(site_on: RunningSite) -> None:
    """Each row of the tally is written in the transaction of a delivery, thousands of times a batch."""
    site_on.invites("ada@example.com")
    assert tally_rows(site_on.services.engine) == 2  # it waits; the day
    [job] = site_on.services.deliveries.claim("a worker", limit=1)
    assert tally_rows(site_on.services.engine) == 2
    site_on.services.deliveries.deliver(job)
    assert tally_rows(site_on.services.engine) == 5  # it waits no more; it is sent; the day


def tally_rows(engine: Engine) -> int:
    with engine.connect() as db:
        return db.scalar(select(func.count()).select_from(Tally)) or 0


def test_what_happens_during_the_question_is_counted_or_not(engine: Engine) -> None:
    """Wholly: somebody is invited and claimed after the first row was read."""
    other = open_engine(engine.url.render_as_string(hide_password=False))
    happened: list[object] = []

    def happens(*_: object) -> None:
        if not happened:
            happened.append(invited(other, "ada"))
            Leases(other, Pacer(other, Plan.UNKNOWN, lambda: NOW)).claim(
                "w", limit=1, now=NOW, calls={}
            )

    event.listen(engine, "after_cursor_execute", happens)
    counts = Statistics(engine).standing(NOW).counts
    event.remove(engine, "after_cursor_execute", happens)
    other.dispose()
    assert happened
    assert set(counts.values()) == {0}


def test_folding_changes_no_figure(engine: Engine) -> None:
    """However long ago; the sums are few."""
    numbers = invited(engine, "ada", "bob")
    for days in (-300, -90, -61, -3, 0, 1):
        with engine.begin() as db:
            change = update(Invitation).where(Invitation.id == numbers[0])
            db.execute(change.values(expires_at=NOW + days * DAY, first_sent_at=NOW + days * DAY))
            db.execute(insert(Tally), [{"kind": "failed", "bucket": 0, "amount": 1}] * FOLD_FROM)
            db.execute(insert(Tally), [{"kind": "failed", "bucket": 0, "amount": -1}] * FOLD_FROM)
        assert tally_rows(engine) > 2 * FOLD_FROM
        for later in (NOW, NOW + 10 * DAY, NOW + 100 * DAY):
            Statistics(engine).fold(later)
            assert tally_rows(engine) < 20
            agree(engine, later)


def test_few_rows_stay_as_they_are(engine: Engine) -> None:
    """An idle site writes nothing."""
    invited(engine, "ada", "bob")
    before = tally_rows(engine)
    Statistics(engine).fold(NOW)
    assert tally_rows(engine) == before == 4


def test_changes_at_the_same_time_do_not_wait_for_each_other(postgres: Engine) -> None:
    """Nor for a fold, which takes nothing away from either."""
    ada, bob = invited(postgres, "ada", "bob")
    with postgres.begin() as db:
        db.execute(insert(Tally), [{"kind": "failed", "bucket": 0, "amount": 0}] * FOLD_FROM * 2)

    def fails(number: int) -> Executable:
        return (
            update(Invitation)
            .where(Invitation.id == number)
            .values(state=State.FAILED, closed_at=NOW)
        )

    with postgres.connect() as first, postgres.connect() as second:
        for connection in (first, second):
            connection.execute(text("SET lock_timeout = '2s'"))
        first.execute(fails(ada))
        second.execute(fails(bob))
        Statistics(postgres).fold(NOW)
        assert tally_rows(postgres) < FOLD_FROM
        assert Statistics(postgres).standing(NOW).counts["failed"] == 0  # nothing is committed yet
        second.commit()
        first.commit()
    agree(postgres, NOW)
    assert Statistics(postgres).standing(NOW).counts["failed"] == 2


def test_a_time_that_counts_no_more_is_no_median(engine: Engine) -> None:
    """As that of the only one who accepted, and was erased."""
    with engine.begin() as db:
        both = [{"kind": "took", "bucket": 60, "amount": amount} for amount in (1, -1)]
        db.execute(insert(Tally), both)
    assert Statistics(engine).progress(NOW).seconds_to_accept is None


def test_a_recount_says_what_was_wrong_and_mends_it(engine: Engine) -> None:
    """A count that somebody spoilt, and one that is gone."""
    invited(engine, "ada", "bob")
    with engine.begin() as db:
        db.execute(insert(Tally), [{"kind": "failed", "bucket": 0, "amount": 3}])
        db.execute(delete(Tally).where(Tally.kind == "invited_on"))
    statistics = Statistics(engine)
    assert statistics.standing(NOW).counts["failed"] == 3
    assert statistics.recount(NOW) == [Mistake("failed", 0, 3), Mistake("invited_on", 2, 0)]
    agree(engine, NOW)


def test_invitations_from_before_the_counts_are_counted(engine: Engine) -> None:
    """By the migration."""
    from alembic import command

    invited(engine, "ada", "bob", "cyd")
    command.downgrade(alembic_config(engine), "0012")
    upgrade(engine)
    agree(engine, NOW)
    assert Statistics(engine).standing(NOW).counts["queued"] == 3


def test_no_figure_reads_the_whole_table(engine: Engine) -> None:
    """Of the invitations, only parts of two indexes are read."""
    invited(engine, "ada")
    statistics = Statistics(engine)
    with plans_of(engine) as plans:
        statistics.standing(NOW)
        statistics.progress(NOW)
    assert len(plans) == 2
    for plan in plans:
        steps = [step for step in plan.split("; ") if " invitation" in step]
        by_index = r"SEARCH invitation USING COVERING INDEX|Index Only Scan using"
        assert [step for step in steps if not re.search(by_index, step)] == [], plan


def test_two_recounts_at_once_mend_what_is_wrong_once(site_on: RunningSite) -> None:
    """Each would add what is missing."""
    site_on.invites("ada@example.com")
    statistics, now = site_on.services.statistics, site_on.clock()
    with site_on.services.engine.begin() as db:
        db.execute(delete(Tally))
    other = partial(statistics.recount, now)
    with meanwhile(site_on, other) as recounted:
        statistics.recount(now)
    recounted.result()
    assert statistics.recount(now) == []
