"""Following invitations in Chromium: pages that change by themselves, and what a phone and paper show."""

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from invite_site.invitations.jobs import JobKind
from tests.browser.steps import barriers, signs_in_as_admin
from tests.support.batches import starts
from tests.support.person import Person
from tests.support.running import RunningSite, Tenant, sets_password

ADA = "ada@example.com"
PATIENCE = 20_000  # milliseconds; the pages ask every two, five or ten seconds


@pytest.fixture
def desk(desk: Page) -> Page:
    """An admin's page whose time goes on as ever, unless `later` moves it."""
    desk.clock.install()
    return desk


def later(page: Page) -> None:
    """Ten seconds on for the page alone: it asks now, in place of the next time."""
    page.clock.fast_forward(10_000)


@pytest.fixture
def followed(site: RunningSite) -> RunningSite:
    site.make_admin()
    return site


def test_one_invitation_follows_by_itself(
    desk: Page, followed: RunningSite, tenant: Tenant
) -> None:
    """From *Queued* to *Password set*, without a press and without a reload."""
    signs_in_as_admin(desk, followed)
    row = followed.invites(ADA)
    desk.goto(f"{followed.url}/admin/invitations/{row.id}")
    desk.evaluate("window.wasNotReloaded = true")
    expect(desk.get_by_text("Queued", exact=True)).to_be_visible()
    followed.delivers()
    later(desk)
    expect(desk.get_by_text("Sent", exact=True)).to_be_visible(timeout=PATIENCE)
    with Person() as ada:
        sets_password(ada, tenant.link_to(ADA))
    followed.clock.forward(seconds=16)
    followed.delivers()
    later(desk)
    status = desk.get_by_role("status").get_by_text("Password set")
    expect(status).to_be_visible(timeout=PATIENCE)
    assert desk.evaluate("window.wasNotReloaded")


def test_the_list_follows_by_itself_and_keeps_what_is_being_typed(
    desk: Page, followed: RunningSite
) -> None:
    """The search field lies outside of what changes."""
    signs_in_as_admin(desk, followed)
    followed.invites(ADA)
    desk.reload()
    expect(desk.get_by_role("cell", name="Queued")).to_be_visible()
    desk.get_by_label("Address or name").fill("byr")
    followed.delivers()
    later(desk)
    expect(desk.get_by_role("cell", name="Sent")).to_be_visible(timeout=PATIENCE)
    expect(desk.get_by_label("Address or name")).to_have_value("byr")


def test_a_row_that_is_chosen_stays_chosen_when_it_leaves_the_list(
    desk: Page, followed: RunningSite
) -> None:
    """With none chosen *Resend* is about all that match; nobody has asked for that here."""
    signs_in_as_admin(desk, followed)
    ada, _ = followed.invites(ADA), followed.invites("bob@example.com")
    followed.delivers()
    desk.goto(f"{followed.url}/admin/invitations?state=sent")
    desk.get_by_label(f"Choose {ADA}").check()
    followed.invites("eve@example.com")
    followed.delivers()
    later(desk)
    expect(desk.get_by_label("Choose eve@example.com")).to_be_visible(timeout=PATIENCE)
    expect(desk.get_by_label(f"Choose {ADA}")).to_be_checked()
    expect(desk.locator("input[name=id]:checked")).to_have_count(1)
    followed.services.invitations.revoke(ada.id, actor="Grace Hopper")
    with desk.expect_response(lambda answer: f"id={ada.id}" in answer.url) as asked:
        later(desk)
    asked.value.finished()
    desk.get_by_role("button", name="Resend the chosen").click()
    expect(desk.get_by_role("heading", name="Resend 1 invitation?")).to_be_visible()


