"""Searching users: the part of Auth0's query language that clients use, pages, fields, order."""

from typing import Any
from urllib.parse import quote

import pytest

from .client import CONNECTION, TenantClient
from .contract import contract


@pytest.fixture
def people(tenant: TenantClient) -> TenantClient:
    """The admin, who has logged in once, and three people."""
    tenant.admin_tokens()
    tenant.create_user("ada+team@example.com", app_metadata={"invitedToMyApp": True}, name="Ada B")
    tenant.create_user("bob@example.com", email_verified=True, user_metadata={"lang": "en"})
    tenant.create_user("cy@other.example", app_metadata={"invite": {"id": "inv_7"}})
    return tenant


def found(tenant: TenantClient, query: str, more: str = "") -> list[str]:
    answer = tenant.api("GET", f"/users?search_engine=v3&q={quote(query, safe='')}{more}")
    assert answer.status_code == 200, answer.text
    return [user["email"].partition("@")[0] for user in answer.json()]


@contract("§2.2", "GET /users takes `q`, `search_engine`, and totals around the page")
def test_it_works(people: TenantClient) -> None:
    """The envelope of a search."""
    answer = people.api("GET", "/users?q=email%3A%22bob%40example.com%22&include_totals=true")

    body = answer.json()
    assert [user["email"] for user in body.pop("users")] == ["bob@example.com"]
    assert body == {"start": 0, "limit": 50, "length": 1, "total": 1}


@contract("§2.2", "`q` is Lucene-like; here: `field:value`, phrases, AND")
@pytest.mark.parametrize(
    ("query", "names"),
    [
        ('email:"ada+team@example.com"', ["ada+team"]),
        ("email:ADA+team@example.com", ["ada+team"]),
        ("email_verified:false", ["ada+team", "cy"]),
        ("app_metadata.invitedToMyApp:true", ["ada+team"]),
        ('app_metadata.invite.id:"inv_7"', ["cy"]),
        (f'identities.connection:"{CONNECTION}"', ["admin", "ada+team", "bob", "cy"]),
        ('name:"Ada B"', ["ada+team"]),
        ("user_metadata.lang:en", ["bob"]),
        ("email_verified:true AND logins_count:1", ["admin"]),
        ("nothing:here", []),
    ],
)
def test_a_query_finds(people: TenantClient, query: str, names: list[str]) -> None:
    """Each construct that the documentation names."""
    assert found(people, query) == names


@contract("§2.2", "`sort=field:-1`, `fields` and `include_fields` shape a search")
def test_a_search_is_sorted_and_cut_to_fields(people: TenantClient) -> None:
    """Newest first; some properties, or all but some."""
    assert found(people, "", "&sort=created_at:-1&per_page=2") == ["cy", "bob"]
    assert found(people, "email_verified:true", "&sort=email:1&per_page=1&page=1") == ["bob"]
    (only,) = people.api("GET", "/users?q=email:bob@example.com&fields=email,user_id").json()
    assert set(only) == {"email", "user_id"}
    (rest,) = people.api(
        "GET", "/users?q=email:bob@example.com&fields=email&include_fields=false"
    ).json()
    assert "email" not in rest
    assert rest["email_verified"] is True


@contract("§1.6", "a bad query is a 400 `invalid_query_string`")
@pytest.mark.parametrize(
    "query",
    [
        *("q=email%3A%22", "q=(email:x", "q=AND", "q=email:x)", "q=email:x*", "q=a:b OR c:d"),
        *("q=created_at:[2020 TO *]", "sort=created_at", "per_page=101"),
    ],
)
def test_a_query_nobody_can_read_is_refused(tenant: TenantClient, query: str) -> None:
    """With the code, and a reason: better than an answer to another question."""
    answer = tenant.api("GET", f"/users?{query}")

    assert (answer.status_code, answer.json()["errorCode"]) == (400, "invalid_query_string")


@contract("§2.2", "a search gives at most 1,000 results, `per_page` at most 100")
def test_a_search_ends_at_a_thousand(tenant: TenantClient) -> None:
    """The page that would begin beyond is refused."""
    assert tenant.api("GET", "/users?per_page=100&page=9").json() == []
    answer = tenant.api("GET", "/users?per_page=100&page=10")
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "invalid_paging")


@contract("§2.2", "after a login `last_login`, `last_ip`, `logins_count` appear")
def test_a_login_is_counted(people: TenantClient) -> None:
    """And the login by a ticket's password sets `last_password_reset`."""
    admin: dict[str, Any] = people.api("GET", "/users?q=email:admin@example.com").json()[0]

    assert admin["logins_count"] == 1
    assert admin["last_ip"] == "127.0.0.1"
    assert admin["last_login"].endswith("Z")
    assert "logins_count" not in people.api("GET", "/users?q=email:bob@example.com").json()[0]
