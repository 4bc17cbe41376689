"""`/roles` and `/users/{id}/roles`."""

from flask import request
from flask.typing import ResponseReturnValue

from ..store.documents import Document
from ..tenant import current_tenant
from .call import call, listed_page, sent_body
from .schema import Field, required
from .users import known_user

_FIELDS = {
    "name": Field("string", "Name of the role", 1),
    "description": Field("string", "Description of the role", nullable=True),
}
_ROLE_IDS = {
    "roles": Field("array", "List of roles IDs", 1, items=Field("string", "", 1)),
}


def _known(role_id: str) -> Document:
    return required(current_tenant().roles.get(role_id), "The role does not exist.")


@call("GET", "/roles", "read:roles")
def list_roles() -> ResponseReturnValue:
    """A page of roles; `name_filter` wants a part of the name."""
    wanted = request.args.get("name_filter", "").lower()
    roles = current_tenant().roles.all()
    return listed_page("roles", [each for each in roles if wanted in each["name"].lower()])


@call("POST", "/roles", "create:roles", log="Create a role")
def create_role() -> ResponseReturnValue:
    """200 with the role."""
    body = sent_body(_FIELDS, ("name",))
    return current_tenant().roles.create(body["name"], body.get("description") or "")


@call("GET", "/roles/<role_id>", "read:roles")
def get_role(role_id: str) -> ResponseReturnValue:
    """200 with the role."""
    return _known(role_id)


@call("PATCH", "/roles/<role_id>", "update:roles", log="Update a role")
def change_role(role_id: str) -> ResponseReturnValue:
    """200 with the role."""
    return current_tenant().roles.change(_known(role_id), sent_body(_FIELDS))


@call("DELETE", "/roles/<role_id>", "delete:roles", log="Delete a role")
def delete_role(role_id: str) -> ResponseReturnValue:
    """200, as documented; an unknown one is a 404."""
    current_tenant().roles.delete(_known(role_id)["id"])
    return {}


@call("GET", "/users/<user_id>/roles", "read:users", "read:roles", "read:role_members")
def roles_of_user(user_id: str) -> ResponseReturnValue:
    """A page of the user's roles."""
    return listed_page("roles", current_tenant().roles.of(known_user(user_id).user_id))


@call(
    "POST",
    "/users/<user_id>/roles",
    "update:users",
    "create:role_members",
    log="Assign roles to a user",
)
def assign_roles(user_id: str) -> ResponseReturnValue:
    """204; all roles are known, or none is given."""
    user, role_ids = known_user(user_id), sent_body(_ROLE_IDS, ("roles",))["roles"]
    current_tenant().roles.assign(user.user_id, [_known(each)["id"] for each in role_ids])
    return "", 204


@call(
    "DELETE",
    "/users/<user_id>/roles",
    "update:users",
    "delete:role_members",
    log="Remove roles from a user",
)
def remove_roles(user_id: str) -> ResponseReturnValue:
    """204."""
    user, role_ids = known_user(user_id), sent_body(_ROLE_IDS, ("roles",))["roles"]
    current_tenant().roles.remove(user.user_id, role_ids)
    return "", 204
