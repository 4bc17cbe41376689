"""What concerns everybody pauses the queue, and what concerns one person ends one row."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from invite_site.invitations.people import Inviter
from tests.support.interleaving import meanwhile
from tests.support.running import (
    Clock,
    RunningSite,
    Tenant,
    running_site,
    settings_for,
)
from tests.support.smtp_script import HANG_UP, SmtpScript

ADA = "ada@example.com"


@pytest.mark.parametrize(
    ("route", "fault", "words"),
    [
        ("POST /api/v2/users", {"kind": "status", "status": 500}, "trouble of its own"),
        ("POST /api/v2/users", {"kind": "status", "status": 503}, "trouble of its own"),
        ("POST /api/v2/users", {"kind": "reset"}, "does not answer"),
        (
            "POST /api/v2/users",
            {"kind": "status", "status": 404, "body": "<h1>No such site</h1>"},
            "cannot be read (HTTP 404)",
        ),
        ("POST /oauth/token", {"kind": "reset"}, "does not answer"),
        ("POST /oauth/token", {"kind": "status", "status": 500}, "does not answer"),
        (
            "POST /api/v2/tickets/password-change",
            {"kind": "status", "status": 502},
            "trouble of its own",
        ),
        ("SMTP", {"kind": "status", "status": 421, "at": "connect"}, "does not take messages"),
        ("SMTP", {"kind": "reset", "at": "rcpt"}, "cannot be reached"),
    ],
)
def test_what_passes_pauses_the_queue_and_loses_nothing(
    site: RunningSite, tenant: Tenant, route: str, fault: dict[str, object], words: str
) -> None:
    """One sentence for the admin; the row keeps its tries and goes out when it can."""
    row = site.invites(ADA)
    tenant.fails(route, times=10, **fault)
    site.delivers()
    waiting = site.row(row.id)
    assert (waiting.state, waiting.attempts) == ("queued", 0)
    pause = site.services.circuit_breaker.outage()
    assert pause is not None
    assert words in pause.sentence
    assert site.delivers() == 0, "a paused queue starts nothing"
    tenant.heals()
    site.clock.forward(seconds=61)
    assert site.delivers() == 1
    assert site.row(row.id).state == "sent"
    assert site.services.circuit_breaker.outage() is None
    assert len(tenant.mails(ADA)) == 1


def test_a_404_of_another_web_server_does_not_say_that_an_account_is_gone(
    site: RunningSite, tenant: Tenant
) -> None:
    """Something on the way answers in the tenant's place; its API says 404 in JSON."""
    row = site.invites_and_delivers(ADA)
    tenant.fails(
        "GET /api/v2/users", kind="status", status=404, body="<h1>No such site</h1>", times=2
    )
    site.clock.forward(hours=1, seconds=1)
    site.services.deliveries.check(limit=10)
    assert site.row(row.id).drift is None
    site.services.resending.resend(row.id, actor="Grace")
    site.delivers()
    assert tenant.calls("POST /api/v2/users") == 1
    assert site.row(row.id).state == "queued"


def test_the_pause_grows_and_sends_one_probe(site: RunningSite, tenant: Tenant) -> None:
    """Ten waiting invitations cost a tenant that is down one call a round."""
    for number in range(10):
        site.invites(f"p{number}@example.com")
    tenant.fails("POST /api/v2/users", kind="status", status=503, times=None)
    waits = []
    site.delivers()
    for _ in range(8):
        before = tenant.calls("POST /api/v2/users")
        pause = site.services.circuit_breaker.outage()
        assert pause is not None
        waits.append((pause.until - site.clock()).total_seconds())
        site.clock.forward(seconds=waits[-1] + 0.1)
        assert site.delivers() == 1
        assert tenant.calls("POST /api/v2/users") == before + 1
    assert waits[-1] > 55
    assert waits[0] < 3
    tenant.heals()
    site.clock.forward(seconds=61)
    while site.delivers():
        pass
    assert all(site.status(f"p{number}@example.com") == "sent" for number in range(10))


