"""The admin pages: who was invited, how far each one got, and inviting more.

Deny by default: the door stands before the whole blueprint, so no page can be forgotten.
"""

from flask import Blueprint, flash, redirect, render_template, request, url_for

from ...errors import AlreadyInvited, InvalidInvitee, InvitationError, NotPossibleNow
from ...invitations.channels import way_of
from ...invitations.service import Inviter
from ..current import signed_in, site
from ..forms import InviteForm, RevokeForm
from ..signin import View, require_admin

bp = Blueprint("admin", __name__, url_prefix="/admin")
bp.before_request(require_admin)

PAGE = 50
STATUSES = (
    "queued",
    "sending",
    "sent",
    "password_set",
    "accepted",
    "expired",
    "revoked",
    "failed",
)


@bp.get("/")
def overview() -> View:
    return redirect(url_for("admin.invitations"), 303)


@bp.get("/invitations")
def invitations() -> View:
    """The list, newest first; `q` looks in address and name, `state` picks a status."""
    query = _line(request.args.get("q", ""))[:254]
    status = request.args.get("state", "")
    status = status if status in STATUSES else ""
    rows = site().ledger.page(
        now=site().clock(),
        query=query,
        status=status,
        before=request.args.get("before", type=_number),
        size=PAGE + 1,
    )
    return render_template(
        "admin/invitations.html",
        rows=rows[:PAGE],
        older=rows[PAGE - 1].id if len(rows) > PAGE else None,
        is_first_page="before" not in request.args,
        query=query,
        status=status,
        statuses=STATUSES,
        now=site().clock(),
        pause=site().pauses.current(),
    )


@bp.get("/invitations/new")
def new() -> View:
    return _form_page(InviteForm(formdata=None))


@bp.post("/invitations")
def create() -> View:
    """Queue one invitation. What was typed stays in the form until it is."""
    form = InviteForm()
    taken: AlreadyInvited | None = None
    if form.validate_on_submit():
        try:
            row = site().invitations.invite(
                form.email.data or "",
                name=form.name.data or "",
                inviter=_inviter(),
                form_key=_line(form.key.data or "")[:64] or None,
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
def invitation(invitation_id: int) -> View:
    """One invitation, with what happened to it and who says so."""
    ledger = site().ledger
    row = ledger.get(invitation_id)
    return render_template(
        "admin/invitation.html",
        row=row,
        status=row.status(site().clock()),
        events=ledger.events(row.id),
        carrier="the tenant" if site().settings.delivery == "tenant_email" else "the mail server",
        now=site().clock(),
        pause=site().pauses.current(),
        form=RevokeForm(formdata=None),
    )


@bp.post("/invitations/<int(max=2147483647):invitation_id>/resend")
def resend(invitation_id: int) -> View:
    return _act(invitation_id, "A new invitation is on its way; the older link stops working.")


@bp.post("/invitations/<int(max=2147483647):invitation_id>/revoke")
def revoke(invitation_id: int) -> View:
    return _act(invitation_id, "The invitation is withdrawn.", revoking=True)


def _form_page(form: InviteForm, taken: AlreadyInvited | None = None) -> str:
    way, limits = way_of(site().settings)
    return render_template("admin/invite.html", form=form, taken=taken, way=way, limits=limits)


def _act(invitation_id: int, done: str, *, revoking: bool = False) -> View:
    try:
        if revoking:
            form = RevokeForm()
            reason = _line(form.reason.data or "")[:200]
            site().invitations.revoke(invitation_id, actor=_inviter().name, reason=reason)
        else:
            site().invitations.resend(invitation_id, actor=_inviter().name)
    except NotPossibleNow as refused:
        flash(str(refused), "error")
    else:
        flash(done, "success")
    return redirect(url_for("admin.invitation", invitation_id=invitation_id), 303)


def _line(text: str) -> str:
    """What somebody typed as one line of letters that can be stored and shown."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _number(value: str) -> int:
    """A number that the database can hold."""
    return max(0, min(int(value), 2**31 - 1))


def _inviter() -> Inviter:
    who = signed_in()
    if who is None:  # the door let nobody through unknown
        raise InvitationError("Sign in to invite somebody.")
    return Inviter(name=who.name or who.email, sub=who.sub)
