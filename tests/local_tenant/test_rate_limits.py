"""Rate limits: the figures of each plan, the headers, and the 429 in the shape of its API."""

from datetime import datetime

import pytest
import requests

from .client import CONNECTION, TenantClient, form_fields
from .contract import contract

HEADERS = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")


@pytest.fixture
def slow(tenant: TenantClient) -> TenantClient:
    """The tenant with a token in hand and a clock that stands still: no bucket fills by itself."""
    tenant.api("GET", "/users?per_page=1")
    tenant.control("PUT", "/clock", {"offset": 0, "held": True})
    return tenant


def on(tenant: TenantClient, plan: str) -> None:
    answer = tenant.control("PUT", "/plan", {"plan": plan})
    assert answer.status_code == 200, answer.text


def burst(tenant: TenantClient, path: str) -> int:
    """How many calls go through before the first 429."""
    answers = (tenant.api("GET", path).status_code for _ in range(1000))
    return next(count for count, status in enumerate(answers) if status == 429)


@contract("§8", "free plan: Management API 2 at once, then 2 a second")
@contract("§1.6", "429 of the Management API: body and headers")
def test_it_works(slow: TenantClient) -> None:
    """Two go through, the third is refused and told when to come back."""
    on(slow, "free")
    answers = [slow.api("GET", "/users?per_page=1") for _ in range(3)]

    assert [each.status_code for each in answers] == [200, 200, 429]
    assert [each.headers["x-ratelimit-limit"] for each in answers] == ["2"] * 3
    assert [each.headers["x-ratelimit-remaining"] for each in answers] == ["1", "0", "0"]
    assert answers[2].headers["Content-Type"] == "application/json; charset=utf-8"
    assert answers[2].json() == {
        "statusCode": 429,
        "error": "Too Many Requests",
        "message": "Global limit has been reached",
        "errorCode": "too_many_requests",
    }
    slow.control("POST", "/clock/advance", {"seconds": 1})
    assert [slow.api("GET", "/users?per_page=1").status_code for _ in range(3)] == [200, 200, 429]


@contract("§8", "`x-ratelimit-reset` is in whole seconds of the epoch; no `Retry-After`")
def test_the_reset_is_a_moment(slow: TenantClient) -> None:
    """Never earlier than the next token."""
    on(slow, "free")
    for _ in range(3):
        answer = slow.api("GET", "/users?per_page=1")

    reset = int(answer.headers["x-ratelimit-reset"])

    now = datetime.fromisoformat(slow.control("GET", "/clock").json()["now"]).timestamp()
    # Half a second for a token, rounded up to a whole one.
    assert 0.49 < reset - now < 1.51
    assert "Retry-After" not in answer.headers


@contract("§8", "without a plan nothing is limited, and the headers name a limit of 1,000 (ours)")
def test_limits_are_off_by_default(tenant: TenantClient) -> None:
    """So that tests are quick; every answer has the headers all the same."""
    assert tenant.control("GET", "/plan").json()["plan"] == "off"
    for answer in (tenant.api("GET", "/users"), tenant.api("GET", "/users/auth0|nobody")):
        assert [answer.headers[name] for name in HEADERS[:2]] == ["1000", "999"]
        assert int(answer.headers[HEADERS[2]]) > 0


@contract("§8", "Essentials/Professional count by kind of call; Enterprise has 50 and 16 a second")
@pytest.mark.parametrize(
    ("plan", "path", "figures"),
    [
        ("professional", "/users", ("40", "39")),
        ("professional", "/users-by-email?email=x", ("40", "39")),
        ("professional", "/logs", ("10", "9")),
        ("professional", "/email-templates/reset_email", ("10", "9")),
        ("professional", "/emails/provider", ("5", "4")),
        ("professional", "/roles", ("10", "9")),
        ("enterprise", "/users", ("50", "49")),
        ("enterprise", "/email-templates/reset_email", ("15", "14")),
        ("enterprise", "/emails/provider", ("10", "9")),
        ("free", "/emails/provider", ("2", "1")),
    ],
)
def test_a_plan_has_its_figures(
    slow: TenantClient, plan: str, path: str, figures: tuple[str, str]
) -> None:
    """As the headers tell them."""
    on(slow, plan)

    answer = slow.api("GET", path)

    assert (
        answer.headers["x-ratelimit-limit"],
        answer.headers["x-ratelimit-remaining"],
    ) == figures


