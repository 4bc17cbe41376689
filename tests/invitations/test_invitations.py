"""Delivery, with a tenant and a mail server that fail on request: nothing is lost or doubled."""

import threading
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests
from bs4 import BeautifulSoup
from sqlalchemy import text

from invite_site.errors import AlreadyInvited, NotPossibleNow
from invite_site.invitations.people import Inviter
from tests.support.person import Person
from tests.support.running import (
    PASSWORD,
    RunningSite,
    Tenant,
    running_site,
    sets_password,
    signs_in,
    wait_until,
)

ADA = "ada@example.com"


def test_it_works(site_on: RunningSite, tenant: Tenant) -> None:
    """One account with a marker, one ticket, one mail; on both kinds of database."""
    site = site_on
    row = site.invites(ADA, "Ada")
    assert site.delivers() == 1
    user = tenant.user(ADA)
    assert user["app_metadata"] == {"invitedToMyApp": True, "invitation_id": row.ref}
    assert user["email_verified"] is False
    assert len(tenant.mails(ADA)) == 1
    assert site.row(row.id).user_id == user["user_id"]
    assert site.delivers() == 0


def test_the_journey_on_both_databases(
    site_on: RunningSite, tenant: Tenant, person: Person
) -> None:
    """From the form to *Accepted*."""
    site_on.invites(ADA)
    site_on.delivers()
    sets_password(person, tenant.link_to(ADA))
    person.types(Password=PASSWORD).presses("Continue")
    assert site_on.status(ADA) == "accepted"


