"""`/users` and `/users-by-email`: the users of the connection."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import g, request
from flask.typing import ResponseReturnValue

from ..config import CONNECTION
from ..pages.verify_email import send_verification_mail
from ..store.users import PROFILE_FIELDS, User, UserExists
from ..tenant import Tenant, current_tenant
from .call import (
    MOST_RESULTS,
    asked_page,
    call,
    insufficient_scope,
    invalid_query,
    listed,
    searched,
    selected,
    sent_body,
)
from .schema import ApiError, Field, invalid_body, not_built_fields, required

_FIELDS = {
    "connection": Field("string", "Name of the connection this user should be created in", 1),
    "email": Field("string", "The user's email", 1, format="email"),
    "password": Field("string", "Initial password for this user", 1),
    "email_verified": Field("boolean", "Whether this email address is verified"),
    "verify_email": Field("boolean", "Whether the user will receive a verification email"),
    "given_name": Field("string", "The user's given name(s)", 1, 150),
    "family_name": Field("string", "The user's family name(s)", 1, 150),
    "name": Field("string", "The user's full name", 1, 300),
    "nickname": Field("string", "The user's nickname", 1, 300),
    "picture": Field("string", "A URI pointing to the user's picture", format="uri"),
    "username": Field("string", "The user's username", 1, 128),
    "phone_number": Field("string", "The user's phone number", 1),
    "phone_verified": Field("boolean", "Whether this phone number has been verified"),
    "blocked": Field("boolean", "Whether this user was blocked by an administrator"),
    "app_metadata": Field(
        "object", "Data related to the user that does affect the application's core"
    ),
    "user_metadata": Field(
        "object", "Data related to the user that does not affect the application's core"
    ),
}
_CREATE_FIELDS = {**_FIELDS, "user_id": Field("string", "The external user's id", 1, 255)}
_UNSETTABLE = frozenset(
    ("given_name", "family_name", "name", "nickname", "picture", "app_metadata", "user_metadata")
)
_CHANGE_FIELDS = {
    name: replace(each, nullable=name in _UNSETTABLE) for name, each in _FIELDS.items()
} | {"client_id": Field("string", "Auth0 client ID", 1)}
_CHANGE_FIELDS |= not_built_fields("verify_phone_number verify_password")
# Auth0 reserves these names (documentation of user metadata).
_RESERVED_METADATA = frozenset(
    ("__tenant", "_id", "blocked", "clientID", "created_at", "email", "email_verified", "globalClientID",
     "global_client_id", "identities", "lastIP", "lastLogin", "loginsCount", "metadata", "multifactor",
     "multifactor_last_modified", "updated_at", "user_id")
)  # fmt: skip


NO_SUCH_USER = ("The user does not exist.", "inexistent_user")


def known_user(user_id: str) -> User:
    """The user of that id; raises the 404."""
    return required(current_tenant().users.get(user_id), *NO_SUCH_USER)


@call("POST", "/users", "create:users", log="Create a User")
def create_user() -> ResponseReturnValue:
    """201 with the user; 409 where the address is taken."""
    tenant = current_tenant()
    body = sent_body(_CREATE_FIELDS, ("connection",))
    _check(tenant, body, ("email", "password"))
    if any(each.isspace() for each in body.get("user_id", "")):
        raise invalid_body("user_id may not contain spaces")
    about = {"body": {"email": body["email"].lower(), "connection": CONNECTION}}
    try:
        user = tenant.users.create(
            body["email"],
            body["password"],
            requested_id=body.get("user_id"),
            email_verified=body.get("email_verified", False),
            blocked=body.get("blocked"),
            profile=_profile(tenant, body),
            app_metadata=body.get("app_metadata"),
            user_metadata=body.get("user_metadata"),
        )
    except UserExists as error:
        taken = "The user already exists."
        tenant.logs.write("fs", taken, user_name=body["email"].lower(), details=about)
        raise ApiError(409, taken, "auth0_idp_error") from error
    tenant.logs.write("ss", user=user, details=about)
    if not user.email_verified and body.get("verify_email") is not False:
        send_verification_mail(tenant, user)
    return user.as_api(), 201


@call("GET", "/users", "read:users")
def list_users() -> ResponseReturnValue:
    """A page of users, oldest first unless `sort` says otherwise; `q` searches them."""
    tenant, page, query = current_tenant(), asked_page(MOST_RESULTS), request.args.get("q", "")
    if not query.strip() and not request.args.get("sort"):
        users = [selected(user.as_api()) for user in tenant.users.page(page.start, page.size)]
        return listed("users", users, min(tenant.users.count(), MOST_RESULTS), page)
    return searched("users", [user.as_api() for user in tenant.users.page(0, -1)], query)


@call("GET", "/users-by-email", "read:users")
def users_by_email() -> ResponseReturnValue:
    """An array; the address is compared as it is stored, in lower case."""
    email = request.args.get("email")
    if not email:
        raise invalid_query("'Missing required property: email'.")
    user = current_tenant().users.by_email(email)
    return [selected(user.as_api())] if user else []


@call("GET", "/users/<user_id>", "read:users")
def get_user(user_id: str) -> ResponseReturnValue:
    """200 with the user."""
    return selected(known_user(user_id).as_api())


@call(
    "PATCH",
    "/users/<user_id>",
    "update:users",
    "update:users_app_metadata",
    log="Update a User",
)
def change_user(user_id: str) -> ResponseReturnValue:
    """200 with the whole user; a changed password leaves tickets alone."""
    tenant = current_tenant()
    body = sent_body(_CHANGE_FIELDS)
    if "update:users" not in g.granted and set(body) != {"app_metadata"}:
        raise insufficient_scope("update:users")
    _check(tenant, body, ())
    try:
        user = tenant.users.update(user_id, body)
    except UserExists as error:
        text = "The specified new email already exists"
        raise ApiError(400, text, "auth0_idp_error") from error
    return required(user, *NO_SUCH_USER).as_api()


@call("DELETE", "/users/<user_id>", "delete:users", log="Delete a User")
def delete_user(user_id: str) -> ResponseReturnValue:
    """204, for an unknown id as well."""
    tenant = current_tenant()
    user = tenant.users.get(user_id)
    tenant.users.delete(user_id)
    if user is not None:
        tenant.logs.write("sdu", user=user)
    return "", 204


def _check(tenant: Tenant, body: dict[str, Any], required: tuple[str, ...]) -> None:
    """The rules of a user that are not in the schema."""
    if body.get("connection", CONNECTION) != CONNECTION:
        status = tenant.switches["unknown_connection_status"]
        raise ApiError(status, "The connection does not exist", "inexistent_connection")
    for name in required:
        if name not in body:
            raise invalid_body(f"Missing required property: {name}")
    reserved = sorted(_RESERVED_METADATA & set(body.get("app_metadata") or {}))
    if reserved:
        raise invalid_body(f"Invalid property name in app_metadata: {reserved[0]}")
    policy = tenant.connection.password_policy
    if "password" in body and not policy.check(body["password"]).is_good:
        raise ApiError(400, "PasswordStrengthError: Password is too weak")


def _profile(tenant: Tenant, body: Mapping[str, Any]) -> dict[str, Any]:
    profile = {name: body[name] for name in PROFILE_FIELDS if name in body}
    if tenant.switches["plus_in_nickname"] == "cut":
        local_part = body["email"].lower().partition("@")[0]
        profile.setdefault("nickname", local_part.partition("+")[0])
    return profile
