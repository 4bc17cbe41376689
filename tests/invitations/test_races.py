"""Two things that want the same invitation in the same moment: one wins, and the other hears what is so."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urljoin

import pytest

from invite_site.errors import AlreadyAccepted, NotPossibleNow
from invite_site.invitations.acceptance import LoginOutcome
from invite_site.invitations.ledger import Ledger
from invite_site.invitations.options import Options
from invite_site.invitations.people import Inviter
from invite_site.invitations.sending.turns import Turns
from tests.support.accounts import identity_of
from tests.support.interleaving import meanwhile
from tests.support.person import Person
from tests.support.running import (
    PASSWORD,
    RunningSite,
    Tenant,
    sets_password,
    signs_in,
    wait_until,
)

ADA = "ada@example.com"
ROUNDS = 3  # of each race, so that both sides win sometimes


def sent(site: RunningSite, number: int = ROUNDS) -> list[Any]:
    """Invitations of so many people."""
    rows = [site.invites(f"person{n}@example.com") for n in range(number)]
    site.delivers()
    return [site.row(row.id) for row in rows]


def at_once(*actions: Callable[[], Any]) -> list[Any]:
    """What each of these gives where all begin together; NotPossibleNow is given, not raised."""
    start = threading.Barrier(len(actions))

    def run(action: Callable[[], Any]) -> Any:
        start.wait(timeout=15)
        try:
            return action()
        except NotPossibleNow as refused:
            return refused

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(run, actions))


def login_of(site: RunningSite, row: Any) -> Callable[[], LoginOutcome]:
    """The end of a login of the invited account, on the way from the invitation."""
    return lambda: site.services.acceptance.complete_login(identity_of(row), row.ref)


def events_of(site: RunningSite, row: Any) -> list[str]:
    return [str(each.event) for each in site.services.listing.events(row.id)]


def callback_of(person: Person, site: RunningSite) -> str:
    """Fill in the tenant's login page and go on as far as the address of the callback."""
    response = person.types(Password=PASSWORD).sends("Continue")
    while not (location := response.headers["Location"]).startswith(f"{site.url}/callback"):
        response = person.peeks(urljoin(response.url, location))
    return str(location)


def test_of_ten_callbacks_of_one_login_one_signs_in(
    site_on: RunningSite, tenant: Tenant, person: Person
) -> None:
    """The others get a page that says what can be so, and a button."""
    row = site_on.invites_and_delivers(ADA)
    sets_password(person, tenant.link_to(ADA))
    address = callback_of(person, site_on)

    def comes_back() -> Person:
        with Person() as copy:
            for cookie in person.cookies:
                copy.cookies.set_cookie(cookie)
            return copy.opens(address)

    browsers = at_once(*[comes_back] * 10)
    [winner] = [each for each in browsers if each.cookie("sid")]
    assert winner.response.status_code == 200
    assert winner.path == "/"
    for other in (each for each in browsers if each is not winner):
        assert other.response.status_code == 400
        assert "was finished already" in other.text
        assert other.offers("Sign in")
    assert events_of(site_on, row).count("accepted") == 1
    assert site_on.row(row.id).state == "accepted"
    assert tenant.calls("POST /oauth/token") == 2, "the worker's and the winner's"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # where both go on at once
def test_what_stands_in_the_way_of_a_resend_may_end_in_the_moment_in_which_it_is_named(
    site_on: RunningSite, tenant: Tenant
) -> None:
    """The index has refused the row, and there is no open invitation any more to say so of."""
    tenant.fails("POST /api/v2/users", kind="status", status=400, times=1)
    failed = site_on.invites_and_delivers(ADA)
    other = site_on.invites(ADA)
    revoke = partial(site_on.services.invitations.revoke, other.id, actor="Grace")
    resend = partial(site_on.services.resending.resend, failed.id, actor="Grace")
    # The first looks for how long it lasts.
    with (
        meanwhile(site_on, revoke, before="SELECT", nth=2) as revoked,
        pytest.raises(NotPossibleNow, match="has just ended"),
    ):
        resend()
    assert revoked.result(timeout=15).state == "revoked"
    assert resend().state == "queued"


