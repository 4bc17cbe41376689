"""The client of the Management API: one token, patience, and nothing believed without a look."""

import string
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask, Response, jsonify, redirect, request
from flask.typing import ResponseReturnValue

from invite_site.errors import (
    CredentialsRefused,
    TenantMisconfigured,
    TenantRefused,
    TenantUnavailable,
    UserExists,
)
from invite_site.invitations.people import Invitee
from invite_site.server import listening, serving
from invite_site.settings import Settings
from invite_site.tenant.answers import date_of, wait_asked_for
from invite_site.tenant.management import Tenant as TenantClient
from invite_site.tenant.management import throwaway_password
from tests.support.person import Person
from tests.support.running import PASSWORD, Tenant, settings_for

ADA = Invitee.parse("Ada+tag@example.com", "Ada Byron")


@pytest.fixture
def settings(tenant: Tenant, tmp_path: Path) -> Settings:
    return settings_for(tenant, tmp_path)


@pytest.fixture
def client(settings: Settings) -> TenantClient:
    return TenantClient(settings)


def test_it_works(client: TenantClient, tenant: Tenant) -> None:
    """Create, find, look up, ticket: what an invitation needs."""
    user_id = client.create_user(ADA.email_norm, ADA.name, "ref-1")
    found = client.find_user("ada+tag@example.com")
    assert found is not None
    assert (found.user_id, found.invitation_ref, found.has_logged_in) == (user_id, "ref-1", False)
    ticket = client.create_ticket(user_id, ref="ref-1", lifetime=60)
    assert ticket.url.startswith(f"{tenant.url}/lo/reset?ticket=")
    assert ticket.url.endswith("#")
    assert ticket.url not in repr(ticket)
    assert (client._api.get(f"/users/{user_id}") or {})["name"] == ADA.name
    again = client.get_user(user_id)
    assert again is not None
    assert again.last_password_reset is None


def test_no_second_mail_goes_out_beside_ours(client: TenantClient, tenant: Tenant) -> None:
    """Auth0 would verify the address with a mail of its own."""
    client.create_user(ADA.email_norm, ADA.name, "ref-1")
    assert tenant.mails() == []
    assert tenant.user("ada+tag@example.com")["email_verified"] is False


def test_a_second_account_of_an_address_is_refused(client: TenantClient) -> None:
    """With an error of its own, since it has an answer of its own."""
    client.create_user(ADA.email_norm, ADA.name, "ref-1")
    with pytest.raises(UserExists):
        client.create_user(ADA.email_norm, ADA.name, "ref-2")


def test_nobody_is_found_as_none(client: TenantClient) -> None:
    """By address and by id."""
    assert client.find_user("nobody@example.com") is None
    assert client.get_user("auth0|000000000000000000000000") is None


def test_an_account_of_another_connection_is_nobody(client: TenantClient, tenant: Tenant) -> None:
    """The search knows of none: who signs in with Google has another account of the same address. In
    capitals it is the same address too."""
    theirs, ours = (
        {"user_id": user_id, "email": ADA.email, "identities": [{"connection": connection}]}
        for user_id, connection in (
            ("google-oauth2|1", "google-oauth2"),
            ("auth0|1", client._settings.connection),
        )
    )
    for listed, found in (([theirs], None), ([theirs, ours], ("auth0|1", ADA.email_norm))):
        tenant.fails("GET /api/v2/users-by-email", kind="status", status=200, body=listed, times=1)
        user = client.find_user(ADA.email_norm)
        assert (user and (user.user_id, user.email)) == found


def test_an_account_id_may_hold_what_has_a_meaning_in_addresses(settings: Settings) -> None:
    """As those of other systems do; another account, or none, would be asked about and changed."""
    asked: list[str] = []
    app = Flask("accounts")

    @app.post("/oauth/token")
    def token() -> Response:
        return jsonify(access_token="t", token_type="Bearer", expires_in=86400)

    @app.route("/api/v2/users/<path:_>", methods=["GET", "PATCH", "POST"])
    def account(_: str) -> Response:
        asked.append(request.environ["REQUEST_URI"].removeprefix("/api/v2/users/"))
        return jsonify(user_id="samlp|a/b?c#d")

    with listening(0) as listener, serving(app, listener):
        url = f"http://localhost:{listener.getsockname()[1]}"
        client = TenantClient(replace(settings, management_url=url))
        client.get_user("samlp|a/b?c#d")
        client.clear_invited_marker("samlp|a/b?c#d")
        client.roles.grant("samlp|a/b?c#d", ["rol_1"])
    whole = "samlp%7Ca%2Fb%3Fc%23d"
    assert asked == [whole, whole, f"{whole}/roles"]