def test_a_single_row_that_is_each_probe_loses_no_try(site: RunningSite, tenant: Tenant) -> None:
    """That it meets the same each time says nothing of it while nothing else gets through."""
    row = site.invites(ADA)
    tenant.fails("POST /api/v2/users", kind="status", status=503, times=None)
    for failures in range(3):
        assert site.delivers() == 1
        outage = site.services.circuit_breaker.outage()
        assert outage is not None
        assert (outage.failures, site.row(row.id).attempts) == (failures, 0)
        site.clock.forward(seconds=(outage.until - site.clock()).total_seconds())


def test_a_probe_that_is_refused_for_good_ends_the_outage(
    site: RunningSite, tenant: Tenant
) -> None:
    """Whoever refuses one person is there for the others."""
    row = site.invites(ADA)
    for status in (503, 400):
        tenant.fails("POST /api/v2/users", kind="status", status=status, times=1)
        site.sends(1)
        site.clock.forward(seconds=2)
    assert site.row(row.id).state == "failed"
    assert site.services.circuit_breaker.outage() is None


def test_an_outage_after_another_reason_to_wait_is_one(site: RunningSite, tenant: Tenant) -> None:
    """The row was delayed before, by a mail server that was there."""
    site.invites(ADA)
    tenant.fails("SMTP", kind="status", status=450, at="rcpt", times=1)
    site.delivers()
    tenant.fails("SMTP", kind="status", status=421, at="connect", times=1)
    site.clock.forward(seconds=61)
    site.sends(1)
    assert site.services.circuit_breaker.outage() is not None


def test_what_is_in_hand_is_the_probe_of_an_outage(site: RunningSite) -> None:
    """Another one beside it would cost the tenant a second call."""
    site.invites(ADA)
    site.services.circuit_breaker.open("tenant", "The tenant is away.", now=site.clock())
    site.clock.forward(seconds=2)
    deliveries = site.services.deliveries
    assert deliveries.claim("a worker", limit=5, in_flight=1) == ()
    assert len(deliveries.claim("a worker", limit=5)) == 1


def test_a_delivery_that_began_before_an_outage_does_not_end_it(
    site: RunningSite, tenant: Tenant
) -> None:
    """Only an answer to something asked later says that what was away is back."""
    site.invites("first@example.com")
    site.delivers()  # from here on several may be under way at once
    for name in ("early", "late"):
        site.invites(f"{name}@example.com")
    deliveries = site.services.deliveries
    early, late = deliveries.claim("w", limit=2)
    tenant.fails("POST /api/v2/users", kind="status", status=503, times=1)
    deliveries.deliver(late)
    deliveries.deliver(early)
    assert site.row(early.id).state == "sent"
    assert site.services.circuit_breaker.outage() is not None
    site.clock.forward(seconds=2)
    site.delivers()
    assert site.services.circuit_breaker.outage() is None


@pytest.mark.parametrize("route", ["POST /api/v2/users", "POST /api/v2/tickets/password-change"])
def test_a_short_wait_opens_no_circuit_breaker(
    site: RunningSite, tenant: Tenant, route: str
) -> None:
    """429 with a moment's wait: the row goes back, at no try's cost, and nobody asks meanwhile."""
    row = site.invites(ADA)
    tenant.fails(route, kind="status", status=429, times=1, headers={"Retry-After": "3"})
    assert site.delivers() == 1
    assert site.services.circuit_breaker.outage() is None
    assert (site.row(row.id).state, site.row(row.id).attempts) == ("queued", 0)
    assert site.delivers() == 0
    site.clock.forward(seconds=3.1)
    assert site.delivers() == 1
    assert site.row(row.id).state == "sent"
    assert len(tenant.mails(ADA)) == 1
    made = 1 if "tickets" in route else 2
    assert tenant.calls("POST /api/v2/users") == made, "an account that was made is remembered"


