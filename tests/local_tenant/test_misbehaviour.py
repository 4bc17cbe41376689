"""Each lie is told as its name says, and the rest of the answer stays honest."""

import base64
import json
import time
from typing import Any

import pytest
import requests
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OctKey, RSAKey

from .client import TenantClient, keys, query

Parts = tuple[dict[str, Any], dict[str, Any]]


def discovery(tenant: TenantClient) -> dict[str, Any]:
    document: dict[str, Any] = requests.get(
        f"{tenant.url}/.well-known/openid-configuration", timeout=10
    ).json()
    return document


def lie(tenant: TenantClient, name: str, **options: Any) -> None:
    assert tenant.control("PUT", "/lies", {"lie": name, **options}).status_code == 200


def lying_token(tenant: TenantClient, name: str, **options: Any) -> str:
    lie(tenant, name, times=1, **options)
    return str(tenant.admin_tokens().json()["id_token"])


def parts(token: str) -> Parts:
    header, claims, _ = token.split(".")
    read = [json.loads(base64.urlsafe_b64decode(part + "==")) for part in (header, claims)]
    return read[0], read[1]


def is_signed_by_the_tenant(tenant: TenantClient, token: str) -> bool:
    try:
        jwt.decode(token, keys(tenant), algorithms=["RS256"])
    except (JoseError, ValueError):
        return False
    return True


def test_it_works(tenant: TenantClient) -> None:
    """A lie is told as often as ordered, then the truth again."""
    lie(tenant, "iss_wrong", times=1)

    first = parts(tenant.admin_tokens().json()["id_token"])[1]
    second = parts(tenant.admin_tokens().json()["id_token"])[1]

    assert first["iss"] != f"{tenant.url}/"
    assert second["iss"] == f"{tenant.url}/"


def test_a_lie_without_an_end_stands_until_withdrawn(tenant: TenantClient) -> None:
    """`times` absent or null."""
    lie(tenant, "sub_empty")
    assert [parts(tenant.admin_tokens().json()["id_token"])[1]["sub"] for _ in range(2)] == ["", ""]

    tenant.control("DELETE", "/lies")

    assert parts(tenant.admin_tokens().json()["id_token"])[1]["sub"]


def test_an_unknown_lie_is_refused(tenant: TenantClient) -> None:
    """A test with a typing error must not pass."""
    assert tenant.control("PUT", "/lies", {"lie": "none_such"}).status_code == 400
    assert tenant.control("PUT", "/lies", {"lie": "sub_empty", "times": "many"}).status_code == 400
    assert tenant.control("PUT", "/lies", {"lie": "role_claim"}).status_code == 400


@pytest.mark.parametrize(
    ("name", "claim", "wrong"),
    [
        ("nonce_wrong", "nonce", "another-nonce"),
        ("iss_wrong", "iss", "https://issuer.example/"),
        ("aud_other", "aud", "another-client"),
        ("aud_empty_string", "aud", ""),
        ("aud_empty_list", "aud", []),
        ("azp_other", "azp", "another-client"),
        ("sub_empty", "sub", ""),
        ("exp_string", "exp", "tomorrow"),
        ("at_hash_wrong", "at_hash", "A" * 22),
        ("email_verified_false", "email_verified", False),
        ("email_verified_string", "email_verified", "true"),
        ("email_other", "email", "somebody.else@example.com"),
    ],
)
def test_a_claim_is_wrong(tenant: TenantClient, name: str, claim: str, wrong: Any) -> None:
    """And the token is signed as ever."""
    token = lying_token(tenant, name)

    assert parts(token)[1][claim] == wrong
    assert is_signed_by_the_tenant(tenant, token)


@pytest.mark.parametrize("claim", ["nonce", "iss", "sub", "iat", "exp", "aud", "email_verified"])
def test_a_claim_is_missing(tenant: TenantClient, claim: str) -> None:
    """And the others are there."""
    token = lying_token(tenant, f"{claim}_missing")

    assert claim not in parts(token)[1]
    assert "sid" in parts(token)[1]
    assert is_signed_by_the_tenant(tenant, token)