def test_a_session_that_ends_leaves_what_is_typed_and_chosen(
    desk: Page, followed: RunningSite
) -> None:
    """The page was loaded again under the hands of whoever searched: it says now that it stands still,
    until they have signed in, here or in another tab."""
    signs_in_as_admin(desk, followed)
    followed.invites(ADA)
    desk.reload()
    desk.get_by_label("Address or name").fill("byr")
    desk.get_by_label(f"Choose {ADA}").check()
    followed.clock.forward(minutes=31)
    later(desk)
    alert = desk.get_by_role("alert").get_by_text("You are signed out")
    expect(alert).to_be_visible(timeout=PATIENCE)
    expect(desk.get_by_label("Address or name")).to_have_value("byr")
    expect(desk.get_by_label(f"Choose {ADA}")).to_be_checked()
    assert not barriers(desk)
    other = desk.context.new_page()
    other.goto(followed.url + "/admin/invitations")
    expect(other.get_by_role("heading", name="Invitations")).to_be_visible()
    later(desk)
    expect(alert).to_be_hidden(timeout=PATIENCE)
    expect(desk.get_by_label(f"Choose {ADA}")).to_be_checked()


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_the_focus_stays_near_when_its_row_leaves_the_list(
    desk: Page, followed: RunningSite, gone: int
) -> None:
    """It fell to the page as a whole, and the next Tab was in the footer."""
    signs_in_as_admin(desk, followed)
    rows = [followed.invites(f"{name}@example.com") for name in ("ada", "bob", "cyd")]
    followed.delivers()
    desk.goto(f"{followed.url}/admin/invitations?state=sent")
    desk.get_by_label(f"Choose {rows[gone].email}").focus()
    followed.services.invitations.revoke(rows[gone].id, actor="Grace Hopper")
    later(desk)
    expect(desk.get_by_role("link", name=rows[gone].email)).to_be_hidden(timeout=PATIENCE)
    expect(desk.locator("table :focus")).to_have_count(1)


@pytest.mark.parametrize("page", ["/admin/invitations/1", "/admin/batches/1", "/admin/jobs/1"])
def test_each_page_that_follows_says_that_the_session_is_over(
    desk: Page, followed: RunningSite, page: str
) -> None:
    """And leads to the sign-in and back."""
    starts(followed, f"{ADA}\n")
    followed.services.jobs.begin(JobKind.REVOKE, numbers=[1], actor="Grace")
    signs_in_as_admin(desk, followed)
    desk.goto(followed.url + page)
    followed.clock.forward(minutes=31)
    later(desk)
    link = desk.get_by_role("alert").get_by_role("link", name="sign in again")
    link.click(timeout=PATIENCE)
    expect(link).to_be_hidden()
    expect(desk).to_have_url(followed.url + page)


def test_what_was_unfolded_stays_so_while_the_rest_changes(
    desk: Page, followed: RunningSite
) -> None:
    """*Why?* closed under the eyes of who read it, and an event stood nowhere: the shown ones had
    moved on, and those that are folded away had not."""
    signs_in_as_admin(desk, followed)
    row = followed.invites(ADA)
    for days in range(8, 20):
        followed.services.resending.extend(row.id, days, actor="Grace Hopper")
    followed.delivers()
    desk.goto(f"{followed.url}/admin/invitations/{row.id}")
    desk.locator("summary", has_text="Why?").click()
    desk.locator("summary", has_text="earlier events").click()
    shown = desk.locator(".timeline > li:visible")
    before = shown.count()
    followed.services.resending.extend(row.id, 20, actor="Grace Hopper")
    followed.delivers()
    later(desk)
    expect(shown).to_have_count(before + 2, timeout=PATIENCE)
    expect(desk.get_by_text("The mail server says so.")).to_be_visible()


def test_the_mail_as_plain_text_stays_unfolded_while_somebody_types(
    desk: Page, followed: RunningSite
) -> None:
    """The first press on it was for nothing, since to leave a field asks for the mail once more. The
    frame is a new one each time: another address for the same one would be a step of Back."""
    signs_in_as_admin(desk, followed)
    desk.goto(f"{followed.url}/admin/invitations/new")
    steps = desk.evaluate("history.length")
    plain = desk.locator("#preview pre")
    desk.get_by_label("Note").press_sequentially("Welcome")
    expect(plain).to_contain_text("Welcome")
    with desk.expect_response("**/preview"):
        desk.locator("#preview summary").click()
    desk.get_by_label("Note").press_sequentially(" aboard")
    expect(plain).to_contain_text("Welcome aboard")
    expect(plain).to_be_visible()
    expect(desk.frame_locator("#preview iframe").locator("body")).to_contain_text("Welcome aboard")
    assert desk.evaluate("history.length") == steps


