"""OpenID Connect at the tenant: discovery, login, tokens."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from joserfc import jwt

from .client import ADMIN, CALLBACK, TenantClient, form_fields, keys, pkce, query
from .contract import contract


@contract("§7.3", "code exchange: tokens, `expires_in`, PKCE")
@contract("§7.4", "the ID token: RS256, `kid`, claims by scope, `sid`")
def test_it_works(tenant: TenantClient) -> None:
    """Login with PKCE, tokens that verify, userinfo that agrees."""
    verifier, challenge = pkce()
    answer = tenant.log_in(*ADMIN, code_challenge=challenge, code_challenge_method="S256")
    assert answer.headers["Location"].startswith(f"{CALLBACK}?code=")
    assert query(answer)["state"] == "the-state"

    tokens = tenant.exchange(query(answer)["code"], code_verifier=verifier)

    assert tokens.status_code == 200
    body = tokens.json()
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 86400)
    token = jwt.decode(body["id_token"], keys(tenant))
    claims = token.claims
    assert token.header["alg"] == "RS256"
    assert claims["iss"] == f"{tenant.url}/"
    assert claims["aud"] == tenant.tenant.environment["AUTH0_CLIENT_ID"]
    assert claims["nonce"] == "the-nonce"
    assert claims["email"] == "admin@example.com"
    assert claims["email_verified"] is True
    assert claims["exp"] - claims["iat"] == 36_000
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", claims["updated_at"])
    assert len(claims["sid"]) == 32
    assert "auth_time" not in claims
    bearer = {"Authorization": f"Bearer {body['access_token']}"}
    person = requests.get(f"{tenant.url}/userinfo", headers=bearer, timeout=10).json()
    assert (person["sub"], person["email"]) == (claims["sub"], "admin@example.com")
    assert tenant.user(claims["sub"])["logins_count"] == 1


@contract("§7.1", "discovery names what is there")
def test_discovery_names_what_is_there(tenant: TenantClient) -> None:
    """Every endpoint it names answers something else than 404 or 501."""
    document = requests.get(f"{tenant.url}/.well-known/openid-configuration", timeout=10).json()

    assert document["issuer"] == f"{tenant.url}/"
    assert document["end_session_endpoint"] == f"{tenant.url}/oidc/logout"
    named = [document[name] for name in document if name.endswith(("_endpoint", "_uri"))]
    assert len(named) == 5
    for url in named:
        method = "POST" if url.endswith("/oauth/token") else "GET"
        assert requests.request(method, url, timeout=10).status_code not in (404, 501)


@contract("§7.1", "JWKS with a `kid` that lasts")
def test_the_key_stays_the_same_and_is_named_by_its_thumbprint(tenant: TenantClient) -> None:
    """RFC 7638, so that a key can never hide behind another's name."""
    (key,) = keys(tenant).keys

    assert key.kid == key.thumbprint()
    listed = requests.get(f"{tenant.url}/.well-known/jwks.json", timeout=10).json()["keys"][0]
    assert (listed["use"], listed["alg"]) == ("sig", "RS256")
    assert "d" not in listed


def test_a_client_without_pkce_is_served(tenant: TenantClient) -> None:
    """A confidential client may leave it out; both ways to send the secret work."""
    environment = tenant.tenant.environment
    code = query(tenant.log_in(*ADMIN))["code"]

    answer = requests.post(
        f"{tenant.url}/oauth/token",
        json={
            "grant_type": "authorization_code",
            "client_id": environment["AUTH0_CLIENT_ID"],
            "client_secret": environment["AUTH0_CLIENT_SECRET"],
            "code": code,
            "redirect_uri": CALLBACK,
        },
        timeout=10,
    )

    assert answer.status_code == 200


@contract("§7.3", "wrong verifier: 403 `Failed to verify code verifier`")
def test_a_wrong_verifier_is_refused(tenant: TenantClient) -> None:
    """403 and not RFC 6749's 400, as Auth0 does."""
    _, challenge = pkce()
    answer = tenant.log_in(*ADMIN, code_challenge=challenge, code_challenge_method="S256")

    refused = tenant.exchange(query(answer)["code"], code_verifier=pkce()[0])

    assert refused.status_code == 403
    assert refused.json() == {
        "error": "invalid_grant",
        "error_description": "Failed to verify code verifier",
    }


