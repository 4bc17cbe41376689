"""What monitors and visitors are told while a part of the site is missing."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
import requests
from alembic import command
from flask import session
from flask.sessions import SecureCookieSessionInterface
from flask_wtf.csrf import generate_csrf
from sqlalchemy import event, text

from invite_site import create_app
from invite_site.accounts.sessions import Sessions
from invite_site.database.engine import alembic_config, upgrade
from invite_site.errors import DatabaseUnusable
from invite_site.server import listening, serving
from invite_site.web.current import login_cookie
from tests.support.person import Person
from tests.support.running import (
    Clock,
    RunningSite,
    Tenant,
    running_site,
    services_of,
    settings_for,
    signs_in,
    wait_until,
)

AWAY = "postgresql://acme:hunter2@127.0.0.1:1/invitations"
PAGES = ("/", "/login", "/callback", "/admin/", "/invite/complete?i=x", "/i/x", "/nowhere")


@pytest.fixture
def unprepared(
    bare_database_url: str, tenant: Tenant, tmp_path: Path, clock: Clock
) -> Iterator[RunningSite]:
    """As another WSGI server serves it: nobody has looked at the database, which is empty."""
    with served(tenant, tmp_path, clock, DATABASE_URL=bare_database_url) as running:
        yield running


@contextlib.contextmanager
def served(tenant: Tenant, folder: Path, clock: Clock, **more: str) -> Iterator[RunningSite]:
    with listening(0) as listener:
        url = f"http://localhost:{listener.getsockname()[1]}"
        settings = settings_for(tenant, folder, SITE_URL=url, **more)
        app = create_app(settings, clock)
        with contextlib.closing(services_of(app)), serving(app, listener):
            yield RunningSite(url, app, clock, settings)


def asked(site: RunningSite, path: str) -> requests.Response:
    return requests.get(site.url + path, timeout=15, allow_redirects=False)


def sends_form(site: RunningSite, path: str, **sent: Any) -> requests.Response:
    """As a page of this site does that was opened before."""
    with site.app.test_request_context():
        token = generate_csrf()
        signer = SecureCookieSessionInterface().get_signing_serializer(site.app)
        assert signer
        cookies = {login_cookie(site.settings): str(signer.dumps(dict(session)))}
    headers = {"X-CSRFToken": token}
    return requests.post(site.url + path, headers=headers, cookies=cookies, timeout=15, **sent)


# Revisions -----------------------------------------------------------------------------------------


def test_every_page_says_that_the_database_is_older_until_it_is_not(
    unprepared: RunningSite, person: Person
) -> None:
    """And goes on without a restart after `flask db upgrade`."""
    engine = unprepared.services.engine
    for revision in (None, "0006"):
        if revision:
            command.upgrade(alembic_config(engine), revision)
        for path in PAGES:
            person.opens(unprepared.url + path)
            assert person.response.status_code == 503, path
            assert person.heading == "The database is older than this site"
            assert "flask db upgrade" in person.text
        assert sends_form(unprepared, "/logout").status_code == 503
        assert asked(unprepared, "/static/site.css").status_code == 200
        assert asked(unprepared, "/readyz").json()["migration"].startswith("older than this site")
    upgrade(engine)
    assert person.opens(unprepared.url + "/").response.status_code == 200
    assert person.opens(unprepared.url + "/nowhere").response.status_code == 404


def test_every_page_says_that_the_database_is_newer(
    unprepared: RunningSite, person: Person, caplog: pytest.LogCaptureFixture
) -> None:
    """Such as after a step back to an earlier version of the site."""
    engine = unprepared.services.engine
    upgrade(engine)
    with engine.begin() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    person.opens(unprepared.url + "/")
    assert person.response.status_code == 503
    assert person.heading == "The database is newer than this site"
    assert any("9999" in line for line in caplog.messages), "whoever runs the site is told too"
    ready = asked(unprepared, "/readyz")
    assert (ready.status_code, ready.json()["migration"]) == (503, "newer than this site")


def test_a_current_database_is_asked_once(unprepared: RunningSite, person: Person) -> None:
    """Later pages cost no look at its revision."""
    upgrade(unprepared.services.engine)
    statements: list[str] = []
    event.listen(
        unprepared.services.engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_: statements.append(statement),
    )
    person.opens(unprepared.url + "/")
    assert any("alembic_version" in each for each in statements)
    statements.clear()
    person.opens(unprepared.url + "/").opens(unprepared.url + "/nowhere")
    assert not any("alembic_version" in each for each in statements)


# Health --------------------------------------------------------------------------------------------


def test_it_is_ready(site_on: RunningSite) -> None:
    """Nobody waits for a worker, so none is missed."""
    ready = asked(site_on, "/readyz")
    assert ready.status_code == 200
    assert ready.json() == {
        "status": "ok",
        "database": "ok",
        "migration": "ok",
        "worker": "ok",
        "circuit_breaker": "ok",
    }
    assert asked(site_on, "/healthz").json() == {"status": "ok"}


def test_monitors_get_no_cookie_and_meet_no_limit(site: RunningSite) -> None:
    """They ask every few seconds, from one address, and keep nothing."""
    for path in ("/healthz", "/readyz"):
        for _ in range(3):
            answer = asked(site, path)
            assert "Set-Cookie" not in answer.headers
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["Content-Type"] == "application/json"
    rules = [rule.endpoint for rule in site.app.url_map.iter_rules() if rule.rule.endswith("z")]
    limiter = next(iter(site.app.extensions["limiter"]))
    for endpoint in rules:
        view = site.app.view_functions[endpoint]
        name = f"{view.__module__}.{view.__name__}"
        assert not limiter.limit_manager.decorated_limits(name)


def test_a_database_that_is_away_makes_it_unready_and_not_dead(
    tenant: Tenant,
    tmp_path: Path,
    clock: Clock,
    person: Person,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A restart would not help, and nothing about the database is told to visitors, but to the log."""
    with served(tenant, tmp_path, clock, DATABASE_URL=AWAY) as site:
        ready = asked(site, "/readyz")
        assert ready.status_code == 503
        assert ready.json() == {"status": "unavailable", "database": "does not answer"}
        assert asked(site, "/healthz").status_code == 200
        person.opens(site.url + "/")
        assert person.response.status_code == 503
        assert person.response.headers["Retry-After"] == "5"
        assert person.heading == "The site cannot reach its database"
        assert person.offers("Try again")
        assert any("The database" in line for line in caplog.messages)
        for told in (ready.text, person.response.text):
            assert "hunter2" not in told
            assert "127.0.0.1" not in told


