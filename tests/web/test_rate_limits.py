"""A flood is refused and a crowd is not, on counts of one process and of a shared Redis."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis import Redis

from invite_site.web.rate_limits import ADDRESS_LIMIT, INVITATION_LIMIT, LIMITS
from tests.support.person import Person
from tests.support.redis_server import free_port, redis_server
from tests.support.running import Clock, RunningSite, Tenant, running_site, settings_for, signs_in
from tests.test_settings import GOOD

LOGIN = "/login?iss=nobody"  # counted like any other, and cheap: it ends before a login begins
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with redis_server() as url:
        yield url


@pytest.fixture
def clock() -> Clock:
    """At the beginning of a minute: counts begin anew with each."""
    clock = Clock()
    clock.forward(seconds=60 - clock().timestamp() % 60)
    return clock


@pytest.fixture(params=["memory", "redis"])
def site(
    request: pytest.FixtureRequest, tenant: Tenant, tmp_path: Path, clock: Clock
) -> Iterator[RunningSite]:
    """A site with each kind of count."""
    url = "memory://" if request.param == "memory" else request.getfixturevalue("redis_url")
    if request.param == "redis":
        Redis.from_url(url).flushdb()
    settings = settings_for(tenant, tmp_path, RATE_LIMIT_URL=url)
    with running_site(settings, clock=clock) as running:
        yield running


def asks(url: str, times: int) -> list[int]:
    """The statuses of so many requests, over one connection."""
    parts = urlsplit(url)
    statuses = []
    with contextlib.closing(HTTPConnection(parts.netloc, timeout=15)) as connection:
        for _ in range(times):
            connection.request("GET", f"{parts.path}?{parts.query}")
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
    return statuses


def test_a_flood_of_logins_from_one_address_is_refused_for_the_rest_of_the_minute(
    site: RunningSite, person: Person
) -> None:
    """The answer says when to come again, and holds to it."""
    assert 429 not in asks(site.url + LOGIN, ADDRESS_LIMIT)
    refused = person.peeks(f"{site.url}/login")
    assert refused.status_code == 429
    wait = int(refused.headers["Retry-After"])
    assert 0 < wait <= 60
    assert f"Wait\n  {wait} seconds" in refused.text
    site.clock.forward(seconds=wait)
    assert person.peeks(f"{site.url}/login").status_code == 302


def test_another_address_is_counted_for_itself(site: RunningSite) -> None:
    """With IPv6 an address is a whole /64, since a subscriber has all of it."""
    client = site.app.test_client()

    def status(address: str) -> int:
        return client.get(LOGIN, environ_overrides={"REMOTE_ADDR": address}).status_code

    for number in range(ADDRESS_LIMIT):
        assert status(f"2001:db8:1:2::{number:x}") != 429
    assert status("2001:db8:1:2:ffff::1") == 429
    assert status("2001:db8:1:3::1") != 429
    assert status("192.0.2.1") != 429


def test_an_office_behind_one_address_lands_as_often_as_it_has_invitations(
    site: RunningSite, person: Person
) -> None:
    """Who holds an invitation is counted by it; who holds none, by the address."""
    first, second = (site.invites(f"{name}@example.com").ref for name in ("ada", "bob"))
    page = f"{site.url}/invite/complete?success=true&i="
    assert set(asks(page + first, INVITATION_LIMIT)) == {302}
    assert person.peeks(page + first).status_code == 429
    assert set(asks(page + second, INVITATION_LIMIT)) == {302}
    unknown = asks(f"{site.url}/invite/complete?i=guess", ADDRESS_LIMIT + 1)
    assert (set(unknown[:-1]), unknown[-1]) == ({200}, 429)


def test_after_the_wait_the_same_link_goes_on(site: RunningSite, person: Person) -> None:
    """Nobody has to look for the mail again."""
    row = site.invites("ada@example.com")
    page = f"{site.url}/invite/complete?success=true&i={row.ref}"
    asks(page, INVITATION_LIMIT)
    person.opens(page)
    assert person.response.status_code == 429
    assert person.heading == "Too many requests"
    site.clock.forward(seconds=61)
    person.presses("Try again")
    assert person.sees_in("Email address") == "ada@example.com"


def test_after_the_wait_the_same_button_goes_on(site: RunningSite, person: Person) -> None:
    """A form that was refused is sent again with what was in it."""
    row = site.invites("ada@example.com")
    button = "Continue as the invited person"
    signs_in(person, site).opens(f"{site.url}/invite/complete?success=true&i={row.ref}")
    assert {person.sends(button).status_code for _ in range(INVITATION_LIMIT)} == {303}
    person.presses(button)
    assert person.response.status_code == 429
    site.clock.forward(seconds=61)
    person.presses("Try again")
    assert person.sees_in("Email address") == "ada@example.com"


def test_a_landing_link_is_pressed_only_so_often(
    tenant: Tenant, tmp_path: Path, clock: Clock, person: Person
) -> None:
    """Each press asks the tenant about the account."""
    settings = settings_for(tenant, tmp_path, INVITE_LINK="landing")
    with running_site(settings, clock=clock) as site:
        site.invites("ada@example.com")
        site.delivers()
        text = tenant.mails("ada@example.com")[0]["Text"]
        person.opens(next(word for word in text.split() if "/i/" in word))
        pressed = [
            person.sends("Choose your password").status_code for _ in range(INVITATION_LIMIT + 1)
        ]
        assert 429 not in pressed[:-1]
        assert pressed[-1] == 429
        asked = tenant.calls("GET /api/v2/users")
        assert person.sends("Choose your password").status_code == 429
        assert tenant.calls("GET /api/v2/users") == asked


def test_every_limit_is_that_of_a_page_that_exists(site: RunningSite) -> None:
    """A page that is renamed takes its limit along."""
    assert set(LIMITS) <= set(site.app.view_functions)


def test_sites_that_share_a_redis_share_the_count(
    tenant: Tenant, tmp_path: Path, clock: Clock, redis_url: str
) -> None:
    """However many processes serve, the limit is one."""
    Redis.from_url(redis_url).flushdb()
    folders = [tmp_path / "one", tmp_path / "two"]
    one, two = (settings_for(tenant, each, RATE_LIMIT_URL=redis_url) for each in folders)
    with running_site(one, clock=clock) as first, running_site(two, clock=clock) as second:
        assert 429 not in asks(first.url + LOGIN, ADDRESS_LIMIT // 2)
        assert 429 not in asks(second.url + LOGIN, ADDRESS_LIMIT // 2)
        assert asks(first.url + LOGIN, 1) == asks(second.url + LOGIN, 1) == [429]


def test_nobody_is_kept_out_while_redis_is_away(
    tenant: Tenant, tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Each process counts for itself, which is logged once; Redis counts again when it is back."""
    port = free_port()
    url = f"redis://127.0.0.1:{port}/0"
    settings = settings_for(tenant, tmp_path, RATE_LIMIT_URL=url)
    with running_site(settings, clock=clock) as site:
        assert set(asks(f"{site.url}/login", 5)) == {302}
        assert 429 not in asks(site.url + LOGIN, ADDRESS_LIMIT - 5)
        assert asks(site.url + LOGIN, 1) == [429]
        said = [line for line in caplog.messages if "RATE_LIMIT_URL" in line]
        assert len(said) == 1
        assert "does not answer" in said[0]
        with redis_server(port):
            site.clock.forward(seconds=61)
            assert asks(f"{site.url}/login", 1) == [302]
            assert "RATE_LIMIT_URL answers again" in caplog.messages
            [name] = Redis.from_url(url, decode_responses=True).keys()
            assert name.endswith(":auth.login:address:127.0.0.1")


def test_without_the_package_for_it_the_start_says_what_to_install(
    tenant: Tenant, tmp_path: Path
) -> None:
    """Not the first request, and no stack trace."""
    (tmp_path / "redis.py").write_text("raise ImportError", encoding="utf-8")
    variables = {
        **GOOD,
        "DATABASE_URL": f"sqlite:///{tmp_path / 'site.db'}",
        "RATE_LIMIT_URL": "redis://localhost",
        "PYTHONPATH": str(tmp_path),
    }
    started = subprocess.run(
        [sys.executable, "-c", "import app; app.create_app()"],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
    )
    assert started.returncode == 1
    assert "RATE_LIMIT_URL needs the package redis" in started.stderr
    assert "Traceback" not in started.stderr
