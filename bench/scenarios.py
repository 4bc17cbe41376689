"""What the client does at a site: begin logins, come back from the tenant, land from a mail."""

import contextlib
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import func, select, update

from invite_site import create_app
from invite_site.invitations.lifecycle import State
from invite_site.invitations.people import Inviter
from invite_site.invitations.tables import Invitation
from invite_site.local_tenant import TenantConfig
from invite_site.server import prepare
from invite_site.services import Services
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


@contextlib.contextmanager
def database(environment: Mapping[str, str]) -> Iterator[Services]:
    """The services of a site on the database of this environment, for a look beside the site."""
    services: Services = create_app(Settings.from_env(environment)).extensions[EXTENSION]
    prepare(services)
    try:
        yield services
    finally:
        services.close()


def queue(services: Services, number: int) -> list[str]:
    """The refs of so many new invitations, which wait until `release`."""
    refs = [
        services.invitations.invite(f"person{n}@example.com", inviter=Inviter("Bench")).ref
        for n in range(number)
    ]
    with services.engine.begin() as db:
        db.execute(update(Invitation).values(is_paused=True))
    return refs


def release(services: Services) -> None:
    """Let a worker send what waits."""
    with services.engine.begin() as db:
        db.execute(update(Invitation).values(is_paused=False, next_try_at=services.clock()))


def states(services: Services) -> Counter[str]:
    """How many invitations are in each state."""
    counted = select(Invitation.state, func.count()).group_by(Invitation.state)
    with services.engine.connect() as db:
        return Counter({state: number for state, number in db.execute(counted)})


def last_sent(services: Services) -> datetime:
    """When the last invitation was handed over; aware UTC. Raises ValueError where none was."""
    with services.engine.connect() as db:
        at: datetime | None = db.scalar(select(func.max(Invitation.last_sent_at)))
    if at is None:
        raise ValueError("nothing was sent")
    return at


def invite(environment: Mapping[str, str], number: int) -> list[str]:
    """Landing addresses of invitations that have just been sent, in a new database of the site."""
    with database(environment) as services:
        refs = queue(services, number)
        now = services.clock()
        with services.engine.begin() as db:
            db.execute(
                update(Invitation).values(
                    state=State.SENT,
                    is_paused=False,
                    next_try_at=None,
                    first_sent_at=now,
                    last_sent_at=now,
                    ticket_issued_at=now,
                    user_id="auth0|bench",  # so that a check asks the tenant
                )
            )
    return [f"/invite/complete?{urlencode({'i': ref, 'success': 'true'})}" for ref in refs]


def mails(tenant: ServerProcess) -> list[dict[str, Any]]:
    """Every mail in the tenant's mailbox, whole."""
    browser, box = Browser(), f"{tenant.control_url}/mailbox/api/v1"
    listed = json.loads(browser.get(f"{box}/messages?limit=100000").body)["messages"]
    return [json.loads(browser.get(f"{box}/message/{each['ID']}").body) for each in listed]


def wait_for(is_so: Callable[[], bool], what: str, seconds: float) -> None:
    """Ask again and again until it is so; raises TimeoutError naming `what`."""
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:.0f} s in vain until {what}")
        time.sleep(0.1)


def connections(browser: Browser, tenant: ServerProcess) -> int:
    """How many connections have brought the tenant a request, ours included.

    Ours is one as long as it stays open, so a difference counts those of the sites alone.
    """
    return int(browser.order(f"{tenant.control_url}/_tenant/state")["connections"])
