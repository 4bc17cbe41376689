"""Auth0's Classic password page `/lo/reset`: a ticket is spent here, by a successful POST only."""

from flask import Blueprint, Response, jsonify, make_response, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from ..tenant import State, current_state
from ..web import allow_form_to, form_token_is_right, leave_to, message_page, open_again_page
from .custom_page import custom_page
from .policy import POLICY_TEXT
from .ticket import (
    DONE,
    EXPIRED,
    USED,
    Complaint,
    Visit,
    look_at,
    note_failure,
    spend,
    told_to,
    visit_with,
    why_dead,
)

blueprint = Blueprint("reset", __name__)


@blueprint.get("/lo/reset")
def show() -> AnyResponse:
    """The form for a live ticket; nothing changes by looking, so mail scanners do no harm."""
    state, code = current_state(), request.args.get("ticket", "")
    visit = visit_with(state, code)
    if visit is None:
        return _unknown()
    dead = why_dead(state, visit)
    if dead is None:
        return _form(state, code, visit)
    address = _way_back(state, visit, success=False, message=dead)
    return _end_page(state, dead) if address is None else leave_to(address)


@blueprint.post("/lo/reset")
def set_password() -> AnyResponse:
    """Spend the ticket if all is well; JSON for the page's script, a redirect for a plain form."""
    state, form = current_state(), _fields()
    code, password = form.get("ticket", ""), form.get("newPassword", "")
    if not form_token_is_right(form.get("_csrf")):
        return _invalid_form_token()
    visit = visit_with(state, code)
    if visit is None:
        told = "The ticket is missing or unknown"
        return _script_error(500, told) if _is_script() else _unknown()
    dead = why_dead(state, visit)
    if dead is not None:
        note_failure(state, visit, dead)
        return _end(state, visit, success=False, message=dead)
    complaint = look_at(password, form.get("confirmNewPassword"))
    if complaint is not None:
        return _complain(state, code, visit, complaint)
    if spend(state, visit, password):
        return _end(state, visit, success=True, message=DONE)
    # Somebody else was faster with the same link.
    return _end(state, visit, success=False, message=USED)


def _fields() -> dict[str, str]:
    """The fields of the form, sent as a form or as JSON."""
    if request.is_json:
        body = request.get_json(silent=True)
        fields = body if isinstance(body, dict) else {}
        return {key: value for key, value in fields.items() if isinstance(value, str)}
    return request.form.to_dict()


def _is_script() -> bool:
    return (
        request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"
    )


def _complain(state: State, code: str, visit: Visit, complaint: Complaint) -> Response:
    verdict = complaint.verdict
    if verdict is not None:
        note_failure(state, visit, "PasswordStrengthError: Password is too weak")
    if not _is_script():
        field = "confirmNewPassword" if verdict is None else "newPassword"
        return _form(state, code, visit, error=complaint.text, field=field)
    if verdict is None:
        return _script_error(500, complaint.text)
    return make_response(jsonify(verdict.as_error()), 400)


def _way_back(state: State, visit: Visit, *, success: bool, message: str) -> str | None:
    """The ticket's `result_url`, told how it ended; None where the ticket has none."""
    url = visit.ticket.result_url
    return None if url is None else told_to(url, state, visit, success=success, message=message)


def _end(state: State, visit: Visit, *, success: bool, message: str) -> AnyResponse:
    address = _way_back(state, visit, success=success, message=message)
    if not _is_script():
        return _end_page(state, message) if address is None else leave_to(address)
    if address is not None:
        return jsonify({"result_url": address})
    if success:
        return jsonify({"message": "Your password has been reset successfully."})
    return _script_error(400, message)


def _end_page(state: State, message: str) -> Response:
    """How it ended, for a ticket without `result_url`."""
    if message == DONE:
        return message_page("Password changed", "Your password has been reset successfully.")
    status = int(state.switches["dead_ticket_status"])
    if message == EXPIRED:
        told = "This link has expired. Ask for a new one where you got it."
        return message_page("This link has expired", told, status)
    told = "A link can be used once, and only the newest one works. Ask for a new one where you got it."
    return message_page("This link has been used", told, status)


def _form(
    state: State, code: str, visit: Visit, error: str | None = None, field: str | None = None
) -> Response:
    if visit.ticket.result_url is not None:
        allow_form_to(visit.ticket.result_url)
    # A complaint is shown on our own page: a stored one learns of it by its script alone.
    stored = custom_page(state, code, visit.user.email) if error is None else None
    if stored is not None:
        return stored
    page = render_template(
        "reset.html",
        code=code,
        email=visit.user.email,
        error=error,
        field=field,
        policy=POLICY_TEXT,
    )
    return make_response(page, 200 if error is None else 400)


def _unknown() -> Response:
    told = "This link is not complete, or it was never valid. Open the newest message and use its link."
    return message_page("This link does not work", told, 404)


def _invalid_form_token() -> AnyResponse:
    if not _is_script():
        return open_again_page()
    body = {
        "name": "CsrfInvalidTokenError",
        "message": "Invalid CSRF token",
        "code": "invalid_csrf_token",
        "statusCode": 403,
    }
    return make_response(jsonify(body), 403)


def _script_error(status: int, message: str) -> Response:
    return make_response(jsonify({"message": message, "statusCode": status}), status)
