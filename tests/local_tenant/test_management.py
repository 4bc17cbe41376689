"""The Management API: tokens, users, tickets, and each refusal in Auth0's words."""

import re
from typing import Any

import pytest
import requests

from .client import CONNECTION, PASSWORD, TenantClient
from .contract import contract

GOOD_USER = {"connection": CONNECTION, "email": "ada@example.com", "password": PASSWORD}


@contract("§2.1", "POST /users: 201 with the recorded shape")
@contract(
    "§3.1",
    "POST /tickets/password-change: 201 with `ticket` alone, 32 characters, a bare `#` at its end",
)
def test_it_works(tenant: TenantClient) -> None:
    """A user is created, found, marked, given a ticket, and deleted."""
    user = tenant.create_user(
        "Ada+Team@Example.com", given_name="Ada", app_metadata={"invitedToMyApp": True}
    )

    assert re.fullmatch(r"auth0\|[0-9a-f]{24}", user["user_id"])
    assert user["email"] == "ada+team@example.com"
    assert user["name"] == "ada+team@example.com"
    assert user["app_metadata"] == {"invitedToMyApp": True}
    assert "password" not in user
    assert "blocked" not in user
    assert "last_password_reset" not in user
    assert tenant.user(user["user_id"]) == user
    found = tenant.api("GET", "/users-by-email?email=ada%2Bteam%40example.com").json()
    assert found == [user]
    changed = tenant.api("PATCH", f"/users/{user['user_id']}", {"blocked": True}).json()
    assert changed["blocked"] is True
    ticket = tenant.create_ticket(user["user_id"], ttl_sec=60)
    assert re.fullmatch(re.escape(tenant.url) + r"/lo/reset\?ticket=[A-Za-z0-9]{32}#", ticket)
    gone = tenant.api("DELETE", f"/users/{user['user_id']}")
    assert (gone.status_code, gone.content) == (204, b"")
    assert tenant.api("GET", "/users-by-email?email=ada%2Bteam%40example.com").json() == []


@contract("§1.2", "the token answer: `access_token`, `scope`, `expires_in` 86400, `token_type`")
def test_a_token_answer_has_the_documented_shape(tenant: TenantClient) -> None:
    """`expires_in` of a day, Bearer, every granted scope; a Date for the caller's clock."""
    answer = tenant.token_request()
    body = answer.json()

    assert answer.status_code == 200
    assert body["expires_in"] == 86400
    assert body["token_type"] == "Bearer"
    assert {"create:users", "read:users", "create:user_tickets"} <= set(body["scope"].split())
    assert "Date" in answer.headers


@contract("§1.1", "a token request is a form or JSON, its client authenticated by body or Basic")
@contract("§1.1", "without `scope` all granted scopes come back")
def test_a_token_request_may_be_a_form(tenant: TenantClient) -> None:
    """Both encodings of the request work, and both ways to send the secret."""
    environment = tenant.tenant.environment
    client = (
        environment["AUTH0_MANAGEMENT_CLIENT_ID"],
        environment["AUTH0_MANAGEMENT_CLIENT_SECRET"],
    )
    form = {"grant_type": "client_credentials", "audience": f"{tenant.url}/api/v2/"}
    in_form = {**form, "client_id": client[0], "client_secret": client[1]}

    assert requests.post(f"{tenant.url}/oauth/token", data=in_form, timeout=10).status_code == 200
    basic = requests.post(f"{tenant.url}/oauth/token", data=form, auth=client, timeout=10)
    assert basic.status_code == 200


@contract("§1.3", "wrong id or secret: 401 `access_denied`, before the audience is looked at")
def test_a_wrong_secret_is_refused(tenant: TenantClient) -> None:
    """401 access_denied, before the audience is looked at."""
    answer = tenant.token_request(client_secret="wrong", audience="https://nowhere.example/")

    assert answer.status_code == 401
    assert answer.json() == {"error": "access_denied", "error_description": "Unauthorized"}


@contract("§1.3", "unknown audience: 403 `Service not enabled within domain`")
def test_an_unknown_audience_is_refused(tenant: TenantClient) -> None:
    """The slash at the end belongs to the audience."""
    answer = tenant.token_request(audience=f"{tenant.url}/api/v2")

    assert answer.status_code == 403
    told = f"Service not enabled within domain: {tenant.url}/api/v2"
    assert answer.json() == {"error": "access_denied", "error_description": told}


