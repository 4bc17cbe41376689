"""TLS towards the tenant: read once, and as strict as before."""

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from cryptography import x509
from requests import adapters

from invite_site.errors import TenantUnavailable
from invite_site.tenant.bounded import BoundedAdapter
from invite_site.tenant.http import COMMAND, Credentials, ManagementApi
from invite_site.tenant.tls import context_of
from tests.support.person import Person
from tests.support.running import RunningSite, Tenant, running_site, settings_for
from tests.support.tls_front import TlsFront, write_certificate

LOCALHOST = x509.DNSName("localhost")


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """What one test trusts, the next does not."""
    yield
    context_of.cache_clear()


@contextmanager
def certified(
    folder: Path, tenant: Tenant, host: x509.GeneralName = LOCALHOST
) -> Iterator[tuple[Path, str]]:
    """The tenant behind a certificate for this host: the file of its authority, and the URL."""
    trusted, served = write_certificate(folder, [host])
    front = TlsFront(served)
    with front.leading_to(urlsplit(tenant.url).port or 0):
        yield trusted, f"https://localhost:{front.port}"


def ask(url: str, bundle: Path | None = None) -> int:
    """The status that a new session, and so a new connection, gets."""
    with requests.Session() as session:
        session.trust_env = False
        if bundle:
            session.verify = str(bundle)
        session.mount("https://", BoundedAdapter())
        return session.get(f"{url}/.well-known/jwks.json", timeout=5).status_code


def test_the_authorities_are_read_once(tenant: Tenant, tmp_path: Path) -> None:
    """A connection later on does not look at the file again."""
    with certified(tmp_path, tenant) as (trusted, url):
        assert ask(url, trusted) == 200
        trusted.unlink()
        assert ask(url, trusted) == 200


def test_logins_share_what_is_trusted_and_their_connection(
    tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, person: Person
) -> None:
    """Each of them asks again here, since the tenant calls itself otherwise than its certificate."""
    with certified(tmp_path, tenant) as (trusted, url):
        monkeypatch.setattr(adapters, "DEFAULT_CA_BUNDLE_PATH", str(trusted))
        with running_site(settings_for(tenant, tmp_path, AUTH0_DOMAIN=url)) as site:
            assert person.peeks(f"{site.url}/login").status_code == 403
            trusted.unlink()
            assert person.peeks(f"{site.url}/login").status_code == 403


def test_an_authority_that_nobody_knows_is_refused(tenant: Tenant, tmp_path: Path) -> None:
    """By those that requests brings along."""
    with (
        certified(tmp_path, tenant) as (_, url),
        pytest.raises(requests.exceptions.SSLError, match="verify failed"),
    ):
        ask(url)


def test_the_certificate_of_another_host_is_refused(tenant: Tenant, tmp_path: Path) -> None:
    """Its authority is known."""
    with (
        certified(tmp_path, tenant, x509.DNSName("acme.example")) as (trusted, url),
        pytest.raises(requests.exceptions.SSLError, match="Hostname mismatch"),
    ):
        ask(url, trusted)


def test_a_certificate_names_its_host_where_it_has_to(tenant: Tenant, tmp_path: Path) -> None:
    """Among its alternative names: the common name, `localhost` here, has not counted for long."""
    elsewhere = x509.IPAddress(ipaddress.ip_address("192.0.2.1"))
    with (
        certified(tmp_path, tenant, elsewhere) as (trusted, url),
        pytest.raises(requests.exceptions.SSLError, match="Hostname mismatch"),
    ):
        ask(url, trusted)


def test_what_requests_trusts_is_trusted(
    tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing else is named; a folder is one of authorities by the hashes of their names."""
    with certified(tmp_path, tenant) as (trusted, url):
        monkeypatch.setattr(adapters, "DEFAULT_CA_BUNDLE_PATH", str(trusted))
        assert ask(url) == 200
        with pytest.raises(requests.exceptions.SSLError):
            ask(url, tmp_path)


def test_a_proxy_by_https_is_trusted_by_the_same_authorities(
    tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """REQUESTS_CA_BUNDLE names that of the proxy; the one here is the tenant, which tunnels to nobody."""
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with certified(tmp_path, tenant) as (trusted, proxy), requests.Session() as session:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted))
        monkeypatch.setenv("https_proxy", proxy)
        session.mount("https://", BoundedAdapter())
        with pytest.raises(requests.exceptions.ProxyError, match="Tunnel connection failed"):
            session.get("https://acme.example/", timeout=5)


def test_a_bundle_that_is_missing_is_no_traceback(
    site: RunningSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """REQUESTS_CA_BUNDLE names it: the tenant cannot be asked."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/authorities.pem")
    settings = replace(site.settings, management_url="https://acme.eu.auth0.com")
    api = ManagementApi(settings, Credentials.of_the_site(settings), COMMAND)
    with pytest.raises(TenantUnavailable):
        api.get("/users/auth0|1")
