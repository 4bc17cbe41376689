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
        ("GET", "/users?q=" + "a:b%20AND%20" * 500 + "a:b", ""),
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
