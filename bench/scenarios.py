"""What the client does at a site: begin logins, come back from the tenant, land from a mail."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlencode

from sqlalchemy import update

from invite_site import create_app
from invite_site.invitations.lifecycle import State
from invite_site.invitations.people import Inviter
from invite_site.invitations.tables import Invitation
from invite_site.local_tenant import TenantConfig
from invite_site.server import prepare
from invite_site.settings import Settings
from invite_site.web.current import EXTENSION

from .browser import Browser
from .processes import ServerProcess


def sign_in_at_tenant(browser: Browser, tenant: ServerProcess, site: ServerProcess) -> str:
    """Type address and password once; returns the cookies with which the tenant knows us again.

    It goes past the site, so that a site's own first call to the tenant is still to come.
    """
    config = TenantConfig  # its defaults are the seeded person
    query = urlencode(
        {
            "client_id": tenant.environment["AUTH0_CLIENT_ID"],
            "redirect_uri": f"{site.url}/callback",
            "response_type": "code",
            "scope": "openid",
        }
    )
    asked = browser.redirected(f"{tenant.url}/authorize?{query}")
    page = browser.get(asked.location)
    fields = dict(re.findall(r'name="(_csrf|state)" value="([^"]*)"', page.body))
    form = urlencode({**fields, "email": config.admin_email, "password": config.admin_password})
    return browser.post(asked.location.partition("?")[0], form, page.cookies).cookies


def begin_logins(
    browser: Browser, site: ServerProcess, known: str, number: int
) -> list[tuple[str, str]]:
    """Go to the tenant and as far as the address of the callback, each time as somebody new to the
    site; returns these addresses with the cookies that belong to them."""
    begun = []
    for _ in range(number):
        start = browser.redirected(f"{site.url}/login")
        begun.append((browser.redirected(start.location, known).location, start.cookies))
    return begun


def log_in(browser: Browser, site: ServerProcess, known: str, number: int) -> None:
    """Whole logins, one after the other."""
    for _ in range(number):
        for callback, cookies in begin_logins(browser, site, known, 1):
            browser.redirected(callback, cookies)


def callback_cost(browser: Browser, site: ServerProcess, known: str, number: int) -> float:
    """CPU for one callback: the logins are begun before the clock is read."""
    begun = begin_logins(browser, site, known, number)
    before = site.cpu()
    for callback, cookies in begun:
        browser.redirected(callback, cookies)
    return (site.cpu() - before) / number


def redirect_cost(browser: Browser, site: ServerProcess, addresses: list[str]) -> float:
    """CPU for one answer of these addresses, each asked for by somebody new to the site."""
    before = site.cpu()
    for address in addresses:
        browser.redirected(f"{site.url}{address}")
    return (site.cpu() - before) / len(addresses)


def invite(environment: Mapping[str, str], number: int) -> list[str]:
    """Landing addresses of invitations that have just been sent, in a new database of the site."""
    app = create_app(Settings.from_env(environment))
    services = app.extensions[EXTENSION]
    prepare(services)
    refs = [
        services.invitations.invite(f"person{n}@example.com", inviter=Inviter("Bench")).ref
        for n in range(number)
    ]
    with services.engine.begin() as db:
        now = datetime.now(UTC)
        db.execute(
            update(Invitation).values(
                state=State.SENT, next_try_at=None, first_sent_at=now, last_sent_at=now
            )
        )
    services.close()
    return [f"/invite/complete?{urlencode({'i': ref, 'success': 'true'})}" for ref in refs]


def connections(browser: Browser, tenant: ServerProcess) -> int:
    """How many connections have brought the tenant a request, ours included.

    Ours is one as long as it stays open, so a difference counts those of the sites alone.
    """
    state = browser.get(f"{tenant.url}/_tenant/state", **{"X-Tenant-Control": "1"})
    return int(json.loads(state.body)["connections"])