@pytest.mark.parametrize(
    ("delivery", "route"),
    [
        ("ticket", "POST /oauth/token"),
        ("tenant_email", "POST /dbconnections/change_password"),
    ],
)
def test_a_wait_for_calls_that_nobody_counts_opens_the_circuit_breaker(
    tenant: Tenant, tmp_path: Path, clock: Clock, delivery: str, route: str
) -> None:
    """However short: the pacer knows nothing of them, and the row would be due again at once."""
    settings = settings_for(tenant, tmp_path, INVITE_DELIVERY=delivery)
    with running_site(settings, clock=clock) as site:
        site.make_admin()  # from here on the tenant is known to set no limits
        row = site.invites(ADA)
        tenant.fails(route, kind="status", status=429, times=2, headers={"Retry-After": "5"})
        before = tenant.calls(route)
        assert site.delivers() == 1
        assert tenant.calls(route) == before + 1
        assert (site.row(row.id).state, site.row(row.id).attempts) == ("queued", 0)
        site.clock.forward(seconds=4.5)
        assert site.delivers() == 0
        tenant.heals()
        site.clock.forward(seconds=1)
        site.delivers()
        assert site.row(row.id).state == "sent"


def test_a_long_wait_goes_back_into_the_queue(site: RunningSite, tenant: Tenant) -> None:
    """For as long as the tenant asks, and without using up a try."""
    row = site.invites(ADA)
    tenant.fails(
        "POST /api/v2/users", kind="status", status=429, times=1, headers={"Retry-After": "40"}
    )
    site.delivers()
    pause = site.services.circuit_breaker.outage()
    assert pause is not None
    assert "slow down" in pause.sentence
    assert timedelta(seconds=35) < pause.until - site.clock() <= timedelta(seconds=40)
    assert site.row(row.id).attempts == 0
    site.clock.forward(seconds=41)
    site.delivers()
    assert site.row(row.id).state == "sent"


def test_a_wait_for_calls_that_nobody_counts_is_never_about_one_row(
    tenant: Tenant, tmp_path: Path, clock: Clock
) -> None:
    """Also where another has gone out since it was asked for the first time."""
    route = "POST /dbconnections/change_password"
    settings = settings_for(tenant, tmp_path, INVITE_DELIVERY="tenant_email")
    with running_site(settings, clock=clock) as site:
        row, other = site.invites(ADA), site.invites("p0@example.com")
        for _ in range(2):
            tenant.fails(route, kind="status", status=429, times=1, headers={"Retry-After": "5"})
            site.sends(1)
            assert site.services.circuit_breaker.outage() is not None
            assert (site.row(row.id).state, site.row(row.id).attempts) == ("queued", 0)
            site.clock.forward(seconds=6)
            site.sends(1)
            assert site.row(other.id).state == "sent"
            site.clock.forward(seconds=2)  # until the pacer lets the next one go


def test_a_row_that_is_asked_to_wait_again_makes_all_wait(
    site: RunningSite, tenant: Tenant
) -> None:
    """Another has gone out in between; but a rate limit is never about one row."""
    site.invites(ADA)
    other = site.invites("p0@example.com")
    for _ in range(2):
        tenant.fails(
            "POST /api/v2/users", kind="status", status=429, times=1, headers={"Retry-After": "40"}
        )
        site.sends(1)
        assert site.services.circuit_breaker.outage() is not None
        site.clock.forward(seconds=41)
        site.sends(1)
        assert site.row(other.id).state == "sent"
        site.clock.forward(seconds=2)  # until the pacer lets the next one go


def test_a_wait_of_a_year_is_an_hour(site: RunningSite, tenant: Tenant) -> None:
    """A wrong clock on the other side does not stop the queue for good."""
    site.invites(ADA)
    tenant.fails(
        "POST /api/v2/users",
        kind="status",
        status=429,
        times=1,
        headers={"Retry-After": "99999999999999999999"},
    )
    site.delivers()
    pause = site.services.circuit_breaker.outage()
    assert pause is not None
    assert pause.until - site.clock() <= timedelta(hours=1)


@pytest.mark.parametrize(
    ("fault", "is_withdrawn"),
    [
        ({"route": "SMTP", "status": 554, "at": "connect"}, True),
        ({"route": "POST /api/v2/users", "status": 429, "headers": {"Retry-After": "40"}}, False),
        ({"route": "POST /api/v2/users", "status": 403}, False),
    ],
)
def test_an_outage_of_the_tenant_alone_puts_withdrawals_off(
    site: RunningSite, tenant: Tenant, fault: dict[str, Any], is_withdrawn: bool
) -> None:
    """A link that was revoked dies while the mail server is away."""
    row = site.invites_and_delivers(ADA)
    tenant.fails(kind="status", times=1, **fault)
    site.invites_and_delivers("grace@example.com")
    assert site.services.circuit_breaker.outage() is not None
    site.services.invitations.revoke(row.id, actor="Grace")
    site.services.deliveries.check(limit=10)
    is_live = site.row(row.id).user_id in tenant.linked_accounts()
    assert is_live is not is_withdrawn


