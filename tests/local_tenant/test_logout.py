"""Both ways out of the tenant: Auth0's own logout, and that of OpenID Connect."""

import pytest
import requests
from joserfc import jwt

from .client import ADMIN, TenantClient, form_fields, keys, query
from .contract import contract


@contract("§7.6", "/v2/logout: back to a listed address; query and fragment do not count")
def test_auth0_logout_ends_the_session(tenant: TenantClient) -> None:
    """And returns to a listed address; query and fragment of it do not count."""
    client_id = tenant.tenant.environment["AUTH0_CLIENT_ID"]
    tenant.log_in(*ADMIN)

    answer = tenant.open(
        f"{tenant.url}/v2/logout?client_id={client_id}&returnTo=http%3A%2F%2Flocalhost%3A3000%2F%3Fbye%3D1"
    )

    assert answer.headers["Location"] == "http://localhost:3000/?bye=1"
    assert tenant.authorize().headers["Location"].startswith("/login?")
    first = tenant.open(f"{tenant.url}/v2/logout?client_id={client_id}")
    assert first.headers["Location"] == "http://localhost:3000"


@contract("§7.6", "an unlisted address gets an error page")
@pytest.mark.parametrize(
    "target", ["http://evil.test/", "http://localhost:3000/elsewhere", "//evil.test"]
)
def test_logout_to_an_unlisted_address_is_refused(tenant: TenantClient, target: str) -> None:
    """Both ways out check the list."""
    client_id = tenant.tenant.environment["AUTH0_CLIENT_ID"]
    for path, name in (("/v2/logout", "returnTo"), ("/oidc/logout", "post_logout_redirect_uri")):
        answer = tenant.browser.get(
            tenant.url + path, params={"client_id": client_id, name: target}, allow_redirects=False
        )
        assert answer.status_code == 400
        assert "Location" not in answer.headers


def test_an_error_page_leads_nowhere_where_no_login_is_known(tenant: TenantClient) -> None:
    """`initiate_login_uri` may be empty; then the tenant's own route counts, and else there is no button."""
    tenant.control("PUT", "/application", {"initiate_login_uri": ""})
    refusal = f"{tenant.url}/v2/logout?client_id=nobody"

    assert 'class="button"' not in tenant.open(refusal).text
    assert 'href=""' not in tenant.open(f"{tenant.url}/").text
    route = {"default_redirection_uri": "https://app.test/login"}
    tenant.configure("PATCH", "/tenants/settings", route)
    assert 'href="https://app.test/login?iss=' in tenant.open(refusal).text


def oidc_logout(tenant: TenantClient, **params: str) -> requests.Response:
    return tenant.browser.get(
        f"{tenant.url}/oidc/logout",
        params={"post_logout_redirect_uri": "http://localhost:3000/", "state": "s", **params},
        allow_redirects=False,
    )


@contract("§7.6", "/oidc/logout with a matching hint goes straight back with `state`")
@pytest.mark.parametrize("hint", ["id_token_hint", "logout_hint"])
def test_oidc_logout_with_a_hint_goes_straight_back(tenant: TenantClient, hint: str) -> None:
    """The hint proves that the one who asks knows the session."""
    token = tenant.admin_tokens().json()["id_token"]
    sid = jwt.decode(token, keys(tenant)).claims["sid"]
    client_id = tenant.tenant.environment["AUTH0_CLIENT_ID"]

    answer = oidc_logout(
        tenant, client_id=client_id, **{hint: token if hint == "id_token_hint" else sid}
    )

    assert answer.headers["Location"] == "http://localhost:3000/?state=s"
    assert tenant.authorize().headers["Location"].startswith("/login?")


@contract("§7.6", "/oidc/logout without a matching hint asks first")
@pytest.mark.parametrize("hints", [{}, {"logout_hint": "another-session"}])
def test_oidc_logout_without_a_matching_hint_asks(
    tenant: TenantClient, hints: dict[str, str]
) -> None:
    """The session ends only when the person says so."""
    client_id = tenant.tenant.environment["AUTH0_CLIENT_ID"]
    tenant.log_in(*ADMIN)

    page = oidc_logout(tenant, client_id=client_id, **hints)

    assert page.status_code == 200
    assert "code" in query(tenant.authorize())
    answer = tenant.browser.post(
        f"{tenant.url}/oidc/logout", data=form_fields(page.text), allow_redirects=False
    )
    assert answer.headers["Location"] == "http://localhost:3000/?state=s"
    assert tenant.authorize().headers["Location"].startswith("/login?")


@contract("§7.6", "`sessions.oidc_logout_prompt_enabled` turns the question off")
def test_oidc_logout_asks_nothing_where_the_tenant_says_so(tenant: TenantClient) -> None:
    tenant.configure(
        "PATCH", "/tenants/settings", {"sessions": {"oidc_logout_prompt_enabled": False}}
    )
    tenant.log_in(*ADMIN)

    answer = oidc_logout(tenant, client_id=tenant.tenant.environment["AUTH0_CLIENT_ID"])

    assert answer.headers["Location"] == "http://localhost:3000/?state=s"
    assert tenant.authorize().headers["Location"].startswith("/login?")


@contract("§7.6", "`client_id` must be the hint's `aud`")
def test_oidc_logout_with_a_foreign_hint_is_refused(tenant: TenantClient) -> None:
    """No token of this tenant, or of another client."""
    tenant.log_in(*ADMIN)
    token = tenant.admin_tokens().json()["id_token"]

    assert oidc_logout(tenant, id_token_hint="junk").status_code == 400
    assert oidc_logout(tenant, id_token_hint=token, client_id="another").status_code == 400
