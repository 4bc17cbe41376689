"""New Universal Login's password pages: the interstitial, the form, and how it ended.

What a ticket's `result_url` says is not followed here, as at Auth0: the way on is a button
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
from ..tenant import State, current_state
from ..web import form_token_is_right, open_again_page, with_query
from .texts import words
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
    visit_with_hash,
    why_dead,
)

blueprint = Blueprint("new_reset", __name__, url_prefix="/u")

_PROMPT = "reset-password"


@blueprint.get("/reset-verify")
@blueprint.get("/reset-password")
def show() -> AnyResponse:
    """The interstitial, for any ticket: it says nothing and spends nothing."""
    page = render_template(
        "new/redeem.html",
        texts=words(current_state(), "common", "redeem-ticket"),
        code=request.args.get("ticket", ""),
        action=request.path,
    )
    return make_response(page)


@blueprint.post("/reset-verify")
@blueprint.post("/reset-password")
def redeem() -> AnyResponse:
    """On to the form, which knows the ticket by its `state`; or what is wrong with it."""
    state = current_state()
    if not form_token_is_right(request.form.get("_csrf")):
        return open_again_page()
    visit = _live(state, visit_with(state, request.form.get("ticket", "")))
    if isinstance(visit, Response):
        return visit
    sealed = _seal().dumps(visit.ticket.code_hash)
    return redirect(url_for(".change", state=sealed), 303)


@blueprint.get("/reset-password/change")
def change() -> AnyResponse:
    """The form for a new password."""
    state, sealed = current_state(), request.args.get("state", "")
    visit = _live(state, _visit_in(state, sealed))
    return visit if isinstance(visit, Response) else _form(state, sealed, visit)


@blueprint.post("/reset-password/change")
def set_password() -> AnyResponse:
    """Spend the ticket if all is well."""
    state, sealed = current_state(), request.form.get("state", "")
    if not form_token_is_right(request.form.get("_csrf")):
        return open_again_page()
    visit = _live(state, _visit_in(state, sealed))
    if isinstance(visit, Response):
        return visit
    password = request.form.get("password-reset", "")
    complaint = look_at(password, request.form.get("re-enter-password"))
    if complaint is not None:
        if complaint.verdict is not None:
            note_failure(state, visit, "PasswordStrengthError: Password is too weak")
        return _form(state, sealed, visit, complaint)
    if not spend(state, visit, password):
        return _error_page(state, USED)
    return _success_page(state, visit)


def _seal() -> URLSafeSerializer:
    """Signs what the form knows of its ticket: the hash of the code, which opens nothing."""
    return URLSafeSerializer(str(current_app.secret_key), salt="password-reset")


def _visit_in(state: State, sealed: str) -> Visit | None:
    try:
        return visit_with_hash(state, str(_seal().loads(sealed)))
    except BadSignature:
        return None


def _live(state: State, visit: Visit | None) -> Visit | Response:
    """The visit with a ticket that works, else the screen that says why it does not."""
    if visit is None:
        return _error_page(state, "")
    dead = why_dead(state, visit)
    if dead is None:
        return visit
    if request.method == "POST":
        note_failure(state, visit, dead)
    return _error_page(state, dead)


def _error_page(state: State, why: str) -> Response:
    """Auth0's three screens for a link that does not work. None of them leads anywhere."""
    texts = words(state, _PROMPT, "reset-password-error")
    kind = {EXPIRED: "Expired", USED: "Used"}.get(why, "Generic")
    page = render_template(
        "new/event.html",
        texts=texts,
        title=texts[f"eventTitle{kind}"],
        text=texts[f"description{kind}"],
    )
    return make_response(page, int(state.switches["dead_ticket_status"]))


def _form(state: State, sealed: str, visit: Visit, complaint: Complaint | None = None) -> Response:
    page = render_template(
        "new/change.html",
        texts=words(state, _PROMPT, "reset-password"),
        sealed=sealed,
        email=visit.user.email,
        complaint=complaint,
    )
    return make_response(page, 200 if complaint is None else 400)


def _success_page(state: State, visit: Visit) -> Response:
    name, link = _way_on(state, visit)
    texts = words(state, _PROMPT, "reset-password-success", clientName=name)
    page = render_template(
        "new/event.html",
        texts=texts,
        title=texts["eventTitle"],
        text=texts["description"],
        link=link,
        link_words=texts["buttonText"],
    )
    return make_response(page)


def _way_on(state: State, visit: Visit) -> tuple[str, str | None]:
    """Name and address of the button: the client's login, else the tenant's; the address may be None."""
    ticket = visit.ticket
    client = state.clients.get(ticket.client_id)
    name = (client or state.clients.seeded(APPLICATION)).name
    if ticket.result_url and state.switches["new_login_honours_result_url"]:
        return name, told_to(ticket.result_url, state, visit, success=True, message=DONE)
    login = client.initiate_login_uri if client else ""
    login = login or str(state.settings.get().get("default_redirection_uri") or "")
    return name, with_query(login, {"iss": state.issuer}) if login else None
