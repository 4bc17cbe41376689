"""A flood is refused and a crowd is not, on counts of one process and of a shared Redis."""

import contextlib
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from limits.storage import storage_from_string
from redis import Redis

from invite_site.web.rate_limits import CountingInMemory, limiter
from tests.support.person import Person
from tests.support.rate_counts import (
    ADDRESS_LIMIT,
    CALLBACK_LIMIT,
    INVITATION_LIMIT,
    came,
    key_of,
)
from tests.support.redis_server import free_port, redis_server
from tests.support.running import (
    RunningSite,
    Tenant,
    running_site,
    settings_for,
    signs_in,
    wait_until,
)
from tests.support.variables import GOOD

LOGIN = "/login?iss=nobody"  # counted like any other, and cheap: it ends before a login begins
AWAY = "Rate limit storage unreachable - falling back to in-memory storage"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(params=["memory", "redis"])
def site(request: pytest.FixtureRequest, tenant: Tenant, tmp_path: Path) -> Iterator[RunningSite]:
    """A site with each kind of count."""
    url = "memory://" if request.param == "memory" else request.getfixturevalue("redis_url")
    if request.param == "redis":
        Redis.from_url(url).flushdb()
    settings = settings_for(tenant, tmp_path, RATE_LIMIT_URL=url)
    with running_site(settings) as running:
        yield running


def minute_passes() -> None:
    """What its end does to the counts: the limiter asks the machine for the time, which no test moves."""
    limiter.reset()


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
    """The answer says when to come again, and that is when the count ends."""
    assert 429 not in asks(site.url + LOGIN, ADDRESS_LIMIT)
    refused = person.peeks(f"{site.url}/login")
    assert refused.status_code == 429
    wait = int(refused.headers["Retry-After"])
    assert 0 < wait <= 61  # whole seconds, rounded up
    ends = limiter.storage.get_expiry(key_of(site, "auth.login"))
    assert ends <= time.time() + wait
    assert f"Wait {wait} seconds" in " ".join(refused.text.split())
    minute_passes()
    assert person.peeks(f"{site.url}/login").status_code == 302


def test_an_admin_page_that_begins_a_login_is_counted_as_one(
    site: RunningSite, person: Person
) -> None:
    """Whichever page it is; who is signed in begins none."""
    site.make_admin()
    signs_in(person, site)
    limiter.reset()
    came(site, ADDRESS_LIMIT - 2, "auth.login")
    pages = [f"{site.url}/admin/{page}" for page in ("invitations", "batches/new", "admins")]
    assert [asks(page, 1) for page in pages] == [[302], [302], [429]]
    assert asks(site.url + LOGIN, 1) == [429]
    assert person.peeks(pages[0]).status_code == 200


def test_another_address_is_counted_for_itself(site: RunningSite) -> None:
    """With IPv6 an address is a whole /64, since a subscriber has all of it."""
    client = site.app.test_client()

    def status(address: str) -> int:
        return client.get(LOGIN, environ_overrides={"REMOTE_ADDR": address}).status_code

    came(site, ADDRESS_LIMIT - 9, "auth.login", who="address:2001:db8:1:2::/64")
    for number in range(9):
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
    assert asks(f"{site.url}/invite/complete?i=guess", 1) == [200]
    came(site, ADDRESS_LIMIT - 2, "landing.complete")
    assert asks(f"{site.url}/invite/complete?i=guess", 2) == [200, 429]


def test_after_the_wait_the_same_link_goes_on(site: RunningSite, person: Person) -> None:
    """Nobody has to look for the mail again."""
    row = site.invites("ada@example.com")
    page = f"{site.url}/invite/complete?success=true&i={row.ref}"
    asks(page, INVITATION_LIMIT)
    person.opens(page)
    assert person.response.status_code == 429
    assert person.heading == "Too many requests"
    minute_passes()
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
    minute_passes()
    person.presses("Try again")
    assert person.sees_in("Email address") == "ada@example.com"


def test_a_landing_link_is_pressed_only_so_often(
    tenant: Tenant, tmp_path: Path, person: Person
) -> None:
    """Each press asks the tenant about the account."""
    settings = settings_for(tenant, tmp_path, INVITE_LINK="landing")
    with running_site(settings) as site:
        site.invites_and_delivers("ada@example.com")
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


def test_a_callback_may_come_ten_times_as_often_as_a_login(site: RunningSite) -> None:
    """It needs a login that was begun, which is limited already."""
    came(site, CALLBACK_LIMIT - 1, "auth.callback", CALLBACK_LIMIT)
    assert asks(f"{site.url}/callback?state=guess", 2) == [400, 429]


@pytest.mark.parametrize(
    ("method", "endpoint", "status"),
    [("GET", "landing.renew", 200), ("POST", "landing.ask_for_renewal", 303)],
)
def test_a_new_link_is_asked_for_only_so_often(
    site: RunningSite, method: str, endpoint: str, status: int
) -> None:
    """By one address, whichever refs it tries."""
    came(site, ADDRESS_LIMIT - 1, endpoint)
    client = site.app.test_client()
    site.app.config["WTF_CSRF_ENABLED"] = False
    answers = [client.open("/invite/renew", method=method) for _ in range(2)]
    assert [each.status_code for each in answers] == [status, 429]


