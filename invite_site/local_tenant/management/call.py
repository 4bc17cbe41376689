"""What every call of the Management API shares: token, scopes, body, pages, log, errors."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec

from flask import Blueprint, Response, g, jsonify, request
from werkzeug.wrappers import Response as AnyResponse

from ..store.keys import InvalidToken
from ..tenant import Tenant, current_tenant
from .schema import ApiError, Field, check_body

bp = Blueprint("management", __name__, url_prefix="/api/v2")

P = ParamSpec("P")

# Auth0 pages through so many results and no further; more by checkpoint, where there is one.
MOST_RESULTS = 1000


@bp.errorhandler(ApiError)
def _refused(error: ApiError) -> AnyResponse:
    response = jsonify(error.body)
    response.status_code = error.status
    return response


@bp.after_request
def _charset(response: Response) -> Response:
    if response.mimetype == "application/json":
        response.content_type = "application/json; charset=utf-8"
    return response


def call(
    method: str, rule: str, *scopes: str, does: str = ""
) -> Callable[[Callable[P, AnyResponse]], Callable[P, AnyResponse]]:
    """A call that wants a valid token with one of these scopes.

    `does` is what the log says of it; calls that only read leave none.
    """

    def wrap(view: Callable[P, AnyResponse]) -> Callable[P, AnyResponse]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> AnyResponse:
            claims = _token_claims(current_tenant())
            g.granted = granted = str(claims.get("scope", "")).split()
            if not any(scope in granted for scope in scopes):
                expected = ",".join(scopes)
                text = f"Insufficient scope, expected any of: {expected}"
                raise ApiError(403, text, "insufficient_scope")
            if not does:
                return view(*args, **kwargs)
            try:
                response = view(*args, **kwargs)
            except ApiError as error:
                _log("fapi", does, claims, error.status, error.body)
                raise
            _log("sapi", does, claims, response.status_code, None)
            return response

        bp.add_url_rule(rule, endpoint=view.__name__, view_func=guarded, methods=[method])
        return guarded

    return wrap


def _log(type_: str, does: str, claims: Mapping[str, Any], status: int, answer: Any) -> None:
    tenant = current_tenant()
    sent = {
        "method": request.method.lower(),
        "path": request.path,
        "query": request.args.to_dict(),
        "ip": request.remote_addr or "",
        "userAgent": request.headers.get("User-Agent", ""),
        "body": sent_json(),
        "auth": {"strategy": "jwt", "credentials": {"scopes": g.granted}},
    }
    answered = {"statusCode": status} | ({} if answer is None else {"body": answer})
    tenant.logs.write(
        type_,
        does,
        client=tenant.clients.get(claims.get("azp")),
        details={"request": sent, "response": answered},
    )


def _unauthorized(message: str, status: int = 401) -> ApiError:
    return ApiError(status, message, attributes={"error": message})


def _token_claims(tenant: Tenant) -> dict[str, Any]:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if not token or kind.lower() != "bearer":
        raise _unauthorized("Missing authentication", tenant.switches["missing_token_status"])
    try:
        claims = tenant.key.read(token)
    except InvalidToken as error:
        well_formed = token.count(".") == 2
        text = "Invalid signature received for JSON Web Token validation"
        raise _unauthorized(text if well_formed else "Invalid token") from error
    if claims.get("aud") != tenant.management_audience:
        raise _unauthorized("Bad audience: " + str(claims.get("aud")))
    if int(claims.get("exp", 0)) <= tenant.clock.now():
        raise _unauthorized("Expired token received for JSON Web Token validation")
    return claims


def sent_body(fields: Mapping[str, Field], required: Collection[str] = ()) -> dict[str, Any]:
    """The body of this call if it fits the closed schema; raises the `ApiError` if not."""
    return check_body(sent_json(), fields, required)


def sent_json() -> Any:
    """The body read as JSON; None where it is none."""
    try:
        return request.get_json(silent=True)
    except RecursionError:  # nested deeper than anything meant well
        return None


def answer(document: object, status: int = 200) -> AnyResponse:
    """A JSON answer."""
    response = jsonify(document)
    response.status_code = status
    return response


def nothing() -> AnyResponse:
    """204."""
    return Response(status=204)


def invalid_query(text: str) -> ApiError:
    """The 400 for a query parameter that breaks a rule."""
    return ApiError(400, f"Query validation error: {text}", "invalid_query_string")


def flag(name: str) -> bool:
    """A query parameter that is `true` or `false`."""
    return request.args.get(name, "false") == "true"


def number(name: str, default: int, largest: int) -> int:
    """A query parameter that is a number from 0 on."""
    text = request.args.get(name, str(default))
    if not (text.isascii() and text.isdigit()) or int(text) > largest:
        raise invalid_query(f"'Expected an integer up to {largest}' on property {name}.")
    return int(text)


def selected(document: Mapping[str, Any]) -> dict[str, Any]:
    """The properties that `fields` and `include_fields` ask for."""
    named = [name for name in request.args.get("fields", "").split(",") if name]
    if not named:
        return dict(document)
    wanted = request.args.get("include_fields", "true") == "true"
    return {name: value for name, value in document.items() if (name in named) == wanted}


@dataclass(frozen=True)
class Page:
    """Which page of a list is asked for."""

    start: int
    size: int


def asked_page(most: int | None = None) -> Page:
    """`page` and `per_page`; raises where it lies beyond what can be paged through."""
    size, index = number("per_page", 50, 100), number("page", 0, 1_000_000)
    if most is not None and index * size >= most and index > 0:
        text = f"You can only page through the first {most} records."
        raise ApiError(400, text, "invalid_paging")
    return Page(index * size, size)


def listed(name: str, items: Sequence[Any], total: int, page: Page) -> AnyResponse:
    """One page of a list: a bare array, or with `include_totals` an object around it."""
    if not flag("include_totals"):
        return jsonify(items)
    envelope = {"start": page.start, "limit": page.size, "length": len(items)}
    return jsonify({**envelope, name: items, "total": total})


def listed_whole(name: str, items: Sequence[Mapping[str, Any]], key: str) -> AnyResponse:
    """A list that is held whole: by checkpoint where `take` or `from` is given, else in pages."""
    shown = [selected(each) for each in items]
    if "take" not in request.args and "from" not in request.args:
        page = asked_page()
        return listed(name, shown[page.start : page.start + page.size], len(shown), page)
    take, after = number("take", 50, 100), request.args.get("from")
    keys = [str(each[key]) for each in items]
    if after is not None and after not in keys:
        raise ApiError(400, "The from parameter is not valid", "invalid_query_string")
    start = 0 if after is None else keys.index(after) + 1
    found: dict[str, Any] = {name: shown[start : start + take]}
    if start + take < len(shown) and take:
        found["next"] = keys[start + take - 1]
    return jsonify(found)