@pytest.mark.parametrize("status", [400, 410])
def test_a_question_that_is_refused_is_not_answered_with_nobody(
    client: TenantClient, tenant: Tenant, status: int
) -> None:
    """The account may be there, and would be made anew."""
    user_id = client.create_user(ADA.email_norm, ADA.name, "ref-1")
    tenant.fails("GET /api/v2/users/", kind="status", status=status, times=1)
    with pytest.raises(TenantRefused):
        client.get_user(user_id)


def test_a_refusal_carries_status_and_code(client: TenantClient) -> None:
    """For the log; the sentence is for people."""
    with pytest.raises(TenantRefused, match="404 inexistent_user") as refused:
        client.create_ticket("auth0|0", ref="ref-1", lifetime=60)
    assert (refused.value.status, refused.value.code) == (404, "inexistent_user")


def test_many_threads_share_one_token(client: TenantClient, tenant: Tenant) -> None:
    """The token endpoint is limited; one call is enough for a day."""
    before = tenant.calls("POST /oauth/token")
    start = threading.Barrier(16)

    def look(_: int) -> object:
        start.wait()
        return client.find_user("nobody@example.com")

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(look, range(16)))
    assert tenant.calls("POST /oauth/token") - before == 1


def test_as_many_connections_stay_open_as_a_worker_has_threads(
    client: TenantClient, tenant: Tenant
) -> None:
    """Each new one would cost a handshake."""
    client.sign_in()
    before = tenant.state["connections"]
    start = threading.Barrier(16)

    def looks(_: int) -> None:
        for _round in range(4):
            start.wait()
            client.find_user("nobody@example.com")

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(looks, range(16)))
    # Each look at the tenant's state is a connection of its own.
    assert tenant.state["connections"] - before <= 16 + 1


def test_a_token_that_is_refused_is_renewed_once(client: TenantClient, tenant: Tenant) -> None:
    """The tenant may have changed its keys."""
    client.find_user("nobody@example.com")
    before = tenant.calls("POST /oauth/token")
    tenant.fails("GET /api/v2/users-by-email", kind="status", status=401, times=1)
    assert client.find_user("nobody@example.com") is None
    assert tenant.calls("POST /oauth/token") == before + 1
    tenant.fails("GET /api/v2/users-by-email", kind="status", status=401, times=2)
    with pytest.raises(CredentialsRefused):
        client.find_user("nobody@example.com")


def test_a_token_that_is_refused_to_many_threads_is_renewed_once(settings: Settings) -> None:
    """Each would ask for one of its own, and tokens are limited and paid for."""
    tokens: list[str] = []
    together = threading.Barrier(8)
    app = Flask("new keys")

    @app.post("/oauth/token")
    def token() -> Response:
        tokens.append(f"t{len(tokens)}")
        return jsonify(access_token=tokens[-1], token_type="Bearer", expires_in=86400)

    @app.get("/api/v2/users-by-email")
    def nobody() -> ResponseReturnValue:
        if request.headers["Authorization"] == "Bearer t0":
            together.wait(10)
            return {}, 401
        return jsonify([])

    with listening(0) as listener, serving(app, listener), ThreadPoolExecutor(8) as pool:
        url = f"http://localhost:{listener.getsockname()[1]}"
        client = TenantClient(replace(settings, management_url=url))
        assert list(pool.map(client.find_user, ["nobody@example.com"] * 8)) == [None] * 8
    assert tokens == ["t0", "t1"]


def test_the_password_mail_is_ordered_without_a_token(settings: Settings) -> None:
    """It is a call of the Authentication API, which anybody may make, and names our application: Auth0
    refuses it otherwise."""
    tokens: list[str | None] = []
    bodies: list[dict[str, str]] = []
    app = Flask("authentication")

    @app.post("/dbconnections/change_password")
    def change_password() -> str:
        tokens.append(request.headers.get("Authorization"))
        bodies.append(request.get_json())
        return "We've just sent you an email to reset your password."

    with listening(0) as listener, serving(app, listener):
        url = f"http://localhost:{listener.getsockname()[1]}"
        client = TenantClient(replace(settings, tenant_url=url))
        client.sign_in()
        client.send_password_email(ADA.email_norm)
    assert tokens == [None]
    ours = {"client_id": settings.client_id, "connection": settings.connection}
    assert bodies == [ours | {"email": ADA.email_norm}]


