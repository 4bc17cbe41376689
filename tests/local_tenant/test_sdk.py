"""Auth0's own Python SDK against the local tenant, over TLS: what it can do there, it can do here."""

import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from auth0.authentication import GetToken
from auth0.management import ManagementClient
from auth0.management.core.api_error import ApiError
from auth0.management.core.request_options import RequestOptions
from auth0.management.types import UpdateConnectionOptions

from invite_site.local_tenant import TenantConfig, serve
from tests.support.tls_front import TlsFront, write_certificate

from .client import CONNECTION, PASSWORD, TenantClient
from .contract import contract

# The SDK tries a 409 and a 429 again by itself, after a pause of a second or more.
ONCE: RequestOptions = {"max_retries": 0}


@dataclass
class Served:
    """A tenant behind a TLS front, and the front's certificate authority."""

    domain: str
    client: TenantClient
    trusted: Path


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("tls")
    trusted, certificate = write_certificate(folder)
    front = TlsFront(certificate)
    domain = f"localhost:{front.port}"
    config = TenantConfig(
        database=folder / "tenant.db",
        port=0,
        smtp_port=0,
        control=True,
        public_url=f"https://{domain}",
    )
    with serve(config) as running, front.leading_to(running.port):
        # The control plane is reached past the front.
        inside = replace(running, url=f"http://localhost:{running.port}")
        yield Served(domain, TenantClient(inside), trusted)


@pytest.fixture
def sdk(served: Served, monkeypatch: pytest.MonkeyPatch) -> Iterator[ManagementClient]:
    """The SDK's client with the credentials of who sets a tenant up."""
    assert served.client.control("POST", "/reset").status_code == 204
    # Its token provider makes an httpx client of its own, which trusts what this names.
    monkeypatch.setenv("SSL_CERT_FILE", str(served.trusted))
    environment = served.client.tenant.environment
    with httpx.Client(verify=ssl.create_default_context(cafile=str(served.trusted))) as client:
        yield ManagementClient(
            domain=served.domain,
            client_id=environment["TENANT_SETUP_CLIENT_ID"],
            client_secret=environment["TENANT_SETUP_CLIENT_SECRET"],
            httpx_client=client,
        )


def a_user(sdk: ManagementClient, email: str = "ada@example.com") -> str:
    user = sdk.users.create(
        connection=CONNECTION, email=email, password=PASSWORD, verify_email=False
    )
    assert user.user_id
    return user.user_id


@contract("§1.1", "the official SDK gets a token and works with the Management API")
def test_it_works(sdk: ManagementClient) -> None:
    """A user is created, read, found, changed and deleted."""
    user_id = a_user(sdk, "Ada+team@Example.com")

    sdk.users.update(user_id, app_metadata={"invitedToMyApp": True}, given_name="Ada")

    user = sdk.users.get(user_id)
    assert (user.email, user.given_name) == ("ada+team@example.com", "Ada")
    assert user.app_metadata == {"invitedToMyApp": True}
    found = sdk.users.list_users_by_email(email="ada+team@example.com")
    assert [each.user_id for each in found] == [user_id]
    sdk.users.delete(user_id)
    with pytest.raises(ApiError) as refusal:
        sdk.users.get(user_id)
    assert refusal.value.status_code == 404
    assert refusal.value.body["errorCode"] == "inexistent_user"