@pytest.mark.parametrize(
    ("sent", "status"),
    [({"data": {"a": "b" * 100_000}}, 413), ({"files": {"a": ("a.txt", "b")}}, 400)],
    ids=["large", "file"],
)
def test_a_form_that_cannot_be_read_is_answered_where_the_database_is_away(
    tenant: Tenant, tmp_path: Path, clock: Clock, sent: dict[str, Any], status: int
) -> None:
    """No button repeats it: it is too large, or has a file where none is taken."""
    with served(tenant, tmp_path, clock, DATABASE_URL=AWAY) as site:
        answer = sends_form(site, "/logout", **sent)
    assert answer.status_code == status
    assert "Try again" not in answer.text
    assert "This list" not in answer.text


@pytest.mark.parametrize(
    "path",
    ["/%5Cevil.example/a?b=%26c&b=%C3%BC", "/%09%5Cevil.example", "/a%3Fb%23c", "/?b=%FF", "/a"],
)
def test_trying_again_leads_to_the_same_address(
    tenant: Tenant, tmp_path: Path, clock: Clock, person: Person, path: str
) -> None:
    """On this site, whatever a browser makes of the signs in it: it takes two backslashes for slashes."""
    with served(tenant, tmp_path, clock, DATABASE_URL=AWAY) as site:
        person.opens(site.url + path)
        [again] = [each["href"] for each in person.soup("a") if each.get_text() == "Try again"]
        assert urljoin(site.url + path, str(again).replace("\\", "/")) == site.url + path


