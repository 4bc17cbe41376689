"""What configures a tenant over the Management API, and that it acts: roles, applications, texts."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from invite_site.local_tenant import TenantConfig, serve

from .client import CALLBACK, CONNECTION, TenantClient, refused
from .contract import contract

# --- roles


@contract("§2.5", "roles come bare or in an envelope, filtered by `name_filter`")
def test_it_works(setup: TenantClient) -> None:
    """Made and listed."""
    for name in ("admin", "editor"):
        role = setup.api("POST", "/roles", {"name": name, "description": "x"}).json()
        assert role["id"].startswith("rol_")

    envelope = setup.api("GET", "/roles?include_totals=true&name_filter=adm").json()

    assert [role["name"] for role in envelope["roles"]] == ["admin"]
    assert (envelope["start"], envelope["limit"], envelope["total"]) == (0, 50, 1)
    assert [role["name"] for role in setup.api("GET", "/roles").json()] == ["admin", "editor"]


@contract("§2.5", "roles are given and taken with 204; a role can be in the ID token")
def test_a_user_has_roles(setup: TenantClient) -> None:
    """And an application hears of them where it was asked for."""
    (admin,) = setup.api("GET", "/users-by-email?email=admin@example.com").json()
    role_id = setup.api("POST", "/roles", {"name": "boss"}).json()["id"]
    path = f"/users/{admin['user_id']}/roles"
    setup.control("PUT", "/role-claim", {"claim": "https://acme.example/roles"})

    given = setup.api("POST", path, {"roles": [role_id]})

    assert (given.status_code, given.content) == (204, b"")
    assert [role["name"] for role in setup.api("GET", path).json()] == ["boss"]
    token = setup.admin_tokens().json()["id_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(token + "=="))
    assert claims["https://acme.example/roles"] == ["boss"]
    assert setup.api("DELETE", path, {"roles": [role_id]}).status_code == 204
    assert setup.api("GET", path).json() == []


@contract("§2.5", "an unknown role is a 404 without errorCode; no roles at all is a 400")
def test_an_unknown_role_is_refused(setup: TenantClient) -> None:
    """And nobody gets the others of that call."""
    user_id = setup.create_user()["user_id"]
    role_id = setup.api("POST", "/roles", {"name": "boss"}).json()["id"]
    path = f"/users/{user_id}/roles"

    answer = setup.api("POST", path, {"roles": [role_id, "rol_0000000000000000"]})

    assert refused(answer) == (404, "The role does not exist.", None)
    assert setup.api("GET", path).json() == []
    assert refused(setup.api("POST", path, {"roles": []}))[2] == "invalid_body"
    assert refused(setup.api("POST", path, {"roles": [7]}))[2] == "invalid_body"
    assert setup.api("GET", "/roles/rol_0000000000000000").status_code == 404


# --- applications and what they may do


@contract("§1.5", "GET /clients shows secrets only with `read:client_keys`")
def test_applications_are_listed(setup: TenantClient) -> None:
    """The three seeded ones."""
    clients = setup.api("GET", "/clients?app_type=regular_web,non_interactive").json()
    assert [each["app_type"] for each in clients] == ["regular_web", *["non_interactive"] * 2]
    assert all("client_secret" in each for each in clients)

    token = setup.token_request(scope="read:clients").json()["access_token"]
    less = setup.api("GET", "/clients?fields=client_id,client_secret,name", token=token).json()

    assert all("client_secret" not in each for each in less)


@contract("§7.7", "an application's addresses can be changed, and count at once")
def test_a_changed_application_counts(setup: TenantClient) -> None:
    """Callback addresses decide about the next login."""
    client_id = setup.tenant.environment["AUTH0_CLIENT_ID"]
    change = {"callbacks": ["https://app.example/cb"], "initiate_login_uri": ""}

    changed = setup.api("PATCH", f"/clients/{client_id}", change).json()

    assert changed["callbacks"] == ["https://app.example/cb"]
    assert "initiate_login_uri" not in changed
    assert setup.authorize(redirect_uri=CALLBACK).status_code == 400
    assert setup.authorize(redirect_uri="https://app.example/cb").status_code == 302


@contract("§7.7", "`initiate_login_uri` must be https (on localhost http is ours)")
def test_a_default_login_route_is_https(setup: TenantClient) -> None:
    """Refused in Auth0's words."""
    client_id = setup.tenant.environment["AUTH0_CLIENT_ID"]

    answer = setup.api("PATCH", f"/clients/{client_id}", {"initiate_login_uri": "http://a.test/x"})

    told = (
        "Payload validation error: 'Object didn't pass validation for format"
        " absolute-https-uri-or-empty: http://a.test/x' on property initiate_login_uri"
        " (Initiate login uri, must be https)."
    )
    assert refused(answer) == (400, told, "invalid_body")
    order = {"initiate_login_uri": "http://localhost:3000/login"}
    assert setup.api("PATCH", f"/clients/{client_id}", order).status_code == 200


