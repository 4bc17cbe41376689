"""The `result_url`: where the tenant sends a browser after its password page.

Anybody can type such an address, so nothing in it is believed. It chooses a page, and it fills
in the hint of a login; who that login is for, the tenant says later in the callback.
"""

from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email
from flask import Blueprint, flash, redirect, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from ..errors import NotPossibleNow
from ..invitations.people import ADDRESS_LENGTH
from ..invitations.tables import Invitation, State
from .current import signed_in, site
from .signin import View, remember_landing, start_login

bp = Blueprint("landing", __name__)

# What Auth0 is known to say, and what it means here. The text itself is never shown.
USED = "this url can be used only once"
EXPIRED = "access expired"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the address says: whether the password was set, for which invitation, why not."""

    succeeded: bool
    ref: str
    email: str | None
    reason: str  # used, expired, other

    @classmethod
    def from_query(cls, query: MultiDict[str, str]) -> "Outcome":
        """`success` counts only as one value that is exactly `true`."""
        message = query.get("message", "").lower()
        if USED in message:
            reason = "used"
        elif EXPIRED in message:
            reason = "expired"
        else:
            reason = "other"
        return cls(
            succeeded=query.getlist("success") == ["true"],
            ref=query.get("i", ""),
            email=_email(query.getlist("email")),
            reason=reason,
        )


@bp.get("/invite/complete")
def complete() -> View:
    """On to the login with the invited address filled in, or a page with the way on."""
    outcome = Outcome.from_query(request.args)
    if not outcome.succeeded:
        invitation = site().invitations.find(outcome.ref)
        return _not_finished(outcome, invitation)
    invitation = site().invitations.landed(outcome.ref)
    if invitation is not None and not State(invitation.state).is_open:
        return _ended(invitation)
    if signed_in() is not None:
        # No redirect over somebody's head: the link may have been put before them by another.
        return render_template("landing/signed_in.html", ref=outcome.ref, email=outcome.email or "")
    return _continue_as(invitation, outcome.email)


@bp.post("/invite/complete")
def switch_account() -> View:
    """*Continue as the invited person* and *Switch account*: a fresh login; nobody is signed out
    until it has succeeded."""
    invitation = site().invitations.find(request.form.get("i", ""))
    if invitation is not None and not State(invitation.state).is_open:
        return _ended(invitation)
    return _continue_as(invitation, _email(request.form.getlist("email")))


@bp.get("/i/<token>")
def link(token: str) -> View:
    """Our own link in the mail: a page by the state of the invitation. Opening it does nothing,
    so mail scanners may."""
    invitation = site().invitations.of_landing(token)
    return _link_page(invitation)


@bp.post("/i/<token>")
def follow(token: str) -> View:
    """The button: on to the tenant's password page with a ticket made now, or to the login."""
    invitation = site().invitations.of_landing(token)
    if invitation is None or _status(invitation) not in ("sent", "password_set"):
        return _link_page(invitation)
    try:
        url = site().invitations.follow(invitation)
    except NotPossibleNow as refused:
        flash(str(refused), "error")
        return _link_page(site().invitations.of_landing(token))
    if url is None:
        return _continue_as(invitation, None)
    if site().settings.invite_return == "login_route":
        remember_landing(invitation.ref)
    return redirect(url, 303)


def _link_page(invitation: Invitation | None) -> View:
    status = _status(invitation) if invitation else "unknown"
    page = render_template("landing/link.html", status=status, invitation=invitation)
    return page if invitation else (page, 404)


def _status(invitation: Invitation) -> str:
    return invitation.status(site().clock())


def _continue_as(invitation: Invitation | None, email: str | None) -> Response:
    return start_login(
        invitation=invitation,
        login_hint=invitation.email if invitation else email,
        from_invitation=True,
    )


def _not_finished(outcome: Outcome, invitation: Invitation | None) -> View:
    if invitation is not None and not State(invitation.state).is_open:
        return _ended(invitation)
    return render_template("landing/incomplete.html", reason=outcome.reason, invitation=invitation)


def _ended(invitation: Invitation) -> View:
    return render_template("landing/ended.html", state=invitation.state, invitation=invitation)


def _email(values: list[str]) -> str | None:
    """The one address of a query, if it has the shape of one.

    A `+` that was not encoded arrives as a space, and no address holds a space.
    """
    if len(values) != 1 or len(values[0]) > ADDRESS_LENGTH:
        return None
    email = values[0].replace(" ", "+")
    try:
        validate_email(email, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return None
    return email