@contract("§1.3", "no client grant: 403 with the way to make one")
def test_a_client_without_a_grant_is_refused(tenant: TenantClient) -> None:
    """The site's own application may not use the Management API."""
    environment = tenant.tenant.environment
    answer = tenant.token_request(
        client_id=environment["AUTH0_CLIENT_ID"], client_secret=environment["AUTH0_CLIENT_SECRET"]
    )

    assert answer.status_code == 403
    assert answer.json()["error"] == "access_denied"
    assert 'Client is not authorized to access "' in answer.json()["error_description"]


def test_a_call_without_a_token_is_refused(tenant: TenantClient) -> None:
    """401 in the shape of the Management API."""
    answer = requests.get(f"{tenant.url}/api/v2/users", timeout=10)

    assert answer.status_code == 401
    assert answer.json()["error"] == "Unauthorized"


@contract("§1.6", "bad signature and junk token: 401 in the documented words")
def test_a_junk_token_is_refused(tenant: TenantClient) -> None:
    """Neither nonsense nor a token with a changed signature passes."""
    assert tenant.api("GET", "/users", token="junk").json()["message"] == "Invalid token"
    good = tenant.token_request().json()["access_token"]
    forged = good[:-8] + ("AAAAAAAA" if good[-8:] != "AAAAAAAA" else "BBBBBBBB")
    answer = tenant.api("GET", "/users", token=forged)
    assert answer.status_code == 401
    told = "Invalid signature received for JSON Web Token validation"
    assert answer.json()["message"] == told


@contract("§1.6", "a token for another audience is refused")
def test_an_id_token_does_not_open_the_management_api(tenant: TenantClient) -> None:
    """Signed by the same key, but for another audience."""
    token = tenant.admin_tokens().json()["id_token"]

    assert tenant.api("GET", "/users", token=token).status_code == 401


@contract("§1.6", "expired token: 401 with `attributes`, without `errorCode`")
def test_an_expired_token_is_refused(tenant: TenantClient) -> None:
    """The tenant's own clock decides."""
    token = tenant.token_request().json()["access_token"]
    tenant.control("POST", "/clock/advance", {"seconds": 86401})

    answer = tenant.api("GET", "/users", token=token)

    told = "Expired token received for JSON Web Token validation"
    assert answer.status_code == 401
    assert answer.json() == {
        "statusCode": 401,
        "error": "Unauthorized",
        "message": told,
        "attributes": {"error": told},
    }


@contract("§1.6", "scope missing: 403 `insufficient_scope` naming the scopes")
def test_a_missing_scope_is_refused(tenant: TenantClient) -> None:
    """A token with fewer scopes than the call wants."""
    token = tenant.token_request(scope="read:users").json()["access_token"]

    answer = tenant.api("POST", "/users", GOOD_USER, token=token)

    assert answer.status_code == 403
    assert answer.json() == {
        "statusCode": 403,
        "error": "Forbidden",
        "message": "Insufficient scope, expected any of: create:users",
        "errorCode": "insufficient_scope",
    }


@contract("§2.1", "409 for a second user of the address, `auth0_idp_error`")
def test_a_second_user_of_the_same_address_is_refused(tenant: TenantClient) -> None:
    """However the address is written: it is stored in lower case."""
    tenant.create_user("ada@example.com")

    answer = tenant.api("POST", "/users", {**GOOD_USER, "email": "ADA@example.com"})

    assert answer.status_code == 409
    assert answer.json() == {
        "statusCode": 409,
        "error": "Conflict",
        "message": "The user already exists.",
        "errorCode": "auth0_idp_error",
    }


@contract("§1.6", "400 `invalid_body`: wrong type, too short, closed schema, in Auth0's grammar")
@contract("§2.1", "`app_metadata` may not hold Auth0's own names")
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"connection": None}, "'Expected type string but found type null' on property connection"),
        (
            {"email": "nope"},
            "'Object didn't pass validation for format email: nope' on property email",
        ),
        ({"email": {}}, "'Expected type string but found type object' on property email"),
        ({"given_name": ""}, "'String is too short (0 chars), minimum 1' on property given_name"),
        (
            {"verify_email": "no"},
            "'Expected type boolean but found type string' on property verify_email",
        ),
        ({"foo": 1}, "'Additional properties not allowed: foo'."),
        ({"app_metadata": {"email": "x"}}, "'Invalid property name in app_metadata: email'."),
    ],
)
def test_a_body_that_breaks_a_rule_is_refused(
    tenant: TenantClient, change: dict[str, Any], told: str
) -> None:
    """400 invalid_body, with the reason in Auth0's grammar."""
    answer = tenant.api("POST", "/users", {**GOOD_USER, **change})

    assert answer.status_code == 400
    assert answer.json()["errorCode"] == "invalid_body"
    assert f"Payload validation error: {told}" in answer.json()["message"]