def test_a_missing_verifier_is_refused(tenant: TenantClient) -> None:
    """Who has sent a challenge has to prove it."""
    _, challenge = pkce()
    answer = tenant.log_in(*ADMIN, code_challenge=challenge, code_challenge_method="S256")

    assert tenant.exchange(query(answer)["code"]).status_code in (400, 403)


@contract("§7.3", "unknown, used or expired code: 403 `Invalid authorization code`")
@pytest.mark.parametrize("fault", ["unknown", "used", "expired", "other redirect_uri"])
def test_a_code_that_does_not_work_is_refused(tenant: TenantClient, fault: str) -> None:
    """403 invalid_grant."""
    code, changes = query(tenant.log_in(*ADMIN))["code"], {}
    if fault == "unknown":
        code = "nope"
    elif fault == "used":
        assert tenant.exchange(code).status_code == 200
    elif fault == "expired":
        tenant.control("POST", "/clock/advance", {"seconds": 61})
    else:
        changes = {"redirect_uri": "http://localhost:3333/callback"}

    answer = tenant.exchange(code, **changes)

    assert answer.status_code == 403
    assert answer.json()["error"] == "invalid_grant"


@contract("§7.3", "a code is exchanged once")
def test_a_code_is_exchanged_once_even_at_the_same_moment(tenant: TenantClient) -> None:
    """Of eight exchanges one gets tokens."""
    code = query(tenant.log_in(*ADMIN))["code"]

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: tenant.exchange(code).status_code, range(8)))

    assert sorted(statuses) == [200] + [403] * 7


@contract("§7.3", "bad client secret: 401 `access_denied`")
def test_a_wrong_client_secret_is_refused(tenant: TenantClient) -> None:
    """401 access_denied."""
    answer = requests.post(
        f"{tenant.url}/oauth/token",
        data={"grant_type": "authorization_code", "code": "x"},
        auth=(tenant.tenant.environment["AUTH0_CLIENT_ID"], "wrong"),
        timeout=10,
    )

    assert answer.status_code == 401
    assert answer.json() == {"error": "access_denied", "error_description": "Unauthorized"}


def test_credentials_that_are_no_text_are_refused(tenant: TenantClient) -> None:
    """Basic holding octets that are not UTF-8."""
    answer = requests.post(
        f"{tenant.url}/oauth/token",
        data={"grant_type": "authorization_code", "code": "x"},
        headers={"Authorization": "Basic /w=="},
        timeout=10,
    )

    assert answer.status_code == 401


@pytest.mark.parametrize("grant_type", ["password", "refresh_token", 'odd "one"', ""])
def test_another_grant_is_refused(tenant: TenantClient, grant_type: str) -> None:
    """An error in the OAuth shape, never a crash."""
    answer = tenant.exchange("x", grant_type=grant_type)

    assert answer.status_code == 403
    assert answer.json()["error"] == "unsupported_grant_type"


@contract("§7.3", "a grant that the client lacks: 403 `unauthorized_client`")
@pytest.mark.parametrize(
    ("own", "wanted"),
    [("client_credentials", "authorization_code"), ("authorization_code", "client_credentials")],
)
def test_a_grant_that_the_client_lacks_is_refused(
    tenant: TenantClient, own: str, wanted: str
) -> None:
    """By what the Management API has stored."""
    path = f"/clients/{tenant.tenant.environment['AUTH0_MANAGEMENT_CLIENT_ID']}"
    tenant.configure("PATCH", path, {"grant_types": [own]})
    answer = tenant.token_request(grant_type=wanted, code="x")

    assert answer.status_code == 403
    assert answer.json() == {
        "error": "unauthorized_client",
        "error_description": f"Grant type '{wanted}' not allowed for the client.",
    }


