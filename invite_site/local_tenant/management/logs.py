"""`/logs`: all by checkpoint (`from`, `take`), or by search among the newest thousand."""

from flask import request
from flask.typing import ResponseReturnValue

from ..tenant import Tenant, current_tenant
from ..web import with_query
from .call import call, number, searched, selected
from .schema import required
from .users import known_user

_SCOPES = ("read:logs", "read:logs_users")


def _since(tenant: Tenant) -> float:
    """The time from which on entries are shown, by the plan."""
    return tenant.clock.now() - tenant.limits.plan.log_days * 86_400


@call("GET", "/logs", *_SCOPES)
def list_logs() -> ResponseReturnValue:
    """With `from` or `take` the entries after an id, oldest first; all else searches."""
    tenant = current_tenant()
    if "from" in request.args or "take" in request.args:
        return _after_checkpoint(tenant)
    entries = tenant.logs.newest_first(since=_since(tenant))
    return searched("logs", entries, request.args.get("q", ""))


def _after_checkpoint(tenant: Tenant) -> ResponseReturnValue:
    after, take = request.args.get("from", ""), number("take", 50, 100)
    entries = tenant.logs.after(after, take, since=_since(tenant))
    last = entries[-1]["log_id"] if entries else after
    following = with_query(f"{tenant.url}/api/v2/logs", {"from": last, "take": str(take)})
    return [selected(each) for each in entries], {"Link": f'<{following}>; rel="next"'}


@call("GET", "/logs/<log_id>", *_SCOPES)
def get_log(log_id: str) -> ResponseReturnValue:
    """200 with the entry."""
    return required(current_tenant().logs.get(log_id), "The log event does not exist.")


@call("GET", "/users/<user_id>/logs", *_SCOPES)
def logs_of_user(user_id: str) -> ResponseReturnValue:
    """The entries about one user, newest first."""
    tenant, user = current_tenant(), known_user(user_id)
    entries = tenant.logs.newest_first(since=_since(tenant), user_id=user.user_id)
    return searched("logs", entries, "")