def test_the_authentication_client_gets_a_token(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its other half, for `/oauth/token`."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(served.trusted))
    environment = served.client.tenant.environment
    client = GetToken(
        served.domain,
        environment["AUTH0_MANAGEMENT_CLIENT_ID"],
        client_secret=environment["AUTH0_MANAGEMENT_CLIENT_SECRET"],
    )

    token = client.client_credentials(f"https://{served.domain}/api/v2/")

    assert token["token_type"] == "Bearer"


def test_a_second_user_is_refused(sdk: ManagementClient) -> None:
    """With the SDK's own class of error."""
    a_user(sdk)

    with pytest.raises(ApiError) as refusal:
        sdk.users.create(
            connection=CONNECTION,
            email="ada@example.com",
            password=PASSWORD,
            request_options=ONCE,
        )

    assert (refusal.value.status_code, refusal.value.body["errorCode"]) == (409, "auth0_idp_error")


def test_users_are_paged_through(sdk: ManagementClient) -> None:
    """The pager asks until a page is empty; `q` and `sort` go along."""
    for number in range(5):
        a_user(sdk, f"user{number}@example.com")

    everybody = [each.email for each in sdk.users.list(per_page=2)]
    found = sdk.users.list(q='email:"user3@example.com"', search_engine="v3")
    newest = sdk.users.list(sort="created_at:-1", per_page=1)

    assert everybody == ["admin@example.com", *(f"user{number}@example.com" for number in range(5))]
    assert [each.email for each in found] == ["user3@example.com"]
    assert next(iter(newest)).email == "user4@example.com"


def test_a_ticket_leads_to_the_password_page(sdk: ManagementClient, served: Served) -> None:
    """At the public address."""
    made = sdk.tickets.change_password(
        user_id=a_user(sdk),
        result_url="http://localhost:3000/invite/complete",
        ttl_sec=60,
        mark_email_as_verified=True,
        include_email_in_redirect=True,
    )

    assert made.ticket.startswith(f"https://{served.domain}/lo/reset?ticket=")


def test_roles_are_made_given_and_taken(sdk: ManagementClient) -> None:
    """Roles, and the roles of a user."""
    user_id = a_user(sdk)
    role = sdk.roles.create(name="editor", description="May write")
    assert role.id

    sdk.users.roles.assign(user_id, roles=[role.id])

    assert [each.name for each in sdk.roles.list(name_filter="edit")] == ["editor"]
    assert [each.id for each in sdk.users.roles.list(user_id)] == [role.id]
    assert sdk.roles.update(role.id, description="May read").description == "May read"
    sdk.users.roles.delete(user_id, roles=[role.id])
    assert list(sdk.users.roles.list(user_id)) == []
    sdk.roles.delete(role.id)
    assert list(sdk.roles.list()) == []


def test_logs_are_read(sdk: ManagementClient) -> None:
    """The tenant's, one entry, and a user's."""
    user_id = a_user(sdk)

    types = [each.type for each in sdk.logs.list(per_page=50)]
    of_user = list(sdk.users.logs.list(user_id))

    assert {"ss", "sapi", "seccft"} <= set(types)
    assert [each.type for each in of_user] == ["ss"]
    assert of_user[0].log_id
    assert sdk.logs.get(of_user[0].log_id).user_id == user_id


def test_email_templates_are_set(sdk: ManagementClient) -> None:
    """Created, read, changed, replaced."""
    fields: dict[str, Any] = {
        "template": "reset_email",
        "body": "<p>{{ url }}</p>",
        "from_": "Acme <no-reply@acme.test>",
        "subject": "Hello",
        "syntax": "liquid",
        "enabled": True,
    }
    with pytest.raises(ApiError) as refusal:
        sdk.email_templates.get("reset_email")
    assert refusal.value.status_code == 404

    sdk.email_templates.create(**fields)
    sdk.email_templates.update("reset_email", subject="Hi")

    assert sdk.email_templates.get("reset_email").subject == "Hi"
    replaced = sdk.email_templates.set("reset_email", **fields, result_url="https://acme.test/done")
    assert (replaced.subject, replaced.result_url) == ("Hello", "https://acme.test/done")


def test_the_mail_provider_is_configured(sdk: ManagementClient) -> None:
    """Without its password in any answer."""
    sdk.emails.provider.create(
        name="smtp",
        credentials={
            "smtp_host": "smtp.acme.test",
            "smtp_port": 587,
            "smtp_user": "u",
            "smtp_pass": "very-secret",
        },
        default_from_address="no-reply@acme.test",
    )

    provider = sdk.emails.provider.get()

    assert (provider.name, provider.enabled) == ("smtp", True)
    assert "very-secret" not in provider.model_dump_json()
    sdk.emails.provider.delete()
    with pytest.raises(ApiError):
        sdk.emails.provider.get()


def test_connections_are_read_and_changed(sdk: ManagementClient, served: Served) -> None:
    """By checkpoint, and who may use one."""
    environment = served.client.tenant.environment
    (connection,) = list(sdk.connections.list(name=CONNECTION))
    assert connection.id

    options = UpdateConnectionOptions.model_validate({"disable_signup": True})
    sdk.connections.update(connection.id, options=options)
    sdk.connections.clients.update(
        connection.id,
        request=[{"client_id": environment["TENANT_SETUP_CLIENT_ID"], "status": True}],
    )

    assert sdk.connections.get(connection.id).options == {"disable_signup": True}
    enabled = {each.client_id for each in sdk.connections.clients.get(connection.id)}
    assert enabled == {environment["AUTH0_CLIENT_ID"], environment["TENANT_SETUP_CLIENT_ID"]}


def test_clients_and_their_grants(sdk: ManagementClient, served: Served) -> None:
    """Made, listed, changed, allowed to call the Management API, and deleted."""
    made = sdk.clients.create(name="Reporter", app_type="non_interactive")
    assert made.client_id
    assert made.client_secret

    sdk.clients.update(made.client_id, description="Reads logs")
    audience = f"https://{served.domain}/api/v2/"
    grant = sdk.client_grants.create(
        client_id=made.client_id, audience=audience, scope=["read:logs"]
    )

    assert sdk.clients.get(made.client_id).description == "Reads logs"
    assert made.client_id in [each.client_id for each in sdk.clients.list(per_page=2)]
    grants = sdk.client_grants.list(client_id=made.client_id)
    assert [(each.id, each.scope) for each in grants] == [(grant.id, ["read:logs"])]
    sdk.clients.delete(made.client_id)
    assert list(sdk.client_grants.list(client_id=made.client_id)) == []


def test_the_settings_of_the_tenant(sdk: ManagementClient) -> None:
    """A customised password page among them, prompts and texts."""
    sdk.tenants.settings.update(
        change_password={"enabled": True, "html": "<!doctype html><h1>Welcome</h1>"},
        friendly_name="Acme",
    )
    sdk.prompts.update_settings(universal_login_experience="new")
    texts = {"reset-password": {"title": "Welcome"}}
    sdk.prompts.custom_text.set("reset-password", "en", request=texts)

    settings = sdk.tenants.settings.get()

    assert settings.friendly_name == "Acme"
    assert settings.change_password
    assert settings.change_password.enabled is True
    assert sdk.prompts.get_settings().universal_login_experience == "new"
    assert sdk.prompts.custom_text.get("reset-password", "en") == texts


@contract("§8", "the SDK's own retry waits for `x-ratelimit-reset` and gets through")
def test_its_own_retries_get_through_a_429(sdk: ManagementClient, served: Served) -> None:
    """Two calls a second on the free plan: the third waits, and succeeds."""
    sdk.roles.list()
    served.client.control("PUT", "/plan", {"plan": "free"})
    began = time.monotonic()

    for _ in range(4):
        sdk.roles.list()

    assert time.monotonic() - began > 0.3
    served.client.control("PUT", "/plan", {"plan": "off"})
    statuses = [each["status"] for each in served.client.state()["requests"]]
    assert 429 in statuses
    assert statuses[-1] == 200
