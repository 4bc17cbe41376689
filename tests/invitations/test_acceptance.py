"""What a verified login means: who gets access, and on whose word."""

from dataclasses import replace

from invite_site.invitations.acceptance import LoginOutcome
from invite_site.invitations.people import Inviter
from invite_site.settings import Delivery
from tests.support.accounts import identity_of
from tests.support.running import RunningSite, Tenant, running_site

ADA = "ada@example.com"


def test_the_invited_account_is_accepted(site: RunningSite) -> None:
    """Once; every later login is an ordinary one."""
    row = site.invites_and_delivers(ADA)
    who = identity_of(site.row(row.id))
    complete_login = site.services.acceptance.complete_login
    assert complete_login(who, row.ref) is LoginOutcome.ACCEPTED
    assert complete_login(who, None) is LoginOutcome.SIGNED_IN


def test_an_unverified_address_is_not_accepted(site: RunningSite) -> None:
    """The tenant has to say that the link reached its reader."""
    row = site.invites_and_delivers(ADA)
    who = identity_of(site.row(row.id), email_verified=False)
    assert site.services.acceptance.complete_login(who, row.ref) is LoginOutcome.UNVERIFIED


def test_a_withdrawn_invitation_takes_no_access_from_who_had_accepted_another(
    site: RunningSite,
) -> None:
    """They were invited once more, by mistake."""
    who = identity_of(site.row(site.invites_and_delivers(ADA).id))
    complete_login = site.services.acceptance.complete_login
    assert complete_login(who, None) is LoginOutcome.ACCEPTED
    again = site.services.invitations.invite(ADA, inviter=Inviter("Grace"), again=True)
    site.delivers()
    assert site.row(again.id).user_id == who.sub
    site.services.invitations.revoke(again.id, actor="Grace")
    assert complete_login(who, again.ref) is LoginOutcome.SIGNED_IN


def test_a_withdrawn_invitation_gives_no_access_but_takes_none_from_an_admin(
    site: RunningSite,
) -> None:
    """Neither from one with a grant nor from one with the role."""
    row = site.invites_and_delivers(ADA)
    site.services.invitations.revoke(row.id, actor="Grace")
    who = identity_of(site.row(row.id))
    complete_login = site.services.acceptance.complete_login
    assert complete_login(who, None) is LoginOutcome.REVOKED
    assert complete_login(replace(who, has_admin_role=True), None) is LoginOutcome.SIGNED_IN
    site.services.admins.grant(who.sub, label=ADA, now=site.clock())
    assert complete_login(who, None) is LoginOutcome.SIGNED_IN


def test_a_tenant_that_is_away_is_told_later_that_somebody_is_no_invitee_any_more(
    site: RunningSite, tenant: Tenant
) -> None:
    """Until then its own mail would invite whoever has forgotten their password."""
    settings = replace(site.settings, delivery=Delivery.TENANT_EMAIL)
    with running_site(settings, clock=site.clock) as theirs:
        row = theirs.row(theirs.invites_and_delivers(ADA).id)
        tenant.fails("PATCH /api/v2/users", kind="status", status=503, times=None)
        who = identity_of(row)
        assert theirs.services.acceptance.complete_login(who, None) is LoginOutcome.ACCEPTED
        theirs.delivers()
        assert tenant.user(ADA)["app_metadata"]["invitedToMyApp"] is True
        tenant.heals()
        theirs.clock.forward(seconds=61)
        theirs.delivers()
        assert "invitedToMyApp" not in tenant.user(ADA)["app_metadata"]
        assert theirs.row(row.id).check_at is None
