"""The ledger and its queue, on SQLite and on PostgreSQL: states, winners, leases, proofs."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import DatabaseError, IntegrityError

from invite_site.database.engine import alembic_config, is_current, upgrade
from invite_site.errors import AlreadyInvited, InvitationNotFound, LeaseLost
from invite_site.invitations.leases import LEASE, Leases, Message, MessageStatus
from invite_site.invitations.leases.statements import CLAIM_WAITING
from invite_site.invitations.ledger import Ledger
from invite_site.invitations.lifecycle import FAIL, HAND_TO_MAIL_SERVER, POSTPONE, State
from invite_site.invitations.listing import Listing
from invite_site.invitations.pacer import Pacer
from invite_site.invitations.people import Invitee, Inviter
from invite_site.invitations.tables import Invitation
from invite_site.invitations.visits import Visits
from invite_site.settings import Plan

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def ledger(engine: Engine) -> Ledger:
    return Ledger(engine, "Users", "cid")


@pytest.fixture
def listing(engine: Engine) -> Listing:
    return Listing(engine)


@pytest.fixture
def leases(engine: Engine) -> Leases:
    return Leases(engine, Pacer(engine, Plan.UNKNOWN, lambda: NOW))


@pytest.fixture
def visits(engine: Engine) -> Visits:
    return Visits(engine, "Users")


def holds(leases: Leases, job: Invitation, **columns: Any) -> bool:
    """Whether the row is still under the very claim that `job` was read from."""
    try:
        leases.extend(job, now=NOW, **columns)
    except LeaseLost:
        return False
    return True


def hand_over(
    leases: Leases, job: Invitation, message_id: str = "<m@x>", now: datetime = NOW
) -> None:
    message = Message(message_id, MessageStatus.ACCEPTED)
    leases.finish(job, HAND_TO_MAIL_SERVER, now=now, message=message, last_sent_at=now)


def postpone(
    leases: Leases, job: Invitation, *, attempts: int, message: Message | None = None
) -> None:
    leases.finish(job, POSTPONE, now=NOW, message=message, next_try_at=NOW, attempts=attempts)


def fail(leases: Leases, job: Invitation) -> None:
    leases.finish(job, FAIL, now=NOW, closed_at=NOW, last_error="no")


def invited(ledger: Ledger, email: str = "ada@example.com", **more: Any) -> Invitation:
    return ledger.open(
        Invitee.parse(email, more.pop("name", "")),
        inviter=Inviter(more.pop("inviter", "Grace"), "auth0|grace"),
        expires_at=more.pop("expires_at", NOW + 5 * DAY),
        now=more.pop("now", NOW),
        **more,
    )


def sent(ledger: Ledger, leases: Leases, email: str = "ada@example.com") -> Invitation:
    row = invited(ledger, email)
    [job] = leases.claim("w", limit=1, now=NOW, calls={})
    leases.extend(job, now=NOW, user_id=f"auth0|{row.id}")
    hand_over(leases, job, f"<{row.id}@x>")
    return ledger.get(row.id)


def test_it_works(listing: Listing, ledger: Ledger, leases: Leases, visits: Visits) -> None:
    """Queued, sending, sent, accepted: each step an event with who and on what evidence."""
    row = sent(ledger, leases)
    assert row.state == State.SENT
    assert row.created_at == NOW
    assert visits.accept(
        f"auth0|{row.id}",
        sub=f"auth0|{row.id}",
        email="ada@example.com",
        address="ada@example.com",
        now=LATER,
    )
    assert ledger.get(row.id).state == State.ACCEPTED
    assert [(event.event, event.to_state) for event in listing.events(row.id)] == [
        ("invited", "queued"),
        ("delivery_started", "sending"),
        ("handed_to_mail_server", "sent"),
        ("accepted", "accepted"),
    ]
    assert listing.events(row.id)[-1].evidence == {"proof": "ID token", "sub": f"auth0|{row.id}"}


def test_one_address_has_one_open_invitation(ledger: Ledger) -> None:
    """Another case of letters is the same address; the second admin hears who and when."""
    first = invited(ledger, "Ada@example.com", inviter="Grace")
    with pytest.raises(AlreadyInvited, match=r"Grace already invited .* 1 March 2026") as refused:
        invited(ledger, "ADA@EXAMPLE.com", inviter="Joan")
    assert refused.value.invitation_id == first.id


def test_the_database_itself_refuses_a_second_open_row(engine: Engine, ledger: Ledger) -> None:
    """Also where some code forgets to ask."""
    row = invited(ledger)
    columns = (
        "email, email_norm, name, connection, client_id, inviter, inviter_sub, created_at, "
        "expires_at, generation, attempts"
    )
    with pytest.raises(IntegrityError), engine.begin() as db:
        db.execute(
            text(
                f"INSERT INTO invitation (ref, state, {columns}) "  # noqa: S608
                f"SELECT 'other', 'queued', {columns} FROM invitation WHERE id = :id"
            ),
            {"id": row.id},
        )


def test_twenty_people_who_invite_at_once_get_one_invitation(ledger: Ledger) -> None:
    """One opens it, the others hear of it."""

    def ask(number: int) -> str:
        try:
            invited(ledger, inviter=f"Admin {number}")
        except AlreadyInvited:
            return "already"
        return "opened"

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(ask, range(20)))
    assert sorted(set(answers)) == ["already", "opened"]
    assert answers.count("opened") == 1


def test_the_same_form_twice_is_one_invitation(listing: Listing, ledger: Ledger) -> None:
    """Ten posts of one form at once all get the same row."""
    with ThreadPoolExecutor(10) as pool:
        rows = list(pool.map(lambda _: invited(ledger, form_key="k"), range(10)))
    assert len({row.id for row in rows}) == 1
    assert len(listing.events(rows[0].id)) == 1


def test_an_ended_invitation_makes_room_for_a_new_one(ledger: Ledger) -> None:
    """The new row remembers the one that it supersedes."""
    first = invited(ledger)
    assert ledger.revoke(first.id, actor="Grace", reason="typo", now=NOW)
    second = invited(ledger)
    assert second.supersedes_id == first.id


def test_each_job_goes_to_one_worker(ledger: Ledger, leases: Leases) -> None:
    """Four workers, fifty jobs, none twice."""
    for number in range(50):
        invited(ledger, f"p{number}@example.com")

    def drain(worker: int) -> list[int]:
        taken: list[int] = []
        while jobs := leases.claim(f"w{worker}", limit=3, now=NOW, calls={}):
            taken += [job.id for job in jobs]
        return taken

    with ThreadPoolExecutor(4) as pool:
        taken = [row_id for each in pool.map(drain, range(4)) for row_id in each]
    assert len(taken) == len(set(taken)) == 50


def test_a_dead_workers_job_is_due_again_after_its_lease(ledger: Ledger, leases: Leases) -> None:
    """Not before, and the dead one can do nothing with it if it wakes up."""
    invited(ledger)
    [dead] = leases.claim("dead", limit=1, now=NOW, calls={})
    assert not leases.claim("next", limit=1, now=NOW + LEASE, calls={})
    [job] = leases.claim("next", limit=1, now=NOW + LEASE + timedelta(seconds=1), calls={})
    assert job.id == dead.id
    with pytest.raises(LeaseLost):
        hand_over(leases, dead)
    with pytest.raises(LeaseLost):
        fail(leases, dead)
    with pytest.raises(LeaseLost):
        postpone(leases, dead, attempts=1)
    hand_over(leases, job)


def test_an_earlier_claim_of_the_same_worker_counts_no_more(ledger: Ledger, leases: Leases) -> None:
    """A thread that was given up and wakes later finds the row claimed anew under its own name."""
    invited(ledger)
    [slow] = leases.claim("w", limit=1, now=NOW, calls={})
    leases.release("w", now=NOW)
    [job] = leases.claim("w", limit=1, now=NOW, calls={})
    assert not holds(leases, slow)
    assert holds(leases, job)


def test_another_workers_claim_counts_no_more(ledger: Ledger, leases: Leases) -> None:
    """Also where the tries were given back, so that both claims are the first."""
    invited(ledger)
    [slow] = leases.claim("slow", limit=1, now=NOW, calls={})
    postpone(leases, slow, attempts=0)
    [job] = leases.claim("quick", limit=1, now=NOW, calls={})
    assert job.attempts == slow.attempts
    assert not holds(leases, slow)
    assert holds(leases, job)


def test_a_worker_that_restarts_takes_its_own_jobs_back(ledger: Ledger, leases: Leases) -> None:
    """Under the same name at once; another's lease is left alone."""
    invited(ledger, "a@example.com")
    invited(ledger, "b@example.com")
    leases.claim("mine", limit=1, now=NOW, calls={})
    leases.claim("theirs", limit=1, now=NOW, calls={})
    leases.release("mine", now=NOW)
    assert len(leases.claim("mine", limit=5, now=NOW, calls={})) == 1


