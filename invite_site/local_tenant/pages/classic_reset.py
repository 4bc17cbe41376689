"""Auth0's Classic password page `/lo/reset`: only a successful POST redeems the ticket."""

from flask import Blueprint, Response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from ..tenant import Tenant, current_tenant
from ..web import (
    allow_form_to,
    back_to_form,
    csrf,
    form_error,
    has_valid_token,
    message_page,
    redirect_away,
    stale_form_page,
)
from .custom_page import custom_page
from .ticket import (
    DONE,
    EXPIRED,
    NEW_PASSWORD,
    REPEATED,
    USED,
    TicketContext,
    ValidationError,
    find_ticket,
    log_failure,
    redeem,
    result_redirect_url,
    ticket_error,
    validate_passwords,
)

bp = Blueprint("classic_reset", __name__)


@bp.get("/lo/reset")
def show() -> ResponseReturnValue:
    """The form for a live ticket. Nothing changes, so that mail scanners do no harm."""
    tenant, code = current_tenant(), request.args.get("ticket", "")
    context = find_ticket(tenant, code)
    if context is None:
        return _unknown_ticket_page()
    error = ticket_error(tenant, context)
    if error is None:
        return _form(tenant, code, context)
    address = _result_url(tenant, context, success=False, message=error)
    return _end_page(tenant, error) if address is None else redirect_away(address)


@bp.post("/lo/reset")
def set_password() -> ResponseReturnValue:
    """Redeem the ticket; JSON for the page's script, a redirect for a plain form."""
    tenant, form = current_tenant(), _fields()
    code, password = form.get("ticket", ""), form.get("newPassword", "")
    if not has_valid_token(form):
        return _invalid_form_token()
    context = find_ticket(tenant, code)
    if context is None:
        text = "The ticket is missing or unknown"
        return _script_error(500, text) if _is_script() else _unknown_ticket_page()
    error = ticket_error(tenant, context)
    if error is not None:
        log_failure(tenant, context, error)
        return _end(tenant, context, success=False, message=error)
    problem = validate_passwords(tenant, context, password, form.get("confirmNewPassword"))
    if problem is not None:
        return _show_error(code, problem)
    success = redeem(tenant, context, password)
    return _end(tenant, context, success=success, message=DONE if success else USED)


# The token may come as JSON, and its refusal may have to be JSON: checked in the view.
csrf.exempt(set_password)


def _fields() -> dict[str, str]:
    """The fields of the form, sent as a form or as JSON."""
    if request.is_json:
        body = request.get_json(silent=True)
        fields = body if isinstance(body, dict) else {}
        return {key: value for key, value in fields.items() if isinstance(value, str)}
    return request.form.to_dict()


def _is_script() -> bool:
    types = ["text/html", "application/json"]
    return request.accept_mimetypes.best_match(types) == "application/json"


def _show_error(code: str, problem: ValidationError) -> ResponseReturnValue:
    if not _is_script():
        return back_to_form(url_for(".show", ticket=code), problem.text, problem.field)
    check = problem.check
    return _script_error(500, problem.text) if check is None else (check.as_error(), 400)


def _result_url(
    tenant: Tenant, context: TicketContext, *, success: bool, message: str
) -> str | None:
    """The ticket's `result_url` with the result in its query; None where the ticket has none."""
    url = context.ticket.result_url
    if url is None:
        return None
    return result_redirect_url(url, tenant, context, success=success, message=message)


def _end(
    tenant: Tenant, context: TicketContext, *, success: bool, message: str
) -> ResponseReturnValue:
    address = _result_url(tenant, context, success=success, message=message)
    if not _is_script():
        return _end_page(tenant, message) if address is None else redirect_away(address)
    if address is not None:
        return {"result_url": address}
    if success:
        return {"message": "Your password has been reset successfully."}
    return _script_error(400, message)


def _end_page(tenant: Tenant, message: str) -> Response:
    """The result, for a ticket without `result_url`."""
    if message == DONE:
        return message_page("Password changed", "Your password has been reset successfully.")
    status = int(tenant.switches["dead_ticket_status"])
    if message == EXPIRED:
        text = "This link has expired. Ask for a new one where you got it."
        return message_page("This link has expired", text, status)
    text = "A link can be used once, and only the newest one works. Ask for a new one where you got it."
    return message_page("This link has been used", text, status)


def _form(tenant: Tenant, code: str, context: TicketContext) -> ResponseReturnValue:
    field, error = form_error(NEW_PASSWORD, REPEATED)
    if context.ticket.result_url is not None:
        allow_form_to(context.ticket.result_url)
    # An error is shown on the plain page: a customised one shows errors by its script alone.
    stored = custom_page(tenant, code, context.user.email) if error is None else None
    if stored is not None:
        return stored
    return render_template(
        "classic_reset.html",
        code=code,
        email=context.user.email,
        error=error,
        field=field,
        policy=tenant.connection.password_policy,
    )


def _unknown_ticket_page() -> Response:
    text = "This link is not complete, or it was never valid. Open the newest message and use its link."
    return message_page("This link does not work", text, 404)


def _invalid_form_token() -> ResponseReturnValue:
    if not _is_script():
        return stale_form_page()
    return {
        "name": "CsrfInvalidTokenError",
        "message": "Invalid CSRF token",
        "code": "invalid_csrf_token",
        "statusCode": 403,
    }, 403


def _script_error(status: int, message: str) -> ResponseReturnValue:
    return {"message": message, "statusCode": status}, status
