"""Who was invited, how far each one got, and inviting more."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from ...errors import AlreadyInvited, InvalidInvitee, NotPossibleNow
from ...invitations import channels
from ...invitations.lifecycle import STATUSES, State
from ..current import services
from ..forms import InviteForm, RevokeForm
from . import bp
from .reading import inviter, one_line, row_id
from .timeline import timeline_of

PAGE = 50


@bp.get("/")
def overview() -> ResponseReturnValue:
    return redirect(url_for("admin.invitations"), 303)


@bp.get("/invitations")
def invitations() -> ResponseReturnValue:
    """The list. `q` looks in address and name, `state` and `batch` pick a status and a batch;
    `before` is where the page before ended."""
    query = one_line(request.args.get("q", ""))[:254]
    status = request.args.get("state", "")
    status = status if status in STATUSES else ""
    batch_id = request.args.get("batch", type=row_id)
    batch = services.listing.batch(batch_id) if batch_id is not None else None
    before = request.args.get("before", "")
    now = services.clock()
    rows = services.listing.page(
        now=now, query=query, status=status, batch_id=batch_id, before=before, size=PAGE + 1
    )
    older = services.listing.position(rows[PAGE - 1], status=status) if len(rows) > PAGE else None
    return render_template(
        "admin/invitations.html",
        rows=rows[:PAGE],
        older=older,
        is_first_page=not before,
        query=query,
        status=status,
        batch_id=batch_id,
        batch_name=batch.name if batch else batch_id,
        statuses=STATUSES,
        finds_beginnings_only=services.listing.finds_beginnings_only,
        now=now,
        outage=services.circuit_breaker.outage(),
        absence=services.heartbeats.absence_felt(now),
    )


@bp.get("/invitations/new")
def new() -> ResponseReturnValue:
    return _form_page(InviteForm(formdata=None))


@bp.post("/invitations")
def create() -> ResponseReturnValue:
    """Queue one invitation. What was typed stays in the form until it is."""
    form = InviteForm()
    taken: AlreadyInvited | None = None
    if form.validate_on_submit():
        try:
            row = services.invitations.invite(
                form.email.data or "",
                name=form.name.data or "",
                inviter=inviter(),
                form_key=one_line(form.key.data or "")[:64] or None,
            )
        except InvalidInvitee as invalid:
            form[invalid.field].errors = [str(invalid)]
        except AlreadyInvited as refused:
            taken = refused
            form.email.errors = [str(refused)]
        else:
            flash("The invitation is on its way.", "success")
            return redirect(url_for("admin.invitation", invitation_id=row.id), 303)
    return _form_page(form, taken), 422


@bp.get("/invitations/<int(max=2147483647):invitation_id>")
def invitation(invitation_id: int) -> ResponseReturnValue:
    """One invitation, with what happened to it and who says so."""
    row = services.ledger.get(invitation_id)
    now = services.clock()
    status = row.status(now)
    return render_template(
        "admin/invitation.html",
        row=row,
        status=status,
        absence=services.heartbeats.absence(now) if status in (State.QUEUED, State.SENDING) else "",
        steps=timeline_of(row, now),
        events=services.listing.events(row.id),
        delivery=services.settings.delivery,
        outage=services.circuit_breaker.outage(),
        form=RevokeForm(formdata=None),
    )


@bp.post("/invitations/<int(max=2147483647):invitation_id>/resend")
def resend(invitation_id: int) -> ResponseReturnValue:
    try:
        services.invitations.resend(invitation_id, actor=inviter().name)
    except (NotPossibleNow, AlreadyInvited) as refused:
        return _back_to(invitation_id, str(refused), "error")
    return _back_to(
        invitation_id, "A new invitation is on its way; the older link stops working.", "success"
    )


@bp.post("/invitations/<int(max=2147483647):invitation_id>/readdress")
def readdress(invitation_id: int) -> ResponseReturnValue:
    """Send an invitation that is held to the address that the admin was shown."""
    try:
        services.invitations.readdress(
            invitation_id, request.form.get("email", ""), actor=inviter().name
        )
    except (NotPossibleNow, AlreadyInvited) as refused:
        return _back_to(invitation_id, str(refused), "error")
    return _back_to(invitation_id, "The invitation is on its way to the new address.", "success")


@bp.post("/invitations/<int(max=2147483647):invitation_id>/revoke")
def revoke(invitation_id: int) -> ResponseReturnValue:
    reason = one_line(RevokeForm().reason.data or "")[:200]
    try:
        services.invitations.revoke(invitation_id, actor=inviter().name, reason=reason)
    except NotPossibleNow as refused:
        return _back_to(invitation_id, str(refused), "error")
    return _back_to(invitation_id, "The invitation is withdrawn.", "success")


def _form_page(form: InviteForm, taken: AlreadyInvited | None = None) -> str:
    channel, limits = channels.describe(services.settings)
    return render_template(
        "admin/invite.html", form=form, taken=taken, channel=channel, limits=limits
    )


def _back_to(invitation_id: int, sentence: str, category: str) -> ResponseReturnValue:
    flash(sentence, category)
    return redirect(url_for("admin.invitation", invitation_id=invitation_id), 303)
