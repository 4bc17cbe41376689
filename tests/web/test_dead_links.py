"""A link that leads no further: the ledger says why, and the page what to do next."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.accounts import change_user
from tests.support.dying import dies_before_the_last_dot
from tests.support.person import Person
from tests.support.running import (
    PASSWORD,
    Clock,
    RunningSite,
    Tenant,
    logs_in,
    running_site,
    sets_password,
    settings_for,
    wait_until,
)

ADA = "ada@example.com"
USED = "This URL can be used only once"


@pytest.fixture
def landing(tenant: Tenant, tmp_path: Path, clock: Clock) -> Iterator[RunningSite]:
    """A site whose mails carry a link of its own."""
    settings = settings_for(tenant, tmp_path, INVITE_LINK="landing")
    with running_site(settings, clock=clock) as running:
        yield running


def sent(site: RunningSite) -> Any:
    return site.invites_and_delivers(ADA)


def returned(site: RunningSite, row: Any, message: str = USED) -> str:
    """Where the tenant's page leads from a link that it refused."""
    return f"{site.url}/invite/complete?i={row.ref}&success=false&message={message}"


def our_link(tenant: Tenant) -> str:
    """The link of the newest mail."""
    text = tenant.mails(ADA)[0]["Text"]
    return str(next(word for word in text.split() if "/i/" in word))


def chooses_password(person: Person) -> Person:
    """On the tenant's page that is open."""
    person.types_into("New password", PASSWORD).types_into("Re-enter new password", PASSWORD)
    return person.presses("Reset password")


def hint(person: Person) -> str:
    """The address that the login page was asked to fill in."""
    return person.sees_in("Email address")


def test_an_older_mail_names_the_newer_one(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """Its link was never used by anybody, and there is no password to sign in with."""
    row = sent(site)
    older = tenant.link_to(ADA)
    site.clock.forward(minutes=5)
    site.services.resending.resend(row.id, actor="Grace")
    site.delivers()
    person.opens(older)
    if person.url.startswith(tenant.url):
        person.opens(returned(site, row))
    assert person.heading == "A newer mail has replaced this link"
    newest = site.row(row.id).last_sent_at
    assert f"{newest:%H:%M}" in person.text
    assert not person.offers("Sign in")


def test_an_older_mail_that_nobody_confirmed_names_the_newer_one(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """It has arrived all the same, and the ticket of the next try has replaced its link."""
    row = site.invites(ADA)
    tenant.fails("SMTP", kind="reset", at="after_store", times=1)
    site.delivers()
    older = tenant.link_to(ADA)
    site.clock.forward(minutes=16)
    site.delivers()
    assert site.row(row.id).state == "sent"
    person.opens(older)
    if person.url.startswith(tenant.url):
        person.opens(returned(site, row))
    assert person.heading == "A newer mail has replaced this link"


def test_an_older_link_of_ours_is_remembered(
    landing: RunningSite, tenant: Tenant, person: Person
) -> None:
    """It is known as replaced, not unknown."""
    row = sent(landing)
    older = our_link(tenant)
    landing.clock.forward(minutes=5)
    landing.services.resending.resend(row.id, actor="Grace")
    landing.delivers()
    person.opens(older)
    assert person.heading == "A newer mail has replaced this link"
    assert person.response.status_code == 200
    assert person.opens(our_link(tenant)).offers("Choose your password")


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 421, "at": "connect"},
        {"status": 450, "at": "rcpt"},
        {"status": 451, "at": "data"},
    ],
    ids=["away", "later", "later after the dot"],
)
def test_a_link_of_ours_works_until_the_newer_mail_is_out(
    landing: RunningSite, tenant: Tenant, person: Person, answer: dict[str, Any]
) -> None:
    """While that waits for a worker or the mail server, nobody has another link; with the password set
    no mail goes out any more."""
    row = sent(landing)
    landing.clock.forward(minutes=5)
    landing.services.resending.resend(row.id, actor="Grace")
    assert person.opens(our_link(tenant)).offers("Choose your password")
    tenant.fails("SMTP", kind="status", times=1, **answer)
    landing.delivers()
    assert landing.row(row.id).state == "queued"
    person.opens(our_link(tenant)).presses("Choose your password")
    person.types_into("New password", PASSWORD).types_into("Re-enter new password", PASSWORD)
    person.presses("Reset password").types(Password=PASSWORD).presses("Continue")
    assert landing.status(ADA) == "accepted"
    landing.clock.forward(hours=1)
    landing.delivers()
    assert len(tenant.mails(ADA)) == 1


def test_a_link_of_ours_works_after_a_worker_died_with_the_newer_mail(
    landing: RunningSite, tenant: Tenant, person: Person
) -> None:
    """It died before the mail server could have it, and the next try is refused: the owner reads that
    the link in the mail before works."""
    row = sent(landing)
    landing.clock.forward(minutes=5)
    landing.services.resending.resend(row.id, actor="Grace")
    dies_before_the_last_dot(landing)
    assert person.opens(our_link(tenant)).offers("Choose your password")
    tenant.fails("SMTP", kind="status", times=1, status=550, at="rcpt")
    landing.delivers()
    assert "the link in the one before works" in landing.row(row.id).last_error
    assert person.opens(our_link(tenant)).offers("Choose your password")


