"""What a proxy in front may say about the browser, and that nobody else may say it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from flask import request

from invite_site.web.rate_limits import subscriber
from tests.support.rate_counts import ADDRESS_LIMIT, came
from tests.support.running import RunningSite, Tenant, running_site, settings_for

LOGIN = "/login?iss=nobody"  # counted like any other, and cheap

TOLD = {
    "X-Forwarded-For": "198.51.100.9, 203.0.113.7, 192.0.2.1",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "81",
    "X-Forwarded-Prefix": "/evil",
    "Forwarded": "for=198.51.100.9;host=evil.example;proto=https",
}


@contextmanager
def site_behind(proxies: int, tenant: Tenant, folder: Path) -> Iterator[RunningSite]:
    with running_site(settings_for(tenant, folder, TRUSTED_PROXIES=str(proxies))) as site:
        yield site


def seen_by(site: RunningSite, headers: Mapping[str, str]) -> tuple[str | None, str, str, str]:
    """What a view takes the browser's address, the scheme, the host and the prefix for."""
    seen: list[tuple[str | None, str, str, str]] = []

    @site.app.before_request
    def look() -> None:
        seen.append((request.remote_addr, request.scheme, request.host, request.script_root))

    assert requests.get(site.url, headers=headers, timeout=15).status_code == 200
    return seen[0]


@pytest.mark.parametrize(
    ("proxies", "address", "scheme"),
    [(0, "127.0.0.1", "http"), (1, "192.0.2.1", "https"), (2, "203.0.113.7", "http")],
)
def test_as_many_proxies_are_believed_as_the_setting_says(
    tenant: Tenant, tmp_path: Path, proxies: int, address: str, scheme: str
) -> None:
    """The last entries are theirs; whatever stands before them anybody can have written. The host and
    a prefix are taken from nobody."""
    with site_behind(proxies, tenant, tmp_path) as site:
        host = site.url.removeprefix("http://")
        assert seen_by(site, TOLD) == (address, scheme, host, "")


def test_without_proxies_no_header_leads_past_a_limit(tenant: Tenant, tmp_path: Path) -> None:
    """Each request names another address, and all count as the one that they come from."""
    with site_behind(0, tenant, tmp_path) as site, requests.Session() as browser:
        came(site, ADDRESS_LIMIT - 9, "auth.login")
        statuses = [
            browser.get(site.url + LOGIN, headers={"X-Forwarded-For": f"10.0.0.{number}"})
            for number in range(10)
        ]
        assert [answer.status_code for answer in statuses] == [403] * 9 + [429]


def test_behind_a_proxy_each_browser_has_a_limit_of_its_own(tenant: Tenant, tmp_path: Path) -> None:
    """What it writes before the proxy's entry counts for nothing."""
    with site_behind(1, tenant, tmp_path) as site, requests.Session() as browser:

        def status(told: str) -> int:
            headers = {"X-Forwarded-For": told}
            return browser.get(site.url + LOGIN, headers=headers, timeout=15).status_code

        came(site, ADDRESS_LIMIT - 9, "auth.login", who="address:203.0.113.7")
        statuses = [status(f"10.0.0.{number}, 203.0.113.7") for number in range(10)]
        assert statuses == [403] * 9 + [429]
        assert status("203.0.113.8") == 403


@pytest.mark.parametrize(
    ("told", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:5000", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2:3::4]:5000", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2:3::4]", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("[fe80::1%eth0]:5000", "fe80::/64"),
        ("", "unknown"),
        ("unknown", "unknown"),
        ("_hidden:x:y", "unknown"),
        ("[", "unknown"),
    ],
)
def test_however_a_proxy_writes_an_address_it_is_one_subscriber(told: str, counted: str) -> None:
    """Never an error: the page would be a 500 for everybody behind such a proxy."""
    assert subscriber(told) == counted
