"""What admins do about each other, and two of them in the same moment."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session as Transaction

from invite_site.accounts.sessions import Session
from invite_site.errors import GrantRefused, NotPossibleNow
from invite_site.invitations.acceptance import LoginOutcome
from invite_site.invitations.ledger.moves import record
from invite_site.invitations.lifecycle import EventKind
from invite_site.invitations.people import Inviter
from invite_site.invitations.tables import Invitation, InvitationEvent, PendingGrant
from tests.support.accounts import identity_of
from tests.support.interleaving import meanwhile, waits_for
from tests.support.running import ADMIN, RunningSite, Tenant

ADA = "ada@example.com"
GRACE = Inviter("Grace", "auth0|grace")
MANY = 600  # more than are revoked at once


def session_of(sub: str, *, has_admin_role: bool = False) -> Session:
    return Session("", sub, f"{sub}@example.com", sub, "", has_admin_role, seen_at=None)  # type: ignore[arg-type]


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What each of these calls returns or raises, all begun in the same moment."""
    start = threading.Barrier(len(calls))

    def begins(call: Callable[[], Any]) -> Any:
        start.wait(timeout=15)
        try:
            return call()
        except (GrantRefused, NotPossibleNow) as refused:
            return refused

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(begins, calls))


def events_of(site: RunningSite, invitation_id: int) -> list[tuple[str, str]]:
    return [(each.event, each.actor) for each in site.services.listing.events(invitation_id)]


@pytest.mark.parametrize("has_third", [False, True])
def test_of_two_admins_who_withdraw_each_other_one_stays(
    site_on: RunningSite, has_third: bool
) -> None:
    """Whoever comes second has lost the right to, and nobody is locked out."""
    admins, now = site_on.services.admins, site_on.clock()
    if has_third:
        admins.grant("auth0|third", label="Third", now=now)
    for _ in range(10):
        for sub in ("auth0|a", "auth0|b"):
            admins.grant(sub, label=sub, now=now)
        results = at_once(
            lambda: admins.withdraw("auth0|a", by=session_of("auth0|b"), may_be_last=False),
            lambda: admins.withdraw("auth0|b", by=session_of("auth0|a"), may_be_last=False),
        )
        assert sorted(map(type, results), key=str) == [bool, GrantRefused] or sorted(
            map(type, results), key=str
        ) == [GrantRefused, bool]
        assert len(admins.all()) == 1 + has_third


def test_the_last_grant_goes_only_where_a_role_makes_admins(site_on: RunningSite) -> None:
    """Somebody with the role may take it, since they need no grant themselves."""
    admins = site_on.services.admins
    admins.grant("auth0|a", label="A", now=site_on.clock())
    for by in (session_of("auth0|a"), session_of("auth0|boss", has_admin_role=True)):
        with pytest.raises(GrantRefused, match="only admin"):
            admins.withdraw("auth0|a", by=by, may_be_last=False)
    with pytest.raises(GrantRefused, match="Your own right to invite was withdrawn"):
        admins.withdraw("auth0|a", by=session_of("auth0|gone"), may_be_last=True)
    assert admins.includes("auth0|a")
    boss = session_of("auth0|boss", has_admin_role=True)
    assert admins.withdraw("auth0|a", by=boss, may_be_last=True)
    assert not admins.withdraw("auth0|a", by=boss, may_be_last=True)
    assert not admins.all()


def test_an_acceptance_and_a_withdrawal_at_once_agree(site_on: RunningSite) -> None:
    """Either the grant is made, or it was withdrawn before; its event says which."""
    services = site_on.services
    granted = services.granting.grant(ADA, by=GRACE, invites=True)
    assert granted.invitation_id is not None
    row = services.ledger.get(granted.invitation_id)
    site_on.delivers()
    who = identity_of(site_on.row(row.id))
    accepted, is_cancelled = at_once(
        lambda: services.acceptance.complete_login(who, row.ref),
        lambda: services.granting.cancel(row.id, by=GRACE),
    )
    assert accepted is LoginOutcome.ACCEPTED
    assert services.admins.includes(who.sub) is not is_cancelled
    last = EventKind.GRANT_CANCELLED if is_cancelled else EventKind.GRANTED
    assert (last, "Grace") in events_of(site_on, row.id)
    assert not services.granting.cancel(row.id, by=GRACE)