@contract("§7.2", "unknown client or callback: a page, never a redirect")
@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "unknown"},
        {"client_id": None},
        {"redirect_uri": "http://evil.test/callback"},
        {"redirect_uri": "http://localhost:3000/callback/"},
        {"redirect_uri": "http://localhost:3000/callback?x=1"},
        {"redirect_uri": 'http://localhost:99/"callback'},
        {"redirect_uri": "http://localhost:1@evil.test:80/callback"},
        {"redirect_uri": "http://localhost:*/callback"},
        {"redirect_uri": "http://localhost:99999/callback"},
    ],
)
def test_an_unlisted_destination_gets_a_page_and_no_redirect(
    tenant: TenantClient, changes: dict[str, str]
) -> None:
    """The error stays at the tenant: the address may be an attacker's."""
    answer = tenant.authorize(**changes)

    assert answer.status_code == 400
    assert "Location" not in answer.headers
    assert 'href="http://localhost:3000/login?iss=' in answer.text


def test_any_port_of_this_machine_is_a_callback(tenant: TenantClient) -> None:
    """Ours: a second site process, or a quickstart, can use the same application."""
    answer = tenant.log_in(*ADMIN, redirect_uri="http://localhost:54321/callback")

    assert answer.headers["Location"].startswith("http://localhost:54321/callback?code=")


@contract("§7.2", "bad parameters are told to a valid callback")
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": 'x"y'}, "invalid_request"),
        ({"code_challenge": "short", "code_challenge_method": "S256"}, "invalid_request"),
        ({"code_challenge_method": "S256"}, "invalid_request"),
    ],
)
def test_an_ill_formed_request_is_told_to_the_application(
    tenant: TenantClient, changes: dict[str, str], error: str
) -> None:
    """By a redirect with the state."""
    answer = tenant.authorize(**changes)

    assert query(answer)["error"] == error
    assert query(answer)["state"] == "the-state"


@contract("§7.2", "`login_hint` fills in the address")
def test_the_login_page_has_the_address_filled_in(tenant: TenantClient) -> None:
    """`login_hint` fills the field, and the cursor waits in the password."""
    location = tenant.authorize(login_hint="ada+team@example.com", prompt="login").headers[
        "Location"
    ]

    page = tenant.open(tenant.url + location).text

    assert 'value="ada+team@example.com"' in page
    assert re.search(r'<input id="password"[^>]*autofocus', page)
    assert '<label for="email">Email address</label>' in page
    assert ">Continue</button>" in page


@contract("§7.2", "wrong credentials stay on the tenant's page")
def test_a_wrong_password_keeps_the_typed_address(tenant: TenantClient) -> None:
    """Said the same way for an address nobody has."""
    for email in ("admin@example.com", "nobody@example.com"):
        answer = tenant.log_in(email, "wrong")
        assert answer.status_code == 200
        assert "Wrong email or password." in answer.text
        assert f'value="{email}"' in answer.text


def test_a_login_form_works_once(tenant: TenantClient) -> None:
    """Also not from another browser, which has another token."""
    page = tenant.open(tenant.url + tenant.authorize().headers["Location"]).text
    fields = form_fields(page) | {"email": ADMIN[0], "password": ADMIN[1]}
    stranger = requests.post(f"{tenant.url}/login", data=fields, allow_redirects=False, timeout=10)
    assert "Location" not in stranger.headers

    first = tenant.browser.post(f"{tenant.url}/login", data=fields, allow_redirects=False)
    second = tenant.browser.post(f"{tenant.url}/login", data=fields, allow_redirects=False)

    assert "code" in query(first)
    assert second.status_code == 303
    assert query(second) == {"iss": f"{tenant.url}/"}, "to where the application begins a login"


@contract("§7.2", "a session wins silently; `prompt=login` and `max_age` show the form")
def test_a_session_is_honoured_unless_login_is_asked_for(tenant: TenantClient) -> None:
    """Silently the second time; `prompt=login` and an old `max_age` show the form."""
    tenant.log_in(*ADMIN)

    assert "code" in query(tenant.authorize())
    assert "code" in query(tenant.authorize(prompt="none"))
    assert tenant.authorize(prompt="login").headers["Location"].startswith("/login?")
    tenant.control("POST", "/clock/advance", {"seconds": 100})
    assert tenant.authorize(max_age="60").headers["Location"].startswith("/login?")


