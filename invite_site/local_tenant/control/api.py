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
from ..simulation.misbehaviour import BadLie
from ..simulation.rate_limits import BadPlan
from ..simulation.switches import BadSwitch
from ..store.clients import APPLICATION, MANAGEMENT
from ..tenant import State, current_state

# Ten years: farther away, times stop being times that libraries can write.
_FARTHEST_SECONDS = 315_360_000

blueprint = Blueprint("control", __name__, url_prefix="/_tenant")


class _BadOrder(ValueError):
    """An order that cannot be carried out; says why."""


def is_this_machine() -> bool:
    """Whether the caller sits at this machine."""
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


@blueprint.before_request
def _only_this_machine() -> AnyResponse | None:
    if is_this_machine() and request.headers.get("X-Tenant-Control") == "1":
        return None
    refusal = jsonify({"error": "the control plane wants X-Tenant-Control: 1, from this machine"})
    refusal.status_code = 403
    return refusal


@blueprint.errorhandler(BadFault)
@blueprint.errorhandler(BadLie)
@blueprint.errorhandler(BadPlan)
@blueprint.errorhandler(BadSwitch)
@blueprint.errorhandler(_BadOrder)
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


@blueprint.post("/reset")
def reset() -> AnyResponse:
    """Forget all but the applications and the key."""
    current_state().reset()
    return _done()


def _clock(state: State) -> AnyResponse:
    now = state.clock.now()
    return jsonify({"offset": state.clock.offset, "now": iso(now), "held": state.clock.is_held})


@blueprint.get("/clock")
def show_clock() -> AnyResponse:
    """The tenant's time and how far it is ahead, in seconds."""
    return _clock(current_state())


@blueprint.put("/clock")
def set_clock() -> AnyResponse:
    """Put the clock `offset` seconds ahead of the machine's; `held` lets it stand still."""
    state, order = current_state(), _order()
    state.clock.offset = _number(order, "offset")
    state.clock.hold(order.get("held") is True)
    return _clock(state)


@blueprint.post("/clock/advance")
def advance_clock() -> AnyResponse:
    """Put the clock `seconds` further ahead."""
    state = current_state()
    state.clock.offset += _number(_order(), "seconds")
    return _clock(state)


@blueprint.post("/faults")
def add_fault() -> AnyResponse:
    """Order a fault; see `faults.Fault`."""
    state, order = current_state(), _order()
    try:
        fault = parse_fault(order)
    except (TypeError, ValueError) as error:
        raise BadFault(str(error)) from error
    state.faults.add(fault)
    return _faults(state)


@blueprint.get("/faults")
def list_faults() -> AnyResponse:
    """The faults still to come."""
    return _faults(current_state())


@blueprint.delete("/faults")
def clear_faults() -> AnyResponse:
    """Order nothing."""
    current_state().faults.clear()
    return _done()


def _faults(state: State) -> AnyResponse:
    return jsonify({"faults": [asdict(fault) for fault in state.faults.all()]})


@blueprint.put("/lies")
def tell_lie() -> AnyResponse:
    """Tell a lie from now on, `times` times; it takes the place of the one before."""
    state, order = current_state(), _order()
    state.lies.tell_next(order)
    return _lie(state)


@blueprint.get("/lies")
def show_lie() -> AnyResponse:
    """The lie in hand."""
    return _lie(current_state())


@blueprint.delete("/lies")
def clear_lies() -> AnyResponse:
    """Tell the truth."""
    current_state().lies.clear()
    return _done()


def _lie(state: State) -> AnyResponse:
    lie = state.lies.current()
    told = None if lie is None else {"lie": lie.name, "times": lie.times, **lie.options}
    return jsonify({"lie": told})


@blueprint.put("/plan")
def choose_plan() -> AnyResponse:
    """Put the rate limits of a plan in force, with full buckets; `off` for none."""
    state = current_state()
    state.limits.choose(str(_order().get("plan", "")))
    return _plan(state)


