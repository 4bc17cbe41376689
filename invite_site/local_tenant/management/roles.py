"""`/roles` and `/users/{id}/roles`."""

from flask import request
from werkzeug.wrappers import Response as AnyResponse

from ..store.documents import Document
from ..tenant import current_tenant
from .call import answer, asked_page, call, listed, nothing, sent_body
from .schema import ApiError, Field
from .users import known_user

_FIELDS = {
    "name": Field("string", "Name of the role", 1),
    "description": Field("string", "Description of the role", nullable=True),
}
_ROLE_IDS = {
    "roles": Field("array", "List of roles IDs", 1, items=Field("string", "", 1)),
}


def _known(role_id: str) -> Document:
    role = current_tenant().roles.get(role_id)
    if role is None:
        raise ApiError(404, "The role does not exist.")
    return role


def _page_of(roles: list[Document]) -> AnyResponse:
    page = asked_page()
    return listed("roles", roles[page.start : page.start + page.size], len(roles), page)


@call("GET", "/roles", "read:roles")
def list_roles() -> AnyResponse:
    """A page of roles; `name_filter` wants a part of the name."""
    wanted = request.args.get("name_filter", "").lower()
    return _page_of(
        [each for each in current_tenant().roles.all() if wanted in each["name"].lower()]
    )


@call("POST", "/roles", "create:roles", does="Create a role")
def create_role() -> AnyResponse:
    """200 with the role."""
    body = sent_body(_FIELDS, ("name",))
    return answer(current_tenant().roles.create(body["name"], body.get("description") or ""))


@call("GET", "/roles/<role_id>", "read:roles")
def get_role(role_id: str) -> AnyResponse:
    """200 with the role."""
    return answer(_known(role_id))


@call("PATCH", "/roles/<role_id>", "update:roles", does="Update a role")
def change_role(role_id: str) -> AnyResponse:
    """200 with the role."""
    return answer(current_tenant().roles.change(_known(role_id), sent_body(_FIELDS)))


@call("DELETE", "/roles/<role_id>", "delete:roles", does="Delete a role")
def delete_role(role_id: str) -> AnyResponse:
    """200, as documented; an unknown one is a 404."""
    current_tenant().roles.delete(_known(role_id)["id"])
    return answer({})


@call("GET", "/users/<user_id>/roles", "read:users", "read:roles", "read:role_members")
def roles_of_user(user_id: str) -> AnyResponse:
    """A page of the user's roles."""
    return _page_of(current_tenant().roles.of(known_user(user_id).user_id))


@call(
    "POST",
    "/users/<user_id>/roles",
    "update:users",
    "create:role_members",
    does="Assign roles to a user",
)
def assign_roles(user_id: str) -> AnyResponse:
    """204; all roles are known, or none is given."""
    user, role_ids = known_user(user_id), sent_body(_ROLE_IDS, ("roles",))["roles"]
    current_tenant().roles.assign(user.user_id, [_known(each)["id"] for each in role_ids])
    return nothing()


@call(
    "DELETE",
    "/users/<user_id>/roles",
    "update:users",
    "delete:role_members",
    does="Remove roles from a user",
)
def remove_roles(user_id: str) -> AnyResponse:
    """204."""
    user, role_ids = known_user(user_id), sent_body(_ROLE_IDS, ("roles",))["roles"]
    current_tenant().roles.remove(user.user_id, role_ids)
    return nothing()
