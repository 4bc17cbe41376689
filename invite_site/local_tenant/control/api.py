"""The control plane under `/_tenant/`: switches for tests and the demo, for this machine only.

JSON, with the header `X-Tenant-Control: 1` on every call, so that no web page can send one.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from ..experience import EXPERIENCES, choose_experience, current_experience
from ..simulation.clock import iso
from ..simulation.faults import BadFault, parse_fault
from ..simulation.misbehaviour import UnknownMisbehaviour
from ..simulation.rate_limits import BadPlan
from ..simulation.switches import BadSwitch
from ..store.clients import APPLICATION, MANAGEMENT
from ..store.users import User
from ..tenant import current_tenant

# Ten years: much later times are beyond what the libraries can format.
_LARGEST_OFFSET_SECONDS = 315_360_000

bp = Blueprint("control", __name__, url_prefix="/_tenant")


class _BadOrder(ValueError):
    """An order that cannot be carried out; says why."""


def is_this_machine() -> bool:
    """Whether the caller has a loopback address."""
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


@bp.before_request
def _only_this_machine() -> ResponseReturnValue | None:
    if is_this_machine() and request.headers.get("X-Tenant-Control") == "1":
        return None
    return {"error": "the control plane wants X-Tenant-Control: 1, from this machine"}, 403


@bp.errorhandler(BadFault)
@bp.errorhandler(UnknownMisbehaviour)
@bp.errorhandler(BadPlan)
@bp.errorhandler(BadSwitch)
@bp.errorhandler(_BadOrder)
def _bad_order(error: ValueError) -> ResponseReturnValue:
    return {"error": str(error)}, 400


def _order() -> Mapping[str, Any]:
    order = request.get_json(silent=True)
    if not isinstance(order, dict):
        raise _BadOrder("a JSON object is wanted")
    return order


def _number(order: Mapping[str, Any], name: str) -> float:
    value = order.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _BadOrder(f"{name} is a number of seconds")
    if abs(value) > _LARGEST_OFFSET_SECONDS:
        raise _BadOrder(f"{name} is too far away")
    return float(value)


@bp.post("/reset")
def reset() -> ResponseReturnValue:
    """Delete all but the seeded applications and the key."""
    current_tenant().reset()
    return "", 204


@bp.get("/clock")
def show_clock() -> ResponseReturnValue:
    """The tenant's time, and its distance from the machine's in seconds."""
    clock = current_tenant().clock
    return {"offset": clock.offset, "now": iso(clock.now()), "held": clock.is_held}


@bp.put("/clock")
def set_clock() -> ResponseReturnValue:
    """Set the clock `offset` seconds ahead of the machine's; `held` stops it."""
    clock, order = current_tenant().clock, _order()
    clock.offset = _number(order, "offset")
    clock.hold(order.get("held") is True)
    return show_clock()


@bp.post("/clock/advance")
def advance_clock() -> ResponseReturnValue:
    """Set the clock `seconds` further ahead."""
    current_tenant().clock.offset += _number(_order(), "seconds")
    return show_clock()


@bp.post("/faults")
def add_fault() -> ResponseReturnValue:
    """Order a fault; see `faults.Fault`."""
    order = _order()
    try:
        fault = parse_fault(order)
    except (TypeError, ValueError) as error:
        raise BadFault(str(error)) from error
    current_tenant().faults.add(fault)
    return list_faults()


@bp.get("/faults")
def list_faults() -> ResponseReturnValue:
    """The faults that are still to be carried out."""
    return {"faults": [asdict(fault) for fault in current_tenant().faults.all()]}


@bp.delete("/faults")
def clear_faults() -> ResponseReturnValue:
    """Withdraw all faults."""
    current_tenant().faults.clear()
    return "", 204


@bp.put("/lies")
def set_misbehaviour() -> ResponseReturnValue:
    """Order a misbehaviour, `times` times, in place of the one before."""
    current_tenant().misbehaviours.order(_order())
    return show_misbehaviour()


@bp.get("/lies")
def show_misbehaviour() -> ResponseReturnValue:
    """The misbehaviour that is ordered."""
    ordered = current_tenant().misbehaviours.current()
    shown = ordered and {"lie": ordered.name, "times": ordered.times, **ordered.options}
    return {"lie": shown}