def test_an_expired_invitation_is_never_sent(ledger: Ledger, leases: Leases) -> None:
    """Its link would be dead on arrival."""
    row = invited(ledger, expires_at=NOW + timedelta(minutes=1))
    assert not leases.claim("w", limit=1, now=NOW + timedelta(minutes=1), calls={})
    assert row.status(NOW + timedelta(minutes=1)) == "expired"


def test_resending_gives_a_full_life_and_a_new_message(ledger: Ledger, leases: Leases) -> None:
    """Also to one that has expired; not to one that has ended."""
    row = sent(ledger, leases)
    again = ledger.requeue(row.id, actor="Grace", expires_at=NOW + 9 * DAY, now=NOW + 6 * DAY)
    assert again is not None
    assert (again.state, again.generation) == (State.QUEUED, 2)
    assert again.status(NOW + 6 * DAY) == "queued"
    assert ledger.revoke(row.id, actor="Grace", reason="", now=NOW)
    assert ledger.requeue(row.id, actor="Grace", expires_at=NOW + 9 * DAY, now=NOW) is None


def test_a_withdrawn_invitation_is_taken_from_its_worker(ledger: Ledger, leases: Leases) -> None:
    """The worker finds out at its next step and stops."""
    row = invited(ledger)
    [job] = leases.claim("w", limit=1, now=NOW, calls={})
    assert holds(leases, job)
    assert ledger.revoke(row.id, actor="Grace", reason="", now=NOW)
    assert not holds(leases, job)
    assert not holds(leases, job, user_id="auth0|1")
    with pytest.raises(LeaseLost):
        hand_over(leases, job)
    assert ledger.get(row.id).state == State.REVOKED


