"""Every page as people meet it: readable by all, in light and dark, on a phone and at a desk.

All pages are opened once for this file, each in the state that a person would see it in, and
stay open; a test only resizes them and turns the light on and off.
"""

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import text

from invite_site.invitations.leases import Leases
from invite_site.invitations.lifecycle import FAIL, POSTPONE
from invite_site.invitations.people import Invitee, Inviter
from invite_site.invitations.tables import Invitation
from tests.browser.steps import has_no_sideways_scroll, signs_in_as_admin
from tests.support.person import Person
from tests.support.running import (
    ADMIN,
    ADMIN_PASSWORD,
    PASSWORD,
    RunningSite,
    Tenant,
    logs_in,
    running_site,
    running_tenant,
    sets_password,
    settings_for,
)

LONG_ADDRESS = f"{'a' * 64}@{'b' * 60}.{'c' * 60}.{'d' * 60}.com"
LONG_NAME = "Wolfeschlegelsteinhausenbergerdorff de la Vega y Ortega-Montañez van Rijn"
AXE = Axe().axe_script
# Rows like those before them, which take axe seconds.
ALIKE = "tbody tr:nth-child(n + 9)"
LONG_PAGES = ("list", "preview", "overview")
PHONE, DESK = {"width": 375, "height": 740}, {"width": 1280, "height": 900}
NARROWEST = {"width": 320, "height": 640}

ADMIN_PAGES = [
    "empty list",
    "list",
    "overview",
    "list of older ones",
    "list without a match",
    "paused list",
    "form",
    "form with a mistake",
    "form with a taken address",
    "queued",
    "queued while paused",
    "sending",
    "sent",
    "sent again, with a message",
    "password set",
    "accepted",
    "expired",
    "revoked",
    "failed",
    "revoke",
    "long history",
    "admin's welcome",
    "somebody is signed in",
    "database away",
]
BATCH_PAGES = [
    "no batches",
    "batches",
    "form for many",
    "form for many, with a mistake",
    "preview",
    "preview of nothing to send",
    "batch that is over",
    "batch under way",
    "paused batch",
    "cancelled batch",
    "list too large",
    "no such batch",
]
INVITEE_PAGES = [
    "start",
    "welcome",
    "link used",
    "link replaced",
    "link expired",
    "password not set",
    "ended: accepted",
    "ended: revoked",
    "ended: failed",
    "wrong account",
    "withdrawn",
    "unverified",
    "sign-in to start again",
    "sign-in from elsewhere",
    "not an admin",
    "no such page",
]
TENANT_PAGES = [
    "tenant: login",
    "tenant: login with a mistake",
    "tenant: password page",
    "tenant: empty mailbox",
    "tenant: mailbox",
    "tenant: one mail",
    "tenant: error",
    "tenant: about",
]
SITE_PAGES = ADMIN_PAGES + BATCH_PAGES + INVITEE_PAGES
ALL_PAGES = [*SITE_PAGES, *TENANT_PAGES, "mail"]