def test_claims_that_nearly_fit(tenant: TenantClient) -> None:
    """The issuer without its slash, an `azp` that is ours beside a wrong `aud`, old and new times."""
    ours = tenant.tenant.environment["AUTH0_CLIENT_ID"]
    assert parts(lying_token(tenant, "iss_no_slash"))[1]["iss"] == tenant.url
    other = parts(lying_token(tenant, "aud_other_azp_ours"))[1]
    assert (other["aud"], other["azp"]) == ("another-client", ours)
    both = parts(lying_token(tenant, "aud_both_azp_ours"))[1]
    assert (both["aud"], both["azp"]) == ([ours, "another-client"], ours)
    now = time.time()
    assert 55 < now - parts(lying_token(tenant, "exp_60s_ago"))[1]["exp"] < 75
    assert 195 < now - parts(lying_token(tenant, "exp_200s_ago"))[1]["exp"] < 215
    assert 3590 < parts(lying_token(tenant, "iat_1h_ahead"))[1]["iat"] - now < 3610


def test_a_role_claim_is_added(tenant: TenantClient) -> None:
    """With the name and value of the order."""
    token = lying_token(tenant, "role_claim", claim="https://acme.example/roles", value=["admin"])

    assert parts(token)[1]["https://acme.example/roles"] == ["admin"]
    assert is_signed_by_the_tenant(tenant, token)


@pytest.mark.parametrize(
    "name",
    [
        "signature_wrong",
        "payload_tampered",
        "unknown_key_known_kid",
        "alg_none",
        "alg_NoNe",
        "alg_none_listed",
        "hs256_client_secret",
        "hs256_public_key",
        "jwk_embedded",
        "jku",
        "kid_unknown",
    ],
)
def test_a_forged_token_is_not_signed_by_the_tenant(tenant: TenantClient, name: str) -> None:
    """Its claims read like an honest one's."""
    token = lying_token(tenant, name)

    assert parts(token)[1]["iss"] == f"{tenant.url}/"
    assert not is_signed_by_the_tenant(tenant, token)


def test_forged_headers_are_what_their_names_say(tenant: TenantClient) -> None:
    """What a careless client would be caught by is really there."""
    (own,) = keys(tenant).keys
    assert parts(lying_token(tenant, "unknown_key_known_kid"))[0]["kid"] == own.kid
    assert parts(lying_token(tenant, "alg_none"))[0]["alg"] == "none"
    assert lying_token(tenant, "alg_none").endswith(".")
    assert parts(lying_token(tenant, "alg_NoNe"))[0]["alg"] == "NoNe"
    assert parts(lying_token(tenant, "payload_tampered"))[1]["email"] == "somebody.else@example.com"
    assert parts(lying_token(tenant, "kid_unknown"))[0]["kid"] != own.kid
    assert "crit" in parts(lying_token(tenant, "crit_unknown"))[0]


def test_a_careless_client_would_be_caught(tenant: TenantClient) -> None:
    """HMAC with a known key, and keys taken from the token's own header, do verify."""
    secret = OctKey.import_key(tenant.tenant.environment["AUTH0_CLIENT_SECRET"])
    jws.deserialize_compact(
        lying_token(tenant, "hs256_client_secret"), secret, algorithms=["HS256"]
    )
    embedded = lying_token(tenant, "jwk_embedded")
    key = RSAKey.import_key(parts(embedded)[0]["jwk"])
    patient = jws.JWSRegistry(algorithms=["RS256"])
    patient.max_header_length = 2000  # joserfc's own limit of 512 is too short for a key
    jws.deserialize_compact(embedded, key, registry=patient)
    elsewhere = lying_token(tenant, "jku")
    listed = requests.get(parts(elsewhere)[0]["jku"], timeout=10).json()
    jwt.decode(elsewhere, KeySet.import_key_set(listed), algorithms=["RS256"])


