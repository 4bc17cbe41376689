"""The site behind a real nginx, with the very configuration of docs/running.md.

Not collected by default, because it needs nginx: `.ci/run` installs that and runs this file.
"""

import contextlib
import re
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from requests.adapters import HTTPAdapter

from invite_site import server
from tests.support.person import Person
from tests.support.redis_server import free_port
from tests.support.running import (
    PASSWORD,
    RunningSite,
    Tenant,
    running_site,
    sets_password,
    settings_for,
    signs_in,
    wait_until,
)
from tests.support.tls_front import write_certificate

PAGE = Path(__file__).resolve().parents[2] / "docs" / "running.md"
LOGIN = "/login?iss=nobody"  # counted like any other, and cheap
ADDRESS_LIMIT = 600  # a minute
HUNG = 700  # more than the site has places for
HUGE = 300_000_000  # bytes

# What is not the site's business, and belongs to the machine.
MAIN = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 4096; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{servers}
}}
"""


@dataclass(frozen=True)
class Proxied:
    """A site behind nginx: `port` takes https, `plain_port` http."""

    site: RunningSite
    port: int
    plain_port: int
    authority: Path
    folder: Path
    stop_site: Callable[[], None]

    def browser(self, address: str = "127.0.0.1") -> requests.Session:
        """A browser at this address of this machine."""
        browser = requests.Session()
        browser.trust_env = False
        browser.verify = str(self.authority)
        adapter = HTTPAdapter()
        adapter.init_poolmanager(1, 1, source_address=(address, 0))
        browser.mount("https://", adapter)
        return browser


def configuration(replacements: dict[str, str]) -> str:
    """The text of the page, with names and ports of this machine; each of them must stand there."""
    text: str
    [text] = re.findall(r"^```nginx\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    for stands, here in replacements.items():
        assert stands in text, f"docs/running.md has no {stands!r} any more"
        text = text.replace(stands, here)
    return text


@pytest.fixture
def proxied(tenant: Tenant, tmp_path: Path) -> Iterator[Proxied]:
    """The site with TRUSTED_PROXIES=1 behind nginx."""
    authority, certificate = write_certificate(tmp_path)
    port, plain_port, site_port = free_port(), free_port(), free_port()
    folder = tmp_path / "nginx"
    folder.mkdir()
    servers = configuration(
        {
            "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
            "listen 80;": f"listen 127.0.0.1:{plain_port};",
            "server_name invite.example.com;": "server_name localhost;",
            "/etc/letsencrypt/live/invite.example.com/fullchain.pem": str(certificate),
            "/etc/letsencrypt/live/invite.example.com/privkey.pem": str(certificate),
            "http://127.0.0.1:3000;": f"http://127.0.0.1:{site_port};",
            "/var/log/nginx/error.log": str(folder / "error.log"),
            # All that nginx has to say, for tests that look for it.
            "access_log off;": f"access_log off; error_log {folder}/warnings.log warn;",
        }
    )
    main = folder / "nginx.conf"
    main.write_text(MAIN.format(folder=folder, servers=servers), encoding="utf-8")
    url = f"https://localhost:{port}"
    known = {"callbacks": [f"{url}/callback"], "logout_urls": [f"{url}/"]}
    tenant.control("PUT", "/application", known)
    settings = settings_for(tenant, tmp_path, TRUSTED_PROXIES="1")
    with contextlib.ExitStack() as running, _nginx(main, folder, port):
        site = running.enter_context(running_site(settings, port=site_port, public_url=url))
        yield Proxied(site, port, plain_port, authority, folder, running.close)


@contextlib.contextmanager
def _nginx(main: Path, folder: Path, port: int) -> Iterator[None]:
    process = subprocess.Popen(["nginx", "-p", folder, "-c", main, "-e", folder / "error.log"])
    try:
        wait_until(lambda: process.poll() is not None or _listens(port), "nginx listens")
        assert process.poll() is None, (folder / "error.log").read_text(encoding="utf-8")
        yield
    finally:
        process.terminate()
        process.wait(timeout=10)


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def test_the_journey_goes_through_it(proxied: Proxied, tenant: Tenant) -> None:
    """From the form to *Accepted*, with cookies that are bound to the host, and *Sign out*."""
    site = proxied.site
    with Person() as admin, Person() as person:
        admin.trusts(proxied.authority)
        person.trusts(proxied.authority)
        site.make_admin()
        signs_in(admin, site, start="/admin/invitations/new")
        admin.types(Email_address="ada@example.com").presses("Send invitation")
        assert admin.path.startswith("/admin/invitations/")
        site.delivers()
        sets_password(person, tenant.link_to("ada@example.com"))
        assert person.sees_in("Email address") == "ada@example.com"
        person.types(Password=PASSWORD).presses("Continue")
        assert person.url == f"{site.url}/"
        assert site.status("ada@example.com") == "accepted"
        ours = {cookie.name: cookie for cookie in person.cookies if "Host-" in cookie.name}
        assert set(ours) == {"__Host-sid", "__Host-login"}
        assert all(cookie.secure and cookie.path == "/" for cookie in ours.values())
        assert "max-age" in person.response.headers["Strict-Transport-Security"]
        person.presses("Sign out")
        assert person.url == f"{site.url}/"
        assert person.cookie("__Host-sid") is None


def test_plain_http_leads_to_https(proxied: Proxied) -> None:
    """With the same path and query."""
    answer = requests.get(
        f"http://localhost:{proxied.plain_port}/invite/complete?success=true",
        allow_redirects=False,
        timeout=15,
    )
    assert answer.status_code == 301
    assert answer.headers["Location"] == "https://localhost/invite/complete?success=true"


def test_limits_count_the_address_of_the_browser(proxied: Proxied) -> None:
    """Not the proxy's, and not what the browser says of itself."""
    page = proxied.site.url + LOGIN
    with proxied.browser("127.0.0.2") as first, proxied.browser("127.0.0.3") as second:
        statuses = [
            first.get(page, headers={"X-Forwarded-For": f"10.0.0.{n % 250}"}, timeout=15)
            for n in range(ADDRESS_LIMIT + 1)
        ]
        assert [answer.status_code for answer in statuses[-2:]] == [403, 429]
        assert second.get(page, timeout=15).status_code == 403