def test_after_a_probe_that_failed_another_row_goes_ahead(
    site: RunningSite, tenant: Tenant
) -> None:
    """A single invitation goes before a batch; but the tenant may have trouble with that one alone."""
    site.invites(ADA)
    inviter, batches = Inviter("Grace"), site.services.batches
    batch = batches.preview(b"Email\np0@example.com\n", name="people.csv", inviter=inviter)
    batches.start(batch.id, inviter=inviter)
    tenant.fails("POST /api/v2/users", kind="status", status=500, times=1)
    site.sends(1)
    assert site.services.circuit_breaker.outage() is not None
    site.clock.forward(seconds=2)
    assert site.sends(1) == 1
    assert [site.status(each) for each in (ADA, "p0@example.com")] == ["queued", "sent"]
    assert site.services.circuit_breaker.outage() is None


@pytest.mark.parametrize("reply", ["421 4.7.0 Closing connection", HANG_UP])
def test_an_address_that_the_mail_server_hangs_up_at_waits_alone(
    tenant: Tenant, clock: Clock, tmp_path: Path, mail_server: SmtpScript, reply: str
) -> None:
    """The others have gone out in between, so it is about this one: later and later, as if delayed."""
    mail_server.replies[f"RCPT {ADA}"] = reply
    settings = settings_for(tenant, tmp_path, SMTP_URL=mail_server.url)
    with running_site(settings, clock=clock) as site:
        row = site.invites(ADA)
        for number in range(3):
            site.invites(f"p{number}@example.com")
        for _ in range(3):
            site.delivers()
            clock.forward(seconds=61)
        assert {site.status(f"p{number}@example.com") for number in range(3)} == {"sent"}
        assert site.services.circuit_breaker.outage() is None
        waiting = site.row(row.id)
        assert (waiting.state, waiting.attempts) == ("queued", 2)
        messages = site.services.deliveries.leases.messages(waiting)
        assert {each.status for each in messages} == {"not taken"}
        assert waiting.next_try_at > clock()
        mail_server.replies.clear()
        clock.forward(minutes=5)
        site.delivers()
        assert site.row(row.id).state == "sent"


def test_refusals_that_may_be_about_us_wait_at_the_third_person(
    site: RunningSite, tenant: Tenant
) -> None:
    """Nobody has failed; when it is over all go out without a hand on any row."""
    for number in range(10):
        site.invites(f"p{number}@example.com")
    tenant.fails("SMTP", kind="status", status=554, at="data", times=None)
    site.delivers()
    outage = site.services.circuit_breaker.outage()
    assert outage is not None
    assert outage.cause == "sender"
    assert outage.until - site.clock() > timedelta(minutes=4)
    assert {site.status(f"p{n}@example.com") for n in range(10)} == {"queued"}
    tenant.heals()
    for _ in range(4):
        site.clock.forward(minutes=6)
        while site.delivers():
            pass
    assert {site.status(f"p{n}@example.com") for n in range(10)} == {"sent"}


def test_a_refusal_that_meets_one_person_alone_ends_that_row(
    site: RunningSite, tenant: Tenant
) -> None:
    """After three tries; the same words for others never came. Sent again by an admin it goes out."""
    row = site.invites(ADA)
    tenant.fails("SMTP", kind="status", status=554, at="data", times=3)
    for minutes in (0, 2, 6):
        site.clock.forward(minutes=minutes)
        site.delivers()
    failed = site.row(row.id)
    assert failed.state == "failed"
    messages = site.services.deliveries.leases.messages(failed)
    assert [each.status for each in messages] == ["ambiguous"] * 3
    assert site.services.circuit_breaker.outage() is None
    since = site.clock() - timedelta(minutes=1)
    assert site.services.resending.resend_failed(since, actor="Grace") == 1
    site.delivers()
    assert site.row(row.id).state == "sent"