def test_a_password_mail_that_is_refused_is_a_matter_of_the_settings(
    client: TenantClient, tenant: Tenant
) -> None:
    """Known or not, each address is answered alike; one invitation after the other would fail for it."""
    body = {"error": "invalid_request", "error_description": "connection does not exist"}
    tenant.fails("POST /dbconnections/", kind="status", status=400, body=body, times=1)
    with pytest.raises(TenantMisconfigured, match="AUTH0_CONNECTION"):
        client.send_password_email(ADA.email_norm)


def test_a_proxy_of_the_environment_is_not_asked_about_this_machine(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not know what localhost is here."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert TenantClient(settings).find_user("nobody@example.com") is None


def test_a_tenant_is_reached_through_the_proxy_of_the_environment(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There may be no other way out. The secret goes in the body, as Auth0 has it where nobody chose."""
    asked: list[tuple[str, str | None]] = []
    app = Flask("proxy")

    @app.post("/oauth/token")
    def token() -> Response:
        asked.append((request.host, request.form.get("client_secret")))
        return jsonify(access_token="t", token_type="Bearer", expires_in=86400)

    with listening(0) as listener, serving(app, listener):
        monkeypatch.setenv("http_proxy", f"http://localhost:{listener.getsockname()[1]}")
        TenantClient(replace(settings, management_url="http://acme.example")).sign_in()
    assert asked == [("acme.example", settings.management_client_secret)]


def test_a_link_that_has_ended_is_not_made_for_days(client: TenantClient, tenant: Tenant) -> None:
    """Auth0 reads no life at all as five days."""
    user_id = client.create_user(ADA.email_norm, ADA.name, "ref-1")
    for lifetime in (0, -5):
        client.create_ticket(user_id, ref="ref-1", lifetime=lifetime)
    assert tenant.linked_accounts() == [], "they live for a second"


def test_a_link_is_as_old_as_the_clock_of_the_tenant_says(
    client: TenantClient, tenant: Tenant
) -> None:
    """A password is chosen by that clock too, and the two are compared."""
    user_id = client.create_user(ADA.email_norm, ADA.name, "ref-1")
    tenant.forward(seconds=3600)
    soon = datetime.now(UTC) + timedelta(minutes=59)
    assert client.create_ticket(user_id, ref="ref-1", lifetime=60).issued_at > soon
    assert client.send_password_email(ADA.email_norm) > soon


def test_wrong_credentials_name_the_settings(settings: Settings) -> None:
    """So that the banner says what to mend."""
    wrong = TenantClient(replace(settings, management_client_secret="wrong"))
    with pytest.raises(CredentialsRefused, match="AUTH0_MANAGEMENT_CLIENT_SECRET"):
        wrong.find_user("nobody@example.com")


def test_a_tenant_that_is_not_there_is_unavailable(settings: Settings) -> None:
    """As an error of ours, at once."""
    with listening(0) as taken:
        port = taken.getsockname()[1]
    url = f"http://localhost:{port}"
    gone = TenantClient(replace(settings, management_url=url, tenant_url=url))
    for ask in (gone.find_user, gone.send_password_email):
        with pytest.raises(TenantUnavailable):
            ask("nobody@example.com")


def test_a_tenant_that_never_answers_is_not_waited_for(settings: Settings) -> None:
    """Each such call would keep a thread of the worker, or of the site."""
    is_over = threading.Event()
    app = Flask("silent")

    @app.post("/oauth/token")
    def token() -> Response:
        return jsonify(access_token="t", token_type="Bearer", expires_in=86400)

    @app.get("/api/v2/users-by-email")
    def nobody() -> Response:
        is_over.wait(13)
        return jsonify([])

    with listening(0) as listener, serving(app, listener):
        url = f"http://localhost:{listener.getsockname()[1]}"
        client = TenantClient(replace(settings, management_url=url))
        with pytest.raises(TenantUnavailable):
            client.find_user("nobody@example.com")
        is_over.set()


@pytest.fixture
def strange_tenant(ticket_url: str) -> Iterator[str]:
    """A tenant whose tickets are this; OURS stands for its own address."""
    app = Flask("strange")

    @app.post("/oauth/token")
    def token() -> Response:
        return jsonify(access_token="t", token_type="Bearer", expires_in=86400)

    @app.post("/api/v2/tickets/password-change")
    def ticket() -> Response:
        ours = ticket_url.replace("OURS", request.host_url.rstrip("/"))
        return jsonify(ticket=ours.replace("HOST", request.host))

    with listening(0) as listener, serving(app, listener):
        yield f"http://localhost:{listener.getsockname()[1]}"


@pytest.mark.parametrize(
    "ticket_url",
    [
        "https://evil.example/lo/reset?ticket=abc#",
        "https://HOST/lo/reset?ticket=abc#",  # it speaks http
        "https://localhost@evil.example/lo/reset?ticket=abc#",
        "https://localhost.evil.example/lo/reset?ticket=abc#",
        "//evil.example/lo/reset?ticket=abc#",
        "javascript:alert(1)",
    ],
)
def test_a_link_to_another_host_is_never_used(settings: Settings, strange_tenant: str) -> None:
    """Only the tenant's own host and its custom domain may hold a ticket."""
    client = TenantClient(replace(settings, management_url=strange_tenant))
    with pytest.raises(TenantMisconfigured, match="not its own"):
        client.create_ticket("auth0|1", ref="ref-1", lifetime=60)


@pytest.mark.parametrize(
    "ticket_url",
    [
        "OURS/lo/reset?ticket=abc\n#",
        "OURS/lo/reset?ticket=a\tbc#",
        "OURS/lo/reset?ticket=a bc#",
        "OURS/lo/reset?ticket=abc# ",
        "OURS/lo/reset?ticket=a\u202ebc#",
        "OURS/lo/reset?ticket=äbc#",
        "OURS/lo/reset?ticket=<b>abc</b>#",
        'OURS/lo/reset?ticket=abc">x#',
        "OURS/lo/reset?ticket=abc#type=other",
        "OURS/lo/reset?ticket=abc##",
    ],
)
def test_a_link_that_would_break_in_a_mail_is_never_used(
    settings: Settings, strange_tenant: str
) -> None:
    """Only the letters of a link, with nothing behind the `#`; what else comes is no answer."""
    client = TenantClient(replace(settings, management_url=strange_tenant))
    with pytest.raises(TenantUnavailable):
        client.create_ticket("auth0|1", ref="ref-1", lifetime=60)


@pytest.mark.parametrize(
    "ticket_url",
    ["OURS/lo/reset?ticket=abc#", "OURS/u/reset-verify?ticket=a.b-c_d~1%20#", "OURS/x?t=1"],
)
def test_a_link_of_the_tenant_is_used_as_it_is(
    settings: Settings, strange_tenant: str, ticket_url: str
) -> None:
    """Whatever its path, with its bare `#` or without."""
    client = TenantClient(replace(settings, management_url=strange_tenant))
    ticket = client.create_ticket("auth0|1", ref="ref-1", lifetime=60)
    assert ticket.url == ticket_url.replace("OURS", strange_tenant)


@pytest.mark.parametrize("ticket_url", ["https://LOGIN.acme.example/lo/reset?ticket=abc#"])
def test_a_link_to_the_custom_domain_is_the_tenants_too(
    settings: Settings, strange_tenant: str, ticket_url: str
) -> None:
    """AUTH0_DOMAIN names it, and the Management API has another; case counts for nothing in a host."""
    custom = replace(
        settings, management_url=strange_tenant, tenant_url="https://login.acme.example"
    )
    assert TenantClient(custom).create_ticket("auth0|1", ref="r", lifetime=60).url == ticket_url


def test_the_way_back_names_who_chose_the_password(client: TenantClient, tenant: Tenant) -> None:
    """Their address is filled in at the login though the invitation is not known."""
    user_id = client.create_user(ADA.email_norm, ADA.name, "ref-1")
    with Person() as person:
        person.opens(client.create_ticket(user_id, ref="ref-1", lifetime=60).url)
        person.types_into("New password", PASSWORD).types_into("Re-enter new password", PASSWORD)
        way_back = person.sends("Reset password").headers["Location"]
    assert parse_qs(urlsplit(way_back).query)["email"] == [ADA.email_norm]


def test_whoever_has_accepted_is_no_invitee_any_more(client: TenantClient, tenant: Tenant) -> None:
    """The marker goes, and nothing else; a second time and for nobody it does no harm."""
    user_id = client.create_user(ADA.email_norm, ADA.name, "ref-1")
    assert tenant.user(ADA.email_norm)["app_metadata"]["invitedToMyApp"] is True
    client.clear_invited_marker(user_id)
    assert tenant.user(ADA.email_norm)["app_metadata"] == {"invitation_id": "ref-1"}
    client.clear_invited_marker(user_id)
    client.clear_invited_marker("auth0|000000000000000000000000")


@pytest.mark.parametrize(
    ("granted", "is_cleared"),
    [
        ("create:users read:users create:user_tickets", False),
        ("create:users read:users create:user_tickets update:users_app_metadata", True),
    ],
)
def test_without_the_scope_the_marker_stays(
    client: TenantClient, tenant: Tenant, granted: str, is_cleared: bool
) -> None:
    """The site works without it; the narrower scope is enough."""
    user_id = client.create_user(ADA.email_norm, ADA.name, "ref-1")
    tenant.control("PUT", "/application", {"management_scope": granted})
    TenantClient(client._settings).clear_invited_marker(user_id)
    assert ("invitedToMyApp" not in tenant.user(ADA.email_norm)["app_metadata"]) is is_cleared


def test_a_tenant_that_forbids_it_keeps_the_marker(client: TenantClient, tenant: Tenant) -> None:
    """Its plan may; the site works without, as it does without the scope."""
    user_id = client.create_user(ADA.email_norm, ADA.name, "ref-1")
    tenant.fails("PATCH /api/v2/users/", kind="status", status=403, times=1)
    client.clear_invited_marker(user_id)
    assert "invitedToMyApp" in tenant.user(ADA.email_norm)["app_metadata"]


@pytest.mark.parametrize(("status", "error"), [(503, TenantUnavailable), (400, TenantRefused)])
def test_a_tenant_that_is_away_keeps_the_marker_for_later(
    client: TenantClient, tenant: Tenant, status: int, error: type[Exception]
) -> None:
    """It is an error that passes, for whoever asked to try again."""
    user_id = client.create_user(ADA.email_norm, ADA.name, "ref-1")
    body = {"message": "Not now"}
    tenant.fails("PATCH /api/v2/users/", kind="status", status=status, body=body, times=1)
    with pytest.raises(error):
        client.clear_invited_marker(user_id)


def test_the_throwaway_password_passes_every_policy() -> None:
    """Long, four kinds of characters, never three alike in a row, and new each time."""
    passwords = {throwaway_password() for _ in range(200)}
    assert len(passwords) == 200
    for password in passwords:
        assert 20 <= len(password) <= 72
        for kind in (string.ascii_lowercase, string.ascii_uppercase, string.digits, "!@#$%^&*"):
            assert set(kind) & set(password)
        assert not any(a == b for a, b in pairwise(password))


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        ({"Retry-After": "7"}, 7, 7),
        ({"x-ratelimit-reset": "1"}, 0, 0),
        ({"Retry-After": "3", "x-ratelimit-reset": "99999999999"}, 3, 3),
        ({"x-ratelimit-reset": "784111782", "Date": "Sun, 06 Nov 1994 08:49:37 GMT"}, 5, 5),
    ],
)
def test_the_wait_is_what_the_tenant_asked_for(
    headers: dict[str, str], low: float, high: float
) -> None:
    """`Retry-After` first, then Auth0's own header, by the tenant's clock; one in the past is no wait."""
    wait = wait_asked_for(headers)
    assert wait is not None
    assert low <= wait <= high


