"""*Get a new link*: by the ref of a mail, to the invited address alone, the same answer for everybody."""

import threading
from typing import Any

import pytest

from tests.support.person import Person
from tests.support.running import RunningSite, Tenant, accepts, sets_password, signs_in

ADA = "ada@example.com"


def sent(site: RunningSite) -> Any:
    return site.invites_and_delivers(ADA)


def asks(site: RunningSite, ref: str) -> Person:
    """Somebody opens the page of this ref and presses its button."""
    with Person() as somebody:
        return somebody.opens(f"{site.url}/invite/renew?i={ref}").presses("Send me a new link")


def test_it_works(site: RunningSite, tenant: Tenant, person: Person) -> None:
    """From the page of an expired link to a new mail, and on to the sign-in."""
    row = sent(site)
    older = tenant.link_to(ADA)
    site.clock.forward(days=6)
    tenant.forward(6 * 86_400)
    person.opens(older)
    if person.url.startswith(tenant.url):
        person.opens(f"{site.url}/invite/complete?i={row.ref}&success=false&message=access expired")
    assert person.heading == "This invitation has expired"
    person.presses("Get a new link").presses("Send me a new link")
    assert person.heading == "Look into your mailbox"
    site.delivers()
    assert len(tenant.mails(ADA)) == 2
    assert site.status(ADA) == "sent"
    with Person() as invitee:
        sets_password(invitee, tenant.link_to(ADA))
        assert invitee.sees_in("Email address") == ADA


def test_it_works_where_a_newer_mail_never_went_out(site: RunningSite, tenant: Tenant) -> None:
    """No worker ran until its time was over; the ref of the mail before is as good."""
    row = sent(site)
    site.services.resending.resend(row.id, actor="Grace")
    site.clock.forward(days=6)
    site.delivers()
    assert site.status(ADA) == "expired"
    asks(site, row.ref)
    site.delivers()
    assert site.status(ADA) == "sent"
    assert len(tenant.mails(ADA)) == 2


def test_every_mail_leads_to_it(site: RunningSite, tenant: Tenant) -> None:
    """In its text and in its HTML."""
    row = sent(site)
    [mail] = tenant.mails(ADA)
    address = f"{site.url}/invite/renew?i={row.ref}"
    assert address in mail["Text"]
    assert address in mail["HTML"]


def test_it_is_done_once_in_15_minutes_and_three_times_a_day(
    site_on: RunningSite, tenant: Tenant
) -> None:
    """However often somebody asks, and the next day again."""
    row = sent(site_on)
    for wait, mails in ((0, 2), (14, 2), (2, 3), (16, 4), (16, 4), (24 * 60, 5)):
        site_on.clock.forward(minutes=wait)
        site_on.services.resending.renew(row.ref)
        site_on.delivers()
        assert len(tenant.mails(ADA)) == mails, wait


def test_of_many_requests_at_once_one_counts(site_on: RunningSite, tenant: Tenant) -> None:
    """One mail, one newest link."""
    row = sent(site_on)
    ready = threading.Barrier(8)

    def ask() -> None:
        ready.wait()
        site_on.services.resending.renew(row.ref)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    site_on.delivers()
    events = [each.event for each in site_on.services.listing.events(row.id)]
    assert events.count("renewed") == 1
    assert len(tenant.mails(ADA)) == 2


@pytest.mark.parametrize("state", ["queued", "revoked", "accepted", "failed"])
def test_nothing_is_sent_where_no_link_can_help(
    site: RunningSite, tenant: Tenant, person: Person, state: str
) -> None:
    """One that is on its way already, and one that has ended."""
    row = site.invites(ADA)
    if state == "failed":
        tenant.fails("SMTP", kind="status", status=550, at="rcpt", times=1)
    if state != "queued":
        site.delivers()
    if state == "revoked":
        site.services.invitations.revoke(row.id, actor="Grace")
    if state == "accepted":
        accepts(person, tenant.link_to(ADA))
    before = len(tenant.mails(ADA))
    assert site.row(row.id).state == state
    asks(site, row.ref)
    assert site.row(row.id).generation == 1
    site.delivers()
    assert len(tenant.mails(ADA)) == before + (state == "queued")


def test_whoever_has_a_password_is_asked_to_sign_in(
    site: RunningSite, tenant: Tenant, person: Person, admin: Person
) -> None:
    """A new ticket would make them choose another one. The owner sees who asked."""
    row = sent(site)
    sets_password(person, tenant.link_to(ADA))
    site.clock.forward(seconds=16)
    site.delivers()
    asks(site, row.ref)
    site.delivers()
    assert tenant.mails(ADA)[0]["Subject"].startswith("You have access")
    assert site.row(row.id).state == "password_set"
    site.make_admin()
    signs_in(admin, site, start=f"/admin/invitations/{row.id}")
    assert "Renewed by the invitee" in admin.text


def test_the_answer_is_the_same_for_every_ref(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """Status, headers and page: unknown, sent, in cooldown, revoked, accepted, and no ref at all."""
    rows = {name: site.invites(f"{name}@example.com") for name in ("sent", "revoked", "accepted")}
    site.delivers()
    site.services.invitations.revoke(rows["revoked"].id, actor="Grace")
    accepts(person, tenant.link_to("accepted@example.com"))
    refs = [rows[name].ref for name in ("sent", "sent", "revoked", "accepted")]
    refs += ["A" * len(refs[0]), ""]
    with Person() as somebody:
        somebody.opens(f"{site.url}/invite/renew")
        asked = {page_of(somebody, ref) for ref in refs if ref}
        assert len(asked) == 1
        answers = [answer_of(somebody, ref) for ref in refs]
    assert len({repr(each) for each in answers}) == 1
    status, headers, text = answers[0]
    assert status == 303
    assert headers["Location"] == "/invite/renew?asked=1"
    assert not any(ref in text for ref in refs if ref)


def page_of(somebody: Person, ref: str) -> str:
    """The page of this ref without the ref, and without the token of this request."""
    somebody.opens(f"{somebody.url.partition('/invite')[0]}/invite/renew?i={ref}")
    token = somebody.soup.select_one("input[name=csrf_token]")
    assert token is not None
    return somebody.response.text.replace(ref, "REF").replace(str(token["value"]), "TOKEN")


def answer_of(somebody: Person, ref: str) -> tuple[int, dict[str, str], str]:
    """What the form with this ref is answered, before the browser goes on."""
    token = somebody.soup.select_one("input[name=csrf_token]")
    assert token is not None
    answer = somebody.browser.post(
        f"{somebody.url.partition('?')[0]}",
        data={"csrf_token": token["value"], "i": ref},
        headers={"Origin": somebody.url.partition("/invite")[0]},
        allow_redirects=False,
        timeout=10,
    )
    own = {"Date", "X-Request-ID", "Set-Cookie"}
    return (
        answer.status_code,
        {name: value for name, value in answer.headers.items() if name not in own},
        answer.text,
    )


def test_a_request_from_elsewhere_is_refused(site: RunningSite, tenant: Tenant) -> None:
    """Nobody's browser asks for it without its page."""
    row = sent(site)
    with Person() as somebody:
        answer = somebody.browser.post(f"{site.url}/invite/renew", data={"i": row.ref}, timeout=10)
    assert answer.status_code == 400
    assert site.row(row.id).generation == 1
