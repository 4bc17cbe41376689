"""The dashboard: first what a demo shows, then the switches and records that tests are after.

It is present only with the control plane, for this machine only.
"""

from collections.abc import Mapping
from datetime import timedelta
from itertools import islice
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from ..config import NotChosen
from ..experience import EXPERIENCES, choose_experience, current_experience
from ..mail.message import read_mail
from ..simulation.clock import iso
from ..simulation.faults import parse_fault
from ..simulation.misbehaviour import MISBEHAVIOURS
from ..simulation.rate_limits import PLANS, BadPlan
from ..simulation.traffic import Call
from ..store.logs import TYPES
from ..store.users import User
from ..tenant import Tenant, current_tenant
from ..web import message_page
from .api import is_this_machine

bp = Blueprint("dashboard", __name__, url_prefix="/_tenant/dashboard")

# How many of each kind are shown.
_ROWS = 20
_MAILS = 5
_MOST_TIMES = 1000

_EXPERIENCES = {
    "classic": "Classic",
    "classic_reset": "New login, Classic reset page",
    "new": "New Universal Login",
}
# How far one button sets the clock ahead.
_CLOCK_STEPS = {
    "An hour ahead": timedelta(hours=1),
    "A day ahead": timedelta(days=1),
    "Five days ahead": timedelta(days=5),
}
_MINUTE = 60  # real seconds, whatever the tenant's clock shows
# What goes wrong in a demo: each is a button, and one or more faults.
_TROUBLES: dict[str, tuple[Mapping[str, Any], ...]] = {
    "Mail server away for a minute": (
        {"route": "SMTP", "kind": "status", "status": 421, "at": "connect", "lasts": _MINUTE},
        # A client that keeps its connection open meets no greeting.
        {"route": "SMTP", "kind": "status", "status": 421, "at": "rcpt", "lasts": _MINUTE},
    ),
    "Next address is refused": ({"route": "SMTP", "kind": "status", "status": 550, "at": "rcpt"},),
    "Tenant away for a minute": (
        {"route": "* /api/v2", "kind": "status", "status": 503, "lasts": _MINUTE},
        {"route": "POST /oauth/token", "kind": "status", "status": 503, "lasts": _MINUTE},
    ),
    "Slow tenant for a minute": (
        {"route": "* /api/v2", "kind": "slow", "seconds": 3, "lasts": _MINUTE},
    ),
}
# A selection for demos; the control plane's JSON can order any other.
_FAULTS: dict[str, Mapping[str, Any]] = {
    name: {"route": route, "kind": kind, **more}
    for name, route, kind, more in (
        ("Management API: too many requests (429)", "* /api/v2", "status", {"status": 429}),
        ("Management API: not available (503)", "* /api/v2", "status", {"status": 503}),
        ("Management API: slow (5 s)", "* /api/v2", "slow", {"seconds": 5}),
        ("New user: made, but the answer is lost", "POST /api/v2/users", "act_then_drop", {}),
        ("New ticket: made, but the answer is lost", "POST /api/v2/tickets", "act_then_drop", {}),
        ("Token endpoint: error (500)", "POST /oauth/token", "status", {"status": 500}),
        ("Token endpoint: connection dropped", "POST /oauth/token", "reset", {}),
        ("Mail server: busy (451)", "SMTP", "status", {"status": 451}),
        ("Mail server: no such mailbox (550)", "SMTP", "status", {"status": 550, "at": "rcpt"}),
        ("Mail server: connection dropped", "SMTP", "reset", {}),
    )
}
# A role claim needs more than a name: for the control plane's JSON.
_MISBEHAVIOURS = tuple(name for name in MISBEHAVIOURS if name != "role_claim")


@bp.before_request
def _only_this_machine() -> ResponseReturnValue | None:
    if not is_this_machine():
        return message_page("Only from this machine", "The dashboard is for its owner.", 403)
    return None


@bp.get("")
@bp.get("/")
def show() -> ResponseReturnValue:
    """Everything on one page, the newest of each kind first."""
    tenant = current_tenant()
    total, unread = tenant.mails.counts()
    return render_template(
        "dashboard.html",
        **_switches(tenant),
        people=_people(tenant),
        people_total=tenant.users.count(),
        tickets=_tickets(tenant),
        ticket_counts=tenant.tickets.counts(),
        entries=tenant.logs.latest(_ROWS),
        types=TYPES,
        mails=[read_mail(mail) for mail in tenant.mails.page(0, _MAILS)],
        mails_total=total,
        mails_unread=unread,
        calls=_calls(tenant),
        connections=tenant.traffic.connections(),
        at=_time,
    )


def _switches(tenant: Tenant) -> dict[str, Any]:
    demonstration = tenant.config.demonstration
    return {
        "demonstration": demonstration,
        "scenario": demonstration.scenario() if demonstration else "",
        "troubles": tuple(_TROUBLES),
        "ordered": [name for name in _TROUBLES if _is_ordered(tenant, name)],
        "experience": current_experience(tenant).name,
        "experiences": _EXPERIENCES,
        "plan": tenant.limits.plan.name,
        "plans": tuple(PLANS),
        "now": _time(tenant.clock.now()),
        "ahead": timedelta(seconds=round(tenant.clock.offset)),
        "leaps": _CLOCK_STEPS,
        "faults": tenant.faults.all(),
        "fault_names": tuple(_FAULTS),
        "lie": tenant.misbehaviours.current(),
        "lie_names": _MISBEHAVIOURS,
    }


