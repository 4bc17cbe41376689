"""What is written where a delivery ends: the evidence of each event, its times, and how long all wait."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.accounts import change_user
from tests.support.running import RunningSite, Tenant, sets_password_quietly

ADA = "ada@example.com"


def evidence(site: RunningSite, number: int, event: str) -> dict[str, Any]:
    """That of the newest event of this kind."""
    return [each.evidence for each in site.services.listing.events(number) if each.event == event][
        -1
    ]


def test_it_works(site: RunningSite, tenant: Tenant) -> None:
    """What was handed over is known by its id."""
    row = site.invites_and_delivers(ADA)
    [mail] = tenant.mails(ADA)
    handed = evidence(site, row.id, "handed_to_mail_server")
    assert handed == {"message_id": f"<{mail['MessageID']}>"}


def test_a_password_that_confirms_a_mail_is_its_evidence(site: RunningSite, tenant: Tenant) -> None:
    """With the tenant's own time of it; and an outage has ended, since the tenant has answered."""
    row = site.invites(ADA)
    tenant.fails("SMTP", kind="reset", at="after_store", times=1)
    site.delivers()
    sets_password_quietly(tenant.link_to(ADA))
    site.clock.forward(minutes=16)
    breaker = site.services.circuit_breaker
    breaker.open("tenant", "It does not answer.", now=site.clock() - timedelta(minutes=2))
    site.delivers()
    done = site.row(row.id)
    assert done.password_set_at is not None
    confirmed = evidence(site, row.id, "password_set")
    assert confirmed == {"last_password_reset": done.password_set_at.isoformat()}
    assert breaker.outage() is None


def test_a_mail_that_is_confirmed_leaves_the_time_of_the_one_before(
    site: RunningSite, tenant: Tenant
) -> None:
    """It counts as sent when it was handed over, and the first is still the first."""
    row = site.invites_and_delivers(ADA)
    first = site.row(row.id).first_sent_at
    site.clock.forward(hours=1)
    site.services.resending.resend(row.id, actor="Grace")
    tenant.fails("SMTP", kind="reset", at="after_store", times=1)
    site.delivers()
    in_doubt_at = site.row(row.id).in_doubt_at
    tenant.forward(3600)
    sets_password_quietly(tenant.link_to(ADA))
    site.clock.forward(minutes=16)
    site.delivers()
    done = site.row(row.id)
    assert done.state == "password_set"
    assert (done.first_sent_at, done.last_sent_at) == (first, in_doubt_at)


def test_an_address_that_was_changed_is_the_reason_why_nothing_was_sent(
    site: RunningSite, tenant: Tenant
) -> None:
    """In the history as on the row, which waits for nothing else then."""
    row = site.invites_and_delivers(ADA)
    change_user(site, site.row(row.id), email="b@example.com", connection=site.settings.connection)
    site.services.resending.resend(row.id, actor="Grace")
    site.delivers()
    held = site.row(row.id)
    why = evidence(site, row.id, "address_changed")["why"]
    assert why == held.last_error
    assert "another address" in why
    assert (held.next_try_at, held.lease_until, held.check_at) == (None, None, None)


def test_a_mail_that_arrived_makes_an_account_that_was_seen_changed_as_it_should_be(
    site: RunningSite, tenant: Tenant
) -> None:
    """It was made anew for this mail."""
    row = site.invites_and_delivers(ADA)
    change_user(site, site.row(row.id), deleted=True)
    site.clock.forward(hours=6)
    site.delivers()
    assert site.row(row.id).drift == "deleted"
    site.services.resending.resend(row.id, actor="Grace")
    site.delivers()
    done = site.row(row.id)
    assert (done.state, done.drift) == ("sent", None)
    assert done.first_sent_at is not None
    assert done.last_sent_at is not None
    assert done.last_sent_at - done.first_sent_at >= timedelta(hours=6)


def test_the_tenant_is_asked_before_an_invitation_ends_that_was_sent_late(
    site: RunningSite,
) -> None:
    """Whether the password is set; an hour after the mail nobody could use the answer."""
    row = site.invites(ADA)
    site.clock.forward(days=4, hours=23, minutes=30)
    site.delivers()
    done = site.row(row.id)
    assert done.check_at == done.expires_at


@pytest.mark.parametrize("refusal", [{"status": 450, "at": "rcpt"}, {"status": 554, "at": "data"}])
def test_a_message_that_was_refused_for_now_is_no_copy(
    site: RunningSite, tenant: Tenant, refusal: dict[str, Any]
) -> None:
    """One that is in doubt after it is the first that may have arrived, and is sent again."""
    row = site.invites(ADA)
    tenant.fails("SMTP", kind="status", times=1, **refusal)
    site.delivers()
    tenant.fails("SMTP", kind="reset", at="data", times=1)
    site.clock.forward(minutes=6)
    site.delivers()
    in_doubt_at = site.row(row.id).in_doubt_at
    assert in_doubt_at is not None
    site.clock.forward(minutes=16)
    site.delivers()
    done = site.row(row.id)
    assert (done.state, done.last_error) == ("sent", None)
    assert done.first_sent_at == in_doubt_at
    assert len(tenant.mails(ADA)) == 1


def test_an_account_that_was_made_before_a_refusal_is_not_asked_for_again(
    site: RunningSite, tenant: Tenant
) -> None:
    """The row knows it."""
    row = site.invites(ADA)
    tenant.fails("POST /api/v2/tickets", kind="status", status=503, times=1)
    site.delivers()
    assert site.row(row.id).user_id == tenant.user(ADA)["user_id"]
    site.clock.forward(minutes=2)
    site.delivers()
    assert site.row(row.id).state == "sent"
    assert tenant.calls("POST /api/v2/users") == 1


def test_a_newer_mail_that_is_refused_ends_an_invitation_by_ticket(
    site: RunningSite, tenant: Tenant
) -> None:
    """The tenant's link for it was made before, and has ended the one in the mail that they have."""
    row = site.invites_and_delivers(ADA)
    site.services.resending.resend(row.id, actor="Grace")
    tenant.fails("SMTP", kind="status", status=550, at="rcpt", times=1)
    site.delivers()
    assert site.row(row.id).state == "failed"
