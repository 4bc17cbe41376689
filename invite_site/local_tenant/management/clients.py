"""`/clients`: the applications."""

from dataclasses import replace
from typing import Any

from flask import g, request
from flask.typing import ResponseReturnValue

from ..store.clients import Client
from ..tenant import current_tenant
from .call import call, listed_page, selected, sent_body
from .schema import HTTPS_OR_EMPTY, ApiError, Field, not_built_fields, required

_URLS = Field("array", "", items=Field("string", "", 1))
# Auth0's names of what has a column of its own.
_COLUMNS = {
    "name": "name",
    "callbacks": "callbacks",
    "allowed_logout_urls": "logout_urls",
    "initiate_login_uri": "initiate_login_uri",
    "grant_types": "grant_types",
}
_NOT_BUILT = not_built_fields(
    "oidc_backchannel_logout session_transfer client_aliases allowed_clients encryption_key sso"
    " is_token_endpoint_ip_header_trusted cross_origin_loc custom_login_page_on custom_login_page"
    " custom_login_page_preview form_template addons mobile native_social_login"
    " default_organization organization_usage organization_require_behavior"
    " organization_discovery_methods client_authentication_methods"
    " require_pushed_authorization_requests require_proof_of_possession signed_request_object"
    " compliance_level skip_non_verifiable_callback_uri_confirmation_prompt token_exchange"
    " par_request_expiry token_quota resource_server_identifier express_configuration"
    " async_approval_notification_channels my_organization_configuration"
    " third_party_security_mode redirection_policy"
)
_OTHER_APP_TYPES = frozenset(
    ("resource_server", "express_configuration", "sso_integration", "rms", "box", "cloudbees", "concur",
     "dropbox", "mscrm", "echosign", "egnyte", "newrelic", "office365", "salesforce", "sentry",
     "sharepoint", "slack", "springcm", "zendesk", "zoom")
)  # fmt: skip
# Of a new application that can keep a secret; https://auth0.com/docs/get-started/applications/application-grant-types
_GRANT_TYPES = {
    "regular_web": ["authorization_code", "client_credentials"],
    "non_interactive": ["client_credentials"],
}
_CREATE_FIELDS = _NOT_BUILT | {
    "name": Field("string", "The name of the client", 1),
    "description": Field("string", "Free text description of the purpose of the Client", 0, 140),
    "callbacks": replace(_URLS, description="A set of URLs that are valid to call back from Auth0"),
    "allowed_logout_urls": replace(_URLS, description="URLs that are valid to redirect to"),
    "allowed_origins": replace(_URLS, description="URLs allowed to make requests from JavaScript"),
    "web_origins": replace(_URLS, description="Allowed origins for use with Cross-Origin"),
    "initiate_login_uri": Field(
        "string", "Initiate login uri, must be https", format=HTTPS_OR_EMPTY
    ),
    "grant_types": replace(_URLS, description="A set of grant types that the client may use"),
    "token_endpoint_auth_method": Field(
        "string",
        "Defines the requested authentication method for the token endpoint",
        choices=("none", "client_secret_post", "client_secret_basic"),
    ),
    "app_type": Field(
        "string",
        "The type of application this client represents",
        choices=("native", "spa", "regular_web", "non_interactive"),
        not_built=_OTHER_APP_TYPES,
    ),
    "logo_uri": Field("string", "The URL of the client logo"),
    "client_metadata": Field("object", "Metadata associated with the client"),
    "is_first_party": Field("boolean", "Whether this client a first party client or not"),
    "oidc_conformant": Field("boolean", "Whether this client will conform to OIDC specifications"),
    "sso_disabled": Field("boolean", "true to disable Single Sign On, false otherwise"),
    "cross_origin_authentication": Field("boolean", "Whether cross origin requests are allowed"),
    "jwt_configuration": Field("object", "An object that holds settings related to how JWTs"),
    "oidc_logout": Field("object", "Configuration for OIDC backchannel logout"),
    "refresh_token": Field("object", "Refresh token configuration"),
}
_CHANGE_FIELDS = {
    name: replace(each, nullable=name != "name") for name, each in _CREATE_FIELDS.items()
}


