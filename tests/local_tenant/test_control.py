"""The control plane: who may use it, the clock, reset, faults, and what it tells."""

import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from invite_site.local_tenant import PortInUse, TenantConfig, create_tenant, serve

from .client import CONNECTION, CONTROL, PASSWORD, TenantClient


def test_it_works(tenant: TenantClient) -> None:
    """A fault ordered comes once, is noted, and is over."""
    tenant.control(
        "POST", "/faults", {"route": "POST /api/v2/users", "kind": "status", "status": 429}
    )
    body = {"connection": CONNECTION, "email": "ada@example.com", "password": PASSWORD}

    refused = tenant.api("POST", "/users", body)
    accepted = tenant.api("POST", "/users", body)

    assert (refused.status_code, accepted.status_code) == (429, 201)
    assert refused.json()["errorCode"] == "too_many_requests"
    assert {"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"} <= {
        name.lower() for name in refused.headers
    }
    state = tenant.state()
    assert state["requests"] == [
        {"method": "POST", "path": "/oauth/token", "status": 200},
        {"method": "POST", "path": "/api/v2/users", "status": 429},
        {"method": "POST", "path": "/api/v2/users", "status": 201},
    ]
    assert [user["email"] for user in state["users"]] == ["admin@example.com", "ada@example.com"]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_a_call_without_the_header_is_refused(tenant: TenantClient, method: str) -> None:
    """A web page cannot send it, so a web page cannot drive this."""
    paths = {"GET": "/state", "POST": "/reset", "PUT": "/clock", "DELETE": "/faults"}
    answer = requests.request(method, f"{tenant.url}/_tenant{paths[method]}", timeout=10)

    assert answer.status_code == 403


def test_without_the_switch_there_is_no_control_plane(tmp_path: Path) -> None:
    """And the login page does not say the admin's password."""
    config = TenantConfig(database=tmp_path / "tenant.db", port=0, smtp_port=0)
    with serve(config) as running:
        client = TenantClient(running)
        assert client.control("POST", "/reset").status_code == 404
        page = client.open(client.url + client.authorize().headers["Location"]).text
        assert config.admin_password not in page


def test_reset_forgets_all_but_who_the_applications_are(tenant: TenantClient) -> None:
    """Users, mails, tickets, faults, lies and the clock; the admin is there anew."""
    user = tenant.create_user()
    tenant.create_ticket(user["user_id"])
    tenant.send_mail()
    tenant.control("PUT", "/clock", {"offset": 5000})
    tenant.control("PUT", "/lies", {"lie": "alg_none"})
    tenant.control(
        "POST", "/faults", {"route": "* /", "kind": "status", "status": 500, "times": None}
    )

    tenant.control("POST", "/reset")

    state = tenant.state()
    assert [each["email"] for each in state["users"]] == ["admin@example.com"]
    assert (state["tickets"], state["mails"], state["requests"], state["connections"]) == (
        [],
        0,
        [],
        0,
    )
    assert tenant.control("GET", "/clock").json()["offset"] == 0
    assert tenant.control("GET", "/lies").json() == {"lie": None}
    assert tenant.control("GET", "/faults").json() == {"faults": []}
    assert tenant.token_request().status_code == 200


def test_the_clock_moves_tickets_and_the_date(tenant: TenantClient) -> None:
    """One clock for all: what the Date header says agrees with the tickets."""
    user = tenant.create_user()
    tenant.create_ticket(user["user_id"], ttl_sec=60)
    tenant.control("PUT", "/clock", {"offset": 30})
    assert tenant.state()["tickets"][0]["state"] == "live"

    assert tenant.control("POST", "/clock/advance", {"seconds": 31}).json()["offset"] == 61

    assert tenant.state()["tickets"][0]["state"] == "expired"
    tenant.control("PUT", "/clock", {"offset": 400 * 86400})
    dated = requests.get(tenant.url, timeout=10).headers["Date"]
    assert str(time.gmtime(time.time() + 400 * 86400).tm_year) in dated


def test_the_state_tells_what_became_of_tickets(tenant: TenantClient) -> None:
    """Live, used, superseded."""
    user = tenant.create_user()
    tenant.create_ticket(user["user_id"])
    tenant.set_password(tenant.create_ticket(user["user_id"]), "Correct-Horse-1")
    tenant.create_ticket(user["user_id"])

    tickets = tenant.state()["tickets"]

    assert [ticket["state"] for ticket in tickets] == ["superseded", "used", "live"]
    assert {ticket["user_id"] for ticket in tickets} == {user["user_id"]}


def test_the_state_counts_connections(tenant: TenantClient) -> None:
    """Two calls over one connection are one; a fresh connection is another."""
    with requests.Session() as kept:
        for _ in range(2):
            kept.get(f"{tenant.url}/.well-known/jwks.json", timeout=10)
    requests.get(f"{tenant.url}/.well-known/jwks.json", timeout=10)

    assert tenant.state()["connections"] == 2


