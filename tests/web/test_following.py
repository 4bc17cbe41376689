"""Following invitations: what the list and the page of one say, and what they offer."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from invite_site.invitations.lifecycle import FAIL
from invite_site.invitations.people import Invitee, Inviter
from tests.support.person import Person
from tests.support.running import (
    ADMIN,
    PASSWORD,
    Clock,
    RunningSite,
    Tenant,
    logs_in,
    running_site,
    sets_password,
    settings_for,
    signs_in,
)

ADA = "ada@example.com"
REFUSED = "The mail server refused this address: 550 no such user."


def sent(site: RunningSite, name: str = "") -> Any:
    return site.invites_and_delivers(ADA, name)


def failed(site: RunningSite, name: str = "") -> Any:
    row = site.invites(ADA, name)
    leases = site.services.deliveries.leases
    [job] = leases.claim("a worker", limit=1, now=site.clock(), calls={})
    now = site.clock()
    leases.finish(job, FAIL, now=now, closed_at=now, last_error=REFUSED)
    return row


def accepted(site: RunningSite, tenant: Tenant) -> Any:
    row = sent(site)
    with Person() as ada:
        sets_password(ada, tenant.link_to(ADA))
        logs_in(ada, ADA, PASSWORD)
    assert site.status(ADA) == "accepted"
    return row


def of(site: RunningSite, row: Any) -> str:
    return f"{site.url}/admin/invitations/{row.id}"


def test_every_page_says_who_is_signed_in(site: RunningSite, desk: Person) -> None:
    """By name and address; several people may share a browser."""
    for path in ("/", "/admin/invitations", "/admin/invitations/new"):
        who = desk.opens(site.url + path).soup.select_one(".site-header .who")
        assert who is not None
        assert who.get_text(" ", strip=True) == f"Signed in as Admin {ADMIN}"


def test_the_list_says_what_changed_last_and_when_an_invitation_ends(
    site: RunningSite, desk: Person
) -> None:
    """How long ago, with the exact moment beside it."""
    row = sent(site, "Ada Byron")
    site.clock.forward(hours=3)
    line = desk.opens(f"{site.url}/admin/invitations").soup.select_one("tbody tr")
    assert line is not None
    words = [cell.get_text(" ", strip=True) for cell in line.select("td")]
    assert words == [
        f"Choose {ADA} {ADA} Ada Byron",
        "Sent ends in 4 days",
        "3 hours ago",
        "Grace Hopper",
    ]
    at = line.select_one(".when time")
    assert at is not None
    assert at["datetime"] == site.row(row.id).last_sent_at.isoformat()
    assert str(at["title"]).endswith("UTC")


def test_the_empty_list_has_three_steps_and_the_button(site: RunningSite, desk: Person) -> None:
    """In the middle of the page, where people look."""
    steps = desk.soup.select(".empty .steps li")
    assert len(steps) == 3
    assert desk.presses("Invite the first person").heading == "Invite someone"


def test_the_list_leads_to_newer_pages_too(site: RunningSite, desk: Person) -> None:
    """Page by page, back the way one came."""
    now = site.clock()
    for number in range(120):
        site.services.ledger.open(
            Invitee.parse(f"p{number}@example.com"),
            inviter=Inviter("Grace"),
            expires_at=now + timedelta(days=5),
            now=now,
        )

    def first() -> str:
        return desk.soup.select("tbody a")[0].get_text()

    desk.opens(f"{site.url}/admin/invitations")
    seen = [first()]
    for _ in range(2):
        desk.presses("Older")
        seen.append(first())
    assert seen == ["p119@example.com", "p69@example.com", "p19@example.com"]
    assert not desk.offers("Older")
    desk.presses("Newer")
    assert first() == seen[1]
    assert not desk.offers("Newer")
    desk.presses("Newest")
    assert first() == seen[0]


def test_an_invitation_leads_back_to_the_list_as_it_was(site: RunningSite, desk: Person) -> None:
    """With its search and its page."""
    sent(site, "Ada Byron")
    desk.opens(f"{site.url}/admin/invitations?q=byron&state=sent").presses(ADA)
    back = desk.soup.select_one(".back a")
    assert back is not None
    desk.opens(site.url + str(back["href"]))
    assert desk.url == f"{site.url}/admin/invitations?q=byron&state=sent"


def test_many_that_wait_for_the_rate_are_counted(
    tenant: Tenant, tmp_path: Path, clock: Clock, admin: Person
) -> None:
    """Where the tenant's limit is the reason, the list says so, and how fast it goes."""
    with running_site(settings_for(tenant, tmp_path, TENANT_PLAN="free"), clock=clock) as site:
        site.make_admin()
        for number in range(35):
            site.invites(f"p{number}@example.com")
        signs_in(admin, site, start="/admin/invitations")
        assert "35 invitations are waiting; the tenant allows about 1 a second." in admin.text