def test_a_password_by_an_earlier_link_counts_though_a_newer_mail_was_tried(
    landing: RunningSite, tenant: Tenant, person: Person
) -> None:
    """The next try asks them to sign in, and not to choose another password."""
    row = sent(landing)
    person.opens(our_link(tenant)).presses("Choose your password")
    landing.clock.forward(minutes=5)
    landing.services.resending.resend(row.id, actor="Grace")
    tenant.fails("SMTP", kind="status", status=450, at="rcpt", times=1)
    landing.delivers()
    person.types_into("New password", PASSWORD).types_into("Re-enter new password", PASSWORD)
    person.presses("Reset password")
    landing.clock.forward(minutes=2)
    landing.delivers()
    assert landing.row(row.id).state == "password_set"
    assert "/invite/sign-in?i=" in tenant.mails(ADA)[0]["Text"]


def is_sent_again_in_doubt(site: RunningSite, tenant: Tenant, row: Any) -> None:
    """The mail server takes the newer mail, and nobody hears of it."""
    site.clock.forward(minutes=5)
    site.services.resending.resend(row.id, actor="Grace")
    tenant.fails("SMTP", kind="reset", at="after_store", times=1)
    site.delivers()


def test_a_link_of_ours_in_a_mail_that_is_in_doubt_replaces_the_older_one(
    landing: RunningSite, tenant: Tenant, person: Person
) -> None:
    """It may have arrived, and did here."""
    row = sent(landing)
    older = our_link(tenant)
    is_sent_again_in_doubt(landing, tenant, row)
    assert not person.opens(older).offers("Choose your password")
    assert person.opens(our_link(tenant)).offers("Choose your password")


def test_a_link_in_a_mail_that_nobody_confirmed_is_replaced_by_the_next_try(
    landing: RunningSite, tenant: Tenant, person: Person
) -> None:
    """Both have arrived; the first link is whole, and not the newest."""
    row = landing.invites(ADA)
    tenant.fails("SMTP", kind="reset", at="after_store", times=1)
    landing.delivers()
    older = our_link(tenant)
    landing.clock.forward(minutes=16)
    landing.delivers()
    assert landing.row(row.id).state == "sent"
    person.opens(older)
    assert person.heading == "A newer mail has replaced this link"
    assert person.opens(our_link(tenant)).offers("Choose your password")


def test_a_newer_mail_that_nobody_confirmed_is_named_by_its_own_time(
    landing: RunningSite, tenant: Tenant, person: Person
) -> None:
    """And not by that of the mail which it replaced, or by the time of the look."""
    row = sent(landing)
    older = our_link(tenant)
    is_sent_again_in_doubt(landing, tenant, row)
    in_doubt = landing.row(row.id).in_doubt_at
    landing.clock.forward(minutes=5)
    person.opens(older)
    assert person.heading == "A newer mail has replaced this link"
    assert f"{in_doubt:%H:%M}" in person.text


def test_a_link_of_ours_to_an_earlier_address_opens_nothing(
    landing: RunningSite, tenant: Tenant, person: Person
) -> None:
    """Neither while the admin decides, nor while the mail to the newer address waits."""
    row = sent(landing)
    older = our_link(tenant)
    change_user(
        landing,
        landing.row(row.id),
        email="ada.new@example.com",
        connection=landing.settings.connection,
    )
    landing.clock.forward(minutes=5)
    landing.services.resending.resend(row.id, actor="Grace")
    landing.delivers()
    assert landing.row(row.id).new_email == "ada.new@example.com"
    assert not person.opens(older).offers("Choose your password")
    landing.services.invitations.readdress(row.id, "ada.new@example.com", actor="Grace")
    assert not person.opens(older).offers("Choose your password")


def test_a_page_left_open_while_a_newer_mail_goes_out_names_it(
    landing: RunningSite, tenant: Tenant, person: Person
) -> None:
    """Its ticket would be the older of two."""
    row = sent(landing)
    person.opens(our_link(tenant))
    landing.clock.forward(minutes=5)
    tenant.fails("POST /api/v2/tickets/password-change", kind="slow", seconds=3, times=1)
    pressing = threading.Thread(target=lambda: person.presses("Choose your password"))
    pressing.start()
    wait_until(lambda: landing.row(row.id).opened_at is not None, "the button was pressed")
    landing.services.resending.resend(row.id, actor="Grace")
    landing.delivers()
    pressing.join()
    assert person.heading == "A newer mail has replaced this link"
    assert "Open the newest mail again." in person.text