class Gallery:
    """Opens the pages; `pages` has them by name."""

    def __init__(self, browser: Browser, site: RunningSite, tenant: Tenant) -> None:
        self.browser, self.site, self.tenant = browser, site, tenant
        self.pages: dict[str, Page] = {}
        self._contexts: list[BrowserContext] = []
        self._numbers = count()

    def close(self) -> None:
        for context in self._contexts:
            context.close()

    def visitor(self) -> BrowserContext:
        """A browser that nobody has used. Without motion, colours are what they will stay."""
        context = self.browser.new_context(viewport=PHONE, reduced_motion="reduce")
        context.set_default_timeout(10_000)
        self._contexts.append(context)
        return context

    def hang(self, name: str, context: BrowserContext, url: str) -> Page:
        page = context.new_page()
        page.goto(self.site.url + url if url.startswith("/") else url)
        self.pages[name] = page
        return page

    def of(self, row: Any) -> str:
        return f"/admin/invitations/{row.id}"

    def row(self, name: str = "", email: str = "", life: timedelta = timedelta(days=5)) -> Any:
        """One more invitation, queued."""
        now = self.site.clock()
        invitee = Invitee.parse(email or f"ada.{next(self._numbers)}@example.com", name)
        return self.site.services.ledger.open(
            invitee, inviter=Inviter("Grace Hopper"), expires_at=now + life, now=now
        )

    def sent(self, name: str = "", email: str = "") -> Any:
        row = self.row(name, email)
        self.site.delivers()
        return row

    def chose_password(self, row: Any) -> None:
        with Person() as person:
            sets_password(person, self.tenant.link_to(row.email))
        self.site.delivers()

    def accepted(self, name: str = "") -> Any:
        row = self.sent(name)
        with Person() as person:
            sets_password(person, self.tenant.link_to(row.email))
            logs_in(person, row.email, PASSWORD)
        return row

    def logs_in(self, page: Page, email: str, password: str = PASSWORD) -> None:
        """Fill in the tenant's login page."""
        page.get_by_label("Email address").fill(email)
        page.get_by_label("Password", exact=True).fill(password)
        page.get_by_role("button", name="Continue", exact=True).click()
        page.wait_for_url(f"{self.site.url}/**")