def test_what_has_expired_unsent_waits_for_nothing(
    tenant: Tenant, tmp_path: Path, clock: Clock, admin: Person
) -> None:
    """Neither for the rate nor for a worker: it never goes out."""
    with running_site(settings_for(tenant, tmp_path, TENANT_PLAN="free"), clock=clock) as site:
        site.make_admin()
        now = clock()
        for number in range(6):
            invitee = Invitee.parse(f"p{number}@example.com", "")
            end = now + timedelta(minutes=10)
            site.services.ledger.open(invitee, inviter=Inviter("Grace"), expires_at=end, now=now)
        signs_in(admin, site, start="/admin/invitations")
        assert "No worker has been seen yet" in admin.text
        assert "6 invitations are waiting" in admin.text
        clock.forward(minutes=11)
        admin.opens(f"{site.url}/admin/invitations")
        assert "waiting" not in admin.text
        assert "worker" not in admin.text


def test_a_failed_one_ends_at_the_failure_and_says_why(site: RunningSite, desk: Person) -> None:
    """No steps that will not come; the reason stands where the remedy is."""
    desk.opens(of(site, failed(site)))
    assert [step.get_text() for step in desk.soup.select(".ladder strong")] == ["Failed"]
    assert REFUSED in desk.text
    assert desk.offers("Resend")
    assert desk.offers("Invite again")


@pytest.mark.parametrize("state", ["failed", "revoked"])
def test_invite_again_fills_in_what_was_typed(site: RunningSite, desk: Person, state: str) -> None:
    """Nobody types an address twice."""
    row = failed(site, "Ada Byron") if state == "failed" else sent(site, "Ada Byron")
    if state == "revoked":
        site.services.invitations.revoke(row.id, actor="Grace", reason="")
    desk.opens(of(site, row)).presses("Invite again")
    assert desk.sees_in("Email address") == ADA
    assert desk.sees_in("Name") == "Ada Byron"
    desk.presses("Send invitation")
    assert desk.heading == ADA
    assert site.status(ADA) == "queued"


def test_the_form_refuses_who_has_accepted(site: RunningSite, tenant: Tenant, desk: Person) -> None:
    """At once, not by a failure later; where the account is gone they are invited again."""
    earlier = accepted(site, tenant)
    desk.opens(f"{site.url}/admin/invitations/new")
    desk.types(Email_address=ADA).presses("Send invitation")
    assert desk.response.status_code == 422
    assert "Ask them to sign in" in desk.text
    assert desk.sees_link("Open that invitation") == of(site, earlier)
    method, action, fields = desk.form("Send invitation")
    assert "again" not in fields
    answer = desk.browser.request(method, action, data=fields | {"again": "y"}, timeout=10)
    assert "on its way" in answer.text


def test_revoking_asks_first(site: RunningSite, desk: Person) -> None:
    """On a page of its own that says what will come of it; it can be left."""
    row = sent(site)
    desk.opens(of(site, row)).presses("Revoke")
    assert desk.heading == "Revoke this invitation?"
    assert "Its link stops working" in desk.text
    assert site.status(ADA) == "sent"
    desk.presses("Keep it")
    assert desk.path == f"/admin/invitations/{row.id}"
    assert site.status(ADA) == "sent"


def test_revoking_says_what_is_true_of_each_status(
    site: RunningSite, tenant: Tenant, desk: Person
) -> None:
    """An expired link is dead already; a queued one was never sent."""
    row = site.invites(ADA)
    assert "Nothing is sent any more" in desk.opens(f"{of(site, row)}/revoke").text
    site.delivers()
    with Person() as ada:
        sets_password(ada, tenant.link_to(ADA))
    site.clock.forward(seconds=20)
    site.delivers()
    assert site.status(ADA) == "password_set"
    assert "They have chosen a password" in desk.opens(f"{of(site, row)}/revoke").text


