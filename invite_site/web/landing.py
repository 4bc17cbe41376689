"""The `result_url` and the landing link: how an invitee comes to the login.

Anybody can type such an address, so nothing in it is believed. It chooses a page, and it fills
in the hint of a login; who that login is for, the tenant says later in the callback.
"""

from dataclasses import dataclass

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from werkzeug.datastructures import MultiDict

from ..errors import AccountUnusable, InvalidInvitee, NotPossibleNow
from ..invitations.ledger.queries import REF
from ..invitations.lifecycle import State
from ..invitations.people import Invitee
from ..invitations.tables import Invitation
from ..invitations.visits import InvitationSummary
from ..settings import ReturnTo
from .current import (
    current_session,
    invitation_named,
    invitation_of_link,
    landing_invitation,
    services,
)
from .language import speak
from .rate_limits import limited_by_invitation, limited_renewals
from .signin import hint_of, remember_landing, start_invited_login, start_login

bp = Blueprint("landing", __name__)

# What Auth0 is known to say, and what it means here. The text itself is never shown.
USED = "this url can be used only once"
EXPIRED = "access expired"
RENEWALS = ("landing.renew", "landing.ask_for_renewal")


@bp.before_request
def find_invitation() -> None:
    """Read it before the limiter asks for it, which would take a database that is away for a Redis
    that is away."""
    invitation = landing_invitation()
    # *Get a new link* is the same page for every ref, so it may not speak the invitation's language.
    if invitation is not None and request.endpoint not in RENEWALS:
        speak(invitation.locale)


@dataclass(frozen=True, slots=True)
class Result:
    """What the address says: whether the password was set, for which invitation, why not."""

    succeeded: bool
    ref: str
    email: str | None
    reason: str  # used, expired, other

    @classmethod
    def from_query(cls, query: MultiDict[str, str]) -> "Result":
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
@limited_by_invitation
def complete() -> ResponseReturnValue:
    """On to the login with the invited address filled in, or a page that says what to do."""
    result = Result.from_query(request.args)
    invitation = invitation_named()
    if not result.succeeded:
        return _not_finished(result, invitation)
    if invitation is not None and not invitation.is_open:
        return _page(_row_of(invitation))
    if _is_signed_in_as_another(invitation):
        # Ask first: a third party may have sent this link (login CSRF).
        if request.method != "HEAD":  # which changes nothing
            services.acceptance.record_result(invitation)
        return render_template("landing/signed_in.html", ref=result.ref, email=result.email or "")
    write = services.acceptance.write_of_result(invitation)
    return start_invited_login(invitation, result.email, write)


@bp.post("/invite/complete")
@limited_by_invitation
def switch_account() -> ResponseReturnValue:
    """*Continue as the invited person*, *Switch account*, *Sign in* and *Try again*: a login with the
    invited address filled in; nobody is signed out until it has succeeded."""
    invitation = invitation_named()
    if invitation is not None and invitation.state == State.ACCEPTED:
        return start_login(login_hint=hint_of(invitation), is_fresh=current_session() is not None)
    if invitation is not None and not invitation.is_open:
        return _page(_row_of(invitation))
    return start_invited_login(invitation, _email(request.form.getlist("email")))


@bp.get("/invite/sign-in")
@limited_by_invitation
def sign_in() -> ResponseReturnValue:
    """The link in a mail to somebody whose account is in use: on to the login, which accepts."""
    invitation = invitation_named()
    if invitation is None or not invitation.is_open:
        return _page(_row_of(invitation))
    if _is_signed_in_as_another(invitation):
        return render_template("landing/signed_in.html", ref=invitation.ref, email="")
    return start_invited_login(invitation)


@bp.get("/invite/renew")
@limited_renewals
def renew() -> ResponseReturnValue:
    """Ask for a new link; the same page for every ref. With `asked` it has been asked for."""
    ref = request.args.get("i", "")
    return render_template(
        "landing/renew.html",
        ref=ref if REF.fullmatch(ref) else "",
        asked="asked" in request.args,
    )


@bp.post("/invite/renew")
@limited_renewals
def ask_for_renewal() -> ResponseReturnValue:
    """What comes of it is told to the invited address alone."""
    services.resending.renew(request.form.get("i", ""))
    return redirect(url_for("landing.renew", asked=1), 303)


