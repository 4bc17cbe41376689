"""New Universal Login's password pages: the interstitial, the form, and the result.

As at Auth0, they do not redirect to a ticket's `result_url`: the next step is a button to the
default login route, or there is none.
"""

from flask import (
    Blueprint,
    abort,
    current_app,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from itsdangerous import BadSignature, URLSafeSerializer

from ..store.clients import APPLICATION
from ..tenant import Tenant, current_tenant
from ..web import back_to_form, form_error, login_route
from .texts import texts_of
from .ticket import (
    EXPIRED,
    NEW_PASSWORD,
    REPEATED,
    USED,
    TicketContext,
    find_ticket,
    find_ticket_by_hash,
    log_failure,
    redeem,
    ticket_error,
    validate_passwords,
)

bp = Blueprint("universal_reset", __name__, url_prefix="/u")

_PROMPT = "reset-password"


@bp.get("/reset-verify")
@bp.get("/reset-password")
def show() -> ResponseReturnValue:
    """The interstitial: the same for every ticket, which it leaves unused."""
    return render_template(
        "universal/redeem.html",
        texts=texts_of(current_tenant(), "common", "redeem-ticket"),
        code=request.args.get("ticket", ""),
        action=request.path,
    )


@bp.post("/reset-verify")
@bp.post("/reset-password")
def submit_ticket() -> ResponseReturnValue:
    """Redirect to the form, with the ticket in its `state`."""
    tenant = current_tenant()
    context = _require_live(tenant, find_ticket(tenant, request.form.get("ticket", "")))
    return redirect(url_for(".change", state=_signer().dumps(context.ticket.code_hash)), 303)


@bp.get("/reset-password/change")
def change() -> ResponseReturnValue:
    """The form for a new password."""
    tenant, state = current_tenant(), request.args.get("state", "")
    return _form(tenant, state, _require_live(tenant, _ticket_of_state(tenant, state)))


@bp.post("/reset-password/change")
def set_password() -> ResponseReturnValue:
    """Redeem the ticket."""
    tenant, state = current_tenant(), request.form.get("state", "")
    context = _require_live(tenant, _ticket_of_state(tenant, state))
    password = request.form.get("password-reset", "")
    again = request.form.get("re-enter-password")
    if (problem := validate_passwords(tenant, context, password, again)) is not None:
        return back_to_form(url_for(".change", state=state), problem.text, problem.field)
    if not redeem(tenant, context, password):
        return _error_page(tenant, USED)
    return _success_page(tenant, context)


def _signer() -> URLSafeSerializer:
    """Signs the hash of the ticket's code, which the form contains; it cannot be redeemed itself."""
    return URLSafeSerializer(str(current_app.secret_key), salt="password-reset")


def _ticket_of_state(tenant: Tenant, state: str) -> TicketContext | None:
    try:
        return find_ticket_by_hash(tenant, str(_signer().loads(state)))
    except BadSignature:
        return None


def _require_live(tenant: Tenant, context: TicketContext | None) -> TicketContext:
    """The context of a live ticket; aborts with an error page where it is not."""
    if context is None:
        abort(make_response(_error_page(tenant, "")))
    error = ticket_error(tenant, context)
    if error is None:
        return context
    if request.method == "POST":
        log_failure(tenant, context, error)
    abort(make_response(_error_page(tenant, error)))


def _error_page(tenant: Tenant, error: str) -> tuple[str, int]:
    """Auth0's three screens for a link that does not work. None of them has a link."""
    texts = texts_of(tenant, _PROMPT, "reset-password-error")
    kind = {EXPIRED: "Expired", USED: "Used"}.get(error, "Generic")
    page = render_template(
        "universal/event.html",
        texts=texts,
        title=texts[f"eventTitle{kind}"],
        text=texts[f"description{kind}"],
    )
    return page, int(tenant.switches["dead_ticket_status"])


def _form(tenant: Tenant, state: str, context: TicketContext) -> str:
    field, error = form_error(NEW_PASSWORD, REPEATED)
    return render_template(
        "universal/change.html",
        texts=texts_of(tenant, _PROMPT, "reset-password"),
        state=state,
        email=context.user.email,
        error=error,
        is_weak=field == NEW_PASSWORD,
        policy=tenant.connection.password_policy,
    )


def _success_page(tenant: Tenant, context: TicketContext) -> str:
    client = tenant.clients.get(context.ticket.client_id)
    name = (client or tenant.clients.seeded(APPLICATION)).name
    texts = texts_of(tenant, _PROMPT, "reset-password-success", clientName=name)
    return render_template(
        "universal/event.html",
        texts=texts,
        title=texts["eventTitle"],
        text=texts["description"],
        link=login_route(tenant, client),
        link_text=texts["buttonText"],
    )