@pytest.mark.parametrize("is_resent", [False, True])
def test_a_password_page_of_our_link_that_was_open_for_too_long_leads_back_to_the_mail(
    landing: RunningSite, tenant: Tenant, person: Person, is_resent: bool
) -> None:
    """The link in the mail goes on for days: the newest one, whether there was another before it."""
    row = sent(landing)
    if is_resent:
        landing.clock.forward(minutes=5)
        landing.services.resending.resend(row.id, actor="Grace")
        landing.delivers()
    person.opens(our_link(tenant)).presses("Choose your password")
    tenant.forward(3_700)
    landing.clock.forward(seconds=3_700)
    chooses_password(person)
    assert person.heading == "Your password was not set"
    assert "open its link again" in person.text
    chooses_password(person.opens(our_link(tenant)).presses("Choose your password"))
    assert hint(person) == ADA


def test_of_two_password_pages_by_our_link_the_earlier_leads_back_to_the_mail(
    landing: RunningSite, tenant: Tenant, person: Person
) -> None:
    """The later one has ended it, and no newer mail is on its way."""
    sent(landing)
    person.opens(our_link(tenant)).presses("Choose your password")
    landing.clock.forward(seconds=5)
    with Person() as later:
        later.opens(our_link(tenant)).presses("Choose your password")
    chooses_password(person)
    assert person.heading == "This link has been used already"
    assert "open its link again" in person.text
    assert "newer" not in person.text


def test_a_link_of_ours_that_was_cut_off_is_told_from_a_replaced_one(
    landing: RunningSite, tenant: Tenant, person: Person
) -> None:
    """Mail programs break long lines."""
    sent(landing)
    person.opens(our_link(tenant)[:-5])
    assert person.heading == "This link is not complete"
    assert "Does that not help? Get a new link" in person.text
    person.opens(our_link(tenant)[: len(f"{landing.url}/i/") + 10])
    assert person.heading == "This link does not lead anywhere"
    assert person.response.status_code == 404


def test_a_used_link_whose_password_is_set_leads_to_the_login(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """The next day, in another browser, from the mail: one button, and the address is filled in. The
    tenant is asked, since nobody came back here to say it."""
    row = sent(site)
    with Person() as earlier:
        sets_password(earlier, tenant.link_to(ADA))
    assert site.status(ADA) == "sent"
    person.opens(returned(site, row))
    assert person.heading == "Your password is set"
    assert site.status(ADA) == "password_set"
    person.presses("Sign in")
    assert hint(person) == ADA
    logs_in(person, ADA, PASSWORD)
    assert site.status(ADA) == "accepted"


def test_while_the_tenant_is_away_the_page_says_both(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """Nobody can say then whether the password was chosen; *Sign in* still fills the address in."""
    row = sent(site)
    tenant.fails("GET /api/v2/users", kind="status", status=503, times=None)
    person.opens(returned(site, row))
    tenant.heals()
    assert person.heading == "This link has been used already"
    assert hint(person.presses("Sign in")) == ADA


def test_an_expired_link_says_when_it_ended(site: RunningSite, person: Person) -> None:
    """Whatever the tenant calls it."""
    row = sent(site)
    site.clock.forward(days=5, seconds=1)
    for message in (USED, "Access expired.", ""):
        person.opens(returned(site, row, message))
        assert person.heading == "This invitation has expired"
        assert "It worked until" in person.text


def test_a_withdrawn_one_says_so(site: RunningSite, person: Person) -> None:
    """Also to who pressed *Sign in* on a page left open."""
    row = sent(site)
    site.services.invitations.revoke(row.id, actor="Grace", reason="")
    person.opens(returned(site, row))
    assert person.heading == "This invitation was withdrawn"


def test_who_accepted_signs_in_or_continues(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """By one button: into the login with the address filled in, or, signed in, on."""
    row = sent(site)
    with Person() as accepted:
        sets_password(accepted, tenant.link_to(ADA))
        logs_in(accepted, ADA, PASSWORD)
        assert site.status(ADA) == "accepted"
        accepted.opens(returned(site, row))
        assert accepted.heading == "You have accepted this invitation"
        assert not accepted.offers("Sign in")
        assert accepted.presses("Continue").path == "/"
    person.opens(returned(site, row))
    assert person.heading == "You have accepted this invitation"
    assert hint(person.presses("Sign in")) == ADA


def test_a_page_of_a_dead_link_names_no_address(
    landing: RunningSite, tenant: Tenant, person: Person
) -> None:
    """Whoever holds an old link may not be the invitee any more."""
    row = sent(landing)
    older = our_link(tenant)
    landing.services.resending.resend(row.id, actor="Grace")
    landing.delivers()
    for address in (older, older[:-5], returned(landing, row)):
        assert ADA not in person.opens(address).text


def test_an_accepted_one_welcomes_nobody_else(
    site: RunningSite, tenant: Tenant, person: Person, desk: Person
) -> None:
    """To an admin who opens the link of another it offers the sign-in, and as whom is asked."""
    row = site.invites_and_delivers(ADA)
    logs_in(sets_password(person, tenant.link_to(ADA)), ADA, PASSWORD)
    link = f"{site.url}/invite/complete?i={row.ref}&success=true"
    assert "You are signed in; nothing is left to do here." in person.opens(link).text
    desk.opens(link)
    assert "You are signed in" not in desk.text
    desk.presses("Sign in")
    assert desk.url.startswith(tenant.url)
