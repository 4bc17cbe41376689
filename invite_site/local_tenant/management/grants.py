"""`/client-grants` and `/resource-servers`: the scopes of applications.

The Management API is the only resource server, so an application has one grant or none.
"""

import hashlib
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue

from ..store.clients import MANAGEMENT_SCOPES, Client
from ..tenant import Tenant, current_tenant
from .call import call, listed_whole, sent_body
from .clients import known_client
from .schema import ApiError, Field, not_built_fields, required


def _grant_id(client: Client) -> str:
    return "cgr_" + hashlib.sha256(client.client_id.encode()).hexdigest()[:16]


def _grant(tenant: Tenant, client: Client) -> dict[str, Any]:
    return {
        "id": _grant_id(client),
        "client_id": client.client_id,
        "audience": tenant.management_audience,
        "scope": (client.management_scope or "").split(),
        "subject_type": "client",
    }


def _clients_with_grant(tenant: Tenant) -> list[Client]:
    return [each for each in tenant.clients.all() if each.management_scope is not None]


def _client_of_grant(grant_id: str) -> Client:
    clients = (
        each for each in _clients_with_grant(current_tenant()) if _grant_id(each) == grant_id
    )
    return required(
        next(clients, None), "The client grant does not exist.", "inexistent_client_grant"
    )


_SCOPE = Field("array", "Scopes allowed for this client grant", items=Field("string", "", 1))
_NOT_BUILT = not_built_fields(
    "organization_usage allow_any_organization authorization_details_types allow_all_scopes"
)
_GRANT_FIELDS = _NOT_BUILT | {
    "client_id": Field("string", "ID of the client", 1),
    "audience": Field("string", "The audience (API identifier) of this client grant", 1),
    "scope": _SCOPE,
    "subject_type": Field("string", "The type of application access", choices=("client", "user")),
}


@call("GET", "/client-grants", "read:client_grants")
def list_grants() -> ResponseReturnValue:
    """Grants, of one `client_id` or `audience` where asked for."""
    tenant = current_tenant()
    wanted = {
        name: request.args[name] for name in ("client_id", "audience") if name in request.args
    }
    found = [
        grant
        for grant in (_grant(tenant, each) for each in _clients_with_grant(tenant))
        if all(grant[name] == value for name, value in wanted.items())
    ]
    return listed_whole("client_grants", found)


@call("POST", "/client-grants", "create:client_grants", log="Create a client grant")
def create_grant() -> ResponseReturnValue:
    """201 with the grant; 409 where the application has one."""
    tenant, body = current_tenant(), sent_body(_GRANT_FIELDS, ("client_id", "audience"))
    client = known_client(body["client_id"])
    if body["audience"] != tenant.management_audience:
        raise ApiError(404, "The resource server does not exist.", "inexistent_resource_server")
    if client.management_scope is not None:
        raise ApiError(409, "A resource with that client and audience already exists.")
    return _set_scope(tenant, client, body.get("scope", [])), 201


def _set_scope(tenant: Tenant, client: Client, scope: list[str]) -> dict[str, Any]:
    tenant.clients.change_one(client.client_id, management_scope=" ".join(scope))
    return _grant(tenant, known_client(client.client_id))


@call("PATCH", "/client-grants/<grant_id>", "update:client_grants", log="Update a client grant")
def change_grant(grant_id: str) -> ResponseReturnValue:
    """200 with the grant."""
    tenant, client = current_tenant(), _client_of_grant(grant_id)
    body = sent_body(_NOT_BUILT | {"scope": _SCOPE})
    return _set_scope(tenant, client, body.get("scope", (client.management_scope or "").split()))


@call("DELETE", "/client-grants/<grant_id>", "delete:client_grants", log="Delete a client grant")
def delete_grant(grant_id: str) -> ResponseReturnValue:
    """204."""
    current_tenant().clients.change_one(_client_of_grant(grant_id).client_id, management_scope=None)
    return "", 204


def _management_api(tenant: Tenant) -> dict[str, Any]:
    return {
        "id": "management",
        "name": "Auth0 Management API",
        "identifier": tenant.management_audience,
        "is_system": True,
        "token_lifetime": 86400,
        "scopes": [{"value": each, "description": each} for each in sorted(MANAGEMENT_SCOPES)],
    }


@call("GET", "/resource-servers", "read:resource_servers")
def list_apis() -> ResponseReturnValue:
    """The Management API is the only one."""
    return listed_whole("resource_servers", [_management_api(current_tenant())])


@call("GET", "/resource-servers/<path:api_id>", "read:resource_servers")
def get_api(api_id: str) -> ResponseReturnValue:
    """By id or by identifier."""
    api = _management_api(current_tenant())
    if api_id not in (api["id"], api["identifier"]):
        raise ApiError(404, "The resource server does not exist.", "inexistent_resource_server")
    return api