def test_the_state_lists_every_secret_that_went_out(tenant: TenantClient) -> None:
    """So that a test can look for them where they must not be."""
    user = tenant.create_user()
    ticket = tenant.create_ticket(user["user_id"])
    tokens = tenant.admin_tokens().json()

    issued = tenant.state()["issued"]

    assert ticket.removesuffix("#").endswith(issued["tickets"][-1])
    assert tokens["access_token"] in issued["access_tokens"]
    assert tokens["id_token"] in issued["id_tokens"]
    assert len(issued["codes"]) >= 1
    assert tenant.tenant.environment["AUTH0_CLIENT_SECRET"] in issued["client_secrets"]


def test_no_secret_is_in_the_database_but_the_clients(tmp_path: Path) -> None:
    """Codes, tokens and tickets are hashes at rest."""
    config = TenantConfig(database=tmp_path / "tenant.db", port=0, smtp_port=0, control=True)
    with serve(config) as running:
        client = TenantClient(running)
        client.create_ticket(client.create_user()["user_id"])
        client.admin_tokens()
        issued = client.state()["issued"]
    with sqlite3.connect(config.database) as connection:
        kept = "\n".join(connection.iterdump())
    connection.close()

    for kind in ("tickets", "codes", "access_tokens", "id_tokens"):
        assert issued[kind]
        assert not [secret for secret in issued[kind] if secret in kept]


def test_a_file_of_the_first_version_is_taken_over(tmp_path: Path) -> None:
    """With its people and its applications' secrets."""
    config = TenantConfig(database=tmp_path / "tenant.db", port=0, smtp_port=0, control=True)
    with serve(config) as running:
        settings = dict(running.environment)
        person = TenantClient(running).create_user()
    _take_back_to_version_1(config.database)

    with serve(config) as running:
        for name in ("AUTH0_CLIENT_SECRET", "AUTH0_MANAGEMENT_CLIENT_SECRET"):
            assert running.environment[name] == settings[name]
        assert TenantClient(running).user(person["user_id"])["email"] == "ada@example.com"


def _take_back_to_version_1(database: Path) -> None:
    """What a file of before the configuration was like: two applications and fewer tables."""
    connection = sqlite3.connect(database, isolation_level=None)
    kept = ("setting", "client", "user", "ticket", "session", "pending_login",
            "authorization_code", "access_token", "mail")  # fmt: skip
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (table,) in tables:
        if table not in kept and not table.startswith("sqlite_"):
            connection.execute(f"DROP TABLE {table}")
    connection.execute("DELETE FROM client WHERE role = 'setup'")
    connection.execute("ALTER TABLE client DROP COLUMN properties")
    connection.execute("ALTER TABLE session DROP COLUMN used_at")
    connection.execute("PRAGMA user_version = 1")
    connection.close()


def test_a_fault_answers_what_it_is_told_to(tenant: TenantClient) -> None:
    """Its own headers and body; it is for its path and what lies below, and for its method."""
    order = {
        "route": "GET /api/v2/users",
        "kind": "status",
        "status": 503,
        "headers": {"Retry-After": "7"},
        "body": {"own": "body"},
        "times": 2,
    }
    tenant.control("POST", "/faults", order)

    assert tenant.api("GET", "/users-by-email?email=x").status_code == 200
    assert tenant.api("POST", "/users", {}).status_code == 400
    for path in ("/users", "/users/auth0%7C1"):
        refused = tenant.api("GET", path)
        assert (refused.status_code, refused.json()) == (503, {"own": "body"})
        assert refused.headers["Retry-After"] == "7"
    assert tenant.api("GET", "/users").status_code == 200


def test_a_fault_of_the_token_endpoint_has_the_oauth_shape(tenant: TenantClient) -> None:
    """`{error, error_description}`, never `{statusCode…}`."""
    tenant.control(
        "POST", "/faults", {"route": "POST /oauth/token", "kind": "status", "status": 429}
    )

    assert tenant.token_request().json()["error"] == "too_many_requests"


def test_a_slow_answer_is_slow(tenant: TenantClient) -> None:
    """A client with less patience gives up; the work is done all the same."""
    tenant.control("POST", "/faults", {"route": "GET /", "kind": "slow", "seconds": 0.3})
    began = time.monotonic()

    assert requests.get(f"{tenant.url}/.well-known/jwks.json", timeout=10).status_code == 200

    assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize(("kind", "users"), [("reset", 1), ("act_then_drop", 2)])
