"""The pages of lists of people."""

from playwright.sync_api import BrowserContext, Page, expect

from invite_site.invitations.people import Inviter
from tests.browser.steps import signs_in_as_admin

from .opener import LONG_ADDRESS, LONG_NAME, Gallery


def hang_batch_pages(gallery: Gallery) -> None:
    admin = gallery.visitor()
    signs_in_as_admin(admin.new_page(), gallery.site)
    gallery.hang("no batches", admin, "/admin/batches")
    gallery.hang("form for many", admin, "/admin/batches/new")
    gallery.hang("no such batch", admin, "/admin/batches/999")
    mistaken = gallery.hang("form for many, with a mistake", admin, "/admin/batches/new")
    mistaken.get_by_role("button", name="Show preview").click()
    expect(mistaken.get_by_role("alert")).to_be_visible()
    large = gallery.hang("list too large", admin, "/admin/batches/new")
    large.get_by_label("File").set_input_files(
        {"name": "people.csv", "mimeType": "text/csv", "buffer": b"x" * 2_600_000}
    )
    large.get_by_role("button", name="Show preview").click()
    expect(large.get_by_role("heading", name="This list is too large")).to_be_visible()

    rows = [f"p{number}@batch.example.com" for number in range(60)]
    preview(gallery, admin, "preview", [f"{LONG_NAME} <{LONG_ADDRESS}>", *rows, rows[0], "x" * 300])
    preview(gallery, admin, "preview of nothing to send", ["ada@example"])
    for name, button in (
        ("batch that is over", ""),
        ("batch under way", ""),
        ("paused batch", "Pause"),
        ("cancelled batch", "Cancel the rest now"),
    ):
        page = preview(
            gallery, admin, name, [f"{name.replace(' ', '-')}@example.com", "ada@example"]
        )
        page.get_by_role("button", name="Send 1 invitation").click()
        expect(page.get_by_text("1 invitation is on the way.")).to_be_visible()
        if name == "batch that is over":
            while gallery.site.delivers():
                pass
            page.reload()
            expect(page.get_by_text("1 of 1 has gone out")).to_be_visible()
            continue
        page.get_by_text("Cancel the rest", exact=True).click()
        if button:
            page.get_by_role("button", name=button).click()
            expect(page.locator(".banner.success")).not_to_contain_text("on the way")
    batches, name = gallery.site.services.batches, "W" * 90
    long = batches.preview("long-name@example.com", name=name, inviter=Inviter("Grace Hopper"))
    batches.start(long.id, inviter=Inviter("Grace Hopper"))
    gallery.hang("batches", admin, "/admin/batches")
    gallery.hang("overview with batches", admin, "/admin/")


def preview(gallery: Gallery, admin: BrowserContext, name: str, rows: list[str]) -> Page:
    page = gallery.hang(name, admin, "/admin/batches/new")
    page.get_by_label("Or paste the list").fill("\n".join(rows))
    page.get_by_role("button", name="Show preview").click()
    expect(page.get_by_role("heading", name="Pasted list")).to_be_visible()
    return page
