"""The pacer: all calls that the tenant allows and none that it refuses, shared by all workers."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from invite_site.invitations.pacer import Pacer
from invite_site.server import working
from invite_site.settings import Plan
from invite_site.tenant.rate_limits import Kind, kind_of, limit_in, rate_of
from tests.support.running import Clock, RunningSite, Tenant, running_site, settings_for, wait_until

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
INVITATION = {Kind.WRITE_USERS: 1, Kind.TICKETS: 1}


class StillClock(Clock):
    """Stands, but for `forward`."""

    def __call__(self) -> datetime:
        return NOW + self._ahead


@pytest.fixture
def clock() -> Clock:
    return StillClock()


def reserve(pacer: Pacer, engine: Engine, wanted: int) -> int:
    """Reserve the calls of up to so many invitations."""
    with engine.begin() as db, pacer.reserving(db) as buckets:
        number = buckets.affordable(INVITATION, wanted)
        buckets.spend(INVITATION, number)
        return number


def says(limit: int, remaining: int) -> dict[str, str]:
    return {"x-ratelimit-limit": str(limit), "x-ratelimit-remaining": str(remaining)}


@pytest.mark.parametrize(
    ("plan", "at_once", "in_a_minute", "a_second"),
    [
        (Plan.FREE, 1, 59, 1),
        (Plan.ENTERPRISE, 24, 479, 8),
        (Plan.ENTERPRISE_NONPRODUCTION, 4, 59, 1),
        (Plan.ESSENTIALS, 9, 119, 2),
        (Plan.PROFESSIONAL, 9, 119, 2),
    ],
)
def test_a_plan_sets_the_pace(
    engine: Engine, clock: Clock, plan: Plan, at_once: int, in_a_minute: int, a_second: float
) -> None:
    """The burst less one call, then the published rate less what clocks differ by."""
    pacer = Pacer(engine, plan, clock)
    assert pacer.known_rate(INVITATION) == pytest.approx(a_second * 0.999)
    assert reserve(pacer, engine, 100) == at_once
    assert reserve(pacer, engine, 100) == 0
    for kind in INVITATION:
        pacer.hear(kind, 201, {}, 0.0)
    end, sent = clock() + timedelta(minutes=1), 0
    while clock() < end:
        clock.forward(seconds=pacer.seconds_until(INVITATION) + 0.00001)
        sent += reserve(pacer, engine, 100)
    assert abs(sent - in_a_minute) <= 2


def test_a_full_bucket_grows_from_the_first_call_that_arrives(engine: Engine, clock: Clock) -> None:
    """What would be added while it is full is lost; an answer says that a call has arrived."""
    pacer = Pacer(engine, Plan.ENTERPRISE, clock)
    assert reserve(pacer, engine, 100) == 24
    clock.forward(seconds=0.9)
    assert reserve(pacer, engine, 100) == 0
    assert pacer.seconds_until(INVITATION) == pytest.approx(0.1 + 1 / 16, abs=0.001)
    pacer.hear(Kind.WRITE_USERS, 201, says(50, 49), 0.0)
    clock.forward(seconds=0.5)
    assert reserve(pacer, engine, 100) == 4
    clock.forward(seconds=3.3)
    assert reserve(pacer, engine, 100) == 24, "it is full again"
    clock.forward(seconds=0.9)
    assert reserve(pacer, engine, 100) == 0


def test_without_any_answer_a_full_bucket_grows_a_second_later(
    engine: Engine, clock: Clock
) -> None:
    """The process that made the calls may have died. A bucket that was drawn from before is not full."""
    pacer = Pacer(engine, Plan.ENTERPRISE, clock)
    assert reserve(pacer, engine, 20) == 20
    clock.forward(seconds=1.5)
    assert reserve(pacer, engine, 100) == 8
    clock.forward(seconds=0.5)
    assert reserve(pacer, engine, 100) == 4


def test_several_workers_share_one_bucket(engine: Engine, clock: Clock) -> None:
    """Of 24 that can go at once, four workers together reserve 24."""
    pacers = [Pacer(engine, Plan.ENTERPRISE, clock) for _ in range(4)]
    taken: list[int] = []

    def take(pacer: Pacer) -> None:
        for _ in range(10):
            taken.append(reserve(pacer, engine, 1))

    threads = [threading.Thread(target=take, args=(pacer,)) for pacer in pacers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == 24


def test_one_at_a_time_until_the_tenant_was_heard(engine: Engine, clock: Clock) -> None:
    """Its first answer tells the size of its bucket, and so the published rate."""
    pacer = Pacer(engine, Plan.UNKNOWN, clock)
    assert reserve(pacer, engine, 10) == 1
    assert reserve(pacer, engine, 10) == 0
    pacer.hear(Kind.WRITE_USERS, 201, says(50, 49), 0.0)
    pacer.hear(Kind.TICKETS, 201, says(50, 48), 0.0)
    assert reserve(pacer, engine, 100) == 24
    assert pacer.known_rate(INVITATION) == pytest.approx(8 * 0.999)


def test_an_answer_about_one_kind_shows_that_the_plan_is_not_free(
    engine: Engine, clock: Clock
) -> None:
    """Free has one bucket of two calls for all; what no answer was about yet has ten at the least."""
    pacer = Pacer(engine, Plan.UNKNOWN, clock)
    pacer.hear_unreserved(Kind.READ_USERS, 200, says(40, 39), 0.0)
    assert reserve(pacer, engine, 100) == 4
    pacer.hear(Kind.WRITE_USERS, 201, says(20, 16), 0.0)
    assert reserve(pacer, engine, 100) == 0, "and has no more by an answer about others"
    others = Pacer(engine, Plan.UNKNOWN, clock)
    others.start()
    others.hear_unreserved(Kind.READ_USERS, 200, says(2, 1), 0.0)
    assert reserve(others, engine, 100) == 0


def test_a_tenant_that_counts_nothing_is_not_paced(engine: Engine, clock: Clock) -> None:
    """An answer without the headers."""
    pacer = Pacer(engine, Plan.UNKNOWN, clock)
    assert reserve(pacer, engine, 10) == 1
    pacer.hear(Kind.WRITE_USERS, 201, {}, 0.0)
    assert reserve(pacer, engine, 1000) == 1000
    assert pacer.seconds_until(INVITATION) == 0.0
    assert pacer.known_rate(INVITATION) is None
    pacer.hear(Kind.WRITE_USERS, 201, says(50, 49), 0.0)
    pacer.hear(Kind.TICKETS, 201, says(50, 48), 0.0)
    assert reserve(pacer, engine, 1000) == 24, "it has begun to"


@pytest.mark.parametrize("kind", INVITATION)
@pytest.mark.parametrize(("headers", "seconds"), [({"Retry-After": "7"}, 7), ({}, 0.1)])
def test_a_tenant_that_counts_nothing_may_refuse_all_the_same(
    engine: Engine, clock: Clock, headers: dict[str, str], seconds: float, kind: Kind
) -> None:
    """Whichever call it was, an invitation that needs it waits."""
    pacer = Pacer(engine, Plan.UNKNOWN, clock)
    pacer.hear(Kind.WRITE_USERS, 201, {}, 0.0)
    pacer.hear(kind, 429, headers, 0.0)
    assert pacer.seconds_until(INVITATION) == pytest.approx(seconds, abs=0.001)
    assert reserve(pacer, engine, 1) == 0
    clock.forward(seconds=seconds)
    assert reserve(pacer, engine, 1000) == 1000


def test_a_refusal_without_headers_does_not_say_that_nothing_is_counted(
    engine: Engine, clock: Clock
) -> None:
    """Where an earlier answer told the limit of these calls, the others have one as well."""
    pacer = Pacer(engine, Plan.UNKNOWN, clock)
    pacer.hear(Kind.WRITE_USERS, 201, says(50, 49), 0.0)
    pacer.hear(Kind.WRITE_USERS, 429, {}, 0.0)
    clock.forward(seconds=0.2)
    assert reserve(pacer, engine, 100) == 3, "nothing was left when it refused"
    clock.forward(seconds=60)
    assert reserve(pacer, engine, 100) == 9


def test_a_limit_stays_where_the_tenant_does_not_count_other_calls(
    engine: Engine, clock: Clock
) -> None:
    """An answer without headers is about calls of its kind."""
    pacer = Pacer(engine, Plan.UNKNOWN, clock)
    pacer.hear(Kind.WRITE_USERS, 201, says(50, 49), 0.0)
    pacer.hear(Kind.TICKETS, 201, {}, 0.0)
    assert pacer.known_rate(INVITATION) == pytest.approx(16 * 0.999)


@pytest.mark.parametrize("headers", [{}, says(50, 49)])
def test_an_answer_that_says_nothing_new_is_not_written(
    engine: Engine, clock: Clock, headers: dict[str, str]
) -> None:
    """All workers would wait for one row at every call."""
    pacer = Pacer(engine, Plan.UNKNOWN, clock)
    for kind in INVITATION:
        pacer.hear(kind, 201, headers, 0.0)
    reserve(pacer, engine, 5)
    pacer.hear(Kind.WRITE_USERS, 201, headers, 0.0)  # the first of them arrived
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    for _ in range(4):
        pacer.hear(Kind.TICKETS, 201, headers, 0.0)
    assert statements == []


@pytest.mark.parametrize("status", [500, 502])
def test_an_error_of_a_server_in_between_says_nothing_of_limits(
    engine: Engine, clock: Clock, status: int
) -> None:
    """It has no such headers, whatever the tenant counts."""
    pacer = Pacer(engine, Plan.UNKNOWN, clock)
    reserve(pacer, engine, 1)
    pacer.hear(Kind.WRITE_USERS, status, {}, 0.0)
    clock.forward(seconds=2)
    pacer.hear_unreserved(Kind.READ_USERS, status, {}, 0.0)
    assert reserve(pacer, engine, 10) == 1


def test_an_answer_lowers_the_estimate_and_never_raises_it(engine: Engine, clock: Clock) -> None:
    """Others may call the same tenant; and an answer does not know of the calls on their way."""
    pacer = Pacer(engine, Plan.ENTERPRISE, clock)
    reserve(pacer, engine, 20)
    pacer.hear(Kind.TICKETS, 201, says(50, 49), 0.0)
    assert reserve(pacer, engine, 100) == 4
    clock.forward(seconds=60)
    pacer.hear(Kind.TICKETS, 201, says(50, 3), 0.0)
    assert reserve(pacer, engine, 100) == 1
    clock.forward(seconds=60)
    pacer.hear(Kind.WRITE_USERS, 201, says(50, 4), 0.0)
    assert reserve(pacer, engine, 100) == 1, "its ticket is to come"
    clock.forward(seconds=60)
    pacer.hear(Kind.TICKETS, 201, says(50, 3), 1.0)
    assert reserve(pacer, engine, 100) == 9, "it was a second on its way"


def test_the_first_answer_about_a_kind_gives_back_nothing_that_another_has_spent(
    engine: Engine, clock: Clock
) -> None:
    """They turn out to share one bucket."""
    pacer = Pacer(engine, Plan.UNKNOWN, clock)
    pacer.hear(Kind.WRITE_USERS, 201, says(50, 49), 0.0)
    pacer.spend({Kind.WRITE_USERS: 40})
    pacer.hear(Kind.TICKETS, 201, says(50, 48), 0.0)
    assert reserve(pacer, engine, 100) == 4


def test_a_bucket_that_was_full_has_what_it_says_and_no_more(engine: Engine, clock: Clock) -> None:
    """On the Free plan, a ticket that was made late: what its bucket would have gained is lost."""
    pacer = Pacer(engine, Plan.FREE, clock)
    assert reserve(pacer, engine, 1) == 1
    pacer.hear(Kind.WRITE_USERS, 201, says(2, 1), 0.0)
    clock.forward(seconds=0.9)
    pacer.hear(Kind.TICKETS, 201, says(2, 1), 0.0)
    assert pacer.seconds_until(INVITATION) == pytest.approx(0.5, abs=0.01)


def test_a_call_that_is_still_to_come_is_not_given_to_another(engine: Engine, clock: Clock) -> None:
    """An account made late, by a worker that had to fetch a token first: its ticket comes later still."""
    pacer = Pacer(engine, Plan.FREE, clock)
    assert reserve(pacer, engine, 1) == 1
    clock.forward(seconds=0.3)
    pacer.hear(Kind.WRITE_USERS, 201, says(2, 1), 0.0)
    assert pacer.seconds_until(INVITATION) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(("limit", "at_once"), [(2, 1), (10, 4)])
def test_a_smaller_bucket_than_that_of_the_plan_is_believed(
    engine: Engine, clock: Clock, limit: int, at_once: int
) -> None:
    """TENANT_PLAN says more than the tenant has; also where what is left of it is more than we thought."""
    pacer = Pacer(engine, Plan.ENTERPRISE, clock)
    reserve(pacer, engine, 100)
    pacer.hear(Kind.WRITE_USERS, 201, says(limit, limit - 1), 0.0)
    pacer.hear(Kind.TICKETS, 201, says(limit, limit - 2), 0.0)
    clock.forward(seconds=60)
    assert reserve(pacer, engine, 100) == at_once
    assert pacer.known_rate(INVITATION) == pytest.approx(1, rel=0.01)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"Retry-After": "7"}, 7), ({}, 0.13), ({"Retry-After": "99999999999"}, 3600)],
)
def test_a_refused_call_stops_all_that_share_its_bucket(
    engine: Engine, clock: Clock, headers: dict[str, str], seconds: float
) -> None:
    """For as long as the tenant asks; at least a moment, at most an hour."""
    pacer = Pacer(engine, Plan.ENTERPRISE, clock)
    pacer.hear(Kind.WRITE_USERS, 429, {**says(50, 0), **headers}, 0.0)
    assert pacer.seconds_until(INVITATION) == pytest.approx(seconds, abs=0.01)
    clock.forward(seconds=seconds - 0.05)
    assert reserve(pacer, engine, 10) == 0
    clock.forward(seconds=0.2)
    assert reserve(pacer, engine, 10) > 0


@pytest.mark.parametrize("plan", [Plan.ENTERPRISE, Plan.UNKNOWN])
def test_what_a_clock_a_day_ahead_has_stored_stops_nobody(
    engine: Engine, clock: Clock, plan: Plan
) -> None:
    """It was set right, or its machine is gone: from when on the bucket grew is not known, and by now it
    is full. A wait that the tenant asked for then is over as well."""
    pacer = Pacer(engine, plan, clock)
    clock.forward(days=1)
    pacer.hear(Kind.WRITE_USERS, 201, says(50, 30), 0.0)
    pacer.hear(Kind.TICKETS, 429, says(50, 0), 0.0)
    clock.forward(days=-1)
    for each in (pacer, Pacer(engine, plan, clock)):
        assert each.now().seconds_until(INVITATION) == 0.0
    assert pacer.seconds_until(INVITATION) == 0.0
    assert reserve(pacer, engine, 100) == 24
    assert reserve(pacer, engine, 100) == 0


def test_of_clocks_that_differ_by_seconds_the_one_ahead_is_believed(
    engine: Engine, clock: Clock
) -> None:
    """Two machines in turns: what the one ahead has added is not added once more. By more than a minute
    no two clocks differ that are right."""
    pacer = Pacer(engine, Plan.ENTERPRISE, clock)
    clock.forward(seconds=30)
    assert reserve(pacer, engine, 100) == 24
    pacer.hear(Kind.WRITE_USERS, 201, says(50, 49), 0.0)
    clock.forward(seconds=-30)
    assert reserve(pacer, engine, 100) == 0
    clock.forward(seconds=30)
    assert reserve(pacer, engine, 100) == 0
    clock.forward(seconds=-90)
    assert reserve(pacer, engine, 100) == 24


def test_calls_that_were_not_reserved_are_counted(engine: Engine, clock: Clock) -> None:
    """Those of pages, and those after a 409."""
    pacer = Pacer(engine, Plan.ENTERPRISE, clock)
    pacer.spend({Kind.READ_USERS: 9})
    pacer.hear_unreserved(Kind.TICKETS, 201, says(50, 49), 0.0)
    assert reserve(pacer, engine, 100) == 19
    pacer.spend({Kind.READ_USERS: 9})
    assert reserve(pacer, engine, 100) == 0
    clock.forward(seconds=60)
    pacer.hear_unreserved(Kind.READ_USERS, 200, says(50, 4), 0.0)
    assert reserve(pacer, engine, 100) == 2


def test_checks_leave_half_to_deliveries(engine: Engine, clock: Clock) -> None:
    """While invitations wait, questions take what is above."""
    pacer = Pacer(engine, Plan.ENTERPRISE, clock)
    with engine.begin() as db, pacer.reserving(db) as buckets:
        assert buckets.affordable({Kind.READ_USERS: 1}, 100, keep=0.5) == 24
        assert buckets.affordable({Kind.READ_USERS: 1}, 100) == 49


def test_a_worker_that_starts_learns_anew_unless_the_plan_is_set(
    engine: Engine, clock: Clock
) -> None:
    """The tenant may have got another plan since; what a plan's bucket has left is kept."""
    pacer = Pacer(engine, Plan.UNKNOWN, clock)
    pacer.hear(Kind.WRITE_USERS, 201, says(2, 1), 0.0)
    pacer.start()
    pacer.hear(Kind.WRITE_USERS, 201, says(50, 49), 0.0)
    pacer.hear(Kind.TICKETS, 201, says(50, 48), 0.0)
    assert reserve(pacer, engine, 100) > 20
    planned = Pacer(engine, Plan.ENTERPRISE, clock)
    planned.start()
    assert reserve(planned, engine, 100) == 0
    planned.hear(Kind.WRITE_USERS, 201, says(2, 1), 0.0)
    planned.start()
    assert planned.known_rate(INVITATION) == pytest.approx(8 * 0.999)