@pytest.mark.parametrize("path", ["/nothing", "/login?iss=elsewhere"])
def test_a_database_that_goes_away_is_said_on_a_page_of_an_error_too(
    site: RunningSite, person: Person, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Whoever is signed in stands there as well, and that is in the database."""

    def is_away(*_: object) -> None:
        raise DatabaseUnusable("The database is away.")

    signs_in(person, site)
    monkeypatch.setattr(Sessions, "find", is_away)
    person.opens(site.url + path)
    assert person.response.status_code == 503
    assert person.heading == "The site cannot reach its database"


@pytest.mark.parametrize("content", ["ada@example.com", "ada@example.com\n" * 10_000])
def test_a_file_is_asked_for_again_where_the_database_was_away(
    tenant: Tenant, tmp_path: Path, clock: Clock, content: str
) -> None:
    """A button that repeats the request would send it without the file."""
    with served(tenant, tmp_path, clock, DATABASE_URL=AWAY) as site:
        answer = sends_form(site, "/admin/batches", files={"file": ("a.csv", content)})
    assert answer.status_code == 503
    assert "Choose the list again" in answer.text
    assert "Try again" not in answer.text


def test_an_outage_makes_it_unready(site_on: RunningSite) -> None:
    """Its kind is told, its words are not: they may quote the mail server."""
    site_on.services.circuit_breaker.open("mail", "Relay 10.0.0.7 is away.", now=site_on.clock())
    ready = asked(site_on, "/readyz")
    assert ready.status_code == 503
    assert ready.json()["circuit_breaker"] == "open because of the mail"
    assert "10.0.0.7" not in ready.text


# Workers -------------------------------------------------------------------------------------------

NEVER = "No worker has been seen yet; start one with flask --app app invite work"


def test_pages_say_that_no_worker_has_been_seen(site_on: RunningSite, admin: Person) -> None:
    """Otherwise invitations would be queued for ever, and no page would say why."""
    site_on.make_admin()
    signs_in(admin, site_on, start="/admin/invitations")
    assert "No worker" not in admin.text  # nothing waits
    row = site_on.invites("ada@example.com")
    assert NEVER in admin.opens(f"{site_on.url}/admin/invitations").text
    assert NEVER in admin.opens(f"{site_on.url}/admin/invitations/{row.id}").text
    admin.opens(f"{site_on.url}/admin/batches/new")
    admin.types_into("Or paste the list", "bob@example.com").presses("Show preview")
    admin.presses("Send 1 invitation")
    assert NEVER in admin.text
    ready = asked(site_on, "/readyz")
    assert (ready.status_code, ready.json()["worker"][:27]) == (503, "No worker has been seen yet")


def test_pages_say_how_long_no_worker_has_been_seen(site_on: RunningSite, admin: Person) -> None:
    """After a minute, which is three beats that did not come."""
    site_on.make_admin()
    signs_in(admin, site_on, start="/admin/invitations")
    heartbeats = site_on.services.heartbeats
    heartbeats.beat("desk:1", site_on.clock())
    row = site_on.invites("ada@example.com")
    page = f"{site_on.url}/admin/invitations"
    assert "No worker" not in admin.opens(page).text
    assert asked(site_on, "/readyz").status_code == 200
    site_on.clock.forward(minutes=4)
    for address in (page, f"{page}/{row.id}"):
        assert "No worker has been seen for 4 minutes; start one with" in admin.opens(address).text
    heartbeats.beat("desk:2", site_on.clock())  # another one is as good
    assert "No worker" not in admin.opens(page).text
    site_on.clock.forward(minutes=4)
    site_on.delivers()
    assert "No worker" not in admin.opens(page).text  # nothing waits any more


def test_a_worker_is_seen_while_it_runs_and_gone_after_it_stopped(
    database_url: str, tenant: Tenant, tmp_path: Path
) -> None:
    """In order; one that is killed is missed a minute later."""
    settings = settings_for(tenant, tmp_path, DATABASE_URL=database_url)
    with running_site(settings, worker="desk:1") as site:
        heartbeats = site.services.heartbeats
        wait_until(lambda: heartbeats.last(site.clock()) is not None, "the worker was seen")
        assert heartbeats.absence(site.clock()) == ""
    with running_site(settings) as site:
        assert site.services.heartbeats.last(site.clock()) is None
