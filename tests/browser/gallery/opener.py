"""Opens pages in the states that people see them in, and keeps them open."""

from datetime import timedelta
from itertools import count
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, Route, ViewportSize

from invite_site.invitations.ledger.moves import SETTLED
from invite_site.invitations.lifecycle import FAIL
from invite_site.invitations.people import Invitee, Inviter
from invite_site.invitations.tables import Invitation
from tests.support.person import Person
from tests.support.running import PASSWORD, RunningSite, Tenant, logs_in, sets_password

LONG_ADDRESS = f"{'a' * 64}@{'b' * 60}.{'c' * 60}.{'d' * 60}.com"
LONG_NAME = "Wolfeschlegelsteinhausenbergerdorff de la Vega y Ortega-Montañez van Rijn"
PHONE: ViewportSize = {"width": 375, "height": 740}
DESK: ViewportSize = {"width": 1280, "height": 900}


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
        context.route("**/*", _but_no_update)
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
        self.site.clock.forward(seconds=16)  # the tenant is asked then
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


def _but_no_update(route: Route) -> None:
    """A page stays as it was opened, whatever happens on the site afterwards."""
    request = route.request
    is_update = request.method == "GET" and "hx-request" in request.headers
    route.abort() if is_update else route.continue_()


def fail(site: RunningSite, job: Invitation) -> None:
    reason = "The mail server refused this address."
    site.services.deliveries.leases.finish(
        job,
        FAIL,
        now=site.clock(),
        evidence={"why": reason},
        **SETTLED | {"closed_at": site.clock(), "last_error": reason},
    )