def test_one_that_ended_is_not_asked_about(site: RunningSite, desk: Person) -> None:
    """The second tab, after it was revoked in the first."""
    row = sent(site)
    site.services.invitations.revoke(row.id, actor="Grace", reason="")
    assert desk.opens(f"{of(site, row)}/revoke").path == f"/admin/invitations/{row.id}"


def test_the_history_tells_each_delivery_once(site: RunningSite, desk: Person) -> None:
    """By its end; and what the site does has no name of a worker beside it."""
    desk.opens(of(site, sent(site)))
    events = [
        " ".join(span.get_text(" ").split()) for span in desk.soup.select(".timeline li > span")
    ]
    assert events == ["Invited by Grace Hopper", "Handed to the mail server"]


def test_proof_stands_behind_a_question(site: RunningSite, desk: Person) -> None:
    """Who wants to know opens it; nobody has to read it on each row."""
    desk.opens(of(site, sent(site)))
    why = desk.soup.select_one("details.why")
    assert why is not None
    assert "says so" in why.get_text()
    ladder = desk.soup.select_one(".ladder")
    assert ladder is not None
    assert "proves" not in ladder.get_text()


def test_a_name_that_is_too_long_is_refused_not_cut(site: RunningSite, desk: Person) -> None:
    """A browser would cut at a maxlength without a word."""
    desk.opens(f"{site.url}/admin/invitations/new")
    assert not desk.soup.select("form[method=post] [maxlength]")
    desk.types(Email_address=ADA, Name="x" * 81).presses("Send invitation")
    assert "too long" in desk.text
    assert desk.sees_in("Name") == "x" * 81


@pytest.mark.parametrize(("link", "is_once"), [("ticket", True), ("landing", False)])
def test_the_mail_says_what_is_true_of_its_link(
    tenant: Tenant, tmp_path: Path, link: str, is_once: bool
) -> None:
    """A ticket works once, a link of ours until it ends; and the address can be copied."""
    with running_site(settings_for(tenant, tmp_path, INVITE_LINK=link)) as site:
        sent(site)
        [mail] = tenant.mails(ADA)
        assert ("works once" in mail["Text"]) is is_once
        assert ("works once" in mail["HTML"]) is is_once
        assert "Or copy this address" in mail["HTML"]


def test_a_list_that_asks_by_itself_is_not_the_one_last_seen(
    site: RunningSite, desk: Person
) -> None:
    """Else an open tab would decide where the links of another one lead."""
    row = sent(site)
    desk.opens(f"{site.url}/admin/invitations?state=sent")
    other = f"{site.url}/admin/invitations?state=failed"
    desk.browser.get(other, headers={"HX-Request": "true"}, timeout=10)
    desk.opens(f"{site.url}/admin/invitations/{row.id}")
    assert desk.soup.select("p.back a")[0]["href"] == "/admin/invitations?state=sent"


def test_a_page_that_asks_by_itself_takes_no_message_away(site: RunningSite, desk: Person) -> None:
    """What a press brought is said on the page that follows it."""
    row = sent(site)
    desk.opens(f"{site.url}/admin/invitations/{row.id}").sends("Resend")
    desk.browser.get(desk.url, headers={"HX-Request": "true"}, timeout=10)
    assert "A new invitation is on its way" in desk.opens(desk.url).text


def test_a_look_without_the_page_takes_no_message_away(site: RunningSite, desk: Person) -> None:
    """HEAD, as an extension of a browser sends it with the cookies, changes nothing."""
    row = sent(site)
    desk.opens(f"{site.url}/admin/invitations/{row.id}").sends("Resend")
    assert desk.peeks(desk.url, "HEAD").status_code == 200
    assert "A new invitation is on its way" in desk.opens(desk.url).text


@pytest.mark.parametrize("more", ["", "&before=1-2&trail=" + "~".join(["1-1764000000000000"] * 20)])
def test_the_way_back_to_a_list_is_whole_or_shorter_by_whole_parts(
    site: RunningSite, desk: Person, more: str
) -> None:
    """Long searches of letters outside ASCII, and the places of many pages."""
    row = sent(site)
    search = "?q=" + quote("ж" * 95)
    desk.opens(f"{site.url}/admin/invitations{search}{more}")
    desk.opens(f"{site.url}/admin/invitations/{row.id}")
    back = str(desk.soup.select("p.back a")[0]["href"])
    assert back.startswith(f"/admin/invitations{search}")
    assert "%D0&" not in back