@blueprint.get("/plan")
def show_plan() -> AnyResponse:
    """The plan in force, and its figures."""
    return _plan(current_state())


def _plan(state: State) -> AnyResponse:
    plan = state.limits.plan
    rates = {kind: asdict(rate) for kind, rate in plan.rates.items()}
    return jsonify({"plan": plan.name, "rates": rates, "log_days": plan.log_days})


@blueprint.put("/experience")
def set_experience() -> AnyResponse:
    """Choose `classic`, `classic_reset` or `new`."""
    state, name = current_state(), _order().get("experience")
    if name not in EXPERIENCES:
        raise _BadOrder(f"experience is one of {', '.join(EXPERIENCES)}")
    choose_experience(state, str(name))
    return _experience(state)


@blueprint.get("/experience")
def show_experience() -> AnyResponse:
    """The experience people meet."""
    return _experience(current_state())


def _experience(state: State) -> AnyResponse:
    return jsonify({"experience": current_experience(state).name})


@blueprint.put("/role-claim")
def choose_role_claim() -> AnyResponse:
    """Let ID tokens name the user's roles under `claim`; null for not at all."""
    state, claim = current_state(), _order().get("claim")
    if claim is not None and not (isinstance(claim, str) and claim):
        raise _BadOrder("claim is a text or null")
    state.role_claim.choose(claim)
    return jsonify({"claim": state.role_claim.get()})


@blueprint.put("/switches")
def set_switches() -> AnyResponse:
    """Decide points that are not established; see `switches.SWITCHES`."""
    state = current_state()
    state.switches.change(_order())
    return jsonify(state.switches.all())


@blueprint.get("/switches")
def show_switches() -> AnyResponse:
    """How each switch stands."""
    return jsonify(current_state().switches.all())


@blueprint.delete("/switches")
def clear_switches() -> AnyResponse:
    """All at their defaults."""
    current_state().switches.clear()
    return _done()


@blueprint.put("/application")
def change_application() -> AnyResponse:
    """Change the seeded application, or the scopes of the Management API client."""
    state, order = current_state(), _order()
    texts, lists = ("name", "initiate_login_uri"), ("callbacks", "logout_urls")
    unknown = set(order) - {*texts, *lists, "management_scope"}
    if unknown:
        raise _BadOrder(f"unknown: {', '.join(sorted(unknown))}")
    for name, value in order.items():
        wanted = list if name in lists else str
        if not isinstance(value, wanted) or not all(isinstance(each, str) for each in value):
            raise _BadOrder(f"{name} is a {'list of texts' if wanted is list else 'text'}")
        role = MANAGEMENT if name == "management_scope" else APPLICATION
        state.clients.change(role, **{name: value})
    application, management = state.clients.seeded(APPLICATION), state.clients.seeded(MANAGEMENT)
    return jsonify(
        {
            "name": application.name,
            "callbacks": application.callbacks,
            "logout_urls": application.logout_urls,
            "initiate_login_uri": application.initiate_login_uri,
            "management_scope": management.management_scope,
        }
    )


@blueprint.get("/state")
def show_state() -> AnyResponse:
    """What a test may want to know: users, tickets, mails, traffic, and what was issued."""
    state = current_state()
    return jsonify(
        {
            "users": _users(state),
            "tickets": _tickets(state),
            "mails": state.mails.counts()[0],
            "requests": [asdict(call) for call in state.traffic.calls()],
            "connections": state.traffic.connections(),
            "issued": state.issued.all(),
        }
    )


def _users(state: State) -> list[dict[str, Any]]:
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
        for user in state.users.page(0, -1)
    ]


def _tickets(state: State) -> list[dict[str, Any]]:
    now = state.clock.now()
    return [
        {
            "user_id": ticket.user_id,
            "created": iso(ticket.created_at),
            "expires": iso(ticket.expires_at),
            "state": ticket.state(now),
        }
        for ticket in state.tickets.all()
    ]


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else iso(seconds)
