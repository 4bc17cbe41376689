"""A page for everything that can go wrong, with one sentence and one next step."""

import logging
from collections.abc import Callable
from typing import Any

from flask import Flask, g, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _
from flask_limiter import RateLimitExceeded
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from ..errors import (
    BatchNotFound,
    DatabaseOutdated,
    DatabaseUnusable,
    DeliveryError,
    InvitationNotFound,
    JobNotFound,
    LoginError,
)
from ..invitations.batches.lists import MAX_BYTES
from . import limits, rate_limits
from .current import services
from .security import SAFE_METHODS, ForeignForm
from .signin import login_refused

log = logging.getLogger(__name__)

SENTENCES = {
    400: (_("That request could not be understood"), _("Go back and try it again.")),
    403: (_("You may not open this page"), _("Go to the start page.")),
    404: (_("There is no such page"), _("Check the address, or go to the start page.")),
    405: (_("That does not work this way"), _("Go to the start page.")),
    413: (_("That is too much at once"), _("Send less in one go.")),
}
UNKNOWN = (_("Something went wrong"), _("Go back and try it again."))


def init_app(app: Flask) -> None:
    """Give `app` a page for each error of ours and of the framework."""

    def register(kind: type[Exception], handler: Callable[[Any], ResponseReturnValue]) -> None:
        app.register_error_handler(kind, _without_database(handler))

    register(LoginError, login_refused)
    register(DeliveryError, _upstream_unavailable)
    register(InvitationNotFound, lambda error: _page(404))
    register(BatchNotFound, _batch_not_found)
    register(JobNotFound, lambda error: _page(404))
    register(CSRFError, _csrf_failed)
    register(ForeignForm, _form_from_elsewhere)
    register(DatabaseUnusable, _database_unusable)
    register(DatabaseOutdated, _database_outdated)
    register(RateLimitExceeded, _too_many)
    register(RequestEntityTooLarge, _too_large)
    register(HTTPException, _refused)
    register(Exception, _internal_error)


def _without_database(
    handler: Callable[[Any], ResponseReturnValue],
) -> Callable[[Any], ResponseReturnValue]:
    """The same handler; but who is signed in stands on its page too, and the database may be away."""

    def handle(error: Exception) -> ResponseReturnValue:
        try:
            return handler(error)
        except DatabaseUnusable as away:
            return _database_unusable(away)

    return handle


def _page(
    status: int,
    title: str = "",
    advice: str = "",
    *,
    retry_after: int | None = None,
    way_on: tuple[str, str] | None = None,
    is_same_again: bool = False,
) -> ResponseReturnValue:
    """`way_on` is an endpoint and the words of the link to it, in place of the start page. With
    `is_same_again` a button repeats the request, where a page can."""
    known = SENTENCES.get(status, UNKNOWN)
    if is_same_again and not _is_repeatable():
        is_same_again = False
        if limits.is_upload():
            way_on = ("admin.new_batch", "Choose the list again")
    page = render_template(
        "errors/page.html",
        status=status,
        title=title or known[0],
        advice=advice or known[1],
        way_on=way_on or ("account.home", _("Go to the start page")),
        is_same_again=is_same_again,
    )
    return page, status, {"Retry-After": str(retry_after)} if retry_after else {}


def _is_repeatable() -> bool:
    """No page can send a file again. None may send a form again that has not passed the check of its
    sender: with the token of our page it would."""
    return request.method in SAFE_METHODS or (bool(g.get("csrf_valid")) and not request.files)


def _refused(error: HTTPException) -> ResponseReturnValue:
    """With the headers that its status needs, such as `Allow` (RFC 9110 §15.5.6)."""
    response = make_response(_page(error.code or 500))
    response.headers.update(error.get_headers())
    return response


def _too_many(error: RateLimitExceeded) -> ResponseReturnValue:
    """The same request again, by a link or a button."""
    seconds = rate_limits.seconds_left()
    page = render_template("errors/too_many.html", seconds=seconds)
    return page, 429, {"Retry-After": str(seconds)}


def _too_large(error: RequestEntityTooLarge) -> ResponseReturnValue:
    if not limits.is_upload():
        return _page(413)
    return _page(
        413,
        "This list is too large",
        f"A list may have at most {MAX_BYTES // 1_000_000} MB; 10,000 rows of addresses and names have about "
        "1 MB. Nothing was read. Split it into several lists and send one after the other.",
        way_on=("admin.new_batch", "Choose another list"),
    )


def _batch_not_found(error: BatchNotFound) -> ResponseReturnValue:
    return _page(
        404,
        "There is no such batch",
        "A preview that was not sent is deleted after a day; upload the list again.",
        way_on=("admin.batches", "Go to the batches"),
    )


def _csrf_failed(error: CSRFError) -> ResponseReturnValue:
    advice = _("Nothing was changed. Go back, reload the page and send the form again.")
    # A browser that keeps none meets this page at every try.
    cookies = _("If this page comes again, let your browser keep cookies of this site.")
    return _page(400, _("This form has lost its cookie"), f"{advice} {cookies}")


def _form_from_elsewhere(error: ForeignForm) -> ResponseReturnValue:
    return _page(
        400,
        _("This form did not come from this site"),
        _(
            "Nothing was changed. Open %(address)s and send the form from a page there.",
            address=services.settings.site_url,
        ),
    )


def _database_unusable(error: DatabaseUnusable) -> ResponseReturnValue:
    log.error("%s", error)
    return _page(
        503,
        _("The site cannot reach its database"),
        _("Nothing was saved. Wait a moment, then try again."),
        retry_after=5,
        is_same_again=True,
    )


def _database_outdated(error: DatabaseOutdated) -> ResponseReturnValue:
    log.error("%s", error)
    if error.is_newer:
        return _page(
            503,
            _("The database is newer than this site"),
            _("Whoever runs this site can start its newer version. Nothing was changed."),
        )
    return _page(
        503,
        _("The database is older than this site"),
        _(
            "Whoever runs this site can bring it up to date: run `flask db upgrade`. "
            "Nothing was changed."
        ),
    )


def _upstream_unavailable(error: DeliveryError) -> ResponseReturnValue:
    log.warning("a page had to do without the tenant: %s", type(error).__name__)
    return _page(
        503,
        _("This does not work right now"),
        _("The sign-in service does not answer. Nothing is lost: wait a moment, then try again."),
        retry_after=10,
        is_same_again=True,
    )


def _internal_error(error: Exception) -> ResponseReturnValue:
    log.error("unforeseen error in %s", request.endpoint, exc_info=error)
    return _page(
        500,
        _("Something went wrong here"),
        _("It is our fault and has been noted. Go back and try it again."),
    )
