"""`/logs`: by checkpoint (`from`, `take`) without end, or by search through the newest thousand."""

from flask import request
from werkzeug.wrappers import Response as AnyResponse

from ..store.logs import Entry
from ..tenant import Tenant, current_tenant
from ..web import with_query
from .call import (
    MOST_RESULTS,
    answer,
    asked_page,
    call,
    invalid_query,
    listed,
    number,
    selected,
)
from .schema import ApiError
from .search import BadQuery, matcher, sorter
from .users import known_user

_SCOPES = ("read:logs", "read:logs_users")


def _since(tenant: Tenant) -> float:
    """Older entries are out of sight: how long they are kept is a matter of the plan."""
    return tenant.clock.now() - tenant.limits.plan.log_days * 86_400


@call("GET", "/logs", *_SCOPES)
def list_logs() -> AnyResponse:
    """With `from` or `take` the entries after an id, oldest first; all else searches."""
    tenant = current_tenant()
    if "from" in request.args or "take" in request.args:
        return _after_checkpoint(tenant)
    return _searched(tenant.logs.newest_first(since=_since(tenant)), request.args.get("q", ""))


def _after_checkpoint(tenant: Tenant) -> AnyResponse:
    after, take = request.args.get("from", ""), number("take", 50, 100)
    entries = tenant.logs.after(after, take, since=_since(tenant))
    response = answer([selected(each) for each in entries])
    last = entries[-1]["log_id"] if entries else after
    following = with_query(f"{tenant.url}/api/v2/logs", {"from": last, "take": str(take)})
    response.headers["Link"] = f'<{following}>; rel="next"'
    return response


def _searched(entries: list[Entry], query: str) -> AnyResponse:
    page = asked_page(MOST_RESULTS)
    try:
        matches = matcher(query, ("description", "user_name", "type"))
        in_order = sorter(request.args.get("sort", ""))
    except BadQuery as error:
        raise invalid_query(str(error)) from error
    found = in_order([each for each in entries if matches(each)])[:MOST_RESULTS]
    shown = [selected(each) for each in found[page.start : page.start + page.size]]
    return listed("logs", shown, len(found), page)


@call("GET", "/logs/<log_id>", *_SCOPES)
def get_log(log_id: str) -> AnyResponse:
    """200 with the entry."""
    entry = current_tenant().logs.get(log_id)
    if entry is None:
        raise ApiError(404, "The log event does not exist.")
    return answer(entry)


@call("GET", "/users/<user_id>/logs", *_SCOPES)
def logs_of_user(user_id: str) -> AnyResponse:
    """The entries about one user, newest first."""
    tenant, user = current_tenant(), known_user(user_id)
    return _searched(tenant.logs.newest_first(since=_since(tenant), user_id=user.user_id), "")