def test_the_third_person_may_be_one_who_was_refused_before(
    site: RunningSite, tenant: Tenant
) -> None:
    """One mail went out after that, and then none: three people in a row are about us."""
    site.invites(ADA)
    tenant.fails("SMTP", kind="status", status=554, at="data", times=1)
    site.delivers()
    site.clock.forward(seconds=30)
    site.invites_and_delivers("taken@example.com")
    tenant.fails("SMTP", kind="status", status=554, at="data", times=None)
    for number in range(2):
        site.invites_and_delivers(f"p{number}@example.com")
    assert site.services.circuit_breaker.outage() is None
    site.clock.forward(seconds=31)
    site.sends(1)
    assert site.services.circuit_breaker.outage() is not None


def test_two_who_are_refused_three_times_are_two_people(site: RunningSite, tenant: Tenant) -> None:
    """With the same words each time: it takes a third person for them to be about us."""
    rows = [site.invites(f"p{number}@example.com") for number in range(2)]
    tenant.fails("SMTP", kind="status", status=554, at="data", times=None)
    for minutes in (0, 2, 6):
        site.clock.forward(minutes=minutes)
        site.delivers()
        assert site.services.circuit_breaker.outage() is None
    assert [site.row(row.id).state for row in rows] == ["failed", "failed"]


def test_what_failed_is_sent_again_but_for_who_has_been_invited_anew(
    site: RunningSite, tenant: Tenant
) -> None:
    """One of them keeps nobody else from it."""
    failed = [site.invites(f"p{number}@example.com") for number in range(3)]
    tenant.fails("POST /api/v2/users", kind="status", status=400, times=3)
    while site.delivers():
        pass
    anew = site.invites(failed[1].email)
    since = site.clock() - timedelta(minutes=1)
    assert site.services.resending.resend_failed(since, actor="Grace") == 2
    assert [site.row(row.id).state for row in failed] == ["queued", "failed", "queued"]
    assert site.row(anew.id).state == "queued"


def test_what_is_sent_again_after_an_outage_waits_behind_a_single_invitation(
    site: RunningSite, tenant: Tenant
) -> None:
    """Thousands may have failed; a colleague who is invited meanwhile does not wait for them."""
    failed = [site.invites(f"p{number}@example.com") for number in range(3)]
    tenant.fails("POST /api/v2/users", kind="status", status=400, times=3)
    while site.delivers():
        pass
    assert {site.row(row.id).state for row in failed} == {"failed"}
    since = site.clock() - timedelta(minutes=1)
    assert site.services.resending.resend_failed(since, actor="Grace") == 3
    site.clock.forward(seconds=1)
    site.invites(ADA)
    assert site.sends(1) == 1
    assert site.status(ADA) == "sent"


def test_wrong_management_credentials_pause_until_a_restart_with_right_ones(
    site: RunningSite, tenant: Tenant
) -> None:
    """One clear sentence; the rows wait."""
    wrong = replace(site.settings, management_client_secret="wrong")
    with running_site(wrong) as broken:
        row = broken.invites_and_delivers(ADA)
        pause = broken.services.circuit_breaker.outage()
        assert pause is not None
        assert "AUTH0_MANAGEMENT_CLIENT_SECRET" in pause.sentence
        assert broken.row(row.id).state == "queued"
        assert broken.row(row.id).attempts == 0
        broken.clock.forward(seconds=30)
        assert broken.delivers() == 0
    with running_site(site.settings) as mended:
        mended.services.deliveries.start("test worker")
        mended.delivers()
        assert mended.status(ADA) == "sent"


def test_a_missing_scope_pauses_with_the_scopes_it_needs(site: RunningSite, tenant: Tenant) -> None:
    """The sentence says what to grant."""
    tenant.control("PUT", "/application", {"management_scope": "read:users"})
    site.invites_and_delivers(ADA)
    pause = site.services.circuit_breaker.outage()
    assert pause is not None
    assert "create:users, read:users and create:user_tickets" in pause.sentence