def is_open(connection: ssl.SSLSocket) -> bool:
    """Nothing came on it, and nobody has closed it."""
    connection.setblocking(False)
    try:
        connection.recv(1)
    except ssl.SSLWantReadError:
        return True
    except OSError:
        pass
    return False


def test_requests_that_never_end_do_not_reach_the_site(proxied: Proxied) -> None:
    """Everybody else is answered while more of them are open than the site has places for."""
    beginning = b"POST /logout HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\ncsrf"
    context = _context(proxied.authority)
    with contextlib.ExitStack() as stack:
        hung = []
        for _ in range(HUNG):
            plain = socket.create_connection(("127.0.0.1", proxied.port), timeout=30)
            hung.append(
                stack.enter_context(context.wrap_socket(plain, server_hostname="localhost"))
            )
            hung[-1].sendall(beginning)
        with proxied.browser() as browser:
            assert browser.get(proxied.site.url, timeout=15).status_code == 200
        assert sum(is_open(each) for each in hung) > server.CONNECTIONS


def test_a_body_without_measure_is_refused_and_the_largest_list_is_not_written(
    proxied: Proxied,
) -> None:
    """nginx refuses the one, and keeps the other in memory."""
    with proxied.browser() as browser:
        logout = f"{proxied.site.url}/logout"
        refused = browser.post(logout, headers={"Content-Length": str(HUGE)}, timeout=15)
        assert refused.status_code == 413
        taken = browser.post(logout, data=b"x" * 3_900_000, timeout=15)
        assert taken.status_code in (400, 413)
        assert "<h1>" in taken.text, "our own page"
    log = (proxied.folder / "warnings.log").read_text(encoding="utf-8")
    assert "temporary file" not in log


def test_no_log_of_nginx_holds_a_link_or_an_address(proxied: Proxied) -> None:
    """Not while the site is away either: nginx names the whole request in each of its errors."""
    proxied.stop_site()
    query = "/invite/complete?i=7fQ2&success=true&email=ada%40example.com"
    with proxied.browser() as browser:
        answer = browser.get(proxied.site.url + query, timeout=15)
        assert answer.status_code == 502
    requests.get(f"http://localhost:{proxied.plain_port}{query}", allow_redirects=False, timeout=15)
    assert "ada%40" in (proxied.folder / "warnings.log").read_text(encoding="utf-8"), (
        "what nginx says"
    )
    for name in ("error.log", "access.log"):
        log = (proxied.folder / name).read_text(encoding="utf-8")
        assert "ada%40" not in log, name


def _context(authority: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority))
