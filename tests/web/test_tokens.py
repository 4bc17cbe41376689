"""What a tenant may say at a login, and what signs nobody in: a tenant that lies on request.

The rows follow the certification tests of the OpenID Foundation for basic relying parties.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.person import Person
from tests.support.running import (
    ADMIN,
    ADMIN_PASSWORD,
    PASSWORD,
    RunningSite,
    Tenant,
    logs_in,
    running_site,
    sets_password,
    settings_for,
    signs_in,
    wait_until,
)

REFUSED = [
    "nonce_wrong",
    "nonce_missing",
    "iss_wrong",
    "iss_missing",
    "iss_no_slash",
    "aud_other",
    "aud_other_azp_ours",
    "aud_empty_string",
    "aud_empty_list",
    "aud_both_azp_ours",
    "aud_missing",
    "azp_other",
    "sub_missing",
    "sub_empty",
    "iat_missing",
    "exp_missing",
    "no_id_token",
    "exp_60s_ago",
    "exp_200s_ago",
    "iat_1h_ahead",
    "exp_string",
    "signature_wrong",
    "payload_tampered",
    "unknown_key_known_kid",
    "alg_none",
    "alg_NoNe",
    "alg_none_listed",
    "hs256_client_secret",
    "hs256_public_key",
    "crit_unknown",
    "jwk_embedded",
    "jku",
    "kid_absent_two_keys",
    "kid_unknown",
    "discovery_issuer_other",
    "callback_iss_wrong",
    "callback_iss_absent_but_advertised",
    "at_hash_wrong",
    "token_html",
    "token_500",
    "token_429",
    "invalid_grant",
    "error_callback",
]
KEYS = "/.well-known/jwks.json"
ACCEPTED = ["kid_absent", "key_rotated", "userinfo_sub_differs", "end_session_absent"]


@pytest.mark.parametrize("lie", REFUSED)
def test_a_lie_of_the_tenant_signs_nobody_in(
    site: RunningSite, tenant: Tenant, person: Person, lie: str
) -> None:
    """A neutral page with one next step, no session, the invitation as it was; never a 500."""
    row = site.invites_and_delivers("ada@example.com")
    link = tenant.link_to("ada@example.com")
    tenant.lies(lie)
    sets_password(person, link)
    if person.url.startswith(tenant.url):
        person.types(Password=PASSWORD).presses("Continue")
    assert person.url.startswith(site.url)
    assert person.response.status_code in (400, 403, 503)
    assert person.offers("Try again")
    assert person.cookie("sid") is None
    assert "attacker" not in person.text.lower()
    after = site.row(row.id)
    assert (after.state, after.accepted_at) == ("sent", None)


@pytest.mark.parametrize("lie", ACCEPTED)
def test_what_the_standard_allows_signs_in(
    site: RunningSite, tenant: Tenant, person: Person, lie: str
) -> None:
    """A key without an id, a new key, another userinfo that nobody asks for."""
    tenant.lies(lie)
    signs_in(person, site)
    assert person.url == f"{site.url}/"
    assert ADMIN in person.text


def test_a_rotated_key_is_fetched_once(site: RunningSite, tenant: Tenant) -> None:
    """A key id nobody has heard of asks for the keys again, but not with each token."""
    with Person() as first:
        signs_in(first, site)
    before = tenant.calls(f"GET {KEYS}")
    tenant.lies("kid_unknown")
    for _ in range(3):
        with Person() as somebody:
            signs_in(somebody, site)
            assert somebody.cookie("sid") is None
    assert tenant.calls(f"GET {KEYS}") - before == 1


def test_two_who_sign_in_while_the_key_changes_both_get_in(
    site: RunningSite, tenant: Tenant
) -> None:
    """Whoever comes while another asks for the new keys waits for them."""
    with Person() as first:
        signs_in(first, site)
    tenant.lies("key_rotated")
    tenant.fails(f"GET {KEYS}", kind="slow", seconds=1.5)

    def gets_in() -> bool:
        with Person() as somebody:
            signs_in(somebody, site)
            return somebody.cookie("sid") is not None

    with ThreadPoolExecutor() as browsers:
        one = browsers.submit(gets_in)
        wait_until(lambda: not tenant.faults, "one asks for the keys")
        other = browsers.submit(gets_in)
        assert (one.result(), other.result()) == (True, True)


def test_new_keys_that_did_not_come_are_asked_for_at_the_next_sign_in(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """Not only a minute later: until then nobody could sign in."""
    with Person() as first:
        signs_in(first, site)
    tenant.lies("key_rotated")
    tenant.fails(f"GET {KEYS}", kind="status", status=503)
    with Person() as second:
        signs_in(second, site)
        assert second.response.status_code == 503
    signs_in(person, site)
    assert person.url == f"{site.url}/"


def test_whoever_waited_for_new_keys_in_vain_asks_for_none(
    site: RunningSite, tenant: Tenant
) -> None:
    """One after the other would wait for a tenant that does not answer, each with a thread."""
    with Person() as first:
        signs_in(first, site)
    tenant.lies("key_rotated")
    before = tenant.calls(f"GET {KEYS}")
    for _ in range(2):
        tenant.fails(f"GET {KEYS}", kind="slow", seconds=8)

    def status() -> int:
        with Person() as somebody:
            signs_in(somebody, site)
            return somebody.response.status_code

    with ThreadPoolExecutor() as browsers:
        one = browsers.submit(status)
        wait_until(lambda: len(tenant.faults) == 1, "one asks for the keys")
        other = browsers.submit(status)
        assert (one.result(), other.result()) == (503, 403)
    assert len(tenant.faults) == 1
    wait_until(lambda: tenant.calls(f"GET {KEYS}") > before, "it was answered in the end")


@pytest.mark.parametrize(
    "body", [[], None, {}, "text", {"issuer": 5}, {"keys": []}, {"keys": [{"kty": "RSA"}]}]
)
@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", KEYS])
def test_a_document_that_nobody_can_read_is_a_page(
    site: RunningSite, tenant: Tenant, person: Person, path: str, body: object
) -> None:
    """Never a 500; and the next try, with the tenant as ever, goes well."""
    tenant.fails(f"GET {path}", kind="status", status=200, times=1, body=body)
    person.opens(f"{site.url}/login")
    if person.url.startswith(tenant.url):
        logs_in(person, ADMIN, ADMIN_PASSWORD)
    assert person.response.status_code in (403, 503)
    with Person() as next_one:
        signs_in(next_one, site)
        assert next_one.url == f"{site.url}/"


@pytest.mark.parametrize("offset", [120, -11 * 3600])
def test_a_clock_that_is_wrong_is_said(
    site: RunningSite,
    tenant: Tenant,
    person: Person,
    caplog: pytest.LogCaptureFixture,
    offset: int,
) -> None:
    """It will fail at every try, so nobody is told to try again in a moment."""
    tenant.control("PUT", "/clock", {"offset": offset})
    signs_in(person, site)
    assert person.response.status_code == 403
    assert "clocks of this site and of the sign-in service differ" in person.text
    assert "usually works" not in person.text
    assert "seconds apart" in caplog.text


def test_a_client_secret_that_is_wrong_is_said(
    tenant: Tenant, tmp_path: Path, person: Person, caplog: pytest.LogCaptureFixture
) -> None:
    """Such as one that was rotated at the tenant: it will be refused at every try."""
    with running_site(settings_for(tenant, tmp_path, AUTH0_CLIENT_SECRET="rotated")) as site:
        signs_in(person, site)
    assert person.response.status_code == 403
    assert "The sign-in service does not accept this site." in person.text
    assert "help@example.com" in person.text
    assert "AUTH0_CLIENT_SECRET" in caplog.text
    assert "rotated" not in caplog.text


@pytest.mark.parametrize("lie", ["invalid_grant", "token_429"])
def test_a_code_that_is_refused_is_no_matter_of_the_client_secret(
    site: RunningSite, tenant: Tenant, person: Person, caplog: pytest.LogCaptureFixture, lie: str
) -> None:
    """Another try goes well, and nobody is to look for a secret."""
    tenant.lies(lie)
    signs_in(person, site)
    assert "usually works on the next try" in person.text
    assert "AUTH0_CLIENT_SECRET" not in caplog.text
    assert ("sign-in refused: invalid_grant" in caplog.messages) is (lie == "invalid_grant")


def test_a_forged_token_is_no_matter_of_clocks(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """Nobody is to look for a clock then, though that may be wrong as well."""
    tenant.control("PUT", "/clock", {"offset": 120})
    tenant.lies("signature_wrong")
    signs_in(person, site)
    assert person.response.status_code == 403
    assert "clocks" not in person.text


@pytest.mark.parametrize("lie", ["exp_60s_ago", "iat_1h_ahead"])
def test_a_token_of_another_time_is_no_matter_of_clocks_that_agree(
    site: RunningSite, tenant: Tenant, person: Person, lie: str
) -> None:
    """Nobody is to look for a clock that is right."""
    tenant.lies(lie)
    signs_in(person, site)
    assert person.response.status_code == 403
    assert "clocks" not in person.text


def test_a_clock_that_is_a_little_wrong_keeps_nobody_out(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """Two machines never agree to the second."""
    tenant.control("PUT", "/clock", {"offset": 20})
    signs_in(person, site)
    assert person.url == f"{site.url}/"
    assert ADMIN in person.text


@pytest.mark.parametrize("status", [302, 307, 308])
def test_a_redirect_of_the_token_endpoint_carries_nothing_away(
    site: RunningSite, tenant: Tenant, person: Person, status: int
) -> None:
    """The client secret and the code stay with the tenant."""
    elsewhere = f"{tenant.url}/elsewhere"
    tenant.fails("POST /oauth/token", kind="status", status=status, headers={"Location": elsewhere})
    signs_in(person, site)
    assert person.response.status_code == 503
    assert tenant.calls("POST /elsewhere") == tenant.calls("GET /elsewhere") == 0


@pytest.mark.parametrize("address", ["https://evil.example/x", "{tenant}.evil.example/x"])
@pytest.mark.parametrize(
    "name", ["authorization_endpoint", "token_endpoint", "jwks_uri", "end_session_endpoint"]
)
def test_an_endpoint_outside_the_tenant_is_refused(
    site: RunningSite,
    tenant: Tenant,
    person: Person,
    caplog: pytest.LogCaptureFixture,
    name: str,
    address: str,
) -> None:
    """A discovery document that was tampered with sends nobody and nothing elsewhere."""
    document = person.opens(f"{tenant.url}/.well-known/openid-configuration").response.json()
    tenant.fails(
        "GET /.well-known/openid-configuration",
        kind="status",
        status=200,
        body=document | {name: address.format(tenant=tenant.url)},
    )
    person.opens(f"{site.url}/login")
    assert person.heading == "This sign-in came from somewhere else"
    assert f"the discovery document names a {name} that is not the tenant's" in caplog.messages
    signs_in(person, site)
    assert person.path == "/", "the next look finds the true document"


def test_a_tenant_that_calls_itself_otherwise_is_named_in_the_log(
    site: RunningSite, tenant: Tenant, person: Person, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody can sign in, and only who set AUTH0_DOMAIN can mend it."""
    tenant.lies("discovery_issuer_other")
    person.opens(f"{site.url}/login")
    assert person.heading == "This sign-in came from somewhere else"
    assert "the discovery document names another issuer than AUTH0_DOMAIN" in caplog.messages


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
def test_a_document_without_an_endpoint_is_a_page(
    site: RunningSite, tenant: Tenant, person: Person, name: str
) -> None:
    """As while the tenant is away, since nobody can sign in either."""
    document = person.opens(f"{tenant.url}/.well-known/openid-configuration").response.json()
    del document[name]
    tenant.fails("GET /.well-known/openid-configuration", kind="status", status=200, body=document)
    person.opens(f"{site.url}/login")
    if person.url.startswith(tenant.url):
        logs_in(person, ADMIN, ADMIN_PASSWORD)
    assert person.response.status_code == 503