def test_what_a_call_counts_as() -> None:
    """By method and path, as the rate limit policy lists them."""
    assert kind_of("POST", "/users") is Kind.WRITE_USERS
    assert kind_of("PATCH", "/users/auth0%7C1") is Kind.WRITE_USERS
    assert kind_of("GET", "/users-by-email") is Kind.READ_USERS
    assert kind_of("POST", "/tickets/password-change") is Kind.TICKETS
    assert kind_of("GET", "/connections") is None
    assert rate_of(20).per_second == pytest.approx(200 / 60)
    assert rate_of(7).per_second == 0.7
    assert limit_in({"x-ratelimit-limit": "50", "x-ratelimit-remaining": "many"}) is None


@pytest.mark.parametrize(
    ("plan", "setting", "number"),
    [
        ("enterprise", "enterprise", 36),
        ("enterprise", "unknown", 36),
        ("professional", "professional", 14),
        ("free", "free", 4),
        ("free", "unknown", 4),
    ],
)
def test_a_worker_keeps_to_the_limits_of_the_tenant(
    tenant: Tenant, tmp_path: Path, plan: str, setting: str, number: int
) -> None:
    """Over real sockets: beyond the burst, no call is refused and every invitation goes out."""
    settings = settings_for(tenant, tmp_path, TENANT_PLAN=setting)
    with running_site(settings, clock=Clock()) as site:
        tenant.control("PUT", "/plan", {"plan": plan})
        for each in range(number):
            site.invites(f"p{each}@example.com")
        with working(site.services):
            wait_until(lambda: _sent(site) == number, "all were sent", seconds=60)
    statuses = [call["status"] for call in tenant.state["requests"]]
    refused = statuses.count(429)
    assert refused <= 1, "only where this machine stalls between the count and the call"
    assert tenant.calls("POST /api/v2/") == 2 * number + refused


def test_looking_an_account_up_after_a_409_is_counted(tenant: Tenant, tmp_path: Path) -> None:
    """One call more than was reserved."""
    settings = settings_for(tenant, tmp_path, TENANT_PLAN="enterprise")
    with running_site(settings, clock=StillClock()) as site:
        first = site.invites_and_delivers("ada@example.com")
        site.services.invitations.revoke(first.id, actor="Grace")
        site.invites("ada@example.com")
        before = reserved(site)
        deliveries = site.services.deliveries
        for job in deliveries.claim("w", limit=1):
            deliveries.deliver(job)
        assert reserved(site) - before == 3


def reserved(site: RunningSite) -> float:
    """Tokens of the bucket that are gone."""
    buckets = site.services.deliveries.pacer.now()
    return 49 - buckets.affordable({Kind.TICKETS: 1}, 100)


def _sent(site: RunningSite) -> int:
    return len(site.services.listing.page(now=site.clock(), status="sent", size=100))