def test_a_press_on_a_link_of_the_sample_leaves_the_mail_as_it_is(
    desk: Page, followed: RunningSite
) -> None:
    """No page may stand in the frame, so that it was empty, and Back had one step more."""
    signs_in_as_admin(desk, followed)
    desk.goto(f"{followed.url}/admin/invitations/new")
    sample = desk.frame_locator("#preview iframe").get_by_role("link", name="Choose your password")
    with desk.expect_console_message(lambda message: "Blocked opening" in message.text):
        sample.click()
    expect(sample).to_be_visible()


@pytest.mark.parametrize("page", ["/admin/invitations", "/admin/invitations/1"])
def test_an_answer_that_is_an_error_leaves_the_page_as_it_was(
    desk: Page, followed: RunningSite, page: str
) -> None:
    """A restart, or a database that is away for a moment; then the page goes on."""
    signs_in_as_admin(desk, followed)
    followed.invites(ADA)
    desk.goto(followed.url + page)
    with followed.services.engine.begin() as db:
        db.execute(text("ALTER TABLE invitation_event RENAME TO hidden"))
        db.execute(text("ALTER TABLE invitation RENAME TO away"))
    with desk.expect_response(lambda answer: answer.status >= 500):
        later(desk)
    expect(desk.get_by_text(ADA, exact=True)).to_be_visible()
    with followed.services.engine.begin() as db:
        db.execute(text("ALTER TABLE away RENAME TO invitation"))
        db.execute(text("ALTER TABLE hidden RENAME TO invitation_event"))
    followed.delivers()
    later(desk)
    expect(desk.locator("main .status", has_text="Sent")).to_be_visible(timeout=PATIENCE)


def test_a_phone_shows_three_rows_and_the_actions_without_scrolling(
    phone: Page, followed: RunningSite
) -> None:
    """375 by 740: what an owner looks for between two meetings."""
    signs_in_as_admin(phone, followed)
    rows = [followed.invites(f"person.{number}@example.com", "Ada Byron") for number in range(4)]
    followed.delivers()
    phone.reload()
    height = phone.viewport_size["height"] if phone.viewport_size else 0
    third = phone.get_by_role("row").nth(3).bounding_box()
    assert third is not None
    assert third["y"] + third["height"] <= height
    phone.goto(f"{followed.url}/admin/invitations/{rows[0].id}")
    for control in (
        phone.get_by_role("button", name="Resend"),
        phone.get_by_role("link", name="Revoke"),
    ):
        box = control.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= height


def test_an_address_breaks_at_its_sign_on_a_phone(phone: Page, followed: RunningSite) -> None:
    """The last letter of such an address stood alone on a second line."""
    signs_in_as_admin(phone, followed)
    row = followed.invites("sofie.jansen@example.com")
    phone.goto(f"{followed.url}/admin/invitations/{row.id}")
    expect(phone.get_by_role("heading", name="sofie.jansen@example.com")).to_be_visible()
    parts = phone.locator("h1").evaluate(
        """heading => [...heading.childNodes].filter(each => each.data).map(each => {
            const range = document.createRange();
            range.selectNodeContents(each);
            return [each.data, range.getClientRects().length];
        })"""
    )
    assert parts == [["sofie.jansen@", 1], ["example.com", 1]]


def test_the_list_on_paper_has_whole_addresses(desk: Page, followed: RunningSite) -> None:
    """Broadside: the exact moments took the room, addresses were cut off, and the table stuck out."""
    signs_in_as_admin(desk, followed)
    followed.invites_and_delivers("sofie.jansen@example.com", "Sofie Jansen")
    desk.reload()
    desk.set_viewport_size({"width": 1040, "height": 700})
    desk.emulate_media(media="print")
    expect(desk.get_by_role("cell", name="Sent")).to_be_visible()
    for part in (".panel", ".person"):
        assert desk.locator(part).evaluate("e => e.scrollWidth <= e.clientWidth"), part