@pytest.mark.parametrize("body", [[], "text", {"access_token": "t", "id_token": None}])
def test_tokens_that_nobody_can_read_are_a_page(
    site: RunningSite, tenant: Tenant, person: Person, body: object
) -> None:
    """Such as of something in between."""
    tenant.fails("POST /oauth/token", kind="status", status=200, body=body)
    signs_in(person, site)
    assert person.response.status_code == 503


def test_a_tenant_that_never_answers_is_not_waited_for(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """Each such sign-in would keep one of the few threads of the site."""
    before = tenant.calls("POST /oauth/token")
    tenant.fails("POST /oauth/token", kind="slow", seconds=7)
    signs_in(person, site)
    assert person.response.status_code == 503
    # The next test would count it.
    wait_until(lambda: tenant.calls("POST /oauth/token") > before, "it was answered in the end")


def test_who_signed_in_is_believed_of_an_id_token_alone(
    site: RunningSite, tenant: Tenant, person: Person
) -> None:
    """What else the answer of the token endpoint says of a person is signed by nobody."""
    claims = {"sub": "auth0|eve", "aud": site.settings.client_id, "email": "eve@example.com"}
    body = {"access_token": "t", "token_type": "Bearer", "userinfo": claims}
    tenant.fails("POST /oauth/token", kind="status", status=200, body=body)
    signs_in(person, site)
    assert person.response.status_code == 403
    assert person.cookie("sid") is None