def test_of_ten_sign_ins_at_once_one_accepts(
    ledger: Ledger, leases: Leases, visits: Visits
) -> None:
    """The others find nothing left to accept."""
    row = sent(ledger, leases)
    with ThreadPoolExecutor(10) as pool:
        won = list(
            pool.map(
                lambda _: visits.accept(
                    f"auth0|{row.id}",
                    sub=f"auth0|{row.id}",
                    email="a@example.com",
                    address="a@example.com",
                    now=LATER,
                ),
                range(10),
            )
        )
    assert sum(won) == 1


def test_no_other_account_can_accept(ledger: Ledger, leases: Leases, visits: Visits) -> None:
    """Not even one with the same address."""
    sent(ledger, leases)
    assert not visits.accept(
        "auth0|other",
        sub="auth0|other",
        email="ada@example.com",
        address="ada@example.com",
        now=LATER,
    )


def test_an_account_of_another_connection_accepts_nothing_here(
    engine: Engine, ledger: Ledger, leases: Leases
) -> None:
    """Two connections may share a database, and an id means one account in each."""
    row = sent(ledger, leases)
    sub = f"auth0|{row.id}"
    elsewhere = Visits(engine, "Others")
    assert not elsewhere.accept(
        sub, sub=sub, email="ada@example.com", address="ada@example.com", now=LATER
    )
    assert not Ledger(engine, "Others", "cid").of_user(sub)
    assert ledger.get(row.id).state == State.SENT


def test_accepting_after_the_end_of_its_life_is_fine(
    ledger: Ledger, leases: Leases, visits: Visits
) -> None:
    """The sign-in itself proves that the link was used in time."""
    row = sent(ledger, leases)
    late = NOW + 30 * DAY
    assert row.status(late) == "expired"
    assert visits.accept(
        f"auth0|{row.id}",
        sub=f"auth0|{row.id}",
        email="ada@example.com",
        address="ada@example.com",
        now=late,
    )


def test_accepting_while_a_newer_mail_goes_out_takes_it_from_its_worker(
    ledger: Ledger, leases: Leases, visits: Visits
) -> None:
    """They signed in by the mail before."""
    row = sent(ledger, leases)
    assert ledger.requeue(row.id, actor="Grace", expires_at=NOW + 5 * DAY, now=NOW)
    [job] = leases.claim("w", limit=1, now=NOW, calls={})
    assert job.state == State.SENDING
    account = f"auth0|{row.id}"
    email = "ada@example.com"
    assert visits.accept(account, sub=account, email=email, address=email, now=LATER)
    with pytest.raises(LeaseLost):
        hand_over(leases, job)
    assert ledger.get(row.id).state == State.ACCEPTED