def test_the_account_that_accepts_is_granted_once(site_on: RunningSite) -> None:
    """By the word of whoever said so; an account that may invite already stays as it is."""
    services = site_on.services
    for address, is_admin_before in ((ADA, False), ("bob@example.com", True)):
        granted = services.granting.grant(address, by=GRACE, invites=True)
        assert granted.is_new
        assert not services.granting.grant(address.upper(), by=GRACE, invites=True).is_new
        site_on.delivers()
        who = identity_of(site_on.row(granted.invitation_id))  # type: ignore[arg-type]
        if is_admin_before:
            services.admins.grant(who.sub, label="Bob", now=site_on.clock())
        stranger = replace(who, sub="auth0|stranger", email="eve@example.com")
        ref = site_on.row(granted.invitation_id).ref  # type: ignore[arg-type]
        assert not services.acceptance.complete_login(stranger, ref).has_access
        assert services.admins.includes(who.sub) is is_admin_before
        assert services.acceptance.complete_login(who, ref) is LoginOutcome.ACCEPTED
        found = services.admins.find(who.sub)
        assert found is not None
        expected = ("Bob", "") if is_admin_before else (address, "Grace")
        assert (found.label, found.granted_by) == expected
        assert not services.admins.includes("auth0|stranger")


def test_an_ended_invitation_carries_no_grant(site_on: RunningSite) -> None:
    """Neither one that had ended before, nor one that is revoked with its grant."""
    services = site_on.services
    number = services.granting.grant(ADA, by=GRACE, invites=True).invitation_id
    assert number is not None
    assert [each.email for each in services.granting.awaited()] == [ADA]
    services.invitations.revoke(number, actor="Grace")
    assert not services.granting.awaited()
    ended = site_on.invites("bob@example.com")
    services.invitations.revoke(ended.id, actor="Grace")
    with pytest.raises(NotPossibleNow):
        services.granting.admin_ledger.promise(ended.id, by="Grace", now=site_on.clock())
    with services.engine.connect() as db:
        assert db.scalars(select(PendingGrant.invitation_id)).all() == [number]
    assert EventKind.GRANT_PENDING not in dict(events_of(site_on, ended.id))


def test_the_right_that_a_failed_invitation_carried_comes_with_the_next_one(
    site_on: RunningSite, tenant: Tenant
) -> None:
    """To the same address and nobody else. It is listed until then, and made once."""
    services = site_on.services
    failed = services.granting.grant(ADA, by=GRACE, invites=True).invitation_id
    assert failed is not None
    tenant.fails("SMTP", kind="status", status=550, at="rcpt", times=1)
    site_on.delivers()
    assert site_on.row(failed).state == "failed"
    bob, ada = site_on.invites("bob@example.com"), site_on.invites(ADA)
    site_on.delivers()
    for row, is_admin in ((bob, False), (ada, True)):
        assert [each.email for each in services.granting.awaited()] == [ADA]
        who = identity_of(site_on.row(row.id))
        assert services.acceptance.complete_login(who, row.ref) is LoginOutcome.ACCEPTED
        assert services.admins.includes(who.sub) is is_admin
    assert not services.granting.awaited()
    assert (EventKind.GRANTED, "Grace") in events_of(site_on, ada.id)


def test_the_right_that_a_withdrawn_invitation_carried_is_gone(site_on: RunningSite) -> None:
    """Somebody has taken it back with the invitation; the next one carries none."""
    services = site_on.services
    withdrawn = services.granting.grant(ADA, by=GRACE, invites=True).invitation_id
    assert withdrawn
    services.invitations.revoke(withdrawn, actor=ADMIN)
    row = site_on.row(site_on.invites_and_delivers(ADA).id)
    outcome = services.acceptance.complete_login(identity_of(row), row.ref)
    assert outcome is LoginOutcome.ACCEPTED
    assert not services.admins.includes(row.user_id)


def test_a_grant_that_is_made_while_another_is_withdrawn_does_not_wait_for_what_waits_for_it(
    site_on: RunningSite,
) -> None:
    """Whoever withdraws holds the grant and then adds an event; whoever grants goes the other way."""
    granting, engine = site_on.services.granting, site_on.services.engine
    number = granting.grant(ADA, by=GRACE, invites=True).invitation_id
    assert number is not None
    with ThreadPoolExecutor(1) as pool:
        with Transaction(engine) as db, db.begin():
            db.execute(delete(PendingGrant))
            making = pool.submit(granting.grant, ADA, by=GRACE, invites=True)
            waits_for(site_on, 1)
            record(db, number, EventKind.GRANT_CANCELLED, actor="Grace", now=site_on.clock())
        assert making.result(timeout=15).is_new