@bp.delete("/lies")
def clear_misbehaviour() -> ResponseReturnValue:
    """Withdraw the misbehaviour."""
    current_tenant().misbehaviours.clear()
    return "", 204


@bp.put("/plan")
def choose_plan() -> ResponseReturnValue:
    """Apply the rate limits of a plan, with full buckets; `off` for none."""
    current_tenant().limits.choose(str(_order().get("plan", "")))
    return show_plan()


@bp.get("/plan")
def show_plan() -> ResponseReturnValue:
    """The plan that is applied, and its figures."""
    plan = current_tenant().limits.plan
    rates = {kind: asdict(rate) for kind, rate in plan.rates.items()}
    return {"plan": plan.name, "rates": rates, "log_days": plan.log_days}


@bp.put("/experience")
def set_experience() -> ResponseReturnValue:
    """Choose `classic`, `classic_reset` or `new`."""
    name = _order().get("experience")
    if name not in EXPERIENCES:
        raise _BadOrder(f"experience is one of {', '.join(EXPERIENCES)}")
    choose_experience(current_tenant(), str(name))
    return show_experience()


@bp.get("/experience")
def show_experience() -> ResponseReturnValue:
    """The experience that is chosen."""
    return {"experience": current_experience(current_tenant()).name}


@bp.put("/role-claim")
def choose_role_claim() -> ResponseReturnValue:
    """Put the user's roles into ID tokens under `claim`; null for not at all."""
    claim = _order().get("claim")
    if claim is not None and not (isinstance(claim, str) and claim):
        raise _BadOrder("claim is a text or null")
    current_tenant().role_claim.change({"claim": claim})
    return {"claim": claim}


@bp.put("/switches")
def set_switches() -> ResponseReturnValue:
    """Decide points that are not established; see `switches.SWITCHES`."""
    current_tenant().switches.change(_order())
    return show_switches()


@bp.get("/switches")
def show_switches() -> ResponseReturnValue:
    """Each switch with its value."""
    return current_tenant().switches.all()


@bp.delete("/switches")
def clear_switches() -> ResponseReturnValue:
    """Set all switches to their defaults."""
    current_tenant().switches.clear()
    return "", 204


@bp.put("/application")
def change_application() -> ResponseReturnValue:
    """Change the seeded application, or the scopes of the Management API client."""
    tenant, order = current_tenant(), _order()
    texts, lists = ("name", "initiate_login_uri"), ("callbacks", "logout_urls")
    unknown = set(order) - {*texts, *lists, "management_scope"}
    if unknown:
        raise _BadOrder(f"unknown: {', '.join(sorted(unknown))}")
    for name, value in order.items():
        wanted = list if name in lists else str
        if not isinstance(value, wanted) or not all(isinstance(each, str) for each in value):
            raise _BadOrder(f"{name} is a {'list of texts' if wanted is list else 'text'}")
        role = MANAGEMENT if name == "management_scope" else APPLICATION
        tenant.clients.change(role, **{name: value})
    application, management = tenant.clients.seeded(APPLICATION), tenant.clients.seeded(MANAGEMENT)
    shown = {name: getattr(application, name) for name in (*texts, *lists)}
    return {**shown, "management_scope": management.management_scope}


@bp.get("/state")
def show_state() -> ResponseReturnValue:
    """What a test may ask for: users, tickets, mails, traffic, and what was issued."""
    tenant = current_tenant()
    now = tenant.clock.now()
    return {
        "users": [_user(user) for user in tenant.users.page(0, -1)],
        "tickets": [
            {
                "user_id": ticket.user_id,
                "created": iso(ticket.created_at),
                "expires": iso(ticket.expires_at),
                "state": ticket.state(now),
            }
            for ticket in tenant.tickets.all()
        ],
        "mails": tenant.mails.counts()[0],
        "requests": [asdict(call) for call in tenant.traffic.calls()],
        "connections": tenant.traffic.connections(),
        "issued": tenant.issued.all(),
    }


def _user(user: User) -> dict[str, Any]:
    reset = user.last_password_reset
    return {
        "user_id": user.user_id,
        "email": user.email,
        "email_verified": user.email_verified,
        "logins_count": user.logins_count,
        "last_password_reset": None if reset is None else iso(reset),
        "blocked": bool(user.blocked),
        "app_metadata": user.app_metadata or {},
    }