def known_client(client_id: str) -> Client:
    """The application of that id; raises the 404."""
    client = current_tenant().clients.get(client_id)
    return required(client, "The client does not exist", "inexistent_client")


def _shown(client: Client) -> dict[str, Any]:
    """The client as the API shows it, with its secret for the scopes that include it."""
    interactive = "authorization_code" in client.grant_types
    shown: dict[str, Any] = {
        "tenant": current_tenant().tenant_name,
        "global": False,
        "client_id": client.client_id,
        "name": client.name,
        "is_first_party": True,
        "oidc_conformant": True,
        "sso_disabled": False,
        "cross_origin_authentication": False,
        "app_type": "regular_web" if interactive else "non_interactive",
        "callbacks": list(client.callbacks),
        "allowed_logout_urls": list(client.logout_urls),
        "grant_types": list(client.grant_types),
        "token_endpoint_auth_method": "client_secret_post",
        "jwt_configuration": {"alg": "RS256", "lifetime_in_seconds": 36000},
        **client.properties,
    }
    if client.initiate_login_uri:
        shown["initiate_login_uri"] = client.initiate_login_uri
    if {"read:client_keys", "create:clients"} & set(g.granted):
        shown["client_secret"] = client.client_secret
    return shown


def _columns(body: dict[str, Any], client: Client | None = None) -> dict[str, Any]:
    """The columns for a body; null empties one."""
    empty = {"initiate_login_uri": ""}
    columns = {
        column: body[name] if body[name] is not None else empty.get(name, [])
        for name, column in _COLUMNS.items()
        if name in body
    }
    properties = {**(client.properties if client else {}), **body}
    columns["properties"] = {
        name: value
        for name, value in properties.items()
        if name not in _COLUMNS and value is not None
    }
    return columns


@call("GET", "/clients", "read:clients", "read:client_keys")
def list_clients() -> ResponseReturnValue:
    """A page of applications, the oldest first."""
    shown = [_shown(each) for each in current_tenant().clients.all()]
    if request.args.get("is_global") == "true":  # the one for all applications, which is not built
        shown = []
    wanted = [name for name in request.args.get("app_type", "").split(",") if name]
    found = [selected(each) for each in shown if not wanted or each["app_type"] in wanted]
    return listed_page("clients", found)


@call("POST", "/clients", "create:clients", log="Create a client")
def create_client() -> ResponseReturnValue:
    """201 with the application and its secret."""
    tenant, body = current_tenant(), sent_body(_CREATE_FIELDS, ("name",))
    default = _GRANT_TYPES.get(body.get("app_type", "regular_web"), ["authorization_code"])
    body.setdefault("grant_types", default)
    client = tenant.clients.create(body["name"])
    tenant.clients.change_one(client.client_id, **_columns(body))
    tenant.issued.record("client_secrets", client.client_secret)
    return _shown(known_client(client.client_id)), 201


@call("GET", "/clients/<client_id>", "read:clients", "read:client_keys")
def get_client(client_id: str) -> ResponseReturnValue:
    """200 with the application."""
    return selected(_shown(known_client(client_id)))


@call("PATCH", "/clients/<client_id>", "update:clients", log="Update a client")
def change_client(client_id: str) -> ResponseReturnValue:
    """200 with the whole application; metadata merges, the rest replaces."""
    client, body = known_client(client_id), sent_body(_CHANGE_FIELDS)
    if body.get("client_metadata") is not None:
        merged = {**client.properties.get("client_metadata", {}), **body["client_metadata"]}
        kept = {name: value for name, value in merged.items() if value is not None}
        body["client_metadata"] = kept
    current_tenant().clients.change_one(client_id, **_columns(body, client))
    return _shown(known_client(client_id))


@call("DELETE", "/clients/<client_id>", "delete:clients", log="Delete a client")
def delete_client(client_id: str) -> ResponseReturnValue:
    """204, for an unknown id as well; 403 for the seeded ones, which the tenant needs (ours)."""
    tenant = current_tenant()
    client = tenant.clients.get(client_id)
    if client is not None and client.role is not None:
        raise ApiError(403, "The local tenant keeps the applications it was started with.")
    tenant.clients.delete(client_id)
    return "", 204
