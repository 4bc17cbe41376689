"""Who was invited, how far each one got, and what can be done about it."""

from dataclasses import replace

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from ...errors import DeliveryError, NotPossibleNow
from ...invitations.lifecycle import STATUSES, State
from ...invitations.tables import Invitation
from ...printable import one_line
from ..current import is_asked_by_script, services
from ..forms import RevokeForm
from ..templating import moment
from . import bp
from .filters import chips_of, filters_in, in_address
from .reading import inviter, list_last_seen, remember_list, row_id
from .timeline import timeline_of

PAGE = 50
DAYS = 7  # that an extension lasts, if nobody says otherwise
TRAIL = 50  # pages that *Newer* leads back through


@bp.get("/invitations")
def invitations() -> ResponseReturnValue:
    """The list, as `filters_in` reads it from the address; `order=changed` has the last change first,
    `before` is where the page before ended, `trail` where those before it did. Script that asks again
    names what is chosen as `id`; nothing is answered where that is no longer on the page."""
    filters = filters_in(request.args)
    by_change = request.args.get("order") == "changed"
    before, trail = request.args.get("before", ""), request.args.get("trail", "")
    now = services.clock()
    page = services.listing.find(filters, now=now, before=before, size=PAGE, by_change=by_change)
    if not is_asked_by_script():
        remember_list()
    elif not {row.id for row in page.rows}.issuperset(request.args.getlist("id", type=row_id)):
        return "", 204  # else nothing would be chosen, which stands for all that match
    outage = services.circuit_breaker.outage()
    return render_template(
        "admin/invitations.html",
        rows=page.rows,
        older={"before": page.older, "trail": _longer(trail, before)} if page.older else None,
        newer=_shorter(trail),
        before=before or None,
        trail=trail or None,
        looked_through=page.looked_through,
        jobs=services.jobs.unfinished(),
        can_extend=services.resending.can_extend,
        filters=filters,
        in_address=in_address(filters),
        order="changed" if by_change else None,
        chips=chips_of(filters),
        statuses=STATUSES,
        choices=services.listing.choices,
        # They are of all invitations, so beside another filter they would mislead.
        counts=services.statistics.standing(now).counts
        if replace(filters, status="").is_any
        else {},
        finds_beginnings_only=services.listing.finds_beginnings_only,
        now=now,
        outage=outage,
        waiting=0 if outage else services.listing.waiting(now),
        rate=services.deliveries.rate(),
        absence=services.heartbeats.absence_while_waiting(now),
    )


def _longer(trail: str, before: str) -> str | None:
    """The trail of the page after the one that begins at `before`."""
    return "~".join([*trail.split("~"), before][-TRAIL:]).strip("~") or None


def _shorter(trail: str) -> dict[str, str | None]:
    """Where the page before this one begins, and the trail of that."""
    rest, _, before = trail.rpartition("~")
    return {"before": before or None, "trail": rest or None}


@bp.get("/invitations/<int32:invitation_id>")
def invitation(invitation_id: int) -> ResponseReturnValue:
    """One invitation, with what happened to it and who says so."""
    return _page_of(services.ledger.get(invitation_id))


def _page_of(row: Invitation, *, days_error: str = "") -> str:
    """`days_error` is what is wrong with the days that an extension was to have."""
    now = services.clock()
    status = row.status(now)
    return render_template(
        "admin/invitation.html",
        row=row,
        status=status,
        now=now,
        absence=services.heartbeats.absence(now) if status in (State.QUEUED, State.SENDING) else "",
        steps=timeline_of(row, now),
        events=services.listing.events(row.id),
        delivery=services.settings.delivery,
        outage=services.circuit_breaker.outage(),
        back=list_last_seen(),
        can_extend=services.resending.can_extend and row.state in (State.QUEUED, State.SENT),
        mails_to_extend=services.resending.mails_to_extend_one(row),
        is_batch_paused=row.batch_id and services.batches.get(row.batch_id).paused_at,
        resend_possible_at=services.resending.resend_possible_at(row),
        days=request.form.get("days", DAYS),
        days_error=days_error,
    )


@bp.post("/invitations/<int32:invitation_id>/resend")
def resend(invitation_id: int) -> ResponseReturnValue:
    row = services.resending.resend(invitation_id, actor=inviter().name)
    if row.password_set_at:
        sentence = "A mail that asks them to sign in is on its way."
    else:
        sentence = "A new invitation is on its way; the older link stops working."
    return _back_to(invitation_id, sentence, "success")


@bp.post("/invitations/<int32:invitation_id>/extend")
def extend(invitation_id: int) -> ResponseReturnValue:
    """A later end, `days` from now. What was typed stays in the form until that is possible."""
    days = request.form.get("days", 0, type=row_id)
    try:
        services.resending.require_extension(days)
    except NotPossibleNow as refused:
        return _page_of(services.ledger.get(invitation_id), days_error=str(refused)), 422
    row = services.resending.extend(invitation_id, days, actor=inviter().name)
    sentence = f"It ends on {moment(row.expires_at)} now."
    return _back_to(invitation_id, sentence, "success")


@bp.post("/invitations/<int32:invitation_id>/ask")
def ask_tenant(invitation_id: int) -> ResponseReturnValue:
    """*Ask the tenant*: what it knows of the account now."""
    row = services.ledger.get(invitation_id)
    try:
        services.checks.ask(row)
    except DeliveryError as failed:
        return _back_to(invitation_id, f"The tenant could not be asked. {failed}", "error")
    return _back_to(invitation_id, "The tenant has answered.", "success")


@bp.post("/invitations/<int32:invitation_id>/readdress")
def readdress(invitation_id: int) -> ResponseReturnValue:
    """Send an invitation that is held to the address that the admin was shown."""
    services.invitations.readdress(
        invitation_id, one_line(request.form.get("email", "")), actor=inviter().name
    )
    return _back_to(invitation_id, "The invitation is on its way to the new address.", "success")


@bp.get("/invitations/<int32:invitation_id>/revoke")
def ask_to_revoke(invitation_id: int) -> ResponseReturnValue:
    """Revoking cannot be taken back, so a page asks first."""
    row = services.ledger.get(invitation_id)
    if not row.is_open:
        return redirect(url_for("admin.invitation", invitation_id=invitation_id), 303)
    return _revoke_page(row, RevokeForm(formdata=None))


@bp.post("/invitations/<int32:invitation_id>/revoke")
def revoke(invitation_id: int) -> ResponseReturnValue:
    form = RevokeForm()
    if not form.validate():
        return _revoke_page(services.ledger.get(invitation_id), form), 422
    reason = one_line(form.reason.data or "")
    services.invitations.revoke(invitation_id, actor=inviter().name, reason=reason)
    return _back_to(invitation_id, "The invitation is revoked.", "success")


def _revoke_page(row: Invitation, form: RevokeForm) -> str:
    status = row.status(services.clock())
    return render_template("admin/revoke.html", row=row, status=status, form=form)


def _back_to(invitation_id: int, sentence: str, category: str) -> ResponseReturnValue:
    flash(sentence, category)
    return redirect(url_for("admin.invitation", invitation_id=invitation_id), 303)
