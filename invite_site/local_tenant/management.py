"""The Management API: users and password change tickets, as the contract has them."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

from flask import Blueprint, Response, jsonify, request
from werkzeug.wrappers import Response as AnyResponse

from .config import CONNECTION
from .keys import InvalidToken
from .payload import ApiError, Field, check_body, invalid_body
from .policy import judge
from .state import State, current_state
from .users import PROFILE_FIELDS, User, UserExists

blueprint = Blueprint("management", __name__, url_prefix="/api/v2")

P = ParamSpec("P")

_USER_FIELDS = {
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
_CREATE_FIELDS = {**_USER_FIELDS, "user_id": Field("string", "The external user's id", 1, 255)}
_UNSETTABLE = (
    "given_name",
    "family_name",
    "name",
    "nickname",
    "picture",
    "app_metadata",
    "user_metadata",
)
_CHANGE_FIELDS = {
    name: Field(
        each.type,
        each.description,
        each.shortest,
        each.longest,
        each.format,
        nullable=name in _UNSETTABLE,
    )
    for name, each in _USER_FIELDS.items()
} | {"client_id": Field("string", "Auth0 client ID", 1)}
_TICKET_FIELDS = {
    "user_id": Field("string", "user_id of for whom the ticket should be created", 1),
    "email": Field("string", "Email address of the user", 1, format="email"),
    "connection_id": Field("string", "ID of the connection", 1),
    "result_url": Field(
        "string", "URL the user will be redirected to once ticket is used", format="url"
    ),
    "client_id": Field("string", "ID of the client", 1),
    "organization_id": Field("string", "ID of the organization", 1),
    "ttl_sec": Field(
        "integer", "Number of seconds this ticket will be valid before expiring", least=0
    ),
    "mark_email_as_verified": Field(
        "boolean", "Whether to set the email_verified attribute to true"
    ),
    "includeEmailInRedirect": Field(
        "boolean", "Whether to include the email address in the redirect"
    ),
}
# Auth0 keeps these names for itself (documentation of user metadata).
_RESERVED_METADATA = frozenset(
    ("__tenant", "_id", "blocked", "clientID", "created_at", "email", "email_verified", "globalClientID",
     "global_client_id", "identities", "lastIP", "lastLogin", "loginsCount", "metadata", "multifactor",
     "multifactor_last_modified", "updated_at", "user_id")
)  # fmt: skip


@blueprint.errorhandler(ApiError)
def _refused(error: ApiError) -> AnyResponse:
    response = jsonify(error.body)
    response.status_code = error.status
    return response


@blueprint.after_request
def _charset(response: Response) -> Response:
    if response.mimetype == "application/json":
        response.content_type = "application/json; charset=utf-8"
    return response


def _needs(*scopes: str) -> Callable[[Callable[P, AnyResponse]], Callable[P, AnyResponse]]:
    """A call that wants a valid token with one of these scopes."""

    def wrap(view: Callable[P, AnyResponse]) -> Callable[P, AnyResponse]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> AnyResponse:
            granted = str(_token_claims(current_state()).get("scope", "")).split()
            if not any(scope in granted for scope in scopes):
                expected = ",".join(scopes)
                raise ApiError(
                    403, f"Insufficient scope, expected any of: {expected}", "insufficient_scope"
                )
            return view(*args, **kwargs)

        return guarded

    return wrap


def _unauthorized(message: str) -> ApiError:
    return ApiError(401, message, attributes={"error": message})


def _token_claims(state: State) -> dict[str, Any]:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if not token or kind.lower() != "bearer":
        raise _unauthorized("Missing authentication")
    try:
        claims = state.key.read(token)
    except InvalidToken as error:
        well_formed = token.count(".") == 2
        told = "Invalid signature received for JSON Web Token validation"
        raise _unauthorized(told if well_formed else "Invalid token") from error
    if claims.get("aud") != state.management_audience:
        raise _unauthorized("Bad audience: " + str(claims.get("aud")))
    if int(claims.get("exp", 0)) <= state.clock.now():
        raise _unauthorized("Expired token received for JSON Web Token validation")
    return claims


def _not_found() -> ApiError:
    return ApiError(404, "The user does not exist.", "inexistent_user")


def _check_user(body: dict[str, Any], required: tuple[str, ...]) -> None:
    """The rules of a user that a schema cannot say."""
    if body.get("connection", CONNECTION) != CONNECTION:
        # Auth0's status on this call is not established; 400 is ours.
        raise ApiError(400, "The connection does not exist", "inexistent_connection")
    for name in required:
        if name not in body:
            raise invalid_body(f"Missing required property: {name}")
    reserved = sorted(_RESERVED_METADATA & set(body.get("app_metadata") or {}))
    if reserved:
        raise invalid_body(f"Invalid property name in app_metadata: {reserved[0]}")
    if "password" in body and not judge(body["password"]).is_good:
        raise ApiError(400, "PasswordStrengthError: Password is too weak")


@blueprint.post("/users")
@_needs("create:users")
def create_user() -> AnyResponse:
    """201 with the user; 409 where the address is taken."""
    state = current_state()
    body = check_body(request.get_json(silent=True), _CREATE_FIELDS, ("connection",))
    _check_user(body, ("email", "password"))
    if any(each.isspace() for each in body.get("user_id", "")):
        raise invalid_body("user_id may not contain spaces")
    try:
        user = state.users.create(
            body["email"],
            body["password"],
            wished_id=body.get("user_id"),
            email_verified=body.get("email_verified", False),
            blocked=body.get("blocked"),
            profile={name: body[name] for name in PROFILE_FIELDS if name in body},
            app_metadata=body.get("app_metadata"),
            user_metadata=body.get("user_metadata"),
        )
    except UserExists as error:
        raise ApiError(409, "The user already exists.", "auth0_idp_error") from error
    return _shown(user, 201)


@blueprint.get("/users")
@_needs("read:users")
def list_users() -> AnyResponse:
    """A page of users, oldest first; a search with `q` is not built."""
    state = current_state()
    if "q" in request.args:
        raise ApiError(
            501, "The local tenant does not implement GET /api/v2/users?q=", "not_implemented"
        )
    size, page = _number("per_page", 50, 100), _number("page", 0, 10_000)
    users = [_selected(user) for user in state.users.page(page * size, size)]
    if request.args.get("include_totals") != "true":
        return jsonify(users)
    return jsonify(
        {
            "start": page * size,
            "limit": size,
            "length": len(users),
            "users": users,
            "total": state.users.count(),
        }
    )


@blueprint.get("/users-by-email")
@_needs("read:users")
def users_by_email() -> AnyResponse:
    """An array; the address is compared as it is stored, in lower case."""
    email = request.args.get("email")
    if not email:
        told = "Query validation error: 'Missing required property: email'."
        raise ApiError(400, told, "invalid_query_string")
    user = current_state().users.by_email(email)
    return jsonify([_selected(user)] if user else [])


@blueprint.get("/users/<user_id>")
@_needs("read:users")
def get_user(user_id: str) -> AnyResponse:
    """200 with the user."""
    user = current_state().users.get(user_id)
    if user is None:
        raise _not_found()
    return jsonify(_selected(user))


@blueprint.patch("/users/<user_id>")
@_needs("update:users", "update:users_app_metadata")
def change_user(user_id: str) -> AnyResponse:
    """200 with the whole user; a changed password leaves tickets alone."""
    body = check_body(request.get_json(silent=True), _CHANGE_FIELDS, ())
    _check_user(body, ())
    try:
        user = current_state().users.update(user_id, body)
    except UserExists as error:
        told = "The specified new email already exists"
        raise ApiError(400, told, "auth0_idp_error") from error
    if user is None:
        raise _not_found()
    return _shown(user)


@blueprint.delete("/users/<user_id>")
@_needs("delete:users")
def delete_user(user_id: str) -> AnyResponse:
    """204, for an unknown id as well."""
    current_state().users.delete(user_id)
    return Response(status=204)


@blueprint.post("/tickets/password-change")
@_needs("create:user_tickets")
def create_ticket() -> AnyResponse:
    """201 with `ticket`, an address that ends in a bare `#`."""
    state = current_state()
    body = check_body(request.get_json(silent=True), _TICKET_FIELDS, ())
    _check_ticket(state, body)
    user = state.users.get(body["user_id"])
    if user is None:
        raise _not_found()
    code = state.tickets.create(
        user,
        ttl_seconds=body.get("ttl_sec", 0),
        result_url=body.get("result_url"),
        client_id=body.get("client_id"),
        mark_email_as_verified=body.get("mark_email_as_verified", False),
        include_email=body.get("includeEmailInRedirect", False),
    )
    state.issued.note("tickets", code)
    response = jsonify({"ticket": f"{state.url}/lo/reset?ticket={code}#"})
    response.status_code = 201
    return response


def _check_ticket(state: State, body: dict[str, Any]) -> None:
    """Which properties go together. Auth0's texts for these are not established: ours."""
    for one, other in (
        ("result_url", "client_id"),
        ("result_url", "organization_id"),
        ("connection_id", "user_id"),
        ("email", "user_id"),
    ):
        if one in body and other in body:
            raise invalid_body(f"Cannot specify {one} with {other}")
    if "email" in body and "connection_id" not in body:
        raise invalid_body("Missing required property: connection_id")
    if "connection_id" in body:
        raise ApiError(404, "The connection does not exist", "inexistent_connection")
    if "user_id" not in body:
        raise invalid_body("Missing required property: user_id")
    if "client_id" in body and state.clients.get(body["client_id"]) is None:
        raise ApiError(404, "The client does not exist", "inexistent_client")


def _shown(user: User, status: int = 200) -> Response:
    response = jsonify(user.as_api())
    response.status_code = status
    return response


def _selected(user: User) -> dict[str, Any]:
    """The user with the properties that `fields` and `include_fields` ask for."""
    shown = user.as_api()
    named = [name for name in request.args.get("fields", "").split(",") if name]
    if not named:
        return shown
    wanted = request.args.get("include_fields", "true") == "true"
    return {name: value for name, value in shown.items() if (name in named) == wanted}


def _number(name: str, default: int, largest: int) -> int:
    text = request.args.get(name, str(default))
    if not text.isdigit() or int(text) > largest:
        told = f"Query validation error: 'Expected an integer up to {largest}' on property {name}."
        raise ApiError(400, told, "invalid_query_string")
    return int(text)
