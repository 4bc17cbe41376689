"""The overview: what to do first, then the figures, each a link to its list."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from click.testing import Result
from sqlalchemy import insert, update

from invite_site.invitations.people import Inviter
from invite_site.invitations.statistics import share
from invite_site.invitations.tables import Invitation, Tally
from tests.support.person import Person
from tests.support.running import RunningSite, Tenant, signs_in

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture
def desk(site: RunningSite, admin: Person) -> Person:
    site.make_admin()
    return signs_in(admin, site, start="/admin/")


@pytest.fixture
def run(site: RunningSite) -> Callable[..., Result]:
    """Run `flask invite …` inside the running site's application."""
    runner = site.app.test_cli_runner()
    return lambda *words: runner.invoke(args=["invite", *words])


def changed(site: RunningSite, row: Invitation, **values: object) -> None:
    with site.services.engine.begin() as db:
        db.execute(update(Invitation).where(Invitation.id == row.id).values(values))


def figures(page: Person) -> dict[str, str]:
    """What the numbers by status are, by the address of the list that each leads to."""
    return {
        str(link["href"]): link.select("strong")[0].get_text()
        for link in page.soup.select('[aria-labelledby="statuses"] a')
    }


def test_an_empty_site_says_what_to_do_first(site: RunningSite, desk: Person) -> None:
    """After the sign-in comes the list, as from everywhere; the overview is one link away."""
    assert desk.heading == "Invitations"
    desk.presses("Overview")
    assert desk.heading == "Overview"
    assert desk.text_of('nav a[aria-current="page"]') == "Overview"
    assert "Nobody has been invited yet" in desk.text
    assert "No worker has been seen yet" in desk.text
    assert "tenant check" in desk.text
    assert not desk.soup.select("svg")
    desk.presses("Invite the first person")
    assert desk.path == "/admin/invitations/new"


def test_the_figures_lead_to_their_lists(
    site: RunningSite, desk: Person, run: Callable[..., Result]
) -> None:
    """The page, the filter of the list and the command say the same."""
    now = site.clock()
    rows = [site.invites(f"{name}@example.com") for name in ("ada", "bob", "cyd", "dee", "eve")]
    sent_at = now - 3 * DAY
    sent = {"state": "sent", "first_sent_at": sent_at, "last_sent_at": sent_at}
    changed(site, rows[0], **sent, expires_at=now + DAY)
    password_set = sent | {"state": "password_set", "password_set_at": now - 61 * MINUTE}
    changed(site, rows[1], **password_set)
    accepted = {"state": "accepted", "accepted_at": sent_at + 17 * MINUTE, "accepted_sub": "x"}
    changed(site, rows[2], **password_set | accepted | {"closed_at": now})
    changed(site, rows[3], state="failed", closed_at=now, **{"last_error": "no"})
    changed(site, rows[4], expires_at=now - MINUTE)
    site.services.circuit_breaker.open("mail", "The mail server is away.", now=now)

    desk.opens(f"{site.url}/admin/")
    assert figures(desk) == {
        f"/admin/invitations?state={status}": number
        for status, number in {
            "queued": "0", "sending": "0", "sent": "1", "password_set": "1", "accepted": "1",
            "expired": "1", "revoked": "0", "failed": "1",
        }.items()
    }  # fmt: skip
    attention = desk.soup.select('[aria-labelledby="attention"] a')
    assert [(a.get_text(" ", strip=True), a["href"]) for a in attention] == [
        ("1 stuck after the password", "/admin/invitations?attention=stuck"),
        ("1 ending within two days", "/admin/invitations?attention=ending"),
        ("1 refused", "/admin/invitations?state=failed"),
    ]
    funnel = [li.get_text(" ", strip=True) for li in desk.soup.select(".funnel li")]
    assert funnel == [
        "Sent 3",
        "Password set 2 66% of the step before",
        "Accepted 1 50% of the step before",
    ]
    assert "33% are accepted" in desk.text
    assert "acceptance: about 17 minutes" in desk.text
    assert "The mail server is away." in desk.text_of(".banner.warning")
    days = [
        tuple(cell.get_text() for cell in row.select("th, td"))
        for row in desk.soup.select("tbody tr")
    ]
    assert len(days) == 30
    assert days[0][1:] == ("5", "0")
    assert days[3][1:] == ("0", "1") or days[2][1:] == ("0", "1")  # 17 minutes around midnight
    assert len(desk.soup.select("svg.days rect")) == 2
    assert [each["height"] for each in desk.soup.select("svg.days rect.invited")] == ["100.0"]

    desk.opens(f"{site.url}/admin/invitations")
    options = [each.get_text() for each in desk.soup.select("#state option")]
    assert options[1:4] == ["Queued (0)", "Sending (0)", "Sent (1)"]
    desk.opens(f"{site.url}/admin/invitations?q=ada")
    assert "Sent" in [each.get_text() for each in desk.soup.select("#state option")]

    said = run("overview").output
    for line in (
        "        1 password set\n",
        "        2 password set, 66% of the step before",
        "acceptance: about 17 minutes.",
        "        1 stuck: the password was set",
        "Invitations are waiting. The mail server is away.",
        f"{now:%Y-%m-%d}          5 invited          0 accepted",
    ):
        assert line in said, said


