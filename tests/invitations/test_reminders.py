"""One mail before the end, with a new link, to whoever has not used the first."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from invite_site.errors import ConfigError
from invite_site.invitations.tables import Invitation
from invite_site.web.admin.timeline import timeline_of
from tests.support.accounts import change_user
from tests.support.batches import people, starts
from tests.support.interleaving import meanwhile
from tests.support.person import Person
from tests.support.running import (
    Clock,
    RunningSite,
    Tenant,
    running_site,
    sets_password,
    sets_password_quietly,
    settings_for,
)

ADA = "ada@example.com"
DAY = 24 * 60 * 60


@pytest.fixture
def reminding(tenant: Tenant, tmp_path: Path, clock: Clock, database_url: str) -> Any:
    """A site that reminds two days before the end, of five."""
    settings = settings_for(
        tenant, tmp_path, REMINDER_SECONDS=str(2 * DAY), DATABASE_URL=database_url
    )
    with running_site(settings, clock=clock) as running:
        yield running


def reminds(site: RunningSite) -> int:
    """What the worker does once a minute; returns how many mails go out by it."""
    queued = site.services.reminders.queue()
    site.delivers()
    return queued


def test_it_works(reminding: RunningSite, tenant: Tenant, person: Person) -> None:
    """Once, two days before the end, which stays where it was; the new link works, the old one not."""
    row = reminding.invites_and_delivers(ADA)
    older, end = tenant.link_to(ADA), reminding.row(row.id).expires_at
    reminding.clock.forward(days=2.9)
    assert reminds(reminding) == 0
    reminding.clock.forward(days=0.2)
    assert reminds(reminding) == 1
    reminding.clock.forward(days=1)
    assert reminds(reminding) == 0
    assert reminding.row(row.id).expires_at == end
    newest, first = tenant.mails(ADA)
    assert newest["Subject"] == f"Reminder: {first['Subject']}"
    assert "This is a reminder" in " ".join(newest["Text"].split())
    assert "This is a reminder" not in first["Text"]
    assert [each.event for each in reminding.services.listing.events(row.id)].count("reminded") == 1
    assert "can be used only once" in person.opens(older).text or "success=false" in person.url
    with Person() as invitee:
        sets_password(invitee, tenant.link_to(ADA))
        assert invitee.sees_in("Email address") == ADA


def test_an_extended_invitation_has_its_reminder_before_the_new_end(
    tenant: Tenant, tmp_path: Path, clock: Clock
) -> None:
    """That of the earlier end is forgotten; a link of ours gets no other mail for the extension."""
    settings = settings_for(tenant, tmp_path, REMINDER_SECONDS=str(2 * DAY), INVITE_LINK="landing")
    with running_site(settings, clock=clock) as site:
        row = site.invites_and_delivers(ADA)
        clock.forward(days=3.1)
        assert reminds(site) == 1
        site.services.resending.extend(row.id, 9, actor="Grace")
        clock.forward(days=6.9)
        assert reminds(site) == 0
        clock.forward(days=0.2)
        assert reminds(site) == 1
        assert len(tenant.mails(ADA)) == 3


def test_whoever_needs_none_gets_none(reminding: RunningSite, tenant: Tenant) -> None:
    """Revoked; renewed by themselves a moment ago, or for another five days."""
    revoked, renewed = (reminding.invites(f"{name}@example.com") for name in ("a", "b"))
    reminding.delivers()
    reminding.services.invitations.revoke(revoked.id, actor="Grace")
    reminding.clock.forward(days=3.1)
    reminding.services.resending.renew(renewed.ref)
    reminding.delivers()
    assert reminds(reminding) == 0
    assert len(tenant.mails()) == 2 + 1


def test_nobody_is_reminded_of_what_has_ended_or_of_a_link_that_they_do_not_have(
    reminding: RunningSite,
) -> None:
    """After a worker stood still until the end; and where the mail asks to sign in."""
    reminding.invites_and_delivers("late@example.com")
    reminding.clock.forward(days=5.1)
    assert reminds(reminding) == 0
    row = reminding.invites_and_delivers(ADA)
    with reminding.services.engine.begin() as db:
        is_it = Invitation.id == row.id
        db.execute(update(Invitation).where(is_it).values(asks_to_sign_in=True))
    reminding.clock.forward(days=3.1)
    assert reminds(reminding) == 0


def test_a_reminder_counts_as_a_link_that_its_reader_asked_for(reminding: RunningSite) -> None:
    """Whoever asks at once does not get both; a quarter of an hour later they get another one."""
    row = reminding.invites_and_delivers(ADA)
    reminding.clock.forward(days=3.1)
    assert reminds(reminding) == 1
    for minutes, generation in ((1, 2), (15, 3)):
        reminding.clock.forward(minutes=minutes)
        reminding.services.resending.renew(row.ref)
        assert reminding.row(row.id).generation == generation


def test_a_mail_sent_again_by_hand_is_no_reminder(reminding: RunningSite, tenant: Tenant) -> None:
    """Though there was one before."""
    row = reminding.invites_and_delivers(ADA)
    reminding.clock.forward(days=3.1)
    reminds(reminding)
    reminding.clock.forward(hours=1)
    reminding.services.resending.resend(row.id, actor="Grace")
    reminding.delivers()
    assert not tenant.mails(ADA)[0]["Subject"].startswith("Reminder")


def test_a_short_link_is_not_reminded_of_just_after_it_came(
    reminding: RunningSite, tenant: Tenant
) -> None:
    """Two days before the end of a link of a day was yesterday."""
    settings = replace(reminding.settings, invitation_ttl=DAY)
    with running_site(settings, clock=reminding.clock) as short:
        short.invites_and_delivers(ADA)
        assert reminds(short) == 0
        short.clock.forward(hours=23)
        assert reminds(short) == 0


def test_it_is_off_unless_it_is_set(site: RunningSite, tenant: Tenant) -> None:
    """The default."""
    site.invites_and_delivers(ADA)
    site.clock.forward(days=4.9)
    assert reminds(site) == 0


@pytest.mark.parametrize("value", ["60", "-1", "soon"])
def test_a_value_that_cannot_work_is_refused(tenant: Tenant, tmp_path: Path, value: str) -> None:
    """At the start, with what it must be."""
    with pytest.raises(ConfigError, match="REMINDER_SECONDS must be 0"):
        settings_for(tenant, tmp_path, REMINDER_SECONDS=value)


def test_the_tenants_own_mail_cannot_remind(tenant: Tenant, tmp_path: Path) -> None:
    """It would be the same mail again."""
    with pytest.raises(ConfigError, match="REMINDER_SECONDS needs INVITE_DELIVERY=ticket"):
        settings_for(
            tenant, tmp_path, REMINDER_SECONDS=str(2 * DAY), INVITE_DELIVERY="tenant_email"
        )


def forward(site: RunningSite, tenant: Tenant, **by: float) -> None:
    """Move the clocks of both."""
    site.clock.forward(**by)
    tenant.forward(timedelta(**by).total_seconds())


def test_nobody_is_reminded_who_has_chosen_a_password(
    reminding: RunningSite, tenant: Tenant
) -> None:
    """Also where they never came back, and the tenant has not been asked since: it is asked then."""
    row = reminding.invites_and_delivers(ADA)
    sent_at = reminding.row(row.id).last_sent_at
    forward(reminding, tenant, days=2, hours=23)
    reminding.delivers()
    sets_password_quietly(tenant.link_to(ADA))
    forward(reminding, tenant, hours=1, seconds=2)
    assert reminding.services.reminders.queue() == 1
    reminding.sends(10)
    assert reminding.status(ADA) == "password_set"
    assert reminding.row(row.id).last_sent_at == sent_at, "nothing was sent since"
    assert len(tenant.mails(ADA)) == 1


def test_nobody_is_reminded_whose_account_was_deleted(
    reminding: RunningSite, tenant: Tenant
) -> None:
    """It would be made anew; what was changed at the tenant the owner decides about."""
    row = reminding.invites_and_delivers(ADA)
    change_user(reminding, reminding.row(row.id), deleted=True)
    for _ in range(3):
        reminding.clock.forward(days=1, minutes=5)
        assert reminds(reminding) == 0
    assert tenant.user(ADA) is None


def test_nobody_of_a_paused_batch_is_reminded(reminding: RunningSite, tenant: Tenant) -> None:
    """Nothing goes out for it until it is resumed."""
    batch = starts(reminding, people("p", 1))
    reminding.delivers()
    reminding.services.batches.pause(batch.id)
    reminding.clock.forward(days=3.1)
    assert reminds(reminding) == 0
    reminding.services.batches.resume(batch.id)
    assert reminds(reminding) == 1


def test_nobody_of_a_batch_is_reminded_that_is_being_paused(
    reminding: RunningSite, tenant: Tenant
) -> None:
    """The worker looks for what is due in that very moment."""
    batch = starts(reminding, people("p", 1))
    reminding.delivers()
    reminding.clock.forward(days=3.1)
    with meanwhile(reminding, reminding.services.reminders.queue) as queued:
        reminding.services.batches.pause(batch.id)
    assert queued.result(timeout=15) == 0
    reminding.services.batches.resume(batch.id)
    assert reminds(reminding) == 1


def test_what_is_sent_again_is_no_reminder(reminding: RunningSite, tenant: Tenant) -> None:
    """Also where a reminder was queued before, and expired there."""
    row = reminding.invites_and_delivers(ADA)
    reminding.clock.forward(days=3.1)
    assert reminding.services.reminders.queue() == 1
    reminding.clock.forward(days=3)
    reminding.delivers()
    assert reminding.status(ADA) == "expired"
    reminding.services.resending.resend(row.id, actor="Grace")
    reminding.delivers()
    assert not tenant.mails(ADA)[0]["Subject"].startswith("Reminder")


def refused_reminder(site: RunningSite, tenant: Tenant, **fault: Any) -> Any:
    """The invitation whose reminder meets this fault."""
    row = site.invites_and_delivers(ADA)
    site.clock.forward(days=3.1)
    tenant.fails(times=1, **fault)
    assert reminds(site) == 1
    return site.row(row.id)


REFUSED = {"route": "SMTP", "kind": "status", "status": 550, "at": "rcpt"}


def test_a_reminder_that_is_refused_ends_no_invitation(
    tenant: Tenant, tmp_path: Path, clock: Clock, person: Person
) -> None:
    """The link of ours in the mail before it works; the owner reads why. It is not tried again."""
    settings = settings_for(tenant, tmp_path, REMINDER_SECONDS=str(2 * DAY), INVITE_LINK="landing")
    with running_site(settings, clock=clock) as site:
        row = refused_reminder(site, tenant, **REFUSED)
        assert (row.state, row.closed_at) == ("sent", None)
        assert row.last_error.startswith("No reminder was sent, and the invitation stays open. The")
        assert row.check_at is not None
        assert timeline_of(row, site.clock())[0].mark == "done"  # the first mail was confirmed
        assert reminds(site) == 0
        text = tenant.mails(ADA)[0]["Text"]
        person.opens(next(word for word in text.split() if "/i/" in word))
        assert person.offers("Choose your password")


def test_a_reminder_that_is_refused_after_its_ticket_was_made_says_that_no_link_works(
    reminding: RunningSite, tenant: Tenant, person: Person
) -> None:
    """Each ticket ends the one before. The owner reads what to do, and the invitee gets on."""
    row = refused_reminder(reminding, tenant, **REFUSED)
    assert row.state == "sent"
    assert "the link in the mail before works no more: send the invitation again" in row.last_error
    assert reminds(reminding) == 0
    person.opens(tenant.link_to(ADA))
    assert person.heading == "This link has been used already"
    reminding.clock.forward(minutes=16)  # whoever was to be reminded has asked once
    person.presses("Get a new link").presses("Send me a new link")
    reminding.delivers()
    assert len(tenant.mails(ADA)) == 2
    assert reminding.row(row.id).last_error is None


def test_a_reminder_for_which_the_tenant_makes_no_ticket_ends_no_invitation(
    reminding: RunningSite, tenant: Tenant, person: Person
) -> None:
    """Nothing has replaced the link in the mail before."""
    row = refused_reminder(
        reminding, tenant, route="POST /api/v2/tickets", kind="status", status=400
    )
    assert row.state == "sent"
    assert row.last_error.startswith("No reminder was sent, and the invitation stays open. The")
    sets_password(person, tenant.link_to(ADA))
    assert person.sees_in("Email address") == ADA