def test_a_page_without_a_limit_stays_open_in_a_flood(site: RunningSite, person: Person) -> None:
    """What costs only who asks for it is never refused."""
    came(site, ADDRESS_LIMIT, "auth.login")
    assert asks(site.url + LOGIN, 1) == [429]
    assert person.peeks(f"{site.url}/").status_code == 200
    assert person.peeks(f"{site.url}/i/unknown").status_code == 404


def test_a_redirect_says_nothing_of_limits(site: RunningSite, person: Person) -> None:
    """Only who is refused needs to know."""
    headers = person.peeks(f"{site.url}/login").headers
    assert not [name for name in headers if "ratelimit" in name.lower() or name == "Retry-After"]


class TimersMeet(CountingInMemory):
    """Two threads that replace the timer go on together, where nothing keeps the second away."""

    STORAGE_SCHEME = ["timers-meet"]  # noqa: RUF012 - as limits has it
    meeting: threading.Barrier | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "timer" and self.meeting:
            with contextlib.suppress(threading.BrokenBarrierError):
                self.meeting.wait(timeout=0.5)


def test_two_requests_that_are_counted_at_the_same_moment_both_go_on() -> None:
    assert isinstance(storage_from_string("memory://"), CountingInMemory)
    counts, failed = TimersMeet(), []
    counts.timer.join()
    counts.meeting = threading.Barrier(2)

    def count(key: str) -> None:
        try:
            counts.incr(key, 60)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=count, args=(key,)) for key in ("ada", "grace")]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert (failed, counts.get("ada"), counts.get("grace")) == ([], 1, 1)


def test_a_form_is_counted_by_the_invitation_in_it(site: RunningSite) -> None:
    """Another one in the address is not what the page acts on."""
    first, second = (site.invites(f"{name}@example.com").ref for name in ("ada", "bob"))
    client = site.app.test_client()
    site.app.config["WTF_CSRF_ENABLED"] = False

    def status(number: int) -> int:
        url = f"/invite/complete?i={second if number % 2 else number}"
        return client.post(url, data={"i": first}).status_code

    assert {status(number) for number in range(INVITATION_LIMIT)} == {303}
    assert status(0) == status(1) == 429


def test_nobody_is_kept_out_while_redis_is_away(
    tenant: Tenant, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Each process counts for itself, which is logged once; Redis counts again when it is back."""
    port = free_port()
    url = f"redis://127.0.0.1:{port}/0"
    settings = settings_for(tenant, tmp_path, RATE_LIMIT_URL=url)
    with running_site(settings) as site:
        assert set(asks(f"{site.url}/login", 5)) == {302}
        assert 429 not in asks(site.url + LOGIN, ADDRESS_LIMIT - 5)
        assert asks(site.url + LOGIN, 1) == [429]
        assert [line for line in caplog.messages if "storage" in line] == [AWAY]
        with redis_server(port), Redis.from_url(url, decode_responses=True) as redis:

            def is_counted() -> bool:
                asks(site.url + LOGIN, 1)
                return bool(redis.keys())

            wait_until(is_counted, "Redis counts again")
            assert asks(f"{site.url}/login", 1) == [302]
            assert "Rate limit storage recovered" in caplog.messages
            kept = sorted(name.partition(site.settings.client_id)[2] for name in redis.scan_iter())
            assert kept == [
                "/address:127.0.0.1/auth.login/600/1/minute",
                "/all/auth.login/6000/1/minute",
            ]


def test_sites_of_two_applications_count_at_one_redis_for_themselves(
    tenant: Tenant, tmp_path: Path, redis_url: str
) -> None:
    """Also where both run in one process."""
    Redis.from_url(redis_url).flushdb()
    for client_id in ("first", "second"):
        settings = settings_for(
            tenant, tmp_path, RATE_LIMIT_URL=redis_url, AUTH0_CLIENT_ID=client_id
        )
        with running_site(settings) as site:
            assert 429 not in asks(site.url + LOGIN, 1)
            came(site, ADDRESS_LIMIT - 1, "auth.login")
            assert asks(site.url + LOGIN, 1) == [429]


def test_a_database_that_is_away_is_not_taken_for_a_redis_that_is_away(
    tenant: Tenant, tmp_path: Path, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The count reads the invitation, and only the page says that it could not be read."""
    settings = settings_for(tenant, tmp_path, RATE_LIMIT_URL=redis_url)
    with running_site(settings) as site:
        with contextlib.closing(sqlite3.connect(tmp_path / "site.db")) as database:
            database.execute("ALTER TABLE invitation RENAME TO hidden")
        assert asks(f"{site.url}/invite/complete?success=true&i=guess", 1) == [500]
        assert AWAY not in caplog.messages


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