@bp.get("/i/<token>")
def link(token: str) -> ResponseReturnValue:
    """Our own link in the mail: a page by the state of the invitation. Opening it does nothing,
    so mail scanners may."""
    return _link_page(token, invitation_of_link())


@bp.post("/i/<token>")
@limited_by_invitation
def open_link(token: str) -> ResponseReturnValue:
    """The button: on to the tenant's password page with a ticket made now, or to the login."""
    invitation = invitation_of_link()
    if invitation is None or _status_of_link(invitation) not in (State.SENT, State.PASSWORD_SET):
        return _link_page(token, invitation)
    try:
        url = services.acceptance.open_link(invitation)
    except AccountUnusable as unusable:
        return _page(invitation, "gone" if unusable.is_gone else "changed")
    except NotPossibleNow as refused:
        flash(gettext(str(refused)), "error")
        return _link_page(token, services.acceptance.find_by_link(token))  # it may have changed
    if url is None:
        return start_invited_login(invitation)
    if services.settings.invite_return == ReturnTo.LOGIN_ROUTE:
        remember_landing(invitation.ref)
    return redirect(url, 303)


def _link_page(token: str, invitation: Invitation | None) -> ResponseReturnValue:
    """The page of our own link: of `invitation` where it is the newest, else of one before it."""
    if invitation is not None:
        return _page(invitation, _status_of_link(invitation))
    older = services.acceptance.find_behind_link(token)
    if older is not None and _status(older) == State.SENT:
        return _page(older, "replaced" if older.was_sent_again else "damaged")
    return _page(older)


def _is_signed_in_as_another(invitation: InvitationSummary | None) -> bool:
    """Whether somebody is signed in here who may not be the invited person."""
    session = current_session()
    return session is not None and (invitation is None or session.sub != invitation.user_id)


def _not_finished(result: Result, invitation: InvitationSummary | None) -> ResponseReturnValue:
    """The tenant's page ended without a password. Its message says what it refused; what that means
    for the invitee, the ledger knows."""
    found = _row_of(invitation)
    if found is None:
        return render_template("landing/incomplete.html", reason=result.reason, ref="")
    if _status(found) != State.SENT:
        return _page(found)
    # Our link in the newest mail has made the ticket, and makes another one each time it is opened.
    can_open_link_again = found.landing_hash is not None and found.ticket_issued_at is not None
    if result.reason != "other":
        if services.acceptance.chose_password(found):
            return _page(found, State.PASSWORD_SET)
        if found.was_sent_again and not can_open_link_again:
            return _page(found, "replaced")
    return render_template(
        "landing/incomplete.html",
        reason="other" if can_open_link_again and result.reason == "expired" else result.reason,
        ref=found.ref,
        can_open_link_again=can_open_link_again,
    )


def _row_of(invitation: InvitationSummary | None) -> Invitation | None:
    """The whole of an invitation of which the landing has read a few columns."""
    return services.ledger.by_ref(invitation.ref) if invitation else None


def _page(invitation: Invitation | None, status: str = "") -> ResponseReturnValue:
    """What is so with this invitation, in the words of `status` where that says more than its state."""
    if invitation is not None:  # an older link names it only now
        speak(invitation.locale)
    status = status or (_status(invitation) if invitation else "unknown")
    page = render_template("landing/link.html", status=status, invitation=invitation)
    return page if invitation else (page, 404)


def _status(invitation: Invitation) -> str:
    """As the invitee may see it: a message in doubt that they hold has arrived, and a password that is
    set stays so while a mail about it is on its way."""
    now = services.clock()
    if invitation.is_open and invitation.password_set_at:
        return State.PASSWORD_SET
    return State.SENT if invitation.link_works(now) else invitation.status(now)


def _status_of_link(invitation: Invitation) -> str:
    """The same for who holds its newest landing link: no mail has replaced it yet."""
    status = _status(invitation)
    if status != State.PASSWORD_SET and invitation.landing_works(services.clock()):
        return State.SENT
    return status


def _email(values: list[str]) -> str | None:
    """The one address of a query, if it is one that can be invited.

    A `+` that was not encoded arrives as a space, and no address holds a space.
    """
    if len(values) != 1:
        return None
    try:
        given = Invitee.parse(values[0].replace(" ", "+"), allow_test_domains=True)
    except InvalidInvitee:
        return None
    return hint_of(given)