def _is_ordered(tenant: Tenant, trouble: str) -> bool:
    """Whether anything of it is still to come."""
    asked = [parse_fault(order) for order in _TROUBLES[trouble]]
    wanted = {(each.route, each.kind, each.status, each.at) for each in asked}
    return any((f.route, f.kind, f.status, f.at) in wanted for f in tenant.faults.all())


def _time(seconds: float) -> str:
    return iso(seconds)[:19].replace("T", " ") + " UTC"


def _people(tenant: Tenant) -> list[tuple[User, list[str]]]:
    blocked = tenant.failures.blocked_users()
    return [(user, _labels(user, user.user_id in blocked)) for user in tenant.users.latest(_ROWS)]


def _labels(user: User, failed: bool) -> list[str]:
    """The labels of a user on the dashboard."""
    labels = {
        "verified": user.email_verified,
        "password set": user.last_password_reset is not None,
        "blocked": user.blocked,
        "blocked after wrong passwords": failed,
        "invited": (user.app_metadata or {}).get("invitedToMyApp"),
    }
    return [label for label, is_so in labels.items() if is_so]


def _tickets(tenant: Tenant) -> list[dict[str, str]]:
    now = tenant.clock.now()
    shown = [(ticket, tenant.users.get(ticket.user_id)) for ticket in tenant.tickets.latest(_ROWS)]
    return [
        {
            "email": user.email if user else ticket.user_id,
            "state": ticket.state(now),
            "created": _time(ticket.created_at),
            "expires": _time(ticket.expires_at),
        }
        for ticket, user in shown
    ]


def _calls(tenant: Tenant) -> list[Call]:
    """The latest requests, newest first, without the pages' own styles and scripts."""
    calls = reversed(tenant.traffic.calls())
    return list(islice((call for call in calls if not call.path.startswith("/static/")), _ROWS))


def _redirect_with(sentence: str) -> ResponseReturnValue:
    flash(sentence)
    return redirect(url_for(".show"), 303)


@bp.post("/experience")
def set_experience() -> ResponseReturnValue:
    """Choose the experience."""
    name = request.form.get("experience", "")
    if name not in EXPERIENCES:
        return _redirect_with("There is no such experience.")
    choose_experience(current_tenant(), name)
    return _redirect_with(f"People now meet: {_EXPERIENCES[name]}.")


@bp.post("/scenario")
def set_scenario() -> ResponseReturnValue:
    """Choose how invitations travel, at the tenant and at the site of the demo."""
    demonstration, name = current_tenant().config.demonstration, request.form.get("scenario", "")
    if demonstration is None or name not in demonstration.scenarios:
        return _redirect_with("There is no such scenario.")
    try:
        demonstration.choose_scenario(name)
    except NotChosen as why:
        return _redirect_with(f"Nothing changed: {why}")
    return _redirect_with(f"Invitations now travel like this: {demonstration.scenarios[name]}.")


@bp.post("/trouble")
def order_trouble() -> ResponseReturnValue:
    """Order what goes wrong in a demo, or end all of it."""
    tenant, name = current_tenant(), request.form.get("trouble", "")
    if name not in _TROUBLES:
        tenant.faults.clear()
        return _redirect_with("Everything works again.")
    for order in _TROUBLES[name]:
        tenant.faults.add(parse_fault(order))
    return _redirect_with(f"From now on: {name}.")


@bp.post("/plan")
def set_plan() -> ResponseReturnValue:
    """Choose the rate limits."""
    name = request.form.get("plan", "")
    try:
        current_tenant().limits.choose(name)
    except BadPlan as error:
        return _redirect_with(f"Nothing changed: {error}.")
    return _redirect_with(f"The rate limits are now those of the plan: {name}.")


@bp.post("/clock")
def set_clock() -> ResponseReturnValue:
    """Set the clock ahead, or back to now."""
    tenant, leap = current_tenant(), _CLOCK_STEPS.get(request.form.get("leap", ""))
    demonstration = tenant.config.demonstration
    if leap is not None:
        tenant.clock.offset += leap.total_seconds()
    elif demonstration is None:  # what a site has stored would lie in its future
        tenant.clock.offset = 0.0
    if demonstration is not None:
        demonstration.on_clock_moved(tenant.clock.offset)
    return _redirect_with(f"It is now {_time(tenant.clock.now())}.")


@bp.post("/faults")
def add_fault() -> ResponseReturnValue:
    """Order one of the faults, or withdraw all."""
    tenant, name = current_tenant(), request.form.get("fault", "")
    if "clear" in request.form:
        tenant.faults.clear()
        return _redirect_with("No fault is to come.")
    if name not in _FAULTS:
        return _redirect_with("There is no such fault.")
    times = _times()
    tenant.faults.add(parse_fault({**_FAULTS[name], "times": times}))
    return _redirect_with(f"To come, {times} times: {name}.")


@bp.post("/lies")
def set_misbehaviour() -> ResponseReturnValue:
    """Order a misbehaviour, or withdraw it."""
    tenant, name = current_tenant(), request.form.get("lie", "")
    if "clear" in request.form:
        tenant.misbehaviours.clear()
        return _redirect_with("The tenant tells the truth.")
    if name not in _MISBEHAVIOURS:
        return _redirect_with("There is no such lie.")
    times = _times()
    tenant.misbehaviours.order({"lie": name, "times": times})
    return _redirect_with(f"To be told, {times} times: {name}.")


def _times() -> int:
    text = request.form.get("times", "")
    return min(max(int(text), 1), _MOST_TIMES) if text.isascii() and text.isdigit() else 1
