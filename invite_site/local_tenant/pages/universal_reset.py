"""New Universal Login's password pages: the interstitial, the form, and how it ended.

What a ticket's `result_url` says is not followed here, as at Auth0: the next step is a button
to the default login route, or there is none.
"""

from flask import (
    Blueprint,
    Response,
    current_app,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from itsdangerous import BadSignature, URLSafeSerializer
from werkzeug.wrappers import Response as AnyResponse

from ..store.clients import APPLICATION
from ..tenant import Tenant, current_tenant
from ..web import with_query
from .texts import texts_of
from .ticket import (
    DONE,
    EXPIRED,
    USED,
    TicketContext,
    ValidationError,
    find_ticket,
    find_ticket_by_hash,
    log_failure,
    redeem,
    result_redirect_url,
    ticket_error,
    validate_passwords,
)

bp = Blueprint("universal_reset", __name__, url_prefix="/u")

_PROMPT = "reset-password"


@bp.get("/reset-verify")
@bp.get("/reset-password")
def show() -> AnyResponse:
    """The interstitial, for any ticket: it says nothing and spends nothing."""
    page = render_template(
        "universal/redeem.html",
        texts=texts_of(current_tenant(), "common", "redeem-ticket"),
        code=request.args.get("ticket", ""),
        action=request.path,
    )
    return make_response(page)


@bp.post("/reset-verify")
@bp.post("/reset-password")
def submit_ticket() -> AnyResponse:
    """On to the form, which knows the ticket by its `state`; or what is wrong with it."""
    tenant = current_tenant()
    context = _live(tenant, find_ticket(tenant, request.form.get("ticket", "")))
    if isinstance(context, Response):
        return context
    signed_hash = _signer().dumps(context.ticket.code_hash)
    return redirect(url_for(".change", state=signed_hash), 303)


@bp.get("/reset-password/change")
def change() -> AnyResponse:
    """The form for a new password."""
    tenant, signed_hash = current_tenant(), request.args.get("state", "")
    context = _live(tenant, _ticket_of_state(tenant, signed_hash))
    return context if isinstance(context, Response) else _form(tenant, signed_hash, context)


@bp.post("/reset-password/change")
def set_password() -> AnyResponse:
    """Spend the ticket if all is well."""
    tenant, signed_hash = current_tenant(), request.form.get("state", "")
    context = _live(tenant, _ticket_of_state(tenant, signed_hash))
    if isinstance(context, Response):
        return context
    password = request.form.get("password-reset", "")
    problem = validate_passwords(password, request.form.get("re-enter-password"))
    if problem is not None:
        if problem.check is not None:
            log_failure(tenant, context, "PasswordStrengthError: Password is too weak")
        return _form(tenant, signed_hash, context, problem)
    if not redeem(tenant, context, password):
        return _error_page(tenant, USED)
    return _success_page(tenant, context)


def _signer() -> URLSafeSerializer:
    """Signs what the form knows of its ticket: the hash of the code, which opens nothing."""
    return URLSafeSerializer(str(current_app.secret_key), salt="password-reset")


def _ticket_of_state(tenant: Tenant, signed_hash: str) -> TicketContext | None:
    try:
        return find_ticket_by_hash(tenant, str(_signer().loads(signed_hash)))
    except BadSignature:
        return None


def _live(tenant: Tenant, context: TicketContext | None) -> TicketContext | Response:
    """The visit with a ticket that works, else the screen that says why it does not."""
    if context is None:
        return _error_page(tenant, "")
    error = ticket_error(tenant, context)
    if error is None:
        return context
    if request.method == "POST":
        log_failure(tenant, context, error)
    return _error_page(tenant, error)


def _error_page(tenant: Tenant, why: str) -> Response:
    """Auth0's three screens for a link that does not work. None of them has a link."""
    texts = texts_of(tenant, _PROMPT, "reset-password-error")
    kind = {EXPIRED: "Expired", USED: "Used"}.get(why, "Generic")
    page = render_template(
        "universal/event.html",
        texts=texts,
        title=texts[f"eventTitle{kind}"],
        text=texts[f"description{kind}"],
    )
    return make_response(page, int(tenant.switches["dead_ticket_status"]))


def _form(
    tenant: Tenant, signed_hash: str, context: TicketContext, problem: ValidationError | None = None
) -> Response:
    page = render_template(
        "universal/change.html",
        texts=texts_of(tenant, _PROMPT, "reset-password"),
        signed_hash=signed_hash,
        email=context.user.email,
        problem=problem,
    )
    return make_response(page, 200 if problem is None else 400)


def _success_page(tenant: Tenant, context: TicketContext) -> Response:
    name, link = _continue_link(tenant, context)
    texts = texts_of(tenant, _PROMPT, "reset-password-success", clientName=name)
    page = render_template(
        "universal/event.html",
        texts=texts,
        title=texts["eventTitle"],
        text=texts["description"],
        link=link,
        link_text=texts["buttonText"],
    )
    return make_response(page)


def _continue_link(tenant: Tenant, context: TicketContext) -> tuple[str, str | None]:
    """Name and address of the button: the client's login, else the tenant's; the address may be None."""
    ticket = context.ticket
    client = tenant.clients.get(ticket.client_id)
    name = (client or tenant.clients.seeded(APPLICATION)).name
    if ticket.result_url and tenant.switches["new_login_honours_result_url"]:
        return name, result_redirect_url(
            ticket.result_url, tenant, context, success=True, message=DONE
        )
    login = client.initiate_login_uri if client else ""
    login = login or str(tenant.settings.get().get("default_redirection_uri") or "")
    return name, with_query(login, {"iss": tenant.issuer}) if login else None
