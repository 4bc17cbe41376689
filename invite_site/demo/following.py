"""Which invitation the guide follows: the one that the page is about, else the last that has moved.

An invitee's later pages name nobody, so a cookie keeps whose mail this browser has opened; it goes to
the site and to the tenant, since cookies know no ports.
"""

import re
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs
from wsgiref.types import WSGIEnvironment

from ..errors import InvitationNotFound
from ..invitations.listing.filters import Filters
from ..invitations.tables import Invitation
from ..local_tenant import DemoControl
from ..services import Services
from .two_hosts import is_invitee

COOKIE = "demo_invitation"
MAILBOX = "/mailbox"

_MAIL = re.compile(rf"{MAILBOX}/(\w+)", re.ASCII)
_PAGE = re.compile(r"/admin/invitations/([0-9]{1,9})(?:/.*)?")
_SAME_WORDS = 20  # addresses that contain the one that is looked for


@dataclass(frozen=True)
class Following:
    """Looks at a request, with the services of the site and what the tenant tells a demo."""

    services: Services
    tenant: DemoControl

    def invitation(self, environ: WSGIEnvironment, *, is_tenant: bool) -> Invitation | None:
        """The one to follow. A paused one is none, since it waits for the owner: the story ends with such a
        batch, and until something else moves there is nothing to follow."""
        row = self._of_page(environ, is_tenant=is_tenant)
        if row is None and is_invitee(environ) and environ.get("PATH_INFO") != MAILBOX:
            row = self._of_browser(environ)
        if row is None or row.is_paused:
            row = self._last_moved()
        return None if row is None or row.is_paused else row

    def _of_page(self, environ: WSGIEnvironment, *, is_tenant: bool) -> Invitation | None:
        path = str(environ.get("PATH_INFO", ""))
        if is_tenant and (mail := _MAIL.fullmatch(path)):
            return self._of_address(self.tenant.recipient_of(mail[1]))
        if is_tenant:
            states = parse_qs(str(environ.get("QUERY_STRING", ""))).get("state", [""])
            return self._of_address(self.tenant.hint_of_login(states[0]))
        page = _PAGE.fullmatch(path)
        try:
            return self.services.ledger.get(int(page[1])) if page else None
        except InvitationNotFound:
            return None

    def _of_address(self, address: str) -> Invitation | None:
        """The newest to this address."""
        if not address:
            return None
        now = self.services.clock()
        rows = self.services.listing.page(now=now, query=address, size=_SAME_WORDS)
        return next((row for row in rows if row.email.lower() == address.lower()), None)

    def _of_browser(self, environ: WSGIEnvironment) -> Invitation | None:
        try:
            cookies = SimpleCookie(environ.get("HTTP_COOKIE", ""))
        except CookieError:
            return None
        kept = cookies.get(COOKIE)
        return self.services.ledger.by_ref(kept.value) if kept else None

    def _last_moved(self) -> Invitation | None:
        now = self.services.clock()
        page = self.services.listing.find(Filters(), now=now, size=1, by_change=True)
        return page.rows[0] if page.rows else None
