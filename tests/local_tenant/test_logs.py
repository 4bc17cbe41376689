"""The tenant's log: one entry for each step, both ways to page through them, nothing secret."""

import base64
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from .client import CONNECTION, PASSWORD, TenantClient, form_fields
from .contract import contract

NEW_PASSWORD = "Correct-Horse-9"


def types(tenant: TenantClient) -> list[str]:
    """The types in the order they happened; tokens for the Management API left out."""
    entries = tenant.api("GET", "/logs?per_page=100&sort=date:1").json()
    in_order = sorted(entries, key=lambda entry: str(entry["log_id"]))
    return [each["type"] for each in in_order if each["type"] != "seccft"]


def walk(tenant: TenantClient) -> str:
    """One person's way: created, invited, password chosen, logged in."""
    user = tenant.create_user()
    ticket = tenant.create_ticket(user["user_id"], result_url="http://localhost:3000/done")
    tenant.set_password(ticket, NEW_PASSWORD)
    tenant.exchange(code_of(tenant.log_in("ada@example.com", NEW_PASSWORD)))
    return str(user["user_id"])


def code_of(answer: requests.Response) -> str:
    return parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]


@contract("§9", "each step of an invitation leaves its entry: ss, sapi, scp, s, seacft")
def test_it_works(tenant: TenantClient) -> None:
    """In this order, with who it was about."""
    user_id = walk(tenant)

    assert types(tenant) == ["ss", "sapi", "sapi", "scp", "s", "seacft"]
    entries = {each["type"]: each for each in tenant.api("GET", f"/users/{user_id}/logs").json()}
    assert set(entries) == {"ss", "scp", "s"}
    assert entries["s"]["user_name"] == "ada@example.com"
    assert entries["s"]["client_id"] == tenant.tenant.environment["AUTH0_CLIENT_ID"]


@contract("§9", "an entry has the recorded shape; ids are 56 digits that ascend")
def test_an_entry_has_the_recorded_shape(tenant: TenantClient) -> None:
    """All keys, null where nothing is known."""
    tenant.create_user()

    (entry,) = tenant.api("GET", "/logs?q=type:ss").json()

    assert set(entry) == {
        "_id", "log_id", "date", "type", "description", "connection", "connection_id",
        "organization_id", "organization_name", "client_id", "client_name", "ip", "hostname",
        "details", "user_id", "user_name", "user_agent", "audience", "strategy", "strategy_type",
        "isMobile", "location_info",
    }  # fmt: skip
    assert entry["_id"] == entry["log_id"]
    assert len(entry["log_id"]) == 56
    assert entry["log_id"].isdigit()
    assert entry["connection"] == CONNECTION
    assert entry["connection_id"].startswith("con_")
    assert tenant.api("GET", f"/logs/{entry['log_id']}").json() == entry
    assert tenant.api("GET", "/logs/900").status_code == 404


@contract("§9", "`from` and `take` page without end; the Link header repeats when empty")
def test_entries_follow_a_checkpoint(tenant: TenantClient) -> None:
    """A reader that follows the link sees each entry once, and later ones later."""
    for number in range(4):
        tenant.create_user(f"user{number}@example.com")
    headers = {"Authorization": f"Bearer {tenant.token_request().json()['access_token']}"}
    following, seen, empty = f"{tenant.url}/api/v2/logs?take=3", [], None

    while empty != following:
        answer = requests.get(following, headers=headers, timeout=10)
        seen += [entry["log_id"] for entry in answer.json()]
        if not answer.json():
            empty = following
        following = answer.links["next"]["url"]

    assert len(seen) == len(set(seen)) == 10  # two tokens, four users by two entries
    assert seen == sorted(seen)
    tenant.create_user("late@example.com")
    later = requests.get(following, headers=headers, timeout=10).json()
    assert [entry["type"] for entry in later] == ["ss", "sapi"]


@contract("§9", "a search: `q`, `sort`, pages of at most 100, totals on request, at most 1,000")
def test_entries_are_searched(tenant: TenantClient) -> None:
    """Newest first unless told."""
    for number in range(3):
        tenant.create_user(f"user{number}@example.com")

    newest = tenant.api("GET", "/logs?q=type:ss&per_page=2").json()
    totals = tenant.api("GET", "/logs?q=type:ss&sort=date:1&include_totals=true&page=0").json()
    cut = tenant.api(
        "GET", "/logs?q=type:ss%20AND%20user_name:user1@example.com&fields=user_name"
    ).json()

    names = ["user0@example.com", "user1@example.com", "user2@example.com"]
    assert [each["user_name"] for each in newest] == [names[2], names[1]]
    assert [each["user_name"] for each in totals["logs"]] == names
    assert (totals["start"], totals["limit"], totals["length"], totals["total"]) == (0, 50, 3, 3)
    assert cut == [{"user_name": names[1]}]
    assert tenant.api("GET", "/logs?per_page=100&page=10").json()["errorCode"] == "invalid_paging"
    assert tenant.api("GET", "/logs?take=101").json()["errorCode"] == "invalid_query_string"
    assert tenant.api("GET", '/logs?q="').json()["errorCode"] == "invalid_query_string"