def test_a_mail_server_that_cannot_be_used_pauses_and_fails_nobody(
    site: RunningSite, tenant: Tenant
) -> None:
    """What it says before a message is about itself, not about an address."""
    wrong = replace(
        site.settings, smtp_url=site.settings.smtp_url.replace("smtp://", "smtp://user:pass@")
    )
    with running_site(wrong) as other:
        row = other.invites_and_delivers(ADA)
        assert other.row(row.id).state == "queued"
        pause = other.services.circuit_breaker.outage()
        assert pause is not None
        assert "SMTP_URL" in pause.sentence
        assert pause.until - other.clock() > timedelta(minutes=4)


def test_a_greylisted_mail_waits_by_itself(site: RunningSite, tenant: Tenant) -> None:
    """450: this message later, the others now."""
    delayed = site.invites(ADA)
    tenant.fails("SMTP", kind="status", status=450, at="rcpt", times=2)
    site.delivers()
    assert site.services.circuit_breaker.outage() is None
    for minutes in (1, 5):
        row = site.row(delayed.id)
        assert row.state == "queued"
        assert "try again later" in (row.last_error or "")
        assert row.next_try_at is not None
        assert row.next_try_at - site.clock() <= timedelta(minutes=minutes)
        assert site.delivers() == 0
        site.clock.forward(minutes=minutes)
        site.delivers()
    assert site.row(delayed.id).state == "sent"
    messages = site.services.deliveries.leases.messages(site.row(delayed.id))
    assert [each.status for each in messages] == ["delayed", "delayed", "accepted"]
    assert len({each.message_id for each in messages}) == 3, "another link is another message"


def test_a_mail_that_is_delayed_again_and_again_is_tried_once_an_hour_at_last(
    site: RunningSite, tenant: Tenant
) -> None:
    """Its time may run out, and it does not fail for that."""
    row = site.invites(ADA)
    tenant.fails("SMTP", kind="status", status=450, at="rcpt", times=None)
    for minutes in (1, 5, 15, 60, 60, 60):
        site.delivers()
        site.clock.forward(seconds=minutes * 60 - 30)
        assert site.delivers() == 0
        site.clock.forward(seconds=30)
    assert site.row(row.id).state == "queued"


def test_what_met_an_outage_before_and_is_sent_again_meets_the_next_for_all(
    site: RunningSite, tenant: Tenant
) -> None:
    """It went out in between: that the same is said again is not about it."""
    row = site.invites(ADA)
    for _ in range(2):
        tenant.fails("SMTP", kind="status", status=421, at="connect", times=1)
        site.sends(1)
        assert site.services.circuit_breaker.outage() is not None
        site.clock.forward(minutes=6)
        site.delivers()
        assert site.row(row.id).state == "sent"
        site.services.resending.resend(row.id, actor="Grace")


def test_an_outage_that_begins_while_another_ends_stays(site_on: RunningSite) -> None:
    """What was answered began before it."""
    breaker, began = site_on.services.circuit_breaker, site_on.clock()
    breaker.open("tenant", "The tenant does not answer.", now=began)

    def ends_and_begins() -> None:
        breaker.close(began=began)
        site_on.clock.forward(seconds=1)
        breaker.open("mail", "The mail server cannot be reached.", now=site_on.clock())

    with meanwhile(site_on, ends_and_begins, before="DELETE FROM pause") as done:
        breaker.close(began=began)
    done.result()
    outage = breaker.outage()
    assert outage is not None
    assert outage.cause == "mail"


def test_a_refused_address_fails_with_the_servers_words(site: RunningSite, tenant: Tenant) -> None:
    """550: no retry; the address can be invited anew."""
    row = site.invites(ADA)
    tenant.fails("SMTP", kind="status", status=550, at="rcpt", times=1)
    site.delivers()
    failed = site.row(row.id)
    assert failed.state == "failed"
    assert "550" in (failed.last_error or "")
    [delivery] = site.services.deliveries.leases.messages(failed)
    assert delivery.status == "refused"
    again = site.invites(ADA)
    assert again.supersedes_id == row.id
    site.delivers()
    assert site.status(ADA) == "sent"
