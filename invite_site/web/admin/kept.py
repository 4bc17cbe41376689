"""A form that was sent after the session had ended comes back, filled, after the sign-in."""

from collections.abc import Mapping

from flask import current_app, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException

from ...accounts.kept_forms import KeptForm
from ...printable import one_line
from ...tenant.relying_party import browser_key
from ..current import SIGNED_IN_AS, services
from ..forms import InviteForm
from ..rate_limits import limited_logins
from ..signin import start_login
from . import bp
from .filters import filters_in
from .jobs import meant_by
from .reading import admin_session, row_id

# What people typed, and is shown again to be checked; every other field goes along unseen.
LABELS = {
    "email": "Email address",
    "name": "Name",
    "note": "Note",
    "reason": "Reason",
    "days": "Days from now",
    "text": "List",
    "who": "Address or account id",
}
BUTTON = "submit"


@limited_logins
def sign_in_again() -> ResponseReturnValue:
    """To the sign-in, and back to this page; what was sent is shown again then."""
    if request.method != "POST":
        is_start = request.endpoint == "admin.overview"  # the list is what admins work with
        page = url_for("admin.invitations") if is_start else request.full_path.rstrip("?")
        return start_login(next_page=page)
    owner = session.get(SIGNED_IN_AS)
    if owner is None:  # nobody has signed in with this browser, so it is nobody's form
        return start_login(next_page=_page_of(request.path))
    form = KeptForm(
        request.path,
        [item for item in request.form.items(multi=True) if item[0] != "csrf_token"],
        had_file=any(upload.filename for upload in request.files.values()),
    )
    services.kept_forms.keep(form, browser=browser_key(), owner=owner)
    return start_login(next_page=url_for("admin.kept_form"))


@bp.get("/kept-form")
def kept_form() -> ResponseReturnValue:
    """The form that this person sent when they were signed out, to be sent by one press more."""
    form = None
    if request.method == "GET":  # HEAD changes nothing
        form = services.kept_forms.take(browser=browser_key(), sub=admin_session().sub)
    if form is None:  # taken already, too old, somebody else's, or another tab has sent one since
        flash(
            "What was sent while you were signed out is not kept any more, and was not done.",
            "warning",
        )
        return redirect(url_for("admin.invitations"), 303)
    page = _page_of(form.path)
    if form.had_file:
        flash("You were signed out; nothing was done yet. Choose the file again.", "warning")
        return redirect(page, 303)
    return render_template(
        "admin/kept_form.html",
        path=form.path,
        page=page,
        person=_person_of(form.path),
        batch=_batch_of(form.path),
        admin=_admin_of(form),
        **_job_of(form),
        typed=[(name, LABELS[name], value) for name, value in form.fields if name in LABELS],
        chosen=_choices_of(form),
        unseen=[item for item in form.fields if item[0] not in (*LABELS, BUTTON)],
        button=dict(form.fields).get(BUTTON) or "Send again",
    )


def _person_of(path: str) -> str:
    """Whom the form at this address is about, where it is about one invitation."""
    number = _arguments_of(path).get("invitation_id")
    return services.ledger.get(number).email if number else ""


def _batch_of(path: str) -> str:
    """What the batch is called, where the form at this address is about one."""
    number = _arguments_of(path).get("batch_id")
    batch = services.listing.batch(number) if number else None
    return batch.name if batch else ""


def _arguments_of(path: str) -> Mapping[str, int]:
    _, arguments = current_app.url_map.bind("", "/").match(path, method="POST")
    return arguments


def _job_of(form: KeptForm) -> dict[str, object]:
    """What a job would be about, where the form begins one."""
    if form.path != url_for("admin.begin_job"):
        return {}
    fields = MultiDict(form.fields)
    filters = filters_in(fields) if fields.get("all") else None
    return meant_by(filters, fields.getlist("id", type=row_id))


def _admin_of(form: KeptForm) -> str:
    """Which admin the form is about, where it is about one."""
    sub = one_line(dict(form.fields).get("sub", ""))
    return services.granting.name_of(sub) if sub else ""


def _choices_of(form: KeptForm) -> list[tuple[str, str]]:
    """What was chosen in the form for one person: its label and its words. It goes along unseen."""
    if form.path != url_for("admin.create"):
        return []
    invite = InviteForm(
        settings=services.settings,
        roles=services.role_offers.current().roles,
        sent=MultiDict(form.fields),
    )
    return invite.choices_in_words


def _page_of(path: str) -> str:
    """The page with the form that is sent to this address: *new* below it, its own, or the next one
    above it."""
    adapter = current_app.url_map.bind("", "/")
    above = [path.rsplit("/", up)[0] for up in range(path.count("/"))]
    for page in (f"{path}/new", *above):
        try:
            endpoint, arguments = adapter.match(page, method="GET")
        except HTTPException:  # a redirect to another spelling is one too
            continue
        return adapter.build(endpoint, arguments)
    return url_for("admin.invitations")
