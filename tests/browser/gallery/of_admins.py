"""The pages of admins."""

import contextlib
from datetime import timedelta

from playwright.sync_api import expect
from sqlalchemy import text

from invite_site.invitations.lifecycle import POSTPONE
from tests.browser.steps import signs_in_as_admin

from .opener import LONG_ADDRESS, LONG_NAME, Gallery, fail

CONNECTIONS = 15  # that a pool of SQLAlchemy has at most


def hang_admin_pages(gallery: Gallery) -> None:
    site, services = gallery.site, gallery.site.services
    gallery.hang("tenant: empty mailbox", gallery.visitor(), gallery.tenant.mailbox_url)
    admin = gallery.visitor()
    gallery.pages["empty list"] = signs_in_as_admin(admin.new_page(), site)
    gallery.hang("admin's welcome", admin, "/")
    gallery.hang("form", admin, "/admin/invitations/new")
    gallery.hang("somebody is signed in", admin, "/invite/complete?success=true&i=unknown")

    sent = gallery.sent("Hedy Lamarr")
    gallery.chose_password(sent)
    gallery.hang("password set", admin, gallery.of(sent))
    gallery.hang("accepted", admin, gallery.of(gallery.accepted("Marie Curie")))
    gallery.hang("sent", admin, gallery.of(gallery.sent(LONG_NAME, LONG_ADDRESS)))

    again = gallery.hang("sent again, with a message", admin, gallery.of(gallery.sent()))
    again.get_by_role("button", name="Resend").click()
    expect(again.get_by_text("is on its way").first).to_be_visible()
    site.delivers()

    revoked = gallery.sent("Linus Pauling")
    services.invitations.revoke(
        revoked.id, actor="Grace Hopper", reason="Left before the first day."
    )
    gallery.hang("revoked", admin, gallery.of(revoked))
    gallery.hang("revoke", admin, f"{gallery.of(sent)}/revoke")

    leases = services.deliveries.leases
    failed = gallery.row("Mary Jackson")
    [job] = leases.claim("a worker", limit=1, now=site.clock(), calls={})
    fail(site, job)
    gallery.hang("failed", admin, gallery.of(failed))
    sending = gallery.row("Dorothy Vaughan")
    leases.claim("a worker", limit=1, now=site.clock(), calls={})
    gallery.hang("sending", admin, gallery.of(sending))
    expired = gallery.row("Edsger Dijkstra", life=timedelta(seconds=-1))
    gallery.hang("expired", admin, gallery.of(expired))

    long = gallery.row("Ada Byron")
    for _ in range(20):
        [job] = leases.claim("a worker", limit=1, now=site.clock(), calls={})
        leases.finish(
            job,
            POSTPONE,
            now=site.clock(),
            evidence={"why": "The mail server asks to try again later: 451"},
            next_try_at=site.clock(),
        )
    gallery.hang("long history", admin, gallery.of(long)).locator(".earlier summary").click()

    queued = gallery.row("Katherine Johnson")
    gallery.hang("queued", admin, gallery.of(queued))
    services.circuit_breaker.open("mail", "The mail server cannot be reached.", now=site.clock())
    gallery.hang("queued while paused", admin, gallery.of(queued))
    gallery.hang("paused list", admin, "/admin/invitations")
    services.circuit_breaker.close(began=site.clock())

    for _ in range(55):
        gallery.row("Grace Hopper", life=timedelta(seconds=-1))
    gallery.hang("overview", admin, "/admin/").locator("summary").click()
    newest = gallery.hang("list", admin, "/admin/invitations")
    older = newest.get_by_role("link", name="Older").get_attribute("href")
    gallery.hang("list of older ones", admin, str(older))
    gallery.hang("list without a match", admin, "/admin/invitations?q=zebra&state=sent")
    every = "q=ada&state=queued&inviter=Grace+Hopper&day=2026-11-28&role=x&attention=ending"
    gallery.hang("list with every filter", admin, f"/admin/invitations?{every}&order=changed")
    gallery.hang("change address", admin, f"{gallery.of(sent)}/address")
    whole = gallery.hang("form for all at once", admin, "/admin/invitations/new")
    whole.get_by_label("Email address").fill(LONG_ADDRESS)
    whole.get_by_label("Name").fill(LONG_NAME)
    whole.get_by_label("Note").fill(f"{LONG_NAME}!\n\n{'w' * 120}")
    whole.get_by_role("button", name="Preview").click()
    expect(whole.locator("#preview")).to_contain_text(LONG_NAME)
    for name, address in (
        ("form with a mistake", "ada@example"),
        ("form with a taken address", LONG_ADDRESS),
    ):
        form = gallery.hang(name, admin, "/admin/invitations/new")
        form.get_by_label("Email address").fill(address)
        form.get_by_role("button", name="Send invitation").click()
        expect(form.get_by_role("alert")).to_be_visible()

    with services.engine.begin() as db:
        db.execute(text("ALTER TABLE session RENAME TO hidden"))
    gallery.hang("fault of ours", admin, "/admin/invitations")
    with services.engine.begin() as db:
        db.execute(text("ALTER TABLE hidden RENAME TO session"))
    with contextlib.ExitStack() as used:
        for _ in range(CONNECTIONS):
            used.enter_context(services.engine.connect())
        gallery.hang("database away", admin, "/admin/invitations")