def test_an_expired_invitation_gets_a_new_life_with_the_grant(site_on: RunningSite) -> None:
    """Or nobody could accept it. All else of it stays."""
    row = site_on.invites_and_delivers(ADA, "Ada Byron")
    site_on.clock.forward(days=400)
    granted = site_on.services.granting.grant(ADA, by=GRACE, invites=True)
    assert granted.invitation_id == row.id
    assert site_on.status(ADA) == "queued"
    assert site_on.row(row.id).name == "Ada Byron"


def test_an_admin_is_known_by_their_id_and_not_by_their_name(site_on: RunningSite) -> None:
    """Who has no grant is called as on their newest invitation."""
    services = site_on.services
    for number, inviter in enumerate(
        (GRACE, Inviter("Grace Hopper", GRACE.sub), Inviter("Grace", "auth0|other"))
    ):
        services.invitations.invite(f"p{number}@example.com", inviter=inviter)
    granting = services.granting
    assert granting.name_of(GRACE.sub) == "Grace Hopper"
    assert (granting.name_of("auth0|x"), granting.open_from(GRACE.sub)) == ("auth0|x", 2)
    assert granting.revoke_from(GRACE.sub, by=GRACE) == 2
    evidence = services.listing.events(1)[-1].evidence
    assert evidence == {"reason": "All open invitations of this admin were revoked."}
    assert site_on.status("p2@example.com") == "queued"


def test_who_is_to_invite_once_they_have_accepted_stands_in_the_order_of_the_grants(
    site_on: RunningSite,
) -> None:
    """And not in that of their invitations."""
    for name in ("ada", "bob"):
        site_on.invites(f"{name}@example.com")
    granting = site_on.services.granting
    for name in ("bob", "ada"):
        granting.grant(f"{name}@example.com", by=GRACE, invites=True)
        site_on.clock.forward(minutes=1)
    found = [each.email for each in granting.awaited()]
    assert found == ["bob@example.com", "ada@example.com"]


def test_thousands_are_revoked_in_parts_and_each_has_its_event(site_on: RunningSite) -> None:
    """Only those of this admin; a link that exists ends at the tenant, and nothing else is asked for."""
    services = site_on.services
    services.invitations.invite(ADA, inviter=GRACE)
    mine = site_on.invites_and_delivers("bob@example.com")
    text = "\n".join(f"p{number}@example.com" for number in range(MANY))
    batch = services.batches.preview(text, name="list", inviter=GRACE)
    services.batches.start(batch.id, inviter=GRACE)
    assert services.granting.open_from(GRACE.sub) == MANY + 1
    parts = list(
        services.granting.admin_ledger.revoke_from(
            GRACE.sub, actor=ADMIN, reason="Left.", now=site_on.clock()
        )
    )
    assert sum(parts) == MANY + 1
    assert len(parts) == 2
    assert max(parts) < MANY
    assert services.granting.open_from(GRACE.sub) == 0
    assert site_on.row(mine.id).state == "sent"
    is_revocation = InvitationEvent.event == EventKind.REVOKED
    with services.engine.connect() as db:
        recorded = select(func.count(), func.count(InvitationEvent.invitation_id.distinct()))
        assert tuple(db.execute(recorded.where(is_revocation)).one()) == (MANY + 1, MANY + 1)
        asked = select(Invitation.email).where(
            Invitation.check_at.is_not(None), Invitation.state == "revoked"
        )
        assert db.scalars(asked).all() == [ADA]
        kept = select(Invitation.inviter).where(Invitation.state == "revoked").distinct()
        assert db.scalars(kept).all() == [GRACE.name]


def test_what_another_admin_renews_meanwhile_is_not_revoked(site_on: RunningSite) -> None:
    """It is that admin's invitation then. On SQLite the renewal may come too late, and says so."""
    invite, bob = site_on.services.invitations.invite, Inviter("Bob", "auth0|bob")
    invite(ADA, inviter=GRACE)
    site_on.clock.forward(days=6)
    renews = partial(invite, ADA, inviter=bob)
    with meanwhile(site_on, renews, before="SELECT invitation.id", nth=2) as renewed:
        site_on.services.granting.revoke_from(GRACE.sub, by=bob)
    if site_on.services.engine.dialect.name == "postgresql" or not renewed.exception():
        assert site_on.row(renewed.result().id).state == "queued"