@pytest.mark.parametrize(
    "date",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun, 06 Nov 1994 08:49:37 -0000",
    ],
)
def test_each_format_of_http_says_the_same_time(date: str) -> None:
    """RFC 9110 §5.6.7. A time without its zone can be compared with none of ours: no login would go through."""
    assert date_of({"Date": date}) == datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)


def test_a_date_that_nobody_can_read_is_none() -> None:
    """The clock of this machine does then."""
    assert date_of({"Date": "yesterday"}) is None
    assert date_of({}) is None


@pytest.mark.parametrize(
    ("status", "error"), [(408, TenantUnavailable), (500, TenantUnavailable), (501, TenantRefused)]
)
def test_a_408_and_a_500_are_waited_for_and_a_501_is_final(
    client: TenantClient, tenant: Tenant, status: int, error: type[Exception]
) -> None:
    """Also where the tenant says it in its own words; nobody's invitation ends for a time-out."""
    fault = {"kind": "status", "status": status, "body": {"message": "Request Timeout"}}
    tenant.fails("POST /api/v2/users", **fault, times=1)
    with pytest.raises(error):
        client.create_user(ADA.email_norm, ADA.name, "ref-1")


@pytest.mark.parametrize("body", [["slow down"], "slow down", None])
def test_a_refusal_is_known_by_its_status_whatever_its_body(
    client: TenantClient, tenant: Tenant, body: object
) -> None:
    """Such as of something in between."""
    fault = {"kind": "status", "status": 429, "headers": {"Retry-After": "5"}, "body": body}
    tenant.fails("GET /api/v2/users-by-email", **fault, times=1)
    with pytest.raises(TenantUnavailable) as refused:
        client.find_user("nobody@example.com")
    assert refused.value.retry_after == 5