def hang_job_pages(gallery: Gallery) -> None:
    """Jobs on many, and a form that was sent after the session had ended."""
    admin = gallery.visitor()
    signs_in_as_admin(admin.new_page(), gallery.site)
    match = "/admin/jobs/new?q=example&all=1&kind="
    gallery.hang("question before a revocation", admin, f"{match}revoke")
    gallery.hang("question before an extension", admin, f"{match}extend")
    for name in ("job that is over", "job under way"):
        page = gallery.hang(name, admin, f"{match}extend")
        page.get_by_role("button", name="Extend invitations").click()
        expect(page.get_by_role("heading", name="How far it is")).to_be_visible()
        if name == "job that is over":
            while gallery.site.services.jobs.work("a worker"):
                pass
            page.reload()
            expect(page.get_by_text("Done", exact=True)).to_be_visible()

    kept = gallery.hang("kept form", admin, "/admin/invitations/new")
    kept.get_by_label("Email address").fill(LONG_ADDRESS)
    kept.get_by_label("Name").fill(LONG_NAME)
    kept_job = gallery.hang("kept job", admin, f"{match}revoke")
    for page, button in ((kept, "Send invitation"), (kept_job, "Revoke invitations")):
        with gallery.site.services.engine.begin() as db:
            db.execute(text("DELETE FROM session"))
        page.get_by_role("button", name=button).click()
        expect(page.get_by_text("You were signed out")).to_be_visible()


def hang_rights_pages(gallery: Gallery) -> None:
    """Who may invite."""
    admin = gallery.visitor()
    signs_in_as_admin(admin.new_page(), gallery.site)
    gallery.hang("admins", admin, "/admin/admins")
    gallery.hang("last admin", admin, "/admin/admins").get_by_role("link", name="Withdraw").click()
    for name, who in (
        ("admins, with an offer to invite", "offered"),
        ("admins, one of them awaited", "awaited"),
    ):
        page = gallery.hang(name, admin, "/admin/admins")
        page.get_by_label("Address or account id").fill(LONG_ADDRESS.replace("a" * 8, who, 1))
        page.get_by_role("button", name="Let them invite").click()
        expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Invite them").check()
    page.get_by_role("button", name="Let them invite").click()
    expect(page.get_by_role("heading", name="Invited, not yet there")).to_be_visible()
    revoking = gallery.hang("revoke invitations of an admin", admin, "/admin/admins")
    revoking.get_by_role("link", name="Revoke invitations").click()
    expect(revoking.get_by_role("heading", name="Revoke")).to_be_visible()
