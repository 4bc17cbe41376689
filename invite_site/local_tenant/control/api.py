"""The control plane under `/_tenant/`: switches for tests and the demo, for this machine only.

JSON, with the header `X-Tenant-Control: 1` on every call, so that no web page can drive it.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, jsonify, request
from werkzeug.wrappers import Response as AnyResponse

from ..experience import EXPERIENCES, choose_experience, current_experience
from ..simulation.clock import iso
from ..simulation.faults import BadFault, parse_fault
from ..simulation.misbehaviour import UnknownMisbehaviour
from ..simulation.rate_limits import BadPlan
from ..simulation.switches import BadSwitch
from ..store.clients import APPLICATION, MANAGEMENT
from ..tenant import Tenant, current_tenant

# Ten years: farther away, times stop being times that libraries can write.
_FARTHEST_SECONDS = 315_360_000

bp = Blueprint("control", __name__, url_prefix="/_tenant")


class _BadOrder(ValueError):
    """An order that cannot be carried out; says why."""


def is_this_machine() -> bool:
    """Whether the caller sits at this machine."""
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


@bp.before_request
def _only_this_machine() -> AnyResponse | None:
    if is_this_machine() and request.headers.get("X-Tenant-Control") == "1":
        return None
    refusal = jsonify({"error": "the control plane wants X-Tenant-Control: 1, from this machine"})
    refusal.status_code = 403
    return refusal


@bp.errorhandler(BadFault)
@bp.errorhandler(UnknownMisbehaviour)
@bp.errorhandler(BadPlan)
@bp.errorhandler(BadSwitch)
@bp.errorhandler(_BadOrder)
def _bad_order(error: ValueError) -> AnyResponse:
    response = jsonify({"error": str(error)})
    response.status_code = 400
    return response


def _order() -> Mapping[str, Any]:
    order = request.get_json(silent=True)
    if not isinstance(order, dict):
        raise _BadOrder("a JSON object is wanted")
    return order


def _number(order: Mapping[str, Any], name: str) -> float:
    value = order.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _BadOrder(f"{name} is a number of seconds")
    if abs(value) > _FARTHEST_SECONDS:
        raise _BadOrder(f"{name} is too far away")
    return float(value)


def _done() -> AnyResponse:
    return Response(status=204)


@bp.post("/reset")
def reset() -> AnyResponse:
    """Forget all but the applications and the key."""
    current_tenant().reset()
    return _done()


def _clock(tenant: Tenant) -> AnyResponse:
    now = tenant.clock.now()
    return jsonify({"offset": tenant.clock.offset, "now": iso(now), "held": tenant.clock.is_held})


@bp.get("/clock")
def show_clock() -> AnyResponse:
    """The tenant's time and how far it is ahead, in seconds."""
    return _clock(current_tenant())


@bp.put("/clock")
def set_clock() -> AnyResponse:
    """Put the clock `offset` seconds ahead of the machine's; `held` lets it stand still."""
    tenant, order = current_tenant(), _order()
    tenant.clock.offset = _number(order, "offset")
    tenant.clock.hold(order.get("held") is True)
    return _clock(tenant)


@bp.post("/clock/advance")
def advance_clock() -> AnyResponse:
    """Put the clock `seconds` further ahead."""
    tenant = current_tenant()
    tenant.clock.offset += _number(_order(), "seconds")
    return _clock(tenant)


@bp.post("/faults")
def add_fault() -> AnyResponse:
    """Order a fault; see `faults.Fault`."""
    tenant, order = current_tenant(), _order()
    try:
        fault = parse_fault(order)
    except (TypeError, ValueError) as error:
        raise BadFault(str(error)) from error
    tenant.faults.add(fault)
    return _faults(tenant)


@bp.get("/faults")
def list_faults() -> AnyResponse:
    """The faults still to come."""
    return _faults(current_tenant())


@bp.delete("/faults")
def clear_faults() -> AnyResponse:
    """Order nothing."""
    current_tenant().faults.clear()
    return _done()


def _faults(tenant: Tenant) -> AnyResponse:
    return jsonify({"faults": [asdict(fault) for fault in tenant.faults.all()]})


@bp.put("/lies")
def set_misbehaviour() -> AnyResponse:
    """Misbehave from now on, `times` times; it takes the place of the one before."""
    tenant, order = current_tenant(), _order()
    tenant.misbehaviours.order(order)
    return _misbehaviour(tenant)