@contract("§1.3", "a grant decides which scopes a token has; without one there is no token")
def test_a_grant_decides_about_the_token(setup: TenantClient) -> None:
    """Narrowed, taken away, and given again."""
    environment = setup.tenant.environment
    client_id = environment["AUTH0_MANAGEMENT_CLIENT_ID"]
    (grant,) = setup.api("GET", f"/client-grants?client_id={client_id}").json()
    assert "create:users" in grant["scope"]
    running = {
        "client_id": client_id,
        "client_secret": environment["AUTH0_MANAGEMENT_CLIENT_SECRET"],
    }

    setup.api("PATCH", f"/client-grants/{grant['id']}", {"scope": ["read:users"]})
    assert setup.token_request(**running).json()["scope"] == "read:users"
    assert setup.api("DELETE", f"/client-grants/{grant['id']}").status_code == 204
    assert setup.token_request(**running).status_code == 403
    order = {"client_id": client_id, "audience": f"{setup.url}/api/v2/", "scope": ["read:users"]}
    assert setup.api("POST", "/client-grants", order).status_code == 201
    assert setup.api("POST", "/client-grants", order).status_code == 409
    assert setup.token_request(**running).status_code == 200


@pytest.mark.parametrize("more", [{}, {"app_type": "regular_web"}, {"app_type": "non_interactive"}])
def test_a_new_application_that_keeps_a_secret_may_get_tokens(
    setup: TenantClient, more: dict[str, str]
) -> None:
    """Without `grant_types`, as at Auth0, once there is a client grant."""
    client = setup.api("POST", "/clients", {"name": "Third", **more}).json()
    order = {"client_id": client["client_id"], "audience": f"{setup.url}/api/v2/"}
    assert setup.api("POST", "/client-grants", order).status_code == 201
    own = {name: client[name] for name in ("client_id", "client_secret")}
    assert setup.token_request(**own).status_code == 200


def test_the_scopes_that_exist_can_be_read(setup: TenantClient) -> None:
    """Of the one API here, by either name."""
    (api,) = setup.api("GET", "/resource-servers").json()

    assert api["identifier"] == f"{setup.url}/api/v2/"
    assert "create:user_tickets" in [scope["value"] for scope in api["scopes"]]
    assert setup.api("GET", f"/resource-servers/{api['id']}").json() == api


@contract("§2.1", "GET /connections/{id}: 404 `inexistent_connection`, 400 `invalid_uri`")
def test_the_connection_is_read_and_changed(setup: TenantClient) -> None:
    """Its options are replaced whole."""
    (connection,) = setup.api("GET", f"/connections?name={CONNECTION}&strategy=auth0").json()
    path = f"/connections/{connection['id']}"

    setup.api("PATCH", path, {"options": {"disable_signup": True}})

    assert setup.api("GET", path).json()["options"] == {"disable_signup": True}
    assert setup.api("GET", "/connections?name=other").json() == []
    unknown = setup.api("GET", "/connections/con_0000000000000000")
    assert refused(unknown) == (404, "The connection does not exist", "inexistent_connection")
    assert refused(setup.api("GET", "/connections/7"))[::2] == (400, "invalid_uri")


@contract("§2.1", "the connection's password policy counts at POST /users and on the pages")
@pytest.mark.parametrize(
    ("options", "refused_one", "taken"),
    [
        ({"passwordPolicy": "none"}, "", "x"),
        ({"passwordPolicy": "low"}, "sh0rt", "longer"),
        ({"passwordPolicy": "fair"}, "lower4711", "Lower4711"),
        ({"passwordPolicy": "good"}, "lower4711", "lower-4711"),
        ({"passwordPolicy": "excellent"}, "Looonger-4711", "Loonger-4711"),
        ({"passwordPolicy": "low", "password_complexity_options": {"min_length": 9}}, "eight-of", "nine-of-9"),
        ({"password_options": {"complexity": {"min_length": 12}}}, "Lower-4711", "Lower-471142"),
    ],
)  # fmt: skip
def test_a_password_meets_the_policy_of_the_connection(
    setup: TenantClient, options: dict[str, Any], refused_one: str, taken: str
) -> None:
    """Each policy, and each way of asking for a longer password."""
    (connection,) = setup.api("GET", "/connections").json()
    setup.api("PATCH", f"/connections/{connection['id']}", {"options": options})
    ticket = setup.create_ticket(setup.create_user()["user_id"])

    order = {"connection": CONNECTION, "email": "bea@example.com"}
    assert setup.api("POST", "/users", {**order, "password": refused_one}).status_code == 400
    assert "Password is too weak" in setup.set_password(ticket, refused_one).text
    assert "Password is too weak" not in setup.set_password(ticket, taken).text
    assert setup.api("POST", "/users", {**order, "password": taken}).status_code == 201