def test_without_a_word_no_wait_is_known() -> None:
    """Dates and nonsense count as no word."""
    assert wait_asked_for({}) is None
    assert wait_asked_for({"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}) is None


@pytest.fixture(
    params=["text", {}, [], None, {"user_id": None}, {"user_id": ""}, {"user_id": 5},
            {"ticket": "http://[x/"}]
)  # fmt: skip
def unreadable_tenant(request: pytest.FixtureRequest) -> Iterator[str]:
    """A tenant that answers 200 with something else."""
    app = Flask("unreadable")

    @app.post("/oauth/token")
    def token() -> Response:
        return jsonify(access_token="t", token_type="Bearer", expires_in=86400)

    @app.route("/api/v2/<path:path>", methods=["GET", "POST"])
    def anything(path: str) -> Response:
        return jsonify(request.param)

    with listening(0) as listener, serving(app, listener):
        yield f"http://localhost:{listener.getsockname()[1]}"


def test_an_answer_that_nobody_can_read_is_none(settings: Settings, unreadable_tenant: str) -> None:
    """No account, no user and no ticket comes of it, but an error that passes."""
    client = TenantClient(replace(settings, management_url=unreadable_tenant))
    for ask in (
        lambda: client.create_user(ADA.email_norm, ADA.name, "ref"),
        lambda: client.get_user("auth0|1"),
        lambda: client.create_ticket("auth0|1", ref="ref", lifetime=60),
    ):
        with pytest.raises(TenantUnavailable):
            ask()


def test_a_token_that_was_renewed_meanwhile_is_not_renewed_again(
    client: TenantClient, tenant: Tenant
) -> None:
    """Whoever comes late with a refused token takes the new one."""
    client.find_user("nobody@example.com")
    before = tenant.calls("POST /oauth/token")
    client._api._session.renew_token("Bearer an-older-one")
    assert tenant.calls("POST /oauth/token") == before


@pytest.mark.parametrize(
    "body",
    [
        {"message": "We are back soon."},
        {"access_token": "", "token_type": "Bearer"},
        {"access_token": "t\n", "token_type": "Bearer"},
        {"access_token": "t\u00e9", "token_type": "Bearer"},
        {"access_token": "t", "token_type": "mac"},
        {"access_token": "t", "token_type": 5},
        {"access_token": "t", "expires_in": "soon"},
        {"access_token": "t", "error": "access_denied"},
    ],
)
def test_an_answer_that_is_no_token_is_not_kept(
    client: TenantClient, tenant: Tenant, body: object
) -> None:
    """Such as the page of something in between: the next call asks for a token again."""
    tenant.fails("POST /oauth/token", kind="status", status=200, times=1, body=body)
    with pytest.raises(TenantUnavailable):
        client.roles.names()
    assert client.find_user(ADA.email_norm) is None


@pytest.mark.parametrize("said", [{}, {"scope": None}, {"scope": ["read:users"]}])
def test_permissions_that_a_tenant_does_not_tell_are_not_taken_for_missing(
    client: TenantClient, tenant: Tenant, said: dict[str, object]
) -> None:
    """What it refuses then says so."""
    body = {"access_token": "t", **said}
    tenant.fails("POST /oauth/token", kind="status", status=200, times=1, body=body)
    assert client.roles.missing_scopes() == []


@pytest.mark.parametrize("path", ["/oauth/token", "/api/v2/users"])
def test_a_redirect_is_not_followed(settings: Settings, path: str) -> None:
    """It would carry the secret, the token or the address to wherever the answer says."""
    arrived: list[str] = []
    app = Flask("redirecting")

    @app.post("/<path:asked>")
    def anything(asked: str) -> ResponseReturnValue:
        if f"/{asked}" == path:
            return redirect("/elsewhere", 307)
        arrived.append(f"/{asked}")
        return jsonify(access_token="t", token_type="Bearer", expires_in=86400, user_id="auth0|1")

    with listening(0) as listener, serving(app, listener):
        url = f"http://localhost:{listener.getsockname()[1]}"
        client = TenantClient(replace(settings, management_url=url))
        with pytest.raises(TenantUnavailable):
            client.create_user(ADA.email_norm, ADA.name, "ref")
    assert "/elsewhere" not in arrived


@pytest.mark.parametrize("status", [300, 302, 307])
def test_a_redirect_is_no_success(client: TenantClient, tenant: Tenant, status: int) -> None:
    """Where nothing of the answer is read, it would pass for one: no mail, and no role given."""
    client.sign_in()
    tenant.fails("POST /", kind="status", status=status, times=None)
    with pytest.raises(TenantUnavailable):
        client.send_password_email(ADA.email_norm)
    with pytest.raises(TenantUnavailable):
        client.roles.grant("auth0|1", ["rol_1"])


@pytest.mark.parametrize(
    ("headers", "times"),
    [({"Retry-After": "0"}, 2), ({"Retry-After": "soon", "x-ratelimit-reset": "soon"}, 1)],
)
def test_a_page_asks_three_times_at_most(
    client: TenantClient, tenant: Tenant, headers: dict[str, str], times: int
) -> None:
    """Also where the tenant does not say how long to wait."""
    route = "GET /api/v2/users-by-email"
    tenant.fails(route, kind="status", status=429, headers=headers, times=times)
    assert client.find_user("nobody@example.com") is None
    tenant.fails(route, kind="status", status=429, headers={"Retry-After": "0"}, times=None)
    before = tenant.calls(route)
    with pytest.raises(TenantUnavailable):
        client.find_user("nobody@example.com")
    assert tenant.calls(route) == before + 3


def test_a_token_that_is_about_to_run_out_is_not_used(settings: Settings) -> None:
    """It would be refused on its way; one of a day is kept. The type is one in any case (RFC 6749 §5.1)."""
    lives = iter([30, 86400])
    app = Flask("tokens")

    @app.post("/oauth/token")
    def token() -> Response:
        return jsonify(access_token="t", token_type="bearer", expires_in=next(lives))

    @app.get("/api/v2/users-by-email")
    def nobody() -> Response:
        return jsonify([])

    with listening(0) as listener, serving(app, listener):
        url = f"http://localhost:{listener.getsockname()[1]}"
        client = TenantClient(replace(settings, management_url=url))
        for _ in range(3):
            assert client.find_user("nobody@example.com") is None
    assert list(lives) == []


@pytest.mark.parametrize(("wait", "calls"), [("1", 2), ("5", 1)])
def test_only_a_short_wait_is_waited_inside_a_call(
    client: TenantClient, tenant: Tenant, wait: str, calls: int
) -> None:
    """A longer one goes back into the queue, with what the tenant asked for."""
    client.find_user("nobody@example.com")
    before = tenant.calls("GET /api/v2/users-by-email")
    fault = {"kind": "status", "status": 429, "headers": {"Retry-After": wait}, "times": 1}
    tenant.fails("GET /api/v2/users-by-email", **fault)
    if calls == 1:
        with pytest.raises(TenantUnavailable) as refused:
            client.find_user("nobody@example.com")
        assert refused.value.retry_after == float(wait)
    else:
        assert client.find_user("nobody@example.com") is None
    assert tenant.calls("GET /api/v2/users-by-email") - before == calls