@contract("§9", "refusals leave entries too: fs, fapi, fu, fp, feacft, feccft, fcp, fcpr")
def test_refusals_are_logged(tenant: TenantClient) -> None:
    """Each with its reason."""
    user = tenant.create_user()
    body = {"connection": CONNECTION, "email": "ada@example.com", "password": PASSWORD}
    tenant.api("POST", "/users", body)
    tenant.log_in("nobody@example.com", "x")
    tenant.log_in("ada@example.com", "wrong")
    tenant.exchange("no-code")
    tenant.token_request(client_secret="wrong")
    ticket = tenant.create_ticket(user["user_id"])
    fields = form_fields(tenant.open(ticket).text)
    tenant.set_password(ticket, NEW_PASSWORD)
    tenant.post_reset({**fields, "newPassword": "Late-4711!", "confirmNewPassword": "Late-4711!"})
    forgotten = {"email": "nobody@example.com", "connection": CONNECTION}
    requests.post(f"{tenant.url}/dbconnections/change_password", json=forgotten, timeout=10)

    entries = tenant.api("GET", "/logs?per_page=100").json()

    told = {each["type"]: each["description"] for each in entries}
    assert {"fs", "fapi", "fu", "fp", "feacft", "feccft", "fcp", "fcpr"} <= set(told)
    assert told["fs"] == "The user already exists."
    assert told["feacft"] == "Invalid authorization code"
    assert told["fcpr"] == "User does not exist."


@contract("§9", "also: sdu for a deleted user, slo for a logout, scpr for a mail, api_limit")
def test_other_steps_are_logged(tenant: TenantClient) -> None:
    """The user's entries stay when the user goes."""
    user_id = walk(tenant)
    tenant.open(f"{tenant.url}/v2/logout")
    forgotten = {"email": "ada@example.com", "connection": CONNECTION}
    requests.post(f"{tenant.url}/dbconnections/change_password", json=forgotten, timeout=10)
    tenant.api("DELETE", f"/users/{user_id}")
    tenant.control("PUT", "/plan", {"plan": "free"})
    for _ in range(4):
        tenant.api("GET", "/users")
    tenant.control("PUT", "/plan", {"plan": "off"})

    written = types(tenant)

    assert written[-5:] == ["slo", "scpr", "sdu", "sapi", "api_limit"]


@contract("§9", "a Management call's entry says what was sent, without its secrets")
def test_no_secret_is_in_the_log(tenant: TenantClient) -> None:
    """Passwords, tickets, codes and tokens are asterisks."""
    user_id = walk(tenant)
    tenant.api("PATCH", f"/users/{user_id}", {"password": "Another-4711!"})
    entries: list[dict[str, Any]] = tenant.api("GET", "/logs?per_page=100").json()
    text = repr(entries)

    calls = [each for each in entries if each["type"] == "sapi"]
    assert {each["description"] for each in calls} == {
        "Create a User", "Create a password change ticket", "Update a User",
    }  # fmt: skip
    assert calls[-1]["details"]["request"]["body"]["password"] == "*****"
    issued = tenant.state()["issued"]
    secrets = [each for kind in issued.values() for each in kind]
    for secret in [*secrets, PASSWORD, NEW_PASSWORD, "Another-4711!"]:
        assert secret not in text
        assert base64.b64encode(secret.encode()).decode() not in text


@contract("§9", "how long entries can be read is a matter of the plan: free 1 day, enterprise 30")
@pytest.mark.parametrize(("plan", "days"), [("free", 1), ("professional", 10), ("enterprise", 30)])
def test_entries_go_out_of_sight(tenant: TenantClient, plan: str, days: int) -> None:
    """Looked at with a token of that later time."""
    tenant.create_user()
    tenant.control("PUT", "/plan", {"plan": plan})

    def seen(after: float) -> int:
        tenant.control("PUT", "/clock", {"offset": after})
        token = tenant.token_request().json()["access_token"]
        return len(tenant.api("GET", "/logs?q=type:ss", token=token).json())

    assert seen(days * 86_400 - 600) == 1
    assert seen(days * 86_400 + 600) == 0