@pytest.mark.parametrize(
    "options", [{"passwordPolicy": "strict"}, {"password_history": {"enable": True, "size": 5}}]
)
def test_a_rule_for_passwords_that_is_not_built_is_refused(
    setup: TenantClient, options: dict[str, Any]
) -> None:
    """Rather than taken and not acted upon."""
    (connection,) = setup.api("GET", "/connections").json()
    answer = setup.api("PATCH", f"/connections/{connection['id']}", {"options": options})
    assert refused(answer)[::2] == (404, "not_supported_by_local_tenant")


# --- how the tenant presents itself


@contract("§6.1", "PATCH /tenants/settings answers with all settings; null takes one back")
def test_settings_are_changed(setup: TenantClient) -> None:
    """The password page among them."""
    page = {"enabled": True, "html": "<h1>Hello</h1>"}

    changed = setup.api("PATCH", "/tenants/settings", {"change_password": page}).json()

    assert changed["change_password"] == page
    assert changed["friendly_name"] == "Acme"
    back = setup.api("PATCH", "/tenants/settings", {"change_password": None}).json()
    assert back["change_password"]["enabled"] is False
    odd = setup.api("PATCH", "/tenants/settings", {"change_password": {"page": ""}})
    assert refused(odd)[2] == "invalid_body"
    http = setup.api("PATCH", "/tenants/settings", {"default_redirection_uri": "http://a.test"})
    assert refused(http)[2] == "invalid_body"


@contract("§6.2", "the experience is `new` or `classic`")
def test_the_experience_is_switched(setup: TenantClient) -> None:
    """And a ticket's address follows."""
    assert setup.api("GET", "/prompts").json()["universal_login_experience"] == "classic"
    user_id = setup.create_user()["user_id"]
    assert "/lo/reset?ticket=" in setup.create_ticket(user_id)

    setup.api("PATCH", "/prompts", {"universal_login_experience": "new"})

    assert "/u/reset-" in setup.create_ticket(user_id)
    odd = setup.api("PATCH", "/prompts", {"universal_login_experience": "old"})
    told = (
        "Payload validation error: 'No enum match for: old' on property"
        " universal_login_experience (Which login experience to use)."
    )
    assert refused(odd) == (400, told, "invalid_body")


@contract("§6.2", "custom texts replace all of that prompt and language; `{}` takes them back")
def test_texts_are_replaced(setup: TenantClient) -> None:
    """By prompt and language."""
    path = "/prompts/reset-password/custom-text/en"
    first = {"reset-password": {"title": "Welcome", "buttonText": "Go"}}
    second = {"reset-password": {"title": "Hello"}}
    setup.api("PUT", path, first)

    assert setup.api("PUT", path, second).json() == second

    assert setup.api("GET", path).json() == second
    assert setup.api("GET", "/prompts/reset-password/custom-text/de").json() == {}
    setup.api("PUT", path, {})
    assert setup.api("GET", path).json() == {}
    assert refused(setup.api("PUT", path, {"reset-password": "x"}))[2] == "invalid_body"
    odd = setup.api("GET", "/prompts/nothing/custom-text/en")
    assert refused(odd)[::2] == (400, "invalid_uri")


# --- what Auth0 takes and the local tenant does not


@pytest.mark.parametrize(
    ("method", "path", "body", "told"),
    [
        ("PATCH", "/clients/{client}", {"mobile": {}}, "the property mobile"),
        ("POST", "/clients", {"name": "x", "addons": {}}, "the property addons"),
        (
            "POST",
            "/clients",
            {"name": "x", "app_type": "resource_server"},
            "resource_server as app_type",
        ),
        (
            "PATCH",
            "/connections/{connection}",
            {"authentication": {"active": True}},
            "the property authentication",
        ),
        ("PATCH", "/tenants/settings", {"device_flow": {}}, "the property device_flow"),
        ("PATCH", "/users/{user}", {"verify_password": True}, "the property verify_password"),
        (
            "POST",
            "/client-grants",
            {"client_id": "x", "audience": "x", "organization_usage": "deny"},
            "the property organization_usage",
        ),
    ],
)
def test_what_is_not_built_is_no_mistake_of_the_caller(
    setup: TenantClient, method: str, path: str, body: dict[str, Any], told: str
) -> None:
    """Not the 400 of what Auth0 refuses as well."""
    known = {
        "client": setup.api("GET", "/clients").json()[0]["client_id"],
        "connection": setup.api("GET", "/connections").json()[0]["id"],
        "user": setup.create_user()["user_id"],
    }
    answer = setup.api(method, path.format(**known), body)
    told = f"The local tenant does not implement {told}"
    assert refused(answer) == (404, told, "not_supported_by_local_tenant")