def test_a_rotated_key_is_listed_under_a_new_name(tenant: TenantClient) -> None:
    """Both keys are there while the lie has not been withdrawn, also after it was told."""
    (own,) = keys(tenant).keys

    token = lying_token(tenant, "key_rotated")

    assert len(keys(tenant).keys) == 2
    assert parts(token)[0]["kid"] != own.kid
    assert is_signed_by_the_tenant(tenant, token)
    tenant.control("DELETE", "/lies")
    assert [key.kid for key in keys(tenant).keys] == [own.kid]


@pytest.mark.parametrize(("name", "listed"), [("kid_absent", 1), ("kid_absent_two_keys", 2)])
def test_a_token_may_not_name_its_key(tenant: TenantClient, name: str, listed: int) -> None:
    """With one key it is clear which it is, with two it is not."""
    lie(tenant, name)
    token = tenant.admin_tokens().json()["id_token"]

    assert "kid" not in parts(token)[0]
    assert len(keys(tenant).keys) == listed


def test_discovery_lies(tenant: TenantClient) -> None:
    """As long as the lie stands: discovery is read once and remembered."""
    lie(tenant, "discovery_issuer_other")
    assert discovery(tenant)["issuer"] == "https://issuer.example/"
    lie(tenant, "end_session_absent")
    assert "end_session_endpoint" not in discovery(tenant)
    lie(tenant, "callback_iss_absent_but_advertised")
    assert discovery(tenant)["authorization_response_iss_parameter_supported"] is True
    lie(tenant, "alg_none_listed")
    assert "none" in discovery(tenant)["id_token_signing_alg_values_supported"]
    tenant.control("DELETE", "/lies")
    assert discovery(tenant)["issuer"] == f"{tenant.url}/"


def test_callback_lies(tenant: TenantClient) -> None:
    """A wrong `iss` (RFC 9207), and an error with somebody's text."""
    lie(tenant, "callback_iss_wrong", times=1)
    answer = tenant.log_in("admin@example.com", "Invite-Demo-1!")
    assert query(answer)["iss"] == "https://issuer.example/"
    assert "code" in query(answer)
    lie(tenant, "error_callback", times=1)
    refused = query(tenant.authorize())
    assert refused["error"] == "access_denied"
    assert "<script>" in refused["error_description"]
    assert refused["state"] == "the-state"


def test_token_answer_lies(tenant: TenantClient) -> None:
    """Statuses, HTML, a late answer, and one without an ID token."""
    for name, status in (("token_500", 500), ("token_429", 429), ("invalid_grant", 403)):
        lie(tenant, name, times=1)
        assert tenant.admin_tokens().status_code == status
    lie(tenant, "token_html", times=1)
    assert tenant.admin_tokens().headers["Content-Type"].startswith("text/html")
    lie(tenant, "no_id_token", times=1)
    assert "id_token" not in tenant.admin_tokens().json()
    lie(tenant, "token_slow", times=1, seconds=0.3)
    began = time.monotonic()
    assert "id_token" in tenant.admin_tokens().json()
    assert time.monotonic() - began >= 0.3


def test_token_lies_leave_the_management_api_alone(tenant: TenantClient) -> None:
    """They are about logins."""
    lie(tenant, "token_500")

    assert tenant.token_request().status_code == 200


def test_userinfo_lies_about_who_it_is(tenant: TenantClient) -> None:
    """OpenID Connect Core, section 5.3.4: such an answer must not be used."""
    tokens = tenant.admin_tokens().json()
    lie(tenant, "userinfo_sub_differs", times=1)

    answer = requests.get(
        f"{tenant.url}/userinfo",
        headers={"Authorization": f"Bearer {tokens['access_token']}"},
        timeout=10,
    )

    assert answer.json()["sub"] != parts(tokens["id_token"])[1]["sub"]