def test_a_connection_can_drop_before_or_after_the_work(
    tenant: TenantClient, kind: str, users: int
) -> None:
    """Nothing is answered either way, and the tenant goes on."""
    tenant.token_request()
    tenant.control("POST", "/faults", {"route": "POST /api/v2/users", "kind": kind})

    with pytest.raises(requests.ConnectionError):
        tenant.create_user()

    state = tenant.state()
    assert len(state["users"]) == users
    assert state["requests"][-1] == {"method": "POST", "path": "/api/v2/users", "status": 0}


def test_faults_can_be_listed_and_withdrawn(tenant: TenantClient) -> None:
    """One that has no end stays until then."""
    order = {"route": "* /api/v2", "kind": "status", "status": 500, "times": None}
    listed = tenant.control("POST", "/faults", order).json()["faults"]
    assert [(fault["route"], fault["times"]) for fault in listed] == [("* /api/v2", None)]
    assert {tenant.api("GET", "/users").status_code for _ in range(3)} == {500}

    tenant.control("DELETE", "/faults")

    assert tenant.api("GET", "/users").status_code == 200


@pytest.mark.parametrize(
    ("path", "order"),
    [
        ("/faults", {"route": "nowhere", "kind": "status"}),
        ("/faults", {"route": "GET /", "kind": "odd"}),
        ("/faults", {"route": "SMTP", "kind": "act_then_drop"}),
        ("/faults", {"route": "SMTP", "kind": "status", "at": "noon"}),
        ("/faults", {"route": "GET /", "kind": "status", "times": "many"}),
        ("/faults", {"route": "GET /", "kind": "status", "odd": 1}),
        ("/faults", []),
        ("/clock/advance", {"seconds": "a while"}),
        ("/clock/advance", {"seconds": 1e18}),
    ],
)
def test_an_order_nobody_understands_is_refused(
    tenant: TenantClient, path: str, order: Any
) -> None:
    """400 with the reason: a test with a typing error must not pass."""
    answer = tenant.control("POST", path, order)

    assert answer.status_code == 400
    assert answer.json()["error"]


def test_the_application_can_be_changed(tenant: TenantClient) -> None:
    """Its name, addresses, and what the Management API client may do; reset takes it back."""
    order = {
        "name": "Other",
        "callbacks": ["https://app.example/cb"],
        "management_scope": "read:users",
    }
    assert tenant.control("PUT", "/application", order).json()["callbacks"] == order["callbacks"]

    assert tenant.authorize().status_code == 400
    page = tenant.open(
        tenant.url + tenant.authorize(redirect_uri="https://app.example/cb").headers["Location"]
    )
    assert "<strong>Other</strong>" in page.text
    assert "https://app.example" in page.headers["Content-Security-Policy"]
    assert tenant.token_request().json()["scope"] == "read:users"
    odds: tuple[dict[str, Any], ...] = ({"odd": 1}, {"callbacks": [1]}, {"name": []})
    for odd in odds:
        assert tenant.control("PUT", "/application", odd).status_code == 400
    tenant.control("POST", "/reset")
    assert tenant.authorize().status_code == 302
    assert "create:users" in tenant.token_request().json()["scope"]


def test_a_busy_port_is_said_with_its_number(tenant: TenantClient, tmp_path: Path) -> None:
    """For either of the two, and nothing is left open."""
    port = int(tenant.url.rpartition(":")[2])
    for http, smtp in ((port, 0), (0, port)):
        config = TenantConfig(database=tmp_path / "tenant.db", port=http, smtp_port=smtp)
        with pytest.raises(PortInUse) as refusal, serve(config):
            pass
        assert refusal.value.port == port


def test_a_public_url_is_the_issuer(tmp_path: Path) -> None:
    """Behind a TLS front the configuration says what the addresses are, never the Host."""
    config = TenantConfig(
        database=tmp_path / "tenant.db", port=0, smtp_port=0, public_url="https://tenant.test/"
    )
    with serve(config) as running:
        assert running.url == "https://tenant.test"
        assert running.environment["AUTH0_DOMAIN"] == "https://tenant.test"
    app = create_tenant(config)
    document = app.test_client().get(
        "/.well-known/openid-configuration", base_url="https://tenant.test"
    )
    assert document.json
    assert document.json["issuer"] == "https://tenant.test/"
    assert app.test_client().get("/authorize", base_url="https://tenant.test").status_code == 400
    app.extensions["local_tenant"].close()


def test_control_is_for_this_machine_only(tmp_path: Path) -> None:
    """The header alone does not open it."""
    app = create_tenant(TenantConfig(database=tmp_path / "tenant.db", control=True))
    for address, status in (("127.0.0.1", 200), ("192.0.2.7", 403)):
        answer = app.test_client().get(
            "/_tenant/state", headers=CONTROL, environ_base={"REMOTE_ADDR": address}
        )
        assert answer.status_code == status
    app.extensions["local_tenant"].close()
