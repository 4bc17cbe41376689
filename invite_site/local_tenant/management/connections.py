"""`/connections`: the one database connection, its options, and which applications may use it."""

import re

from flask import request
from flask.typing import ResponseReturnValue

from ..store.documents import Document
from ..store.password_policy import Policy, UnknownPolicy
from ..tenant import current_tenant
from .call import call, listed_whole, selected, sent_body, sent_json
from .schema import (
    ApiError,
    Field,
    check_body,
    invalid_body,
    invalid_path,
    not_built,
    not_built_fields,
)

_FIELDS = not_built_fields("authentication connected_accounts") | {
    "display_name": Field("string", "Connection name used in the new universal login", 1, 128),
    "options": Field("object", "The connection's options", nullable=True),
    "enabled_clients": Field(
        "array", "The identifiers of the clients", items=Field("string", "", 1)
    ),
    "is_domain_connection": Field("boolean", "Whether this is a domain connection"),
    "show_as_button": Field("boolean", "Enables showing a button for the connection"),
    "realms": Field("array", "Defines the realms", items=Field("string", "", 1)),
    "metadata": Field("object", "Metadata associated with the connection"),
}
_ENABLED = {
    "client_id": Field("string", "The client_id of the client", 1),
    "status": Field("boolean", "Whether the connection is enabled or not for this client"),
}


def _known(connection_id: str) -> Document:
    if re.fullmatch(r"con_[A-Za-z0-9]{16}", connection_id) is None:
        text = (
            f"'Object didn't pass validation for format connection-id: {connection_id}'"
            " on property id (The id of the connection)."
        )
        raise invalid_path(text)
    connection = current_tenant().connection
    if connection_id != connection.id:
        raise ApiError(404, "The connection does not exist", "inexistent_connection")
    return connection.get()


@call("GET", "/connections", "read:connections")
def list_connections() -> ResponseReturnValue:
    """Connections, of one `name` or `strategy` where asked for."""
    connection = current_tenant().connection.get()
    strategies = request.args.getlist("strategy") or [connection["strategy"]]
    fits = request.args.get("name", connection["name"]) == connection["name"]
    found = [connection] if fits and connection["strategy"] in strategies else []
    return listed_whole("connections", found)


@call("GET", "/connections/<connection_id>", "read:connections")
def get_connection(connection_id: str) -> ResponseReturnValue:
    """200 with the connection."""
    return selected(_known(connection_id))


@call("PATCH", "/connections/<connection_id>", "update:connections", log="Update a connection")
def change_connection(connection_id: str) -> ResponseReturnValue:
    """200 with the connection; `options` are replaced whole."""
    _known(connection_id)
    body = sent_body(_FIELDS)
    try:
        Policy.of(body.get("options"))
    except UnknownPolicy as unknown:
        raise not_built(f"the password policy {unknown}") from None
    return current_tenant().connection.change(body)


@call("GET", "/connections/<connection_id>/clients", "read:connections")
def clients_of_connection(connection_id: str) -> ResponseReturnValue:
    """The applications that may use it; always an object, in pages by checkpoint."""
    enabled = _known(connection_id)["enabled_clients"]
    return {"clients": [{"client_id": each} for each in enabled]}


@call(
    "PATCH",
    "/connections/<connection_id>/clients",
    "update:connections",
    log="Update enabled clients for a connection",
)
def enable_clients(connection_id: str) -> ResponseReturnValue:
    """204; the applications that are not named stay as they are."""
    _known(connection_id)
    changes = sent_json()
    if not isinstance(changes, list) or not changes:
        raise invalid_body("Expected type array")
    for change in [check_body(each, _ENABLED, tuple(_ENABLED)) for each in changes]:
        current_tenant().connection.enable(change["client_id"], change["status"])
    return "", 204