def test_revoking_against_a_login_has_one_winner(site_on: RunningSite) -> None:
    """Whoever signs in has access, or the invitation is withdrawn and they have none."""
    for row in sent(site_on):
        revoked, outcome = at_once(
            partial(site_on.services.invitations.revoke, row.id, actor="Grace"),
            login_of(site_on, row),
        )
        ends = [each for each in events_of(site_on, row) if each in ("accepted", "revoked")]
        assert ends == [site_on.row(row.id).state]
        if ends == ["accepted"]:
            assert outcome is LoginOutcome.ACCEPTED
            assert "has ended already" in str(revoked)
        else:
            assert outcome is LoginOutcome.REVOKED
            assert revoked.state == "revoked"


def test_resending_against_a_login_mails_nobody_who_is_in(
    site_on: RunningSite, tenant: Tenant
) -> None:
    """The login wins in either order; a resend that came before it goes no further."""
    for row in sent(site_on):
        resent, outcome = at_once(
            partial(site_on.services.resending.resend, row.id, actor="Grace"),
            login_of(site_on, row),
        )
        assert outcome is LoginOutcome.ACCEPTED
        events = events_of(site_on, row)
        if isinstance(resent, NotPossibleNow):
            assert "has been accepted" in str(resent)
            assert "resent" not in events
        assert events.count("accepted") == 1
        site_on.delivers()
        assert site_on.row(row.id).state == "accepted"
        assert len(tenant.mails(row.email)) == 1


def test_renewal_against_resending_is_one_mail(site_on: RunningSite, tenant: Tenant) -> None:
    """The owner hears that it is on its way already, which is so."""
    for row in sent(site_on):
        resent, _ = at_once(
            partial(site_on.services.resending.resend, row.id, actor="Grace"),
            partial(site_on.services.resending.renew, row.ref),
        )
        events = events_of(site_on, row)
        assert events.count("renewed") + events.count("resent") == 1
        if isinstance(resent, NotPossibleNow):
            assert str(resent) == "This invitation is already on its way."
            assert "renewed" in events
        site_on.delivers()
        assert site_on.row(row.id).generation == 2
        assert len(tenant.mails(row.email)) == 2
        assert tenant.linked_accounts().count(row.user_id) == 1


def test_a_resend_page_that_was_open_for_days_says_what_is_so_now(
    site_on: RunningSite, tenant: Tenant, admin: Person
) -> None:
    """It expired meanwhile: that can be sent again. It was renewed meanwhile: it is on its way."""
    [row] = sent(site_on, 1)
    site_on.make_admin()
    page = f"/admin/invitations/{row.id}"
    signs_in(admin, site_on, start=page)
    with Person() as second:
        signs_in(second, site_on, start=page)
        site_on.clock.forward(seconds=(row.expires_at - site_on.clock()).total_seconds() - 1)
        admin.opens(site_on.url + page)
        second.opens(site_on.url + page)
        assert "Ended" not in admin.text
        site_on.clock.forward(seconds=1)
        admin.presses("Resend")
        assert "A new invitation is on its way" in admin.text
        second.presses("Resend")
        assert "already on its way" in second.text
    site_on.delivers()
    assert site_on.status(row.email) == "sent"
    assert len(tenant.mails(row.email)) == 2
    assert events_of(site_on, row).count("resent") == 1


def test_accepting_while_the_tenant_is_asked_about_it_puts_no_roles_off(
    site_on: RunningSite, tenant: Tenant
) -> None:
    """The question was about the link; what is to be done after the acceptance is due at once."""
    options = Options(roles={"rol_1": "Reader"})
    row = site_on.services.invitations.invite(ADA, inviter=Inviter("Grace"), options=options)
    site_on.delivers()
    site_on.clock.forward(hours=1, seconds=1)
    tenant.fails("GET /api/v2/users", kind="slow", seconds=1, times=1)
    asking = threading.Thread(target=lambda: site_on.services.deliveries.check(limit=10))
    asking.start()
    wait_until(lambda: not tenant.faults, "the tenant was asked")
    accepted = login_of(site_on, site_on.row(row.id))()
    asking.join()
    assert accepted is LoginOutcome.ACCEPTED
    assert site_on.row(row.id).check_at <= site_on.clock()