def test_kinds_have_buckets_of_their_own(slow: TenantClient) -> None:
    """Reading logs up to the limit leaves users readable."""
    on(slow, "professional")

    assert burst(slow, "/logs") == 10

    assert slow.api("GET", "/users").status_code == 200
    assert slow.api("GET", "/logs").status_code == 429


@contract("§8", "`/dbconnections/change_password`: 10, then 1 a minute, by IP address and email")
def test_password_mails_are_counted_by_address(slow: TenantClient) -> None:
    """Another address is another bucket; a minute later one more goes through."""
    on(slow, "enterprise")

    def ask(email: str) -> requests.Response:
        body = {"email": email, "connection": CONNECTION}
        return requests.post(f"{slow.url}/dbconnections/change_password", json=body, timeout=10)

    answers = [ask("nobody@example.com") for _ in range(11)]

    assert [each.status_code for each in answers] == [200] * 10 + [429]
    assert all(name in answers[0].headers for name in HEADERS)
    assert answers[10].json()["error"] == "too_many_requests"
    assert ask("NOBODY@example.com").status_code == 429
    assert ask("other@example.com").status_code == 200
    slow.control("POST", "/clock/advance", {"seconds": 60})
    assert [ask("nobody@example.com").status_code for _ in range(2)] == [200, 429]


@contract("§8", "asking for a new password on the tenant's pages is counted the same")
def test_password_pages_are_counted(slow: TenantClient) -> None:
    """In the same bucket; refused on a page."""
    on(slow, "free")
    address = f"{slow.url}/u/reset-password/request"
    fields = {**form_fields(slow.open(address).text), "email": "nobody@example.com"}

    answers = [slow.browser.post(address, data=fields, timeout=10) for _ in range(11)]

    assert [each.status_code for each in answers] == [200] * 10 + [429]
    assert "<h1" in answers[10].text


@contract("§8", "logins of one user from one IP address: 20, then 10 a minute")
def test_logins_are_counted(slow: TenantClient) -> None:
    """Right passwords as well as wrong ones."""
    on(slow, "enterprise")

    def log_in() -> requests.Response:
        return slow.log_in("admin@example.com", "Invite-Demo-1!")

    assert all(log_in().is_redirect for _ in range(20))
    assert "Too many login attempts" in log_in().text
    slow.control("POST", "/clock/advance", {"seconds": 6})
    assert [log_in().is_redirect, log_in().is_redirect] == [True, False]


@contract(
    "§8", "`/oauth/token` 30 a second, `/userinfo` 10 and 5 a minute by user, jwks 20 a second"
)
def test_the_authentication_api_is_counted(slow: TenantClient) -> None:
    """Each with its own figure."""
    token = slow.admin_tokens().json()["access_token"]
    on(slow, "free")

    def userinfo(bearer: str) -> requests.Response:
        return requests.get(
            f"{slow.url}/userinfo", headers={"Authorization": f"Bearer {bearer}"}, timeout=10
        )

    assert slow.token_request().headers["x-ratelimit-limit"] == "30"
    assert [userinfo(token).status_code for _ in range(11)] == [200] * 10 + [429]
    assert userinfo("other").status_code == 401
    keys = requests.get(f"{slow.url}/.well-known/jwks.json", timeout=10)
    assert keys.headers["x-ratelimit-limit"] == "20"


@contract("§1.3", "429 of `/oauth/token`: `too_many_requests` in the OAuth shape")
def test_too_many_tokens(slow: TenantClient) -> None:
    """Or, by a switch, in the Management API's; with `Retry-After` by another."""
    on(slow, "free")

    answers = [slow.token_request(grant_type="other") for _ in range(31)]

    assert {each.status_code for each in answers[:30]} == {403}
    assert answers[30].status_code == 429
    assert answers[30].json() == {
        "error": "too_many_requests",
        "error_description": "Rate limit exceeded.",
    }
    slow.control(
        "PUT", "/switches", {"authentication_429": "management", "retry_after_on_429": True}
    )
    refused = slow.token_request()
    assert refused.json()["errorCode"] == "too_many_requests"
    assert int(refused.headers["Retry-After"]) >= 1


def test_an_unknown_plan_is_refused(tenant: TenantClient) -> None:
    """400, and the plan stays."""
    answer = tenant.control("PUT", "/plan", {"plan": "premium"})

    assert answer.status_code == 400
    assert "free" in answer.json()["error"]
    on(tenant, "free")
    assert tenant.control("GET", "/plan").json()["rates"]["management"] == {
        "burst": 2,
        "per_second": 2,
    }
    tenant.control("POST", "/reset")
    assert tenant.control("GET", "/plan").json()["plan"] == "off"
