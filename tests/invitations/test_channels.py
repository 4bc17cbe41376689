"""The landing link, and what each way of travelling needs and refuses."""

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from invite_site.errors import ConfigError
from invite_site.invitations.tables import Invitation
from invite_site.invitations.visits import LINK_USES
from tests.support.accounts import api, change_user
from tests.support.person import Person
from tests.support.running import (
    PASSWORD,
    RunningSite,
    Tenant,
    running_site,
    settings_for,
    wait_until,
)

ADA = "ada@example.com"


@pytest.fixture
def landing(tenant: Tenant, database_url: str, tmp_path: Path) -> Iterator[RunningSite]:
    """A site whose mails lead to a page of its own, on both kinds of database."""
    settings = settings_for(tenant, tmp_path, INVITE_LINK="landing", DATABASE_URL=database_url)
    with running_site(settings) as running:
        yield running


def link_in(tenant: Tenant, email: str, number: int = 0) -> str:
    text = tenant.mails(email)[number]["Text"]
    return str(next(word for word in text.split() if "/i/" in word))


def chooses_password(person: Person) -> Person:
    person.types_into("New password", PASSWORD).types_into("Re-enter new password", PASSWORD)
    return person.presses("Reset password")


def test_it_works(landing: RunningSite, tenant: Tenant, person: Person) -> None:
    """A page of ours, a ticket made at the button, and the way as ever."""
    row = landing.invites_and_delivers(ADA, "Ada")
    assert tenant.state["tickets"] == []
    person.opens(link_in(tenant, ADA))
    assert person.url.startswith(landing.url)
    assert person.heading.startswith("You are invited to")
    assert "Grace Hopper" in person.text
    assert tenant.state["tickets"] == []
    person.presses("Choose your password")
    assert person.url.startswith(f"{tenant.url}/lo/reset?ticket=")
    assert "#type=invite&app=A%26B" in person.url
    [ticket] = tenant.state["tickets"]
    assert ticket["state"] == "live"
    chooses_password(person)
    assert person.sees_in("Email address") == ADA
    person.types(Password=PASSWORD).presses("Continue")
    assert landing.status(ADA) == "accepted"
    assert "link_opened" in [each.event for each in landing.services.listing.events(row.id)]


def test_scanners_may_open_the_page(landing: RunningSite, tenant: Tenant) -> None:
    """Fifty GETs and HEADs make no ticket and change nothing."""
    row = landing.invites_and_delivers(ADA)
    with Person() as scanner:
        for number in range(50):
            answer = scanner.peeks(link_in(tenant, ADA), "HEAD" if number % 2 else "GET")
            assert answer.status_code == 200
    assert tenant.state["tickets"] == []
    assert landing.row(row.id).opened_at is None


def test_the_button_needs_its_token(landing: RunningSite, tenant: Tenant, person: Person) -> None:
    """A form of another site makes no ticket."""
    landing.invites_and_delivers(ADA)
    assert person.peeks(link_in(tenant, ADA), "POST").status_code == 400
    assert tenant.state["tickets"] == []


def test_a_second_click_does_not_kill_the_first_ticket(
    landing: RunningSite, tenant: Tenant, person: Person
) -> None:
    """It is asked to wait; a little later it gets a ticket of its own, and only that one lives."""
    landing.invites_and_delivers(ADA)
    link = link_in(tenant, ADA)
    person.opens(link).presses("Choose your password")
    with Person() as second:
        second.opens(link).presses("Choose your password")
        assert "opened a moment ago" in second.text
        assert [ticket["state"] for ticket in tenant.state["tickets"]] == ["live"]
        landing.clock.forward(seconds=4)
        second.presses("Choose your password")
        assert second.url.startswith(tenant.url)
    states = sorted(ticket["state"] for ticket in tenant.state["tickets"])
    assert states == ["live", "superseded"]


@pytest.mark.parametrize("at", ["rcpt", "data"])
def test_a_newer_mail_that_is_refused_leaves_the_link_before_it_alone(
    landing: RunningSite, tenant: Tenant, person: Person, at: str
) -> None:
    """The invitee asks for it while their first link is open; the owner reads why there is none. Also
    where the server has read the whole of it."""
    row = landing.invites_and_delivers(ADA)
    first_link = link_in(tenant, ADA)
    person.opens(first_link).presses("Choose your password")
    before = landing.row(row.id)
    refusal = {"kind": "status", "status": 550, "body": "5.1.1 No such user", "at": at}
    tenant.fails("SMTP", **refusal, times=1)
    landing.services.resending.renew(row.ref)
    landing.delivers()
    row = landing.row(row.id)
    assert (row.state, row.closed_at) == ("sent", None)
    assert row.last_error.startswith(
        "No newer mail was sent, and the link in the one before works."
    )
    assert row.check_at is not None
    assert (row.link_uses, row.ticket_issued_at) == (1, before.ticket_issued_at)
    with Person() as later:
        assert later.opens(first_link).offers("Choose your password")
    chooses_password(person).types(Password=PASSWORD).presses("Continue")
    assert landing.row(row.id).state == "accepted"


