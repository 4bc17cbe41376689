"""`/tickets/password-change`: the link to set a password."""

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from flask.typing import ResponseReturnValue

from ..experience import ticket_url
from ..store.users import User
from ..tenant import Tenant, current_tenant
from .call import call, sent_body
from .clients import known_client
from .schema import ApiError, Field, invalid_body, invalid_property, required
from .users import NO_SUCH_USER, known_user

# Ten years: Auth0's own maximum is not documented (ours).
_LONGEST_SECONDS = 315_360_000

_FIELDS = {
    "user_id": Field("string", "user_id of for whom the ticket should be created", 1),
    "email": Field("string", "Email address of the user", 1, format="email"),
    "connection_id": Field("string", "ID of the connection", 1),
    "result_url": Field(
        "string", "URL the user will be redirected to once ticket is used", format="url"
    ),
    "client_id": Field("string", "ID of the client", 1),
    "organization_id": Field("string", "ID of the organization", 1),
    "ttl_sec": Field(
        "integer",
        "Number of seconds this ticket will be valid before expiring",
        least=0,
        most=_LONGEST_SECONDS,
    ),
    "mark_email_as_verified": Field(
        "boolean", "Whether to set the email_verified attribute to true"
    ),
    "includeEmailInRedirect": Field(
        "boolean", "Whether to include the email address in the redirect"
    ),
}


@call(
    "POST",
    "/tickets/password-change",
    "create:user_tickets",
    log="Create a password change ticket",
)
def create_ticket() -> ResponseReturnValue:
    """201 with `ticket`, an address that ends in a bare `#`."""
    tenant = current_tenant()
    body = sent_body(_FIELDS)
    _check(tenant, body)
    user = _requested_user(tenant, body)
    code = tenant.tickets.create(
        user,
        ttl_seconds=body.get("ttl_sec", 0),
        result_url=body.get("result_url"),
        client_id=body.get("client_id"),
        mark_email_as_verified=body.get("mark_email_as_verified", False),
        include_email=body.get("includeEmailInRedirect", tenant.switches["include_email_default"]),
    )
    tenant.issued.record("tickets", code)
    return {"ticket": ticket_url(tenant, code)}, 201


def _check(tenant: Tenant, body: dict[str, Any]) -> None:
    """Which properties go together. Auth0's texts for these are not established: ours."""
    exclusive = [
        ("result_url", "organization_id"),
        ("connection_id", "user_id"),
        ("email", "user_id"),
    ]
    if tenant.switches["result_url_with_client_id"] == "refuse":
        exclusive.insert(0, ("result_url", "client_id"))
    for one, other in exclusive:
        if one in body and other in body:
            raise invalid_body(f"Cannot specify {one} with {other}")
    for one, other in (("email", "connection_id"), ("connection_id", "email")):
        if one in body and other not in body:
            raise invalid_body(f"Missing required property: {other}")
    if "user_id" not in body and "email" not in body:
        raise invalid_body("Missing required property: user_id")
    if "client_id" in body:
        known_client(body["client_id"])
    if "result_url" in body:
        _check_result_url(tenant, body["result_url"])


def _check_result_url(tenant: Tenant, url: str) -> None:
    if tenant.switches["ticket_result_url_barred"]:
        text = "Customizations for resultUrl are not allowed for non-enterprise tenants"
        raise ApiError(403, text)
    if tenant.switches["result_url_on_localhost"] == "refuse" and _is_local(url):
        reason = f"Object didn't pass validation for format url: {url}"
        raise invalid_property(reason, _FIELDS["result_url"], "result_url")


def _is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or bool(ipaddress.ip_address(host))
    except ValueError:
        return False


def _requested_user(tenant: Tenant, body: dict[str, Any]) -> User:
    if "user_id" in body:
        return known_user(body["user_id"])
    if body["connection_id"] != tenant.connection.id:
        raise ApiError(404, "The connection does not exist", "inexistent_connection")
    return required(tenant.users.by_email(body["email"].lower()), *NO_SUCH_USER)