def test_the_database_refuses_an_acceptance_without_proof(engine: Engine, ledger: Ledger) -> None:
    """`accepted` needs a time and a `sub`."""
    row = invited(ledger)
    with pytest.raises(IntegrityError), engine.begin() as db:
        db.execute(
            text("UPDATE invitation SET state = 'accepted', closed_at = created_at WHERE id = :id"),
            {"id": row.id},
        )


@pytest.mark.parametrize(
    "statement", ["UPDATE invitation_event SET actor = 'x'", "DELETE FROM invitation_event"]
)
def test_an_event_is_neither_changed_nor_removed(
    engine: Engine, ledger: Ledger, statement: str
) -> None:
    """History is only added to."""
    invited(ledger)
    with pytest.raises(DatabaseError, match="only added to"), engine.begin() as db:
        db.execute(text(statement))


def test_a_retry_of_one_message_is_one_delivery(ledger: Ledger, leases: Leases) -> None:
    """What the server said last is what is kept."""
    invited(ledger)
    [job] = leases.claim("w", limit=1, now=NOW, calls={})
    postpone(leases, job, attempts=1, message=Message("<m@x>", MessageStatus.DELAYED))
    [job] = leases.claim("w", limit=1, now=NOW, calls={})
    assert job.attempts == 2
    hand_over(leases, job, now=LATER)
    [delivery] = leases.messages(job)
    assert (delivery.status, delivery.at) == ("accepted", LATER)


def test_a_wait_that_is_nobodys_fault_costs_no_attempt(ledger: Ledger, leases: Leases) -> None:
    """A paused queue does not use up a row's tries."""
    invited(ledger)
    for _ in range(3):
        [job] = leases.claim("w", limit=1, now=NOW, calls={})
        assert job.attempts == 1
        postpone(leases, job, attempts=0)


def test_an_unknown_number_is_not_found(ledger: Ledger) -> None:
    """With an error of our own."""
    with pytest.raises(InvitationNotFound):
        ledger.get(999)
    assert ledger.by_ref("nothing") is None


def test_migrations_go_up_and_down_and_match_the_tables(engine: Engine) -> None:
    """The same revisions serve both kinds of database."""
    from alembic import command

    assert is_current(engine)
    command.check(alembic_config(engine))
    command.downgrade(alembic_config(engine), "base")
    assert not is_current(engine)
    upgrade(engine)
    assert is_current(engine)


def test_a_moment_without_a_zone_is_refused(ledger: Ledger) -> None:
    """A naive time would be stored as somebody's local time."""
    with pytest.raises(Exception, match="without a time zone"):
        invited(ledger, now=datetime(2026, 3, 1))


def test_a_claim_reads_the_queue_in_its_order(engine: Engine) -> None:
    """By its own index, without sorting, whatever else waits."""
    with engine.begin() as db:
        is_sqlite = engine.dialect.name == "sqlite"
        if not is_sqlite:
            for each in ("seqscan", "sort", "incremental_sort"):
                db.execute(text(f"SET LOCAL enable_{each} = off"))
        values = {"now": NOW, "until": NOW, "worker": "w", "most": 5}
        explain = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
        asked: list[tuple[str, Any]] = []

        @event.listens_for(db, "before_cursor_execute")
        def note(_connection: Any, _cursor: Any, statement: str, given: Any, *_: Any) -> None:
            asked.append((statement, given))

        db.execute(CLAIM_WAITING, values)
        statement, given = asked[0]
        plan = db.exec_driver_sql(f"{explain} {statement}", given)
        steps = "; ".join(str(step[-1]).strip() for step in plan)
    assert "ix_invitation_claim" in steps, steps
    assert "TEMP B-TREE" not in steps
    assert "Sort" not in steps


def test_what_expired_in_the_queue_does_not_hold_up_what_is_behind_it(
    ledger: Ledger, leases: Leases
) -> None:
    """It is taken out of the queue, and the same claim finds the others."""
    grace, ada = Inviter("Grace"), Invitee.parse("ada@example.com")
    ledger.open(ada, inviter=grace, expires_at=NOW + DAY, now=NOW)
    bob = ledger.open(
        Invitee.parse("bob@example.com"), inviter=grace, expires_at=NOW + 3 * DAY, now=NOW
    )
    later = NOW + 2 * DAY
    assert [row.id for row in leases.claim("w", limit=1, now=later, calls={})] == [bob.id]