@pytest.fixture(scope="module")
def gallery(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    folder = tmp_path_factory.mktemp("gallery")
    with (
        running_tenant(folder) as tenant,
        running_site(settings_for(tenant, folder)) as site,
    ):
        site.make_admin()
        gallery = Gallery(browser, site, tenant)
        hang_admin_pages(gallery)
        hang_invitee_pages(gallery)
        hang_tenant_pages(gallery)
        hang_batch_pages(gallery)  # at the end: what is under way stays so
        assert sorted(gallery.pages) == sorted(ALL_PAGES)
        yield gallery
        gallery.close()


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

    leases = Leases(services.engine)
    failed = gallery.row("Mary Jackson")
    [job] = leases.claim("a worker", limit=1, now=site.clock())
    fail(site, job)
    gallery.hang("failed", admin, gallery.of(failed))
    sending = gallery.row("Dorothy Vaughan")
    leases.claim("a worker", limit=1, now=site.clock())
    gallery.hang("sending", admin, gallery.of(sending))
    expired = gallery.row("Edsger Dijkstra", life=timedelta(seconds=-1))
    gallery.hang("expired", admin, gallery.of(expired))

    long = gallery.row("Ada Byron")
    for _ in range(20):
        [job] = leases.claim("a worker", limit=1, now=site.clock())
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
    gallery.hang("database away", admin, "/admin/invitations")
    with services.engine.begin() as db:
        db.execute(text("ALTER TABLE hidden RENAME TO session"))


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
            expect(page.get_by_text("1 of 1 has gone out")).to_be_visible()
            continue
        page.get_by_text("Cancel the rest", exact=True).click()
        if button:
            page.get_by_role("button", name=button).click()
            expect(page.locator(".banner.success")).not_to_contain_text("on the way")
    gallery.hang("batches", admin, "/admin/batches")


def preview(gallery: Gallery, admin: BrowserContext, name: str, rows: list[str]) -> Page:
    page = gallery.hang(name, admin, "/admin/batches/new")
    page.get_by_label("Or paste the list").fill("\n".join(rows))
    page.get_by_role("button", name="Show preview").click()
    expect(page.get_by_role("heading", name="Pasted list")).to_be_visible()
    return page


def hang_invitee_pages(gallery: Gallery) -> None:
    site, services = gallery.site, gallery.site.services
    back = "/invite/complete?success={}&message={}&i={}"
    visitor = gallery.visitor()
    gallery.hang("start", visitor, "/")
    used = "This URL can be used only once"
    gallery.hang("link used", visitor, back.format("false", used, ""))
    replaced = gallery.sent("Rosalind Franklin")
    services.resending.resend(replaced.id, actor="Grace Hopper")
    site.delivers()
    gallery.hang("link replaced", visitor, back.format("false", used, replaced.ref))
    gallery.hang("link expired", visitor, back.format("false", "Access expired", ""))
    gallery.hang("password not set", visitor, back.format("false", "Something else", ""))
    gallery.hang("sign-in to start again", visitor, "/callback?state=unknown")
    gallery.hang("sign-in from elsewhere", visitor, "/login?iss=https://evil.example/")
    gallery.hang("no such page", visitor, "/nowhere")

    accepted = gallery.accepted("Marie Curie")
    gallery.hang("ended: accepted", visitor, back.format("true", "", accepted.ref))
    revoked = gallery.row()
    services.invitations.revoke(revoked.id, actor="Grace Hopper")
    gallery.hang("ended: revoked", visitor, back.format("true", "", revoked.ref))
    failed = gallery.row()
    leases = Leases(services.engine)
    for job in leases.claim("a worker", limit=10, now=site.clock()):
        fail(site, job)
    gallery.hang("ended: failed", visitor, back.format("true", "", failed.ref))

    invitee = gallery.visitor()
    gallery.logs_in(gallery.hang("welcome", invitee, "/login"), accepted.email)
    gallery.hang("not an admin", invitee, "/admin/invitations")

    sent = gallery.sent()
    page = gallery.hang("wrong account", gallery.visitor(), back.format("true", "", sent.ref))
    gallery.logs_in(page, ADMIN, ADMIN_PASSWORD)
    gallery.chose_password(sent)
    gallery.tenant.lies("email_verified_false", times=1)
    gallery.logs_in(gallery.hang("unverified", gallery.visitor(), "/login"), sent.email)
    services.invitations.revoke(sent.id, actor="Grace Hopper")
    gallery.logs_in(gallery.hang("withdrawn", gallery.visitor(), "/login"), sent.email)


def hang_tenant_pages(gallery: Gallery) -> None:
    tenant = gallery.tenant
    sent = gallery.sent("Ada Byron")
    visitor = gallery.visitor()
    gallery.hang("tenant: about", visitor, tenant.url)
    gallery.hang("tenant: login", visitor, "/login")
    mistaken = gallery.hang("tenant: login with a mistake", gallery.visitor(), "/login")
    mistaken.get_by_label("Email address").fill(ADMIN)
    mistaken.get_by_label("Password", exact=True).fill("not this one")
    mistaken.get_by_role("button", name="Continue", exact=True).click()
    expect(mistaken.get_by_role("alert")).to_be_visible()
    gallery.hang("tenant: password page", visitor, tenant.link_to(sent.email))
    gallery.hang("tenant: error", visitor, f"{tenant.url}/lo/reset?ticket=unknown")
    mail = tenant.mails(sent.email)[0]
    gallery.hang("tenant: mailbox", visitor, tenant.mailbox_url)
    gallery.hang("tenant: one mail", visitor, f"{tenant.mailbox_url}/{mail['ID']}")
    gallery.pages["mail"] = visitor.new_page()
    gallery.pages["mail"].set_content(mail["HTML"])


# -------------------------------------------------------------------------------------------------


def fail(site: RunningSite, job: Invitation) -> None:
    reason = "The mail server refused this address."
    Leases(site.services.engine).finish(
        job,
        FAIL,
        now=site.clock(),
        evidence={"why": reason},
        closed_at=site.clock(),
        last_error=reason,
    )


@pytest.mark.parametrize("name", ALL_PAGES)
def test_no_page_keeps_anybody_out(gallery: Gallery, name: str) -> None:
    """axe finds nothing against WCAG 2.2 AA: in light on a phone, in dark at a desk."""
    page = gallery.pages[name]
    page.evaluate(AXE)
    levels = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    rules = {"type": "tag", "values": levels + ["best-practice"] * (name in SITE_PAGES)}
    contrast = {"type": "rule", "values": ["color-contrast"]}  # all that the dark can change
    for size, scheme, only in ((PHONE, "light", rules), (DESK, "dark", contrast)):
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme)
        found = page.evaluate(
            "([alike, only]) => axe.run("
            "{include: ['html'], exclude: alike}, {resultTypes: ['violations'], runOnly: only})"
            ".then(results => results.violations)",
            [[ALIKE] if name in LONG_PAGES else [], only],
        )
        assert not found, (size, scheme, sentences(found))


