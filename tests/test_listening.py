"""The socket that the site listens on, and several sites on one host."""

import contextlib
from pathlib import Path

import pytest
import requests

from invite_site import create_app
from invite_site.errors import CannotListen
from invite_site.server import PortInUse, listening, prepare, serving
from tests.support.forked import flask
from tests.support.person import Person
from tests.support.running import Tenant, running_site, services_of, settings_for, signs_in


@pytest.mark.parametrize("host", ["::", "[::]", "::1", "127.0.0.1", "localhost"])
def test_the_site_answers_on_the_address_that_was_asked_for(
    host: str, tenant: Tenant, tmp_path: Path
) -> None:
    """IPv6 as well as IPv4; `::` takes both."""
    app = create_app(settings_for(tenant, tmp_path))
    with contextlib.closing(services_of(app)), listening(0, host) as listener:
        prepare(services_of(app))
        port = listener.getsockname()[1]
        reached = {"::1": ["[::1]"], "::": ["[::1]", "127.0.0.1"], "[::]": ["[::1]", "127.0.0.1"]}
        with serving(app, listener):
            for address in reached.get(host, ["127.0.0.1"] if host[0].isdigit() else ["localhost"]):
                answer = requests.get(f"http://{address}:{port}/healthz", timeout=10)
                assert answer.json() == {"status": "ok"}


@pytest.mark.parametrize("host", ["::", "127.0.0.1"])
def test_a_port_that_is_taken_is_named(host: str) -> None:
    """In each family."""
    with listening(0, host) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(PortInUse, match=str(port)), listening(port, host):
            pass


@pytest.mark.parametrize(
    "host", ["192.0.2.1", "2001:db8::1", "no such host", "", "127.0.0..1", "h" * 64]
)
def test_an_address_that_is_not_of_this_machine_is_one_sentence(host: str) -> None:
    """Or that is none."""
    with pytest.raises(CannotListen, match="Choose another --host"), listening(0, host):
        pass


def test_two_sites_on_one_host_keep_their_sign_ins_apart(
    tenant: Tenant, tmp_path: Path, person: Person
) -> None:
    """Browsers send a cookie to every port of its host."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    with (
        running_site(settings_for(tenant, tmp_path / "one")) as one,
        running_site(settings_for(tenant, tmp_path / "two")) as two,
    ):
        for site in (one, two):
            site.make_admin()
        signs_in(person, one, start="/admin/invitations")
        person.opens(f"{two.url}/login")  # the tenant knows this browser already
        assert person.opens(f"{two.url}/admin/invitations").url == f"{two.url}/admin/invitations"
        assert person.opens(f"{one.url}/admin/invitations").url == f"{one.url}/admin/invitations"
        person.presses("Sign out")
        assert person.opens(f"{two.url}/admin/invitations").url == f"{two.url}/admin/invitations"
        ports = sorted(site.url.rpartition(":")[2] for site in (one, two))
        names = {cookie.name for cookie in person.cookies}
        assert {f"login-{port}" for port in ports} <= names
        assert "sid" not in names
        assert "login" not in names


def test_flask_serve_says_which_setting_chooses_another_port(
    tenant: Tenant, tmp_path: Path
) -> None:
    """One sentence, where another program listens there."""
    with listening(0) as taken:
        port = str(taken.getsockname()[1])
        environment = {
            "SECRET_KEY": "0123456789abcdef0123456789abcdef",
            "SITE_PORT": port,
            "APP_NAME": "Acme",
            "MAIL_FROM": "invitations@example.com",
            **tenant.environment,
            "DATABASE_URL": f"sqlite:///{tmp_path / 'site.db'}",
        }
        ended = flask("serve", environment=environment)
    said = f"Error: Port {port} is taken by another program. Set SITE_PORT to a free one.\n"
    assert (ended.returncode, ended.stderr) == (1, said)