@pytest.mark.parametrize(
    ("route", "fault", "words"),
    [
        ("POST /api/v2/users", {"kind": "status", "status": 500}, "trouble of its own"),
        ("POST /api/v2/users", {"kind": "status", "status": 503}, "trouble of its own"),
        ("POST /api/v2/users", {"kind": "reset"}, "does not answer"),
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


def test_a_create_whose_answer_was_lost_makes_no_second_account(
    site: RunningSite, tenant: Tenant
) -> None:
    """The next try meets a 409, finds our own marker, and goes on."""
    row = site.invites(ADA)
    tenant.fails("POST /api/v2/users", kind="act_then_drop", times=1)
    site.delivers()
    assert site.row(row.id).state == "queued"
    site.clock.forward(seconds=61)
    site.delivers()
    assert site.row(row.id).state == "sent"
    assert sum(user["email"] == ADA for user in tenant.state["users"]) == 1


def test_a_mail_that_was_taken_but_not_answered_goes_out_again_as_another_message(
    site: RunningSite, tenant: Tenant
) -> None:
    """A quarter of an hour later, with a link and an id of its own that follows the first; the
    newest link works."""
    row = site.invites(ADA)
    tenant.fails("SMTP", kind="reset", at="after_store", times=1)
    site.delivers()
    doubtful = site.row(row.id)
    assert doubtful.state == "queued"
    assert "did not say" in (doubtful.last_error or "")
    assert site.services.circuit_breaker.outage() is None, "the others go on"
    site.clock.forward(minutes=14)
    assert site.delivers() == 0
    site.clock.forward(minutes=2)
    site.delivers()
    newer, first = tenant.mails(ADA)
    assert newer["MessageID"] != first["MessageID"]
    assert header(tenant, newer, "In-Reply-To") == header(tenant, newer, "References")
    assert header(tenant, newer, "References").strip("<>") == first["MessageID"]
    with Person() as person:
        sets_password(person, tenant.link_to(ADA))
        person.types(Password=PASSWORD).presses("Continue")
    assert site.status(ADA) == "accepted"


def test_a_mail_that_was_never_confirmed_counts_as_sent_after_four(
    site: RunningSite, tenant: Tenant
) -> None:
    """After 15 minutes, an hour and four hours more; then the page says that nobody confirmed it."""
    row = site.invites(ADA)
    tenant.fails("SMTP", kind="reset", at="after_store", times=None)
    site.delivers()
    for minutes in (15, 60, 240):
        assert site.row(row.id).state == "queued"
        site.clock.forward(minutes=minutes - 1)
        assert site.delivers() == 0
        site.clock.forward(minutes=1, seconds=1)
        assert site.delivers() == 1
    done = site.row(row.id)
    assert done.state == "sent"
    assert "did not confirm" in (done.last_error or "")
    mails = tenant.mails(ADA)
    assert len(mails) == 4
    assert len({mail["MessageID"] for mail in mails}) == 4
    site.clock.forward(hours=12)
    site.delivers()
    assert len(tenant.mails(ADA)) == 4
    person = Person()
    sets_password(person, tenant.link_to(ADA))
    assert person.sees_in("Email address") == ADA


def test_nothing_is_sent_again_once_the_password_is_set(site: RunningSite, tenant: Tenant) -> None:
    """The tenant is asked before each try: it was set, so the message in doubt arrived."""
    row = site.invites(ADA)
    tenant.fails("SMTP", kind="reset", at="after_store", times=1)
    site.delivers()
    with Person() as person:
        sets_password(person, tenant.link_to(ADA))
    site.clock.forward(minutes=16)
    site.delivers()
    assert site.row(row.id).state == "password_set"
    assert len(tenant.mails(ADA)) == 1


def test_somebody_who_holds_a_mail_in_doubt_is_accepted(site: RunningSite, tenant: Tenant) -> None:
    """While it waits for another try."""
    site.invites(ADA)
    tenant.fails("SMTP", kind="reset", at="after_store", times=1)
    site.delivers()
    with Person() as person:
        sets_password(person, tenant.link_to(ADA))
        person.types(Password=PASSWORD).presses("Continue")
    assert site.status(ADA) == "accepted"


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
    assert site.row(row.id).state == "failed"
    assert site.services.circuit_breaker.outage() is None
    since = site.clock() - timedelta(minutes=1)
    assert site.services.resending.resend_failed(since, actor="Grace") == 1
    site.delivers()
    assert site.row(row.id).state == "sent"


def header(tenant: Tenant, mail: dict[str, Any], name: str) -> str:
    """One header of a mail, as the page of the mailbox shows it."""
    page = requests.get(f"{tenant.mailbox_url}/{mail['ID']}", timeout=10).text
    term = BeautifulSoup(page, "html.parser").find("dt", string=name)
    assert term is not None
    return term.find_next("dd").get_text(strip=True)


def test_wrong_management_credentials_pause_until_a_restart_with_right_ones(
    site: RunningSite, tenant: Tenant
) -> None:
    """One clear sentence; the rows wait."""
    wrong = replace(site.settings, management_client_secret="wrong")
    with running_site(wrong) as broken:
        row = broken.invites(ADA)
        broken.delivers()
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
    site.invites(ADA)
    site.delivers()
    pause = site.services.circuit_breaker.outage()
    assert pause is not None
    assert "create:users, read:users and create:user_tickets" in pause.sentence


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
    messages = site.services.listing.messages(delayed.id)
    assert [each.status for each in messages] == ["delayed", "delayed", "accepted"]
    assert len({each.message_id for each in messages}) == 3, "another link is another message"


def test_a_refused_address_fails_with_the_servers_words(site: RunningSite, tenant: Tenant) -> None:
    """550: no retry; the address can be invited anew."""
    row = site.invites(ADA)
    tenant.fails("SMTP", kind="status", status=550, at="rcpt", times=1)
    site.delivers()
    failed = site.row(row.id)
    assert failed.state == "failed"
    assert "550" in (failed.last_error or "")
    [delivery] = site.services.listing.messages(row.id)
    assert delivery.status == "refused"
    again = site.invites(ADA)
    assert again.supersedes_id == row.id
    site.delivers()
    assert site.status(ADA) == "sent"


def test_an_account_that_did_not_come_from_here_is_left_alone(
    site: RunningSite, tenant: Tenant
) -> None:
    """Whoever made it could share it with the invitee; the admin is told what to do."""
    tenant.reset()
    row = site.invites("admin@example.com")
    site.delivers()
    failed = site.row(row.id)
    assert failed.state == "failed"
    assert "did not create" in (failed.last_error or "")
    assert tenant.mails() == []
    assert tenant.state["tickets"] == []


def test_an_account_of_an_earlier_invitation_that_nobody_used_is_used_again(
    site: RunningSite, tenant: Tenant
) -> None:
    """Withdrawn and invited again: the same account, a new ticket."""
    first = site.invites(ADA)
    site.delivers()
    site.services.invitations.revoke(first.id, actor="Grace")
    site.delivers()
    second = site.invites(ADA)
    site.delivers()
    assert site.row(second.id).state == "sent"
    assert site.row(second.id).user_id == site.row(first.id).user_id
    with Person() as person:
        sets_password(person, tenant.link_to(ADA))
        person.types(Password=PASSWORD).presses("Continue")
        assert person.url == f"{site.url}/"
    assert site.row(second.id).state == "accepted"
    assert site.row(first.id).state == "revoked"


def test_resending_replaces_the_link_and_the_life(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """The older link says that it was replaced; the newer one works, and lives in full."""
    row = site.invites(ADA)
    site.delivers()
    old = tenant.link_to(ADA)
    site.clock.forward(days=4)
    site.services.resending.resend(row.id, actor="Grace")
    site.delivers()
    new = tenant.link_to(ADA)
    assert new != old
    person.opens(old)
    assert person.heading == "A newer mail has replaced this link"
    sets_password(person, new)
    assert person.sees_in("Email address") == ADA
    mails = tenant.mails(ADA)
    assert mails[0]["MessageID"] != mails[1]["MessageID"]
    assert site.row(row.id).expires_at - site.clock() > timedelta(days=4, hours=23)


def test_revoking_kills_the_link_at_the_tenant(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """Without a page of ours on the way: the ticket itself is worthless."""
    row = site.invites(ADA)
    site.delivers()
    site.services.invitations.revoke(row.id, actor="Grace", reason="typo")
    site.delivers()
    assert [ticket["state"] for ticket in tenant.state["tickets"]][:1] == ["superseded"]
    person.opens(tenant.link_to(ADA))
    assert person.heading == "This invitation was withdrawn"
    assert "ticket_withdrawn" in [event.event for event in site.services.listing.events(row.id)]


def test_revoking_while_the_worker_is_on_the_way_sends_nothing(
    site: RunningSite, tenant: Tenant
) -> None:
    """The worker finds the row taken before the mail, and kills the ticket that it made."""
    row = site.invites(ADA)
    tenant.fails("POST /api/v2/tickets/password-change", kind="slow", seconds=1, times=1)
    worker = threading.Thread(target=site.delivers)
    worker.start()
    wait_until(lambda: tenant.user(ADA) is not None, "the account was made")
    site.services.invitations.revoke(row.id, actor="Grace")
    worker.join()
    assert tenant.mails() == []
    assert site.row(row.id).state == "revoked"
    site.delivers()
    assert tenant.linked_accounts() == []


@pytest.mark.parametrize("state", ["queued", "accepted", "revoked"])
def test_what_cannot_be_resent_says_why(
    site: RunningSite, tenant: Tenant, person: Person, state: str
) -> None:
    """A sentence for each state."""
    row = site.invites(ADA)
    if state != "queued":
        site.delivers()
    if state == "accepted":
        sets_password(person, tenant.link_to(ADA))
        person.types(Password=PASSWORD).presses("Continue")
    if state == "revoked":
        site.services.invitations.revoke(row.id, actor="Grace")
    assert site.row(row.id).state == state
    with pytest.raises(NotPossibleNow) as refused:
        site.services.resending.resend(row.id, actor="Grace")
    assert str(refused.value).endswith(".")


def test_inviting_again_after_the_end_renews_the_same_invitation(
    site: RunningSite, tenant: Tenant
) -> None:
    """An expired invitation is no obstacle."""
    row = site.invites(ADA)
    site.delivers()
    with pytest.raises(AlreadyInvited):
        site.invites(ADA)
    site.clock.forward(days=6)
    assert site.status(ADA) == "expired"
    again = site.invites(ADA)
    assert again.id == row.id
    site.delivers()
    assert site.status(ADA) == "sent"
    assert len(tenant.mails(ADA)) == 2


def test_the_ticket_never_outlives_the_invitation(site: RunningSite, tenant: Tenant) -> None:
    """Its life is what is left when it is made, said in seconds."""
    row = site.invites(ADA)
    site.clock.forward(days=3)
    site.delivers()
    [ticket] = tenant.state["tickets"]
    life = datetime.fromisoformat(ticket["expires"]) - datetime.fromisoformat(ticket["created"])
    assert life <= row.expires_at - site.clock() + timedelta(seconds=1)
    assert life > timedelta(days=1, hours=23)


def test_somebody_else_signing_in_leaves_the_invitation(site: RunningSite, person: Person) -> None:
    """An ordinary sign-in accepts nothing that is not its own."""
    site.invites(ADA)
    site.delivers()
    signs_in(person, site)
    assert site.status(ADA) == "sent"


def test_an_address_of_a_foreign_domain_gets_its_mail(site: RunningSite, tenant: Tenant) -> None:
    """The network sees A-labels; the person reads the address as it was typed."""
    site.invites("jo@bücher.example")
    site.delivers()
    assert site.status("jo@xn--bcher-kva.example") == "sent"
    [mail] = tenant.mails("jo@xn--bcher-kva.example")
    assert "jo@bücher.example" in mail["Text"]


def test_withdrawing_late_does_not_kill_the_newer_invitations_link(
    site: RunningSite, tenant: Tenant
) -> None:
    """Revoked while no worker ran, and invited again: the newest link works."""
    first = site.invites(ADA)
    site.delivers()
    site.services.invitations.revoke(first.id, actor="Grace")
    site.invites(ADA)
    site.services.deliveries.check(limit=10)
    assert len(tenant.state["tickets"]) == 1, "one made now may come after that of the newer one"
    for _ in range(3):
        site.delivers()
        site.clock.forward(seconds=61)
    assert len(tenant.linked_accounts()) == 1
    with Person() as person:
        sets_password(person, tenant.link_to(ADA))
        assert person.sees_in("Email address") == ADA


def test_an_invitation_whose_worker_died_and_whose_time_ran_out_is_expired(
    site: RunningSite, tenant: Tenant
) -> None:
    """It can be sent again like any other."""
    row = site.invites(ADA)
    site.services.deliveries.claim("dead", limit=1)
    site.clock.forward(days=6)
    site.delivers()
    assert site.status(ADA) == "expired"
    site.services.resending.resend(row.id, actor="Grace")
    site.delivers()
    assert site.status(ADA) == "sent"


def test_inviting_an_expired_address_again_takes_the_new_words(
    site: RunningSite, tenant: Tenant
) -> None:
    """The mail names who invites now; the same form sent twice is one renewal."""
    site.invites(ADA, "Old Name")
    site.delivers()
    site.clock.forward(days=6)
    anew = {"name": "New Name", "inviter": Inviter("Joan Clarke"), "form_key": "k"}
    rows = [site.services.invitations.invite(ADA, **anew) for _ in range(2)]
    assert rows[0].id == rows[1].id
    site.delivers()
    mails = tenant.mails(ADA)
    assert len(mails) == 2
    assert mails[0]["Subject"].startswith("Joan Clarke invites you")
    assert "New Name" in mails[0]["Text"]


def test_coming_back_again_asks_the_tenant_again(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """An early or forged return uses nothing up."""
    row = site.invites(ADA)
    site.delivers()
    person.peeks(f"{site.url}/invite/complete?i={row.ref}&success=true")
    site.clock.forward(seconds=16)
    site.delivers()
    assert site.status(ADA) == "sent"
    site.clock.forward(seconds=61)
    sets_password(person, tenant.link_to(ADA))
    site.clock.forward(seconds=16)
    site.delivers()
    assert site.status(ADA) == "password_set"


def test_a_mail_server_that_cannot_be_used_pauses_and_fails_nobody(
    site: RunningSite, tenant: Tenant
) -> None:
    """What it says before a message is about itself, not about an address."""
    wrong = replace(
        site.settings, smtp_url=site.settings.smtp_url.replace("smtp://", "smtp://user:pass@")
    )
    with running_site(wrong) as other:
        row = other.invites(ADA)
        other.delivers()
        assert other.row(row.id).state == "queued"
        pause = other.services.circuit_breaker.outage()
        assert pause is not None
        assert "SMTP_URL" in pause.sentence


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


def test_an_open_invitation_of_another_application_is_no_withdrawn_one(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """After AUTH0_CLIENT_ID changed, people are signed in, and nobody hears of a withdrawal."""
    site.invites(ADA)
    site.delivers()
    sets_password(person, tenant.link_to(ADA))
    with site.services.engine.begin() as db:
        db.execute(text("UPDATE invitation SET client_id = 'the-earlier-one'"))
    with Person() as later:
        signs_in(later, site, ADA, PASSWORD)
        assert later.url == f"{site.url}/"


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