class Late(Ledger):
    """Something else comes first, once, where it looks at an invitation or renews it."""

    def __init__(self, site: RunningSite, place: str, first: Callable[[], object]) -> None:
        super().__init__(site.services.engine, site.settings.connection, site.settings.client_id)
        self.place, self.first, self.is_late = place, first, False

    def get(self, invitation_id: int) -> Any:
        self._come_late("get")
        return super().get(invitation_id)

    def requeue(self, invitation_id: int, **about: Any) -> Any:
        self._come_late("requeue")
        return super().requeue(invitation_id, **about)

    def _come_late(self, place: str) -> None:
        if place == self.place and not self.is_late:
            self.is_late = True
            self.first()


@pytest.mark.parametrize("place", ["get", "requeue"])
def test_whom_somebody_revokes_while_they_are_invited_again_gets_a_new_invitation(
    site_on: RunningSite, place: str
) -> None:
    """The expired one would have been renewed, and is no reason to refuse any more."""
    [row] = sent(site_on, 1)
    site_on.clock.forward(seconds=(row.expires_at - site_on.clock()).total_seconds() + 1)
    services = site_on.services
    late = Late(site_on, place, partial(services.invitations.revoke, row.id, actor="Grace"))
    again = replace(services.invitations, ledger=late).invite(row.email, inviter=Inviter("Ida"))
    assert site_on.row(row.id).state == "revoked"
    assert (again.state, again.id != row.id, again.inviter) == ("queued", True, "Ida")


@pytest.mark.parametrize("place", ["get", "requeue"])
def test_who_signs_in_while_they_are_invited_again_has_accepted(
    site_on: RunningSite, place: str
) -> None:
    """They need no other invitation, and the owner hears that."""
    [row] = sent(site_on, 1)
    site_on.clock.forward(seconds=(row.expires_at - site_on.clock()).total_seconds() + 1)
    late = Late(site_on, place, login_of(site_on, row))
    with pytest.raises(AlreadyAccepted):
        replace(site_on.services.invitations, ledger=late).invite(row.email, inviter=Inviter("Ida"))
    assert site_on.row(row.id).state == "accepted"


@pytest.mark.parametrize("is_withdrawn", [False, True])
def test_a_worker_that_stood_still_replaces_no_newer_link(
    site_on: RunningSite, tenant: Tenant, person: Person, is_withdrawn: bool
) -> None:
    """Another worker has sent it after the lease ran out, or another invitation of the same person after
    this one was withdrawn."""
    row = site_on.invites(ADA)
    [job] = site_on.services.deliveries.claim("slow worker", limit=1)
    if is_withdrawn:
        site_on.services.invitations.revoke(row.id, actor="Grace")
        row = site_on.invites(ADA)
    seconds = 30 if is_withdrawn else 61  # of 60 that a lease lasts
    site_on.clock.forward(seconds=seconds)
    tenant.forward(seconds)
    site_on.delivers()
    assert site_on.row(row.id).state == "sent"
    site_on.services.deliveries.deliver(job)
    assert site_on.row(row.id).state == "sent"
    assert len(tenant.mails(ADA)) == 1
    assert person.opens(tenant.link_to(ADA)).offers("Reset password")


@pytest.mark.parametrize("is_withdrawn", [False, True])
def test_a_worker_that_stood_still_before_the_last_dot_mails_nothing(
    site_on: RunningSite, tenant: Tenant, person: Person, is_withdrawn: bool
) -> None:
    """Its link works no more, and would be the newest in the mailbox: another worker has mailed the next
    one, or the invitation was withdrawn."""
    row = site_on.invites(ADA)

    class Still(Turns):
        @contextmanager
        def one(self) -> Iterator[Callable[[], None]]:
            yield stands_still

    def stands_still() -> None:
        if is_withdrawn:
            site_on.services.invitations.revoke(row.id, actor="Grace")
            return
        site_on.clock.forward(seconds=61)
        tenant.forward(61)
        site_on.delivers()

    slow = replace(site_on.services.deliveries, turns=Still())
    [job] = slow.claim("slow worker", limit=1)
    slow.deliver(job)
    assert len(tenant.mails(ADA)) == (0 if is_withdrawn else 1)
    if not is_withdrawn:
        assert site_on.row(row.id).state == "sent"
        assert person.opens(tenant.link_to(ADA)).offers("Reset password")