@contract("§7.2", "a session ends after `session_lifetime`, or `idle_session_lifetime` unused")
@pytest.mark.parametrize(
    ("settings", "hours", "is_there"),
    [
        ({}, [71, 71], True),
        ({}, [73], False),
        ({}, [60, 60, 60], False),
        ({"session_lifetime": 2}, [3], False),
        ({"idle_session_lifetime": 2}, [1, 1, 1], True),
        ({"idle_session_lifetime": 2}, [3], False),
    ],
)
def test_a_session_lasts_as_long_as_the_settings_say(
    tenant: TenantClient, settings: dict[str, int], hours: list[int], is_there: bool
) -> None:
    """A login meanwhile counts as use; the whole life is not longer for it."""
    tenant.configure("PATCH", "/tenants/settings", settings or {"session_lifetime": 168})
    tenant.log_in(*ADMIN)
    for each in hours:
        tenant.control("POST", "/clock/advance", {"seconds": each * 3600})
        answer = query(tenant.authorize(prompt="none"))
    assert ("code" in answer) is is_there


@contract("§7.4", "`auth_time` only with `max_age`")
def test_max_age_brings_auth_time(tenant: TenantClient) -> None:
    """And only then."""
    token = tenant.admin_tokens(max_age="60").json()["id_token"]

    assert isinstance(jwt.decode(token, keys(tenant)).claims["auth_time"], int)


@pytest.mark.parametrize("max_age", ["²", "1" * 5000, "-1", "x"])
def test_a_max_age_that_is_no_number_is_left_alone(tenant: TenantClient, max_age: str) -> None:
    """Also one that Python calls digits, or is too long for it."""
    tenant.log_in(*ADMIN)

    assert "code" in query(tenant.authorize(max_age=max_age))


@contract("§7.2", "unknown `audience` at /authorize: `access_denied`")
def test_an_unknown_audience_is_told_to_the_application(tenant: TenantClient) -> None:
    """The Management API and /userinfo are known."""
    answer = query(tenant.authorize(audience="https://api.example.com/"))

    assert answer["error"] == "access_denied"
    assert answer["error_description"] == "Service not found: https://api.example.com/"
    for known in (f"{tenant.url}/userinfo", f"{tenant.url}/api/v2/"):
        assert tenant.authorize(audience=known).headers["Location"].startswith("/login?")


@contract("§7.2", "`prompt=none` without a session: `login_required`")
def test_without_a_session_prompt_none_is_refused(tenant: TenantClient) -> None:
    """login_required, told to the application."""
    assert query(tenant.authorize(prompt="none"))["error"] == "login_required"


@contract("§7.2", "blocked user: `unauthorized`, `user is blocked`")
def test_a_blocked_user_is_refused(tenant: TenantClient) -> None:
    """With the right password as with a session."""
    user = tenant.create_user("ada@example.com", password="Before-4711!")
    tenant.log_in("ada@example.com", "Before-4711!")
    tenant.api("PATCH", f"/users/{user['user_id']}", {"blocked": True})

    for answer in (tenant.authorize(), tenant.log_in("ada@example.com", "Before-4711!")):
        told = query(answer)
        assert (told["error"], told["error_description"]) == ("unauthorized", "user is blocked")


@contract("§7.4", "`profile` and `email` decide which claims there are")
def test_scopes_decide_what_is_told(tenant: TenantClient) -> None:
    """Without `profile` and `email` there is `sub` alone; without `openid` no ID token."""
    bare = jwt.decode(tenant.admin_tokens(scope="openid").json()["id_token"], keys(tenant)).claims
    none = tenant.admin_tokens(scope="profile").json()

    assert not {"email", "name"} & set(bare)
    assert "id_token" not in none


@contract("§7.5", "/userinfo: 200 with the claims, else 401")
def test_userinfo_wants_a_valid_token(tenant: TenantClient) -> None:
    """401 for none, junk, and a Management API token."""
    for token in ("", "junk", tenant.token_request().json()["access_token"]):
        headers = {"Authorization": f"Bearer {token}"}
        assert (
            requests.get(f"{tenant.url}/userinfo", headers=headers, timeout=10).status_code == 401
        )


def test_the_cookie_is_the_tenants_own(tenant: TenantClient) -> None:
    """Ports of localhost share cookies: its name must differ from the site's."""
    tenant.log_in(*ADMIN)

    assert [cookie.name for cookie in tenant.browser.cookies] == ["local_tenant"]