@bp.get("/lies")
def show_misbehaviour() -> AnyResponse:
    """The misbehaviour ordered."""
    return _misbehaviour(current_tenant())


@bp.delete("/lies")
def clear_misbehaviour() -> AnyResponse:
    """Behave again."""
    current_tenant().misbehaviours.clear()
    return _done()


def _misbehaviour(tenant: Tenant) -> AnyResponse:
    misbehaviour = tenant.misbehaviours.current()
    text = (
        None
        if misbehaviour is None
        else {"lie": misbehaviour.name, "times": misbehaviour.times, **misbehaviour.options}
    )
    return jsonify({"lie": text})


@bp.put("/plan")
def choose_plan() -> AnyResponse:
    """Put the rate limits of a plan in force, with full buckets; `off` for none."""
    tenant = current_tenant()
    tenant.limits.choose(str(_order().get("plan", "")))
    return _plan(tenant)


@bp.get("/plan")
def show_plan() -> AnyResponse:
    """The plan in force, and its figures."""
    return _plan(current_tenant())


def _plan(tenant: Tenant) -> AnyResponse:
    plan = tenant.limits.plan
    rates = {kind: asdict(rate) for kind, rate in plan.rates.items()}
    return jsonify({"plan": plan.name, "rates": rates, "log_days": plan.log_days})


@bp.put("/experience")
def set_experience() -> AnyResponse:
    """Choose `classic`, `classic_reset` or `new`."""
    tenant, name = current_tenant(), _order().get("experience")
    if name not in EXPERIENCES:
        raise _BadOrder(f"experience is one of {', '.join(EXPERIENCES)}")
    choose_experience(tenant, str(name))
    return _experience(tenant)


@bp.get("/experience")
def show_experience() -> AnyResponse:
    """The experience people meet."""
    return _experience(current_tenant())


def _experience(tenant: Tenant) -> AnyResponse:
    return jsonify({"experience": current_experience(tenant).name})


@bp.put("/role-claim")
def choose_role_claim() -> AnyResponse:
    """Let ID tokens name the user's roles under `claim`; null for not at all."""
    tenant, claim = current_tenant(), _order().get("claim")
    if claim is not None and not (isinstance(claim, str) and claim):
        raise _BadOrder("claim is a text or null")
    tenant.role_claim.choose(claim)
    return jsonify({"claim": tenant.role_claim.get()})


@bp.put("/switches")
def set_switches() -> AnyResponse:
    """Decide points that are not established; see `switches.SWITCHES`."""
    tenant = current_tenant()
    tenant.switches.change(_order())
    return jsonify(tenant.switches.all())


@bp.get("/switches")
def show_switches() -> AnyResponse:
    """How each switch stands."""
    return jsonify(current_tenant().switches.all())


@bp.delete("/switches")
def clear_switches() -> AnyResponse:
    """All at their defaults."""
    current_tenant().switches.clear()
    return _done()


@bp.put("/application")
def change_application() -> AnyResponse:
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
    return jsonify(
        {
            "name": application.name,
            "callbacks": application.callbacks,
            "logout_urls": application.logout_urls,
            "initiate_login_uri": application.initiate_login_uri,
            "management_scope": management.management_scope,
        }
    )


@bp.get("/state")
def show_state() -> AnyResponse:
    """What a test may want to know: users, tickets, mails, traffic, and what was issued."""
    tenant = current_tenant()
    return jsonify(
        {
            "users": _users(tenant),
            "tickets": _tickets(tenant),
            "mails": tenant.mails.counts()[0],
            "requests": [asdict(call) for call in tenant.traffic.calls()],
            "connections": tenant.traffic.connections(),
            "issued": tenant.issued.all(),
        }
    )


def _users(tenant: Tenant) -> list[dict[str, Any]]:
    return [
        {
            "user_id": user.user_id,
            "email": user.email,
            "email_verified": user.email_verified,
            "logins_count": user.logins_count,
            "last_password_reset": _moment(user.last_password_reset),
            "blocked": bool(user.blocked),
            "app_metadata": user.app_metadata or {},
        }
        for user in tenant.users.page(0, -1)
    ]


def _tickets(tenant: Tenant) -> list[dict[str, Any]]:
    now = tenant.clock.now()
    return [
        {
            "user_id": ticket.user_id,
            "created": iso(ticket.created_at),
            "expires": iso(ticket.expires_at),
            "state": ticket.state(now),
        }
        for ticket in tenant.tickets.all()
    ]


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else iso(seconds)