def test_a_newer_mail_to_a_blocked_account_ends_the_invitation(
    landing: RunningSite, tenant: Tenant
) -> None:
    """It was not the mail that was refused: the link in the one before leads nowhere either."""
    row = landing.row(landing.invites_and_delivers(ADA).id)
    api(landing).send("PATCH", f"/users/{row.user_id}", {"blocked": True})
    landing.services.resending.resend(row.id, actor="Grace")
    landing.delivers()
    assert landing.row(row.id).state == "failed"


def test_a_link_that_gives_no_more_tickets_says_where_a_new_one_is(
    landing: RunningSite, tenant: Tenant, person: Person
) -> None:
    """Waiting would not help there; the button in the mail does."""
    landing.invites_and_delivers(ADA)
    [mail] = tenant.mails(ADA)
    with landing.services.engine.begin() as db:
        db.execute(update(Invitation).values(link_uses=LINK_USES))
    person.opens(link_in(tenant, ADA)).presses("Choose your password")
    assert "use “Get a new link” in the mail" in person.text
    person.opens(next(word for word in mail["Text"].split() if "/invite/renew" in word))
    person.presses("Send me a new link")
    landing.delivers()
    person.opens(link_in(tenant, ADA)).presses("Choose your password")
    assert person.url.startswith(tenant.url)


def test_with_the_password_set_the_button_only_signs_in(
    landing: RunningSite, tenant: Tenant, person: Person
) -> None:
    """Never another ticket: the account has an owner now."""
    landing.invites_and_delivers(ADA)
    link = link_in(tenant, ADA)
    chooses_password(person.opens(link).presses("Choose your password"))
    with Person() as later:
        landing.clock.forward(seconds=10)
        later.opens(link).presses("Choose your password")
        assert later.sees_in("Email address") == ADA
        assert len(tenant.state["tickets"]) == 1
        later.opens(link)
        assert later.heading == "Your password is set"
        later.presses("Sign in").types(Password=PASSWORD).presses("Continue")
    assert landing.status(ADA) == "accepted"
    assert person.opens(link).heading == "You have accepted this invitation"


def test_with_the_password_set_the_button_asks_the_tenant_nothing(
    landing: RunningSite, tenant: Tenant, person: Person
) -> None:
    """On a page left open: the account accepts by its id, whatever address it has by now."""
    row = landing.invites_and_delivers(ADA)
    link = link_in(tenant, ADA)
    with Person() as later:
        later.opens(link)
        chooses_password(person.opens(link).presses("Choose your password"))
        landing.services.checks.ask(landing.row(row.id))
        assert landing.row(row.id).state == "password_set"
        change_user(
            landing, landing.row(row.id), email="ada.byron@example.com", connection=row.connection
        )
        later.presses("Choose your password")
        assert later.sees_in("Email address") == ADA


def test_each_state_has_its_page(landing: RunningSite, tenant: Tenant, person: Person) -> None:
    """Replaced, expired, withdrawn, unknown: what happened and what to do."""
    row = landing.invites_and_delivers(ADA)
    link = link_in(tenant, ADA)
    landing.services.resending.resend(row.id, actor="Grace")
    landing.delivers()
    assert person.opens(link).heading == "A newer mail has replaced this link"
    newer = link_in(tenant, ADA)
    assert newer != link
    landing.clock.forward(days=6)
    assert person.opens(newer).heading == "This invitation has expired"
    landing.services.invitations.revoke(row.id, actor="Grace")
    assert person.opens(newer).heading == "This invitation was withdrawn"
    assert person.opens(f"{landing.url}/i/nonsense").response.status_code == 404


@pytest.fixture
def elsewhere(landing: RunningSite, tenant: Tenant, tmp_path: Path) -> Iterator[RunningSite]:
    """The same site, once INVITE_LINK is the tenant's."""
    settings = settings_for(tenant, tmp_path, DATABASE_URL=landing.settings.database_url)
    with running_site(settings, clock=landing.clock) as running:
        yield running


def test_a_mail_with_the_tenants_link_replaces_ours(
    landing: RunningSite, elsewhere: RunningSite, tenant: Tenant, person: Person
) -> None:
    """After INVITE_LINK was changed. Changed back, an extension knows which link is out."""
    row = landing.invites_and_delivers(ADA)
    link = link_in(tenant, ADA)
    elsewhere.services.resending.resend(row.id, actor="Grace")
    elsewhere.delivers()
    assert person.opens(link).heading == "A newer mail has replaced this link"
    assert landing.services.resending.mails_to_extend_one(landing.row(row.id))
    landing.clock.forward(minutes=3)
    landing.services.resending.extend(row.id, 30, actor="Grace")
    assert landing.status(ADA) == "queued"


def test_our_link_stays_where_the_mail_with_the_tenants_was_refused(
    landing: RunningSite, elsewhere: RunningSite, tenant: Tenant, person: Person
) -> None:
    """Nobody has another one."""
    row = landing.invites_and_delivers(ADA)
    tenant.fails("SMTP", kind="status", status=550, at="rcpt", times=1)
    elsewhere.services.resending.resend(row.id, actor="Grace")
    elsewhere.delivers()
    assert landing.status(ADA) == "sent"
    assert person.opens(link_in(tenant, ADA)).offers("Choose your password")