@contract("§1.6", "missing property: 400 `invalid_body` naming it")
@pytest.mark.parametrize("missing", ["connection", "email", "password"])
def test_a_body_that_lacks_something_is_refused(tenant: TenantClient, missing: str) -> None:
    """400 invalid_body naming the property."""
    body = {name: value for name, value in GOOD_USER.items() if name != missing}

    answer = tenant.api("POST", "/users", body)

    told = f"Payload validation error: 'Missing required property: {missing}'."
    assert (answer.status_code, answer.json()["message"]) == (400, told)


@contract("§2.1", "weak password: 400 `PasswordStrengthError`, no rules, no `errorCode`")
def test_a_weak_password_is_refused(tenant: TenantClient) -> None:
    """No list of rules and no code in this one."""
    answer = tenant.api("POST", "/users", {**GOOD_USER, "password": "weak"})

    assert answer.status_code == 400
    assert answer.json()["message"] == "PasswordStrengthError: Password is too weak"
    assert "errorCode" not in answer.json()


@contract("§2.1", "unknown connection: `inexistent_connection` (the status is a switch)")
def test_an_unknown_connection_is_refused(tenant: TenantClient) -> None:
    """This tenant has one connection."""
    answer = tenant.api("POST", "/users", {**GOOD_USER, "connection": "elsewhere"})

    assert (answer.status_code, answer.json()["errorCode"]) == (400, "inexistent_connection")


@contract("§2.2", "unknown user: 404 `inexistent_user`")
@contract("§2.4", "DELETE /users/{id}: 204, for an unknown id as well")
def test_an_unknown_user_is_not_found(tenant: TenantClient) -> None:
    """404 inexistent_user for reading, changing and tickets; deleting twice is fine."""
    nobody = "auth0%7C000000000000000000000000"
    told = {
        "statusCode": 404,
        "error": "Not Found",
        "message": "The user does not exist.",
        "errorCode": "inexistent_user",
    }

    assert tenant.api("GET", f"/users/{nobody}").json() == told
    assert tenant.api("PATCH", f"/users/{nobody}", {"blocked": True}).json() == told
    ticket = tenant.api("POST", "/tickets/password-change", {"user_id": "auth0|0"})
    assert (ticket.status_code, ticket.json()) == (404, told)
    assert tenant.api("DELETE", f"/users/{nobody}").status_code == 204


@contract("§2.2", "users-by-email gives an array and compares with the lower-case address")
def test_a_lookup_by_address_wants_lower_case(tenant: TenantClient) -> None:
    """Auth0 compares with the stored address."""
    tenant.create_user("ada@example.com")

    assert tenant.api("GET", "/users-by-email?email=Ada%40example.com").json() == []
    assert tenant.api("GET", "/users-by-email").json()["errorCode"] == "invalid_query_string"


@contract("§2.3", "PATCH merges metadata on its first level; null unsets")
def test_metadata_merges_on_its_first_level(tenant: TenantClient) -> None:
    """A key given anew replaces the old one whole; null removes it; the others stay."""
    user = tenant.create_user(
        app_metadata={"keep": 1, "invite": {"id": "a", "app": "b"}, "drop": 2}
    )

    changed = tenant.api(
        "PATCH",
        f"/users/{user['user_id']}",
        {"app_metadata": {"invite": {"id": "c"}, "drop": None}},
    ).json()

    assert changed["app_metadata"] == {"keep": 1, "invite": {"id": "c"}}


@contract("§2.3", "a patched password sets `last_password_reset` and leaves tickets alive")
def test_a_patched_password_leaves_the_ticket_alive(tenant: TenantClient) -> None:
    """Only another ticket, or its use, ends a ticket."""
    user = tenant.create_user()
    ticket = tenant.create_ticket(user["user_id"])

    changed = tenant.api("PATCH", f"/users/{user['user_id']}", {"password": "Other-4711!"}).json()

    assert "last_password_reset" in changed
    assert tenant.open(ticket).status_code == 200


def test_a_taken_address_cannot_be_patched_in(tenant: TenantClient) -> None:
    """An address belongs to one user."""
    user = tenant.create_user()

    answer = tenant.api("PATCH", f"/users/{user['user_id']}", {"email": "Admin@example.com"})

    assert answer.status_code == 400


