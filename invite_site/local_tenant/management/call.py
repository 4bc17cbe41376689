"""What the calls of the Management API share: token, scopes, body, pages, log, errors."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec

from flask import Blueprint, g, make_response, request
from flask.typing import ResponseReturnValue

from ..store.keys import InvalidToken
from ..tenant import Tenant, current_tenant
from .schema import ApiError, Field, check_body
from .search import BadQuery, matcher, sorter

bp = Blueprint("management", __name__, url_prefix="/api/v2")

P = ParamSpec("P")

# Auth0 returns no more results by pages; more only by checkpoint, where there is one.
MOST_RESULTS = 1000


@bp.errorhandler(ApiError)
def _refused(error: ApiError) -> ResponseReturnValue:
    return error.body, error.status


@bp.errorhandler(BadQuery)
def _bad_query(error: BadQuery) -> ResponseReturnValue:
    return _refused(invalid_query(str(error)))


def call(
    method: str, rule: str, *scopes: str, log: str = ""
) -> Callable[[Callable[P, ResponseReturnValue]], Callable[P, ResponseReturnValue]]:
    """Route a view, for tokens with one of these scopes.

    `log` is the description of the call's log entry; calls that only read have none.
    """

    def wrap(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
        @wraps(view)
        def authorized(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            claims = _token_claims(current_tenant())
            g.granted = granted = str(claims.get("scope", "")).split()
            if not any(scope in granted for scope in scopes):
                raise insufficient_scope(*scopes)
            if not log:
                return view(*args, **kwargs)
            try:
                response = make_response(view(*args, **kwargs))
            except ApiError as error:
                _log("fapi", log, claims, error.status, error.body)
                raise
            _log("sapi", log, claims, response.status_code, None)
            return response

        bp.add_url_rule(rule, endpoint=view.__name__, view_func=authorized, methods=[method])
        return authorized

    return wrap


def _log(type_: str, description: str, claims: Mapping[str, Any], status: int, answer: Any) -> None:
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
        description,
        client=tenant.clients.get(claims.get("azp")),
        details={"request": sent, "response": answered},
    )


def insufficient_scope(*scopes: str) -> ApiError:
    """The 403 for a token without any of these scopes."""
    text = f"Insufficient scope, expected any of: {','.join(scopes)}"
    return ApiError(403, text, "insufficient_scope")


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
    except RecursionError:  # an attack: nested deeper than Python's stack
        return None


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
    """`page` and `per_page`; raises where the page is beyond the most results."""
    size, index = number("per_page", 50, 100), number("page", 0, 1_000_000)
    if most is not None and index * size >= most and index > 0:
        text = f"You can only page through the first {most} records."
        raise ApiError(400, text, "invalid_paging")
    return Page(index * size, size)


def listed(name: str, items: Sequence[Any], total: int, page: Page) -> ResponseReturnValue:
    """One page of a list: a bare array, or with `include_totals` an object around it."""
    if not flag("include_totals"):
        return list(items)
    envelope = {"start": page.start, "limit": page.size, "length": len(items)}
    return {**envelope, name: items, "total": total}


def listed_page(name: str, items: Sequence[Any]) -> ResponseReturnValue:
    """The page of these items that is asked for."""
    page = asked_page()
    return listed(name, items[page.start : page.start + page.size], len(items), page)


def searched(name: str, documents: Sequence[Mapping[str, Any]], query: str) -> ResponseReturnValue:
    """A page of the documents that match a query, in the order of `sort`."""
    page = asked_page(MOST_RESULTS)
    matches, in_order = matcher(query), sorter(request.args.get("sort", ""))
    found = in_order([each for each in documents if matches(each)])[:MOST_RESULTS]
    items = [selected(each) for each in found[page.start : page.start + page.size]]
    return listed(name, items, len(found), page)


def listed_whole(name: str, items: Sequence[Mapping[str, Any]]) -> ResponseReturnValue:
    """A list: by checkpoint where `take` or `from` is given, else in pages."""
    shown = [selected(each) for each in items]
    if "take" not in request.args and "from" not in request.args:
        return listed_page(name, shown)
    take, after = number("take", 50, 100), request.args.get("from")
    ids = [str(each["id"]) for each in items]
    if after is not None and after not in ids:
        raise ApiError(400, "The from parameter is not valid", "invalid_query_string")
    start = 0 if after is None else ids.index(after) + 1
    found: dict[str, Any] = {name: shown[start : start + take]}
    if start + take < len(shown) and take:
        found["next"] = ids[start + take - 1]
    return found
