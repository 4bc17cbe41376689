"""What a flood of logins costs: the tenant a few calls, the database rows that go away again."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from redis import Redis
from sqlalchemy import func, insert, select, text

from invite_site.invitations.statistics.tally import FOLD_FROM
from invite_site.invitations.tables import Tally
from invite_site.web.rate_limits import limiter
from tests.support.floods import TOKEN_CALLS, floods
from tests.support.person import Person
from tests.support.rate_counts import ADDRESS_LIMIT, came, key_of
from tests.support.running import (
    ADMIN,
    PASSWORD,
    RunningSite,
    Tenant,
    logs_in,
    running_site,
    sets_password,
    settings_for,
    signs_in,
)

OFFICE = 50  # people behind one address: more than any limit of failures


@pytest.fixture(params=["memory", "redis"])
def site(request: pytest.FixtureRequest, tenant: Tenant, tmp_path: Path) -> Iterator[RunningSite]:
    """A site behind a proxy, so that a test says which address a request comes from; with each kind
    of count."""
    url = "memory://" if request.param == "memory" else request.getfixturevalue("redis_url")
    if request.param == "redis":
        Redis.from_url(url).flushdb()
    settings = settings_for(tenant, tmp_path, RATE_LIMIT_URL=url, TRUSTED_PROXIES="1")
    with running_site(settings) as running:
        yield running


@contextmanager
def person_at(address: str) -> Iterator[Person]:
    """Somebody whose browser is at this address."""
    with Person() as person:
        person.browser.headers["X-Forwarded-For"] = address
        yield person


@pytest.mark.parametrize("begin", ["/login", "/invite/complete?success=true"])
def test_junk_codes_from_one_address_cost_the_tenant_few_calls(
    site: RunningSite, tenant: Tenant, begin: str
) -> None:
    """However the logins were begun; and everybody else signs in meanwhile."""
    statuses = floods(site, lambda number: "203.0.113.7", begin)
    assert set(statuses) == {403, 429}
    assert tenant.calls("POST /oauth/token") <= TOKEN_CALLS
    with person_at("203.0.113.8") as person:
        signs_in(person, site)
        assert ADMIN in person.text


def test_junk_codes_from_everywhere_cost_the_tenant_few_calls(
    site: RunningSite, tenant: Tenant
) -> None:
    """All addresses together have a limit too."""
    assert set(floods(site, lambda number: f"10.0.{number % 250}.1")) == {403, 429}
    assert tenant.calls("POST /oauth/token") <= TOKEN_CALLS


def test_an_office_signs_in_behind_one_address(tenant: Tenant, tmp_path: Path) -> None:
    """Only what signs nobody in is counted, so they may be as many as they like."""
    with running_site(settings_for(tenant, tmp_path)) as site, Person() as person:
        signs_in(person, site)
        for _ in range(OFFICE):
            person.opens(f"{site.url}/login")
            assert person.url == f"{site.url}/"
        assert tenant.calls("POST /oauth/token") > OFFICE


def test_an_office_may_press_cancel_behind_one_address(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """It costs the tenant no call, so nobody there is kept from signing in."""
    for _ in range(OFFICE):
        begun = person.peeks(f"{site.url}/login").headers["Location"]
        [state] = parse_qs(urlsplit(begun).query)["state"]
        said = urlencode({"error": "access_denied", "state": state, "iss": site.settings.issuer})
        assert person.peeks(f"{site.url}/callback?{said}").status_code == 403
    assert tenant.calls("POST /oauth/token") == 0
    signs_in(person, site)
    assert ADMIN in person.text


def test_whoever_is_refused_in_a_flood_finishes_after_the_minute(
    site: RunningSite, tenant: Tenant
) -> None:
    """The login that was begun is not spent: *Try again* ends it."""
    with person_at("203.0.113.7") as person:
        person.opens(f"{site.url}/login")
        floods(site, lambda number: "203.0.113.7")
        person.types(Email_address=ADMIN, Password="Invite-Demo-1!").presses("Continue")
        assert person.response.status_code == 429
        assert 0 < int(person.response.headers["Retry-After"]) <= 61
        limiter.reset()  # the minute is over
        person.presses("Try again")
        assert person.url == f"{site.url}/"
        assert ADMIN in person.text


def test_junk_codes_from_everywhere_keep_nobody_out_who_is_known(
    site: RunningSite, tenant: Tenant
) -> None:
    """Who has signed in with this browser before, and who holds an invitation in it, counts alone, also
    where the flood comes from their own address."""
    site.invites_and_delivers("ada@example.com")
    with person_at("203.0.113.7") as known, person_at("203.0.113.7") as invitee:
        signs_in(known, site)
        sets_password(invitee, tenant.link_to("ada@example.com"))
        floods(site, lambda number: "203.0.113.7")
        assert set(floods(site, lambda number: f"10.0.{number % 250}.1")) >= {429}
        assert known.opens(f"{site.url}/login").url == f"{site.url}/"
        logs_in(invitee, "ada@example.com", PASSWORD)
        assert invitee.url == f"{site.url}/"
        assert "ada@example.com" in invitee.text


def test_who_is_known_costs_the_tenant_few_calls_too(site: RunningSite, tenant: Tenant) -> None:
    """One person, or one invitation, at whatever addresses."""
    ref = site.invites("ada@example.com").ref
    begin = f"/invite/complete?success=true&i={ref}"
    assert 429 in floods(site, lambda number: f"10.0.{number % 250}.1", begin)
    assert tenant.calls("POST /oauth/token") <= TOKEN_CALLS


@pytest.mark.parametrize(
    ("path", "page", "limit", "status"),
    [
        ("/login?iss=nobody", "auth.login", 6000, 403),
        ("/callback?state=x", "auth.callback", 12000, 400),
        ("/invite/complete?success=true&i=guess", "auth.login", 6000, 302),
        ("/admin/invitations", "auth.login", 6000, 302),
    ],
)
def test_all_addresses_together_have_a_limit(
    site: RunningSite, path: str, page: str, limit: int, status: int
) -> None:
    """Of what would fill the database, or be looked up there."""
    came(site, limit - 1, page, limit, who="all")
    assert [status_at(site, path, f"10.0.0.{number}") for number in range(2)] == [status, 429]


def test_a_flood_of_returns_without_an_invitation_keeps_nobody_out_who_has_one(
    site: RunningSite,
) -> None:
    """Their own invitation counts them, and nothing else."""
    ref = site.invites("ada@example.com").ref
    came(site, 6000, "auth.login", 6000, who="all")
    assert status_at(site, f"/invite/complete?success=true&i={ref}", "10.0.0.1") == 302


def status_at(site: RunningSite, path: str, address: str) -> int:
    """The answer to somebody at this address."""
    told = {"X-Forwarded-For": address}
    answer = requests.get(site.url + path, headers=told, allow_redirects=False, timeout=15)
    return answer.status_code


def test_one_address_does_not_use_up_what_all_have_together(site: RunningSite) -> None:
    """Whoever is refused for themselves is not counted for all."""
    came(site, ADDRESS_LIMIT - 10, "auth.login")
    statuses = [
        requests.get(f"{site.url}/login?iss=nobody", timeout=15).status_code for _ in range(20)
    ]
    assert statuses == [403] * 10 + [429] * 10
    assert limiter.storage.get(key_of(site, "auth.login", 6000, who="all")) == 10


# Rows ---------------------------------------------------------------------------------------------


def logins_of(site: RunningSite) -> int:
    with site.services.engine.connect() as db:
        return db.execute(text("SELECT count(*) FROM login_transaction")).scalar() or 0


def test_logins_that_were_never_finished_go_away_without_a_worker(site_on: RunningSite) -> None:
    """With the first request after their time, and at most once a minute."""
    with Person() as person:

        def comes_by() -> None:
            """Twice on one connection: what follows the first answer is done before the second."""
            for _ in range(2):
                person.peeks(site_on.url)

        for _ in range(10):
            person.peeks(f"{site_on.url}/login")
        site_on.clock.forward(minutes=9, seconds=45)
        comes_by()
        site_on.clock.forward(seconds=30)
        comes_by()
        assert logins_of(site_on) == 10, "the last look was half a minute ago"
        site_on.clock.forward(seconds=31)
        comes_by()
        assert logins_of(site_on) == 0


def test_counts_that_have_become_many_are_folded_without_a_worker(site_on: RunningSite) -> None:
    """With the first request of a minute; else each overview would read them all."""
    rows = [{"kind": "failed", "bucket": 0, "amount": 0}] * 2 * FOLD_FROM
    with site_on.services.engine.begin() as db:
        db.execute(insert(Tally), rows)
    with Person() as person:
        for _ in range(2):  # what follows the first answer is done before the second
            person.peeks(site_on.url)
    with site_on.services.engine.connect() as db:
        assert (db.scalar(select(func.count()).select_from(Tally)) or 0) < FOLD_FROM


def test_a_sweep_that_fails_spoils_no_page(site: RunningSite, person: Person) -> None:
    """Its request has had its answer by then."""
    with site.services.engine.begin() as db:
        db.execute(text("ALTER TABLE login_transaction RENAME TO elsewhere"))
    for _ in range(3):
        site.clock.forward(minutes=2)
        assert person.peeks(site.url).status_code == 200
