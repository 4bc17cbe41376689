"""Calls of the Management API that nobody means well: each is a 400, and none a crash."""

import pytest
import requests

from .client import CONNECTION, TenantClient, refused


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/users", '{"connection": "' + CONNECTION + '", "email": "\\ud800@x.test"}'),
        ("POST", "/clients", '{"name": "\\ud800"}'),
        ("PATCH", "/tenants/settings", '{"friendly_name": "\\ud800"}'),
        ("PATCH", "/tenants/settings", '{"change_password": {"html": "\\udc00"}}'),
        ("POST", "/roles", "[" * 60_000),
        ("POST", "/roles", '{"name": ' + "[" * 60_000),
        ("PUT", "/prompts/login/custom-text/en", "[1]"),
        ("POST", "/tickets/password-change", '{"user_id": "auth0|1", "ttl_sec": 1e400}'),
        ("POST", "/tickets/password-change", '{"user_id": "auth0|1", "ttl_sec": 99999999999999}'),
        ("POST", "/roles", "{"),
        ("POST", "/roles", ""),
        ("GET", "/users?q=" + "(" * 500, ""),
        ("GET", "/users?q=" + "NOT%20" * 500 + "x", ""),
        ("GET", "/users?page=" + "9" * 4000, ""),
    ],
)
def test_a_hostile_call_is_a_400(setup: TenantClient, method: str, path: str, body: str) -> None:
    """Never a crash."""
    token = setup.token_request().json()["access_token"]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    answer = requests.request(
        method, f"{setup.url}/api/v2{path}", data=body, headers=headers, timeout=10
    )

    assert refused(answer)[0] == 400


def test_odd_numbers_do_not_disturb_a_search(setup: TenantClient) -> None:
    """Larger than a float, and no numbers at all."""
    for number, size in enumerate((10**400, 5, "five")):
        setup.create_user(f"user{number}@example.com", app_metadata={"size": size})

    found = setup.api("GET", "/users?q=app_metadata.size:[1 TO 9]&sort=app_metadata.size:1")

    assert "user1@example.com" in [user["email"] for user in found.json()]