@contract("§2.2", "users in pages: a bare array, or an envelope with totals")
def test_users_come_in_pages(tenant: TenantClient) -> None:
    """A bare array, or an object with totals."""
    for number in range(3):
        tenant.create_user(f"user{number}@example.com")

    bare = tenant.api("GET", "/users?per_page=2&page=0").json()
    totals = tenant.api("GET", "/users?per_page=2&page=1&include_totals=true").json()

    assert [user["email"] for user in bare] == ["admin@example.com", "user0@example.com"]
    assert [user["email"] for user in totals["users"]] == ["user1@example.com", "user2@example.com"]
    assert (totals["start"], totals["limit"], totals["length"], totals["total"]) == (2, 2, 2, 4)
    assert tenant.api("GET", "/users?per_page=101").status_code == 400


@contract("§3.1", "ticket bodies are closed, and some properties exclude each other")
@pytest.mark.parametrize(
    "body",
    [
        {"result_url": "http://localhost:3000/x", "client_id": "abc"},
        {"result_url": "nowhere"},
        {"result_url": "http://["},
        {"result_url": "javascript://localhost/%0aalert(1)"},
        {"ttl_sec": -1},
        {"ttl_sec": None},
        {"ttl_sec": "60"},
        {"new_password": "x"},
        {"email": "ada@example.com"},
        {"connection_id": "con_0000000000000000"},
        {"mark_email_as_verified": "yes"},
    ],
)
def test_a_ticket_body_that_breaks_a_rule_is_refused(
    tenant: TenantClient, body: dict[str, Any]
) -> None:
    """400 invalid_body, and the earlier ticket lives on."""
    user = tenant.create_user()
    ticket = tenant.create_ticket(user["user_id"])

    answer = tenant.api("POST", "/tickets/password-change", {"user_id": user["user_id"], **body})

    assert (answer.status_code, answer.json()["errorCode"]) == (400, "invalid_body")
    assert tenant.open(ticket).status_code == 200


@contract("§3.1", "`ttl_sec` absent or 0 is five days")
def test_a_ticket_lives_five_days_unless_told(tenant: TenantClient) -> None:
    """0 and absent are the same."""
    user = tenant.create_user()
    ticket = tenant.create_ticket(user["user_id"], ttl_sec=0)
    tenant.control("POST", "/clock/advance", {"seconds": 432_000 - 60})
    assert tenant.open(ticket).status_code == 200

    tenant.control("POST", "/clock/advance", {"seconds": 120})

    assert "expired" in tenant.open(ticket).text


@pytest.mark.parametrize(
    "path", ["/api/v2/organizations/x", "/api/v2/jobs/users-imports", "/dbconnections/signup"]
)
def test_what_is_not_built_says_so(tenant: TenantClient, path: str) -> None:
    """404 naming the path: official clients repeat a 501 for minutes."""
    answer = requests.get(f"{tenant.url}{path}", timeout=10)

    assert answer.status_code == 404
    assert path in answer.json()["message"]
    assert answer.json()["errorCode"] == "not_supported_by_local_tenant"


@contract("§1.6", "every answer of the Management API is JSON that names its characters")
@pytest.mark.parametrize("path", ["/users", "/users/auth0%7Cnone", "/hooks", "/jobs/x"])
def test_an_answer_names_its_characters(tenant: TenantClient, path: str) -> None:
    """A list, a refusal, an empty collection, and what is not built."""
    answer = tenant.api("GET", path)
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"


def test_collections_that_are_not_built_are_empty(tenant: TenantClient) -> None:
    """With totals where they are asked for; writing to them is not supported all the same."""
    address = f"{tenant.url}/api/v2/log-streams"
    assert requests.get(address, timeout=10).json() == []
    totals = requests.get(address, params={"include_totals": "true"}, timeout=10).json()
    assert (totals["log_streams"], totals["total"]) == ([], 0)
    actions = requests.get(f"{tenant.url}/api/v2/actions/actions", timeout=10).json()
    assert actions["actions"] == []
    assert requests.post(address, json={}, timeout=10).status_code == 404


def test_a_foreign_host_name_is_refused(tenant: TenantClient) -> None:
    """A name that a stranger points at this machine must not read anything."""
    answer = requests.get(f"{tenant.url}/mailbox", headers={"Host": "evil.test"}, timeout=10)

    assert answer.status_code == 400