def test_a_batch_that_is_being_sent_is_one_click_away(
    site: RunningSite, tenant: Tenant, desk: Person
) -> None:
    """So that the rest of it can be cancelled in three; once nothing of it waits it is gone from here."""
    batches, grace = site.services.batches, Inviter("Grace")
    for name, address in (("First", "ada@example.com"), ("Second", "alan@example.com")):
        batch = batches.preview(address, name=name, inviter=grace)
        batches.start(batch.id, inviter=grace)
    batches.pause(batch.id)
    batches.preview("joan@example.com", name="Not started", inviter=grace)
    desk.presses("Overview")
    section = 'ul[aria-labelledby="batches"] li'
    shown = [each.get_text(" ", strip=True) for each in desk.soup.select(section)]
    assert shown == ["Second 1 invitation, paused", "First 1 invitation"]
    desk.presses("Second").presses("Cancel the rest now")
    site.delivers()
    desk.presses("Overview")
    assert desk.soup.select(section) == []
    desk.presses("Batches")
    states = [each.get_text(strip=True) for each in desk.soup.select("td .status")]
    assert states == ["Preview", "Cancelled", "Done"]


def test_where_nothing_needs_attention_the_page_says_so(site: RunningSite, desk: Person) -> None:
    """And bars are drawn without a division by nothing."""
    row = site.invites("ada@example.com")
    changed(site, row, created_at=site.clock() - 40 * DAY)
    desk.opens(f"{site.url}/admin/")
    assert "Nothing: nobody is stuck" in desk.text
    assert "Median" not in desk.text
    assert not desk.soup.select("svg.days")


def test_a_recount_mends_what_the_pages_show(
    site: RunningSite, desk: Person, run: Callable[..., Result]
) -> None:
    """Status 1 says that something was wrong, and nothing is afterwards."""
    site.invites("ada@example.com")
    with site.services.engine.begin() as db:
        db.execute(insert(Tally), [{"kind": "failed", "bucket": 0, "amount": 1200}])
    desk.opens(f"{site.url}/admin/")
    assert figures(desk)["/admin/invitations?state=failed"] == "1,200"
    wrong = run("recount")
    assert wrong.exit_code == 1
    assert "failed: 0 were missing, 1,200 were too many\n" in wrong.output
    assert "they are right now" in wrong.output
    right = run("recount")
    assert (right.exit_code, right.output) == (0, "The counts are right.\n")
    assert figures(desk.opens(f"{site.url}/admin/"))["/admin/invitations?state=failed"] == "0"


@pytest.mark.parametrize(
    ("part", "whole", "said"), [(1, 3, 33), (999, 1000, 99), (5, 5, 100), (6, 5, 100), (0, 0, None)]
)
def test_a_share_is_100_only_of_all(part: int, whole: int, said: int | None) -> None:
    """An account that was bound without a mail of ours is no reason for more."""
    assert share(part, whole) == said


def test_a_few_of_many_are_not_said_to_be_none(
    site: RunningSite, desk: Person, run: Callable[..., Result]
) -> None:
    """One of two hundred who has come so far; without any it is 0%."""
    row = site.invites("ada@example.com")
    now = site.clock()
    proof = {
        "first_sent_at": now,
        "accepted_at": now,
        "accepted_sub": "auth0|ada",
        "closed_at": now,
    }
    changed(site, row, state="accepted", password_set_at=now, **proof)
    with site.services.engine.begin() as db:
        db.execute(insert(Tally), [{"kind": "sent_on", "bucket": 0, "amount": 199}])
    desk.opens(f"{site.url}/admin/")
    assert "Password set 1 less than 1% of the step before" in desk.text
    assert "Of all that were sent, less than 1% are accepted." in desk.text
    assert "1 password set, less than 1% of the step before\n" in run("overview").output