def test_a_page_left_open_past_the_end_makes_no_ticket(
    landing: RunningSite, tenant: Tenant, person: Person
) -> None:
    """The button looks again."""
    landing.invites_and_delivers(ADA)
    person.opens(link_in(tenant, ADA))
    landing.clock.forward(days=6)
    person.presses("Choose your password")
    assert person.heading == "This invitation has expired"
    assert tenant.state["tickets"] == []


def test_the_tenant_being_away_is_a_page(
    landing: RunningSite, tenant: Tenant, person: Person, caplog: pytest.LogCaptureFixture
) -> None:
    """503 with one next step, and a line of the log; the link works when it is back."""
    landing.invites_and_delivers(ADA)
    person.opens(link_in(tenant, ADA))
    tenant.fails("POST /api/v2/tickets/password-change", kind="status", status=503, times=1)
    person.presses("Choose your password")
    assert person.response.status_code == 503
    assert person.heading == "This does not work right now"
    assert person.response.headers["Retry-After"] == "10"
    assert "a page had to do without the tenant: TenantUnavailable" in caplog.messages
    landing.clock.forward(seconds=4)
    person.presses("Try again")
    assert person.url.startswith(tenant.url)


def test_the_link_is_stored_as_a_hash(landing: RunningSite, tenant: Tenant) -> None:
    """Who reads the database cannot open it."""
    row = landing.invites_and_delivers(ADA)
    token = link_in(tenant, ADA).rsplit("/", 1)[1]
    stored = landing.row(row.id)
    assert stored.landing_hash
    assert token not in str(vars(stored))


def test_what_does_not_go_together_is_refused_at_start(tenant: Tenant, tmp_path: Path) -> None:
    """With the reason."""
    with pytest.raises(ConfigError, match="carries the tenant's own link"):
        settings_for(tenant, tmp_path, INVITE_DELIVERY="tenant_email", INVITE_LINK="landing")
    for name in ("INVITE_DELIVERY", "INVITE_RETURN", "INVITE_LINK"):
        with pytest.raises(ConfigError, match=f"{name} must be"):
            settings_for(tenant, tmp_path, **{name: "pigeon"})


def test_the_tenants_own_mail_needs_no_mail_server_of_ours(tenant: Tenant, tmp_path: Path) -> None:
    """SMTP_URL and MAIL_FROM may be empty then, and only then."""
    empty = {"SMTP_URL": "", "MAIL_FROM": ""}
    assert settings_for(tenant, tmp_path, INVITE_DELIVERY="tenant_email", **empty)
    with pytest.raises(ConfigError, match="SMTP_URL is missing"):
        settings_for(tenant, tmp_path, **empty)


def test_a_link_from_before_a_mail_that_asks_to_sign_in_makes_no_ticket(
    landing: RunningSite, tenant: Tenant, person: Person
) -> None:
    """The account is in use: nobody is to choose another password for it."""
    row = landing.invites_and_delivers(ADA)
    with landing.services.engine.begin() as db:
        db.execute(update(Invitation).values(asks_to_sign_in=True))
    person.opens(link_in(tenant, ADA)).presses("Choose your password")
    assert person.sees_in("Email address") == ADA
    assert tenant.state["tickets"] == []
    assert landing.row(row.id).opened_at is None


@pytest.mark.parametrize(
    ("left", "life"), [(timedelta(days=1), 3600), (timedelta(minutes=10), 600)]
)
def test_a_ticket_lives_an_hour_or_what_is_left_of_the_invitation(
    landing: RunningSite, tenant: Tenant, person: Person, left: timedelta, life: int
) -> None:
    """Ours is the only word on how long the mail's link works."""
    row = landing.row(landing.invites_and_delivers(ADA).id)
    landing.clock.forward(seconds=(row.expires_at - landing.clock() - left).total_seconds())
    person.opens(link_in(tenant, ADA)).presses("Choose your password")
    [ticket] = tenant.state["tickets"]
    lives = datetime.fromisoformat(ticket["expires"]) - datetime.fromisoformat(ticket["created"])
    assert life - 60 < lives.total_seconds() <= life


def test_a_ticket_made_while_the_invitation_was_withdrawn_is_withdrawn_too(
    landing: RunningSite, tenant: Tenant, person: Person
) -> None:
    """The button leads nowhere then."""
    row = landing.invites_and_delivers(ADA)
    person.opens(link_in(tenant, ADA))
    tenant.fails("POST /api/v2/tickets/password-change", kind="slow", seconds=1, times=1)
    pressing = threading.Thread(target=lambda: person.presses("Choose your password"))
    pressing.start()
    wait_until(lambda: landing.row(row.id).opened_at is not None, "the button was pressed")
    landing.services.invitations.revoke(row.id, actor="Grace")
    pressing.join()
    assert person.url.startswith(landing.url)
    assert person.heading == "This invitation was withdrawn"
    assert tenant.linked_accounts() == [], "no worker has asked about it since"
