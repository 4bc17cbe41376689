"""Auth0's Classic password page `/lo/reset`: a ticket is spent here, by a successful POST only."""

from dataclasses import dataclass

from flask import Blueprint, Response, jsonify, make_response, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from .addresses import with_query
from .pages import allow_form_to, form_token_is_right, leave_to, message_page
from .policy import POLICY_TEXT, judge
from .state import State, current_state
from .tickets import Ticket
from .users import User

blueprint = Blueprint("reset", __name__)

# Auth0's own sentences, as the application reads them in `message`.
DONE = "You can now login to the application with the new password."
EXPIRED = "Access expired."
USED = "This URL can be used only once"


@dataclass(frozen=True)
class _Outcome:
    """How a visit ended: told to `result_url` where the ticket has one, else on a page."""

    ticket: Ticket
    user: User
    success: bool
    message: str

    def address(self) -> str | None:
        """The ticket's `result_url` with what Auth0 adds to it."""
        if self.ticket.result_url is None:
            return None
        told = {"email": self.user.email} if self.ticket.include_email else {}
        told |= {"success": "true" if self.success else "false", "message": self.message}
        return with_query(self.ticket.result_url, told)

    def page(self) -> Response:
        if self.success:
            return message_page("Password changed", "Your password has been reset successfully.")
        if self.message == EXPIRED:
            told = "This link has expired. Ask for a new one where you got it."
            return message_page("This link has expired", told, 400)
        told = "A link can be used once, and only the newest one works. Ask for a new one where you got it."
        return message_page("This link has been used", told, 400)


@blueprint.get("/lo/reset")
def show() -> AnyResponse:
    """The form for a live ticket; nothing changes by looking, so mail scanners do no harm."""
    state = current_state()
    found = _find(state, request.args.get("ticket", ""))
    if found is None:
        return _unknown()
    dead = _dead(state, *found)
    if dead is None:
        return _form(request.args["ticket"], *found)
    address = dead.address()
    return dead.page() if address is None else leave_to(address)


@blueprint.post("/lo/reset")
def set_password() -> AnyResponse:
    """Spend the ticket if all is well; JSON for the page's script, a redirect for a plain form."""
    state, form = current_state(), _fields()
    ticket_code, password = form.get("ticket", ""), form.get("newPassword", "")
    if not form_token_is_right(form.get("_csrf")):
        return _invalid_form_token()
    found = _find(state, ticket_code)
    if found is None:
        return (
            _script_error(500, "The ticket is missing or unknown") if _is_script() else _unknown()
        )
    dead = _dead(state, *found)
    if dead is not None:
        return _end(dead)
    verdict = judge(password)
    if not verdict.is_good:
        if _is_script():
            return make_response(jsonify(verdict.as_error()), 400)
        return _form(ticket_code, *found, error=verdict.in_words(), field="newPassword")
    if password != form.get("confirmNewPassword"):
        told = "The two passwords are not the same."
        if _is_script():
            return _script_error(500, told)
        return _form(ticket_code, *found, error=told, field="confirmNewPassword")
    ticket, user = found
    if state.tickets.spend(ticket, password):
        return _end(_Outcome(ticket, user, True, DONE))
    # Somebody else was faster with the same link.
    return _end(_Outcome(ticket, user, False, USED))


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


def _find(state: State, code: str) -> tuple[Ticket, User] | None:
    ticket = state.tickets.find(code)
    user = state.users.get(ticket.user_id) if ticket else None
    return (ticket, user) if ticket and user else None


def _dead(state: State, ticket: Ticket, user: User) -> _Outcome | None:
    """Why a ticket works no more, or None for a live one. A superseded one counts as used."""
    match ticket.state(state.clock.now()):
        case "live":
            return None
        case "expired":
            return _Outcome(ticket, user, False, EXPIRED)
    return _Outcome(ticket, user, False, USED)


def _end(outcome: _Outcome) -> AnyResponse:
    address = outcome.address()
    if not _is_script():
        return outcome.page() if address is None else leave_to(address)
    if address is not None:
        return jsonify({"result_url": address})
    if outcome.success:
        return jsonify({"message": "Your password has been reset successfully."})
    return _script_error(400, outcome.message)


def _form(
    code: str, ticket: Ticket, user: User, error: str | None = None, field: str | None = None
) -> Response:
    if ticket.result_url is not None:
        allow_form_to(ticket.result_url)
    page = render_template(
        "reset.html", code=code, email=user.email, error=error, field=field, policy=POLICY_TEXT
    )
    return make_response(page, 200 if error is None else 400)


def _unknown() -> Response:
    told = "This link is not complete, or it was never valid. Open the newest message and use its link."
    return message_page("This link does not work", told, 404)


def _invalid_form_token() -> AnyResponse:
    if _is_script():
        return make_response(
            jsonify(
                {
                    "name": "CsrfInvalidTokenError",
                    "message": "Invalid CSRF token",
                    "code": "invalid_csrf_token",
                    "statusCode": 403,
                }
            ),
            403,
        )
    told = "This page was open for too long, or the browser keeps no cookies. Open the link again."
    return message_page("Open the link again", told, 403)


def _script_error(status: int, message: str) -> Response:
    return make_response(jsonify({"message": message, "statusCode": status}), status)
