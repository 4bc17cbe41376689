"""A batch in Chromium: upload a file, follow it to its end, take the results; with and without script."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import has_no_sideways_scroll, signs_in_as_admin
from tests.support.batches import starts
from tests.support.running import RunningSite, Tenant, running_site, settings_for

LIST = "email,name\n" + "".join(f"p{n}@example.com,Person {n}\n" for n in range(20))
PATIENCE = 60_000  # milliseconds for 20 invitations


@pytest.fixture
def working_site(tenant: Tenant, tmp_path: Path) -> Iterator[RunningSite]:
    """A site with a worker beside it."""
    with running_site(settings_for(tenant, tmp_path), worker="worker") as site:
        site.make_admin()
        yield site


def uploads(page: Page, content: str) -> None:
    page.get_by_role("link", name="Invite many").first.click()
    page.get_by_label("File").set_input_files(
        {"name": "people.csv", "mimeType": "text/csv", "buffer": content.encode()}
    )
    page.get_by_role("button", name="Show preview").click()
    expect(page.get_by_role("heading", name="people.csv")).to_be_visible()


def downloads(page: Page, folder: Path) -> list[list[str]]:
    with page.expect_download() as saved:
        page.get_by_role("link", name="Download the results").click()
    assert saved.value.suggested_filename == "batch-1.csv"
    saved.value.save_as(folder / "results.csv")
    with open(folder / "results.csv", encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def test_it_works(desk: Page, working_site: RunningSite, tenant: Tenant, tmp_path: Path) -> None:
    """Correct a row, send, and watch the page follow to the end, where it asks no more."""
    desk.clock.install()
    signs_in_as_admin(desk, working_site)
    uploads(desk, LIST + "p20@example,Person 20\n")
    desk.get_by_label("Email address in line 22").fill("p20@example.com")
    desk.get_by_role("button", name="Save line 22").click()
    expect(desk.get_by_text("Line 22 is corrected")).to_be_visible()
    desk.get_by_role("button", name="Send 21 invitations").click()
    expect(desk.get_by_text("21 invitations are on the way.")).to_be_visible()
    desk.evaluate("window.wasNotReloaded = true")
    questions: list[str] = []
    desk.on("request", lambda request: questions.append(request.url))
    expect(desk.get_by_text("21 of 21 have gone out")).to_be_visible(timeout=PATIENCE)
    expect(desk.get_by_role("progressbar", name="21 of 21 have gone out")).to_be_visible()
    expect(desk.get_by_role("status").filter(has_text="The batch is over.")).to_be_attached()
    assert desk.get_by_role("button", name="Pause").count() == 0
    assert desk.evaluate("window.wasNotReloaded")
    assert questions
    assert all(url.endswith("/progress") for url in questions)
    assert "hx-trigger" not in desk.content()
    desk.evaluate("questionsEnd = true")
    del questions[:]
    desk.clock.fast_forward(60_000)
    desk.evaluate("questionsEnd")  # a question would have been heard of before this answer
    assert not questions
    rows = downloads(desk, tmp_path)
    assert sum("sent" in " ".join(row).lower() for row in rows) >= 21
    assert len(tenant.mails()) == 21


def test_it_works_without_script(
    phone_without_script: Page, working_site: RunningSite, tmp_path: Path
) -> None:
    """On a phone: the page loads itself again now and then, and *Refresh* does so at once."""
    phone = phone_without_script
    signs_in_as_admin(phone, working_site)
    uploads(phone, LIST)
    assert has_no_sideways_scroll(phone)
    phone.get_by_role("button", name="Send 20 invitations").click()
    expect(phone.get_by_text("20 invitations are on the way.")).to_be_visible()
    assert has_no_sideways_scroll(phone)
    phone.get_by_role("link", name="Refresh").click()
    expect(phone.get_by_text("20 of 20 have gone out")).to_be_visible(timeout=PATIENCE)
    expect(phone.get_by_role("link", name="Refresh")).to_have_count(0)
    assert len(downloads(phone, tmp_path)) >= 20


def test_back_after_sending_shows_what_is_true(admin_page: Page, site: RunningSite) -> None:
    """The preview is over: Back shows the batch, and offers nothing to send again."""
    uploads(admin_page, LIST)
    admin_page.get_by_role("button", name="Send 20 invitations").click()
    expect(admin_page.get_by_text("20 invitations are on the way.")).to_be_visible()
    admin_page.go_back()
    expect(admin_page.get_by_role("button", name="Send 20 invitations")).to_have_count(0)


def test_the_page_goes_on_after_the_site_was_away(admin_page: Page, site: RunningSite) -> None:
    """A question that fails changes nothing on the page, and the next one is asked."""
    uploads(admin_page, "email\nada@example.com\n")
    away = {"is": True}
    admin_page.route(
        "**/progress",
        lambda route: (
            route.fulfill(status=503, body="<h1>Away</h1>") if away["is"] else route.continue_()
        ),
    )
    with admin_page.expect_response("**/progress"):
        admin_page.get_by_role("button", name="Send 1 invitation").click()
    expect(admin_page.get_by_text("0 of 1 have gone out")).to_be_visible()
    away["is"] = False
    site.delivers()
    expect(admin_page.get_by_text("1 of 1 has gone out")).to_be_visible()


def test_the_focus_stays_while_the_page_follows(admin_page: Page, site: RunningSite) -> None:
    """Who is about to press *Pause* by keyboard still is after the page has changed, and an opened
    part stays open."""
    uploads(admin_page, LIST)
    admin_page.get_by_role("button", name="Send 20 invitations").click()
    admin_page.get_by_text("Cancel the rest", exact=True).click()
    admin_page.get_by_role("button", name="Pause").focus()
    site.sends(10)
    expect(admin_page.get_by_text("10 of 20 have gone out")).to_be_visible()
    expect(admin_page.get_by_role("button", name="Pause")).to_be_focused()
    expect(admin_page.get_by_role("button", name="Cancel the rest now")).to_be_visible()
    admin_page.keyboard.press("Enter")
    expect(admin_page.get_by_text("Paused.").first).to_be_visible()


def test_a_name_of_two_lines_in_the_overview_is_clear_of_the_number_below(
    phone: Page, site: RunningSite
) -> None:
    """Their letters touched."""
    site.make_admin()
    starts(site, "ada@example.com\n", name="Everybody who has come to the office in November.csv")
    signs_in_as_admin(phone, site).goto(f"{site.url}/admin/")
    name = phone.locator(".attention bdi").bounding_box()
    number = phone.locator(".attention small").bounding_box()
    assert name is not None
    assert number is not None
    assert name["height"] > 40, "it has two lines"
    assert name["y"] + name["height"] <= number["y"] + 1


def test_a_long_name_breaks_nothing(admin_page: Page, site: RunningSite) -> None:
    """Neither on the preview nor on the progress, down to 320 pixels."""
    long = f"{'a' * 64}@{'b' * 60}.{'c' * 60}.com"
    name = "Wolfeschlegelsteinhausenbergerdorff de la Vega y Ortega-Montañez van Rijn"
    uploads(admin_page, f"email,name\n{long},{name}\n{'x' * 500},{name}{name}\n")
    for width in (1280, 375, 320):
        admin_page.set_viewport_size({"width": width, "height": 740})
        assert has_no_sideways_scroll(admin_page), width
    admin_page.get_by_role("button", name="Send 1 invitation").click()
    expect(admin_page.get_by_text("1 invitation is on the way.")).to_be_visible()
    assert has_no_sideways_scroll(admin_page)
