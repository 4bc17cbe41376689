"""The admin pages. The blueprint denies by default: its guard runs before each of its views."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from ...errors import AlreadyInvited, NotPossibleNow
from ..current import current_session, is_admin, is_asked_by_script

bp = Blueprint("admin", __name__, url_prefix="/admin")
# The page about what an action names in its address.
PAGES = {"invitation_id": "admin.invitation", "batch_id": "admin.batch", "job_id": "admin.job"}


@bp.before_request
def require_admin() -> ResponseReturnValue | None:
    """Who is not signed in signs in; who may not invite is told."""
    if is_asked_by_script() and not is_admin():
        if request.method != "GET":  # the mail beside a form stays as it is, and so does the form
            return "", 401
        if current_session() is None:
            return render_template("admin/_signed_out.html"), 401
        return "", 401, {"HX-Refresh": "true"}  # the page as a whole says why
    if current_session() is None:
        return kept.sign_in_again()
    if not is_admin():
        return render_template("auth/not_admin.html"), 403
    return None


@bp.errorhandler(AlreadyInvited)
@bp.errorhandler(NotPossibleNow)
def say_why_not(refused: AlreadyInvited | NotPossibleNow) -> ResponseReturnValue:
    """Back to the page about what an action could not be done with, which shows the reason."""
    named = request.view_args or {}
    name = next((each for each in PAGES if each in named), None)
    if name is None or request.method != "POST":
        raise refused
    flash(str(refused), "error")
    return redirect(url_for(PAGES[name], **{name: named[name]}), 303)


from . import (  # noqa: E402 - their views register themselves on `bp`
    admins,  # noqa: F401
    batches,  # noqa: F401
    exports,  # noqa: F401
    invitations,  # noqa: F401
    inviting,  # noqa: F401
    jobs,  # noqa: F401
    kept,
    overview,  # noqa: F401
    readdressing,  # noqa: F401
)