def sentences(violations: list[Any]) -> list[str]:
    return [
        f"{each['id']}: {node['html'][:120]} {node['failureSummary']}"
        for each in violations
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("name", ALL_PAGES)
def test_no_page_scrolls_sideways(gallery: Gallery, name: str) -> None:
    """Nothing sticks out at 375 and at 320 pixels, whatever the address and the name."""
    page = gallery.pages[name]
    for size in (PHONE, NARROWEST):
        page.set_viewport_size(size)
        assert has_no_sideways_scroll(page), size


@pytest.mark.parametrize("name", SITE_PAGES)
def test_a_finger_hits_what_it_aims_at(gallery: Gallery, name: str) -> None:
    """On a phone, all that is pressed is 44 pixels high, but for links within a sentence; a label around
    its field is pressed as a whole."""
    page = gallery.pages[name]
    page.set_viewport_size(PHONE)
    small = page.locator("a, button, input:not([type=hidden]), select, summary").evaluate_all(
        """all => all
            .filter(each => getComputedStyle(each).display !== "inline")
            .filter(each => !each.matches(".skip-link"))
            .filter(each => each.checkVisibility())
            .filter(each => (each.closest("label") ?? each).getBoundingClientRect().height < 44)
            .map(each => each.outerHTML)"""
    )
    assert not small


@pytest.mark.parametrize("name", ["start", "list", "sent", "no such page"])
def test_the_skip_link_leads_past_the_navigation(gallery: Gallery, name: str) -> None:
    """It is the first stop, it can be seen there, and the next stop is in the main part."""
    page = gallery.pages[name]
    page.bring_to_front()
    page.reload()
    skip = page.get_by_role("link", name="Skip to the main part")
    page.keyboard.press("Tab")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport(ratio=1)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_the_keyboard_reaches_all_there_is_to_do(gallery: Gallery) -> None:
    """Tab goes through an invitation in the order of the page, and one can see where it is."""
    page = gallery.pages["sent"]
    page.set_viewport_size(DESK)
    page.bring_to_front()
    page.goto(page.url.partition("#")[0])  # the skip link may have been used
    stops: list[str] = []
    while not stops or (stops[-1] != "BODY" and len(stops) < 30):
        page.keyboard.press("Tab")
        stops.append(page.evaluate(WHERE))
    assert stops[:-1] == [
        "Skip to the main part",
        'A&B "<x>',
        "Overview",
        "Invitations",
        "Admins",
        "Sign out",
        "Invitations",
        "Resend",
        "Extend",
        "Change address",
        "Revoke",
        "Ask the tenant",
        "Why?",
        "help@example.com",
    ]


WHERE = """() => {
    const here = document.activeElement
    if (here === document.body) return "BODY"
    if (parseFloat(getComputedStyle(here).outlineWidth) < 2) return "invisible focus"
    return (here.labels?.[0] ?? here).textContent.trim()
}"""


def test_a_printed_invitation_is_a_record(gallery: Gallery) -> None:
    """Printed, an invitation shows its steps and history, and nothing to press."""
    page = gallery.pages["password set"]
    page.emulate_media(media="print")
    expect(page.get_by_role("heading", name="How far it got")).to_be_visible()
    expect(page.get_by_role("heading", name="What happened")).to_be_visible()
    assert page.get_by_role("button").count() == 0
    page.emulate_media(media="screen")


def test_nothing_moves_for_who_wants_no_motion(gallery: Gallery) -> None:
    """With reduced motion no element has a transition that lasts."""
    page = gallery.pages["form"]
    longest = page.locator("*").evaluate_all(
        "all => Math.max(...all.map(e => parseFloat(getComputedStyle(e).transitionDuration)))"
    )
    assert longest == 0