# --- scopes


@contract("§1.5", "each call wants its scope, and says which")
@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/roles", "read:roles"),
        ("GET", "/logs", "read:logs,read:logs_users"),
        ("GET", "/tenants/settings", "read:tenant_settings"),
        ("PATCH", "/tenants/settings", "update:tenant_settings"),
        ("GET", "/prompts", "read:prompts"),
        ("PUT", "/prompts/login/custom-text/en", "update:prompts"),
        ("GET", "/email-templates/reset_email", "read:email_templates"),
        ("POST", "/email-templates", "create:email_templates"),
        ("PATCH", "/email-templates/reset_email", "update:email_templates"),
        ("GET", "/emails/provider", "read:email_provider"),
        ("DELETE", "/emails/provider", "delete:email_provider"),
        ("GET", "/clients", "read:clients,read:client_keys"),
        ("GET", "/client-grants", "read:client_grants"),
        ("GET", "/connections", "read:connections"),
        ("DELETE", "/users/x", "delete:users"),
        ("POST", "/users/x/roles", "update:users,create:role_members"),
        ("POST", "/tickets/password-change", "create:user_tickets"),
    ],
)
def test_a_call_wants_its_scope(setup: TenantClient, method: str, path: str, scope: str) -> None:
    """A token that may do nothing but that which the call is not about."""
    token = setup.token_request(scope="update:client_grants").json()["access_token"]

    answer = setup.api(method, path, {}, token=token)

    told = f"Insufficient scope, expected any of: {scope}"
    assert refused(answer) == (403, told, "insufficient_scope")


@contract("§1.5", "`update:users_app_metadata` alone is for `app_metadata`")
def test_a_token_for_metadata_changes_nothing_else(setup: TenantClient) -> None:
    """The call is open to it, the rest of the user is not."""
    path = f"/users/{setup.create_user()['user_id']}"
    token = setup.token_request(scope="update:users_app_metadata").json()["access_token"]

    assert setup.api("PATCH", path, {"app_metadata": {"a": 1}}, token=token).status_code == 200

    told = refused(setup.api("PATCH", path, {"blocked": True}, token=token))
    assert told == (403, "Insufficient scope, expected any of: update:users", "insufficient_scope")


def test_what_was_configured_outlives_a_restart(tmp_path: Path) -> None:
    """Also where the seeded application was changed."""
    config = TenantConfig(database=tmp_path / "tenant.db", port=0, smtp_port=0, control=True)
    change = {"callbacks": ["https://app.example/cb"]}
    with serve(config) as running:
        client_id = running.environment["AUTH0_CLIENT_ID"]
        TenantClient(running).configure("PATCH", f"/clients/{client_id}", change)
        TenantClient(running).configure("PATCH", "/prompts", {"universal_login_experience": "new"})

    with serve(config) as again:
        assert (
            TenantClient(again).configure("GET", f"/clients/{client_id}").json()["callbacks"]
            == (change["callbacks"])
        )
        experience = (
            TenantClient(again).configure("GET", "/prompts").json()["universal_login_experience"]
        )

    assert experience == "new"


def test_a_reset_forgets_what_was_configured(setup: TenantClient) -> None:
    """Applications go back to what they were, and new ones go."""
    client_id = setup.tenant.environment["AUTH0_CLIENT_ID"]
    setup.api("PATCH", f"/clients/{client_id}", {"name": "Other", "description": "x"})
    setup.api("POST", "/clients", {"name": "Third"})
    setup.api("PATCH", "/tenants/settings", {"friendly_name": "Other"})

    setup.control("POST", "/reset")

    clients = setup.api("GET", "/clients").json()
    names = [each["name"] for each in clients]
    assert names == ["Acme", "Acme (Management API)", "Acme (setup)"]
    assert "description" not in clients[0]
    assert setup.api("GET", "/tenants/settings").json()["friendly_name"] == "Acme"
