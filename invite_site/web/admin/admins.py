"""Who may invite: the list, a grant, its withdrawal, and the invitations of an admin who leaves.

An admin is named by `sub` in the query or the form, because it may hold any letter.
"""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from ...errors import (
    DeliveryError,
    GrantRefused,
    InvitationError,
    NotThereYet,
)
from ...invitations.admins.service import SUB_LENGTH
from ...printable import one_line
from ..current import services
from ..forms import GrantForm
from ..templating import grouped
from . import bp
from .reading import admin_session, inviter


@bp.get("/admins")
def admins() -> ResponseReturnValue:
    return _list_page(GrantForm(formdata=None))


@bp.post("/admins")
def grant() -> ResponseReturnValue:
    """Let somebody invite. What was typed stays in the form until it is done."""
    form = GrantForm()
    offer = ""
    if form.validate_on_submit():
        try:
            granted = services.granting.grant(
                one_line(form.who.data or ""), by=inviter(), invites=bool(form.invites.data)
            )
        except NotThereYet as refused:
            offer = _offer(refused)
            form.who.errors = [str(refused)]
        except (GrantRefused, InvitationError) as refused:
            form.who.errors = [str(refused)]
        except DeliveryError as failed:
            form.who.errors = [f"The tenant could not be asked; nothing was changed. {failed}"]
        else:
            flash(_sentence(granted.is_new, granted.invitation_id is not None), "success")
            return _back()
    return _list_page(form, offer), 422


@bp.get("/admins/revoke")
def ask_to_revoke_admin() -> ResponseReturnValue:
    """It ends somebody's access, perhaps one's own, so a page asks first."""
    sub = _sub_in(request.args.get("sub", ""))
    found = services.admins.find(sub) if sub else None
    if found is None:
        return _back()
    return render_template(
        "admin/revoke_admin.html",
        grant=found,
        is_own=_is_own(sub),
        is_last=len(services.admins.all()) == 1,
        is_role_configured=services.granting.is_role_configured,
        open_invitations=services.granting.open_from(sub),
    )


@bp.post("/admins/revoke")
def revoke_admin() -> ResponseReturnValue:
    sub = _sub_in(request.form.get("sub", ""))
    session = admin_session()
    found = services.admins.find(sub) if sub else None
    if found is None:
        flash("They have no right to invite that could be withdrawn.", "warning")
        return _back()
    try:
        services.granting.withdraw(sub, by=session)
    except GrantRefused as refused:
        flash(str(refused), "error")
        return _back()
    if _is_own(sub):
        if session.has_admin_role:
            flash("Your grant is withdrawn; you still may invite, by your role.", "success")
            return _back()
        flash("You may no longer invite.", "success")
        return redirect(url_for("account.home"), 303)
    unless = ", unless a role lets them" if services.granting.is_role_configured else ""
    flash(f"{found.label} may no longer invite{unless}.", "success")
    if services.granting.open_from(sub):
        return redirect(url_for("admin.ask_to_revoke_invitations", sub=sub), 303)
    return _back()


@bp.post("/admins/awaited/<int32:invitation_id>/withdraw")
def withdraw_awaited(invitation_id: int) -> ResponseReturnValue:
    """Whoever accepts this invitation may not invite after all; the invitation stays."""
    if services.granting.cancel(invitation_id, by=inviter()):
        flash("Withdrawn: their acceptance gives no right to invite.", "success")
    else:
        flash(
            "There was nothing to withdraw any more; look whether they are an admin now.", "warning"
        )
    return _back()


@bp.get("/admins/revoke-invitations")
def ask_to_revoke_invitations() -> ResponseReturnValue:
    """Revoking cannot be taken back, so a page says how many it would be and asks."""
    sub = _sub_in(request.args.get("sub", ""))
    number = services.granting.open_from(sub) if sub else 0
    if not number:
        if sub:
            flash("None of their invitations is open.", "success")
        return _back()
    return render_template(
        "admin/revoke_invitations.html",
        sub=sub,
        label=services.granting.name_of(sub),
        is_own=_is_own(sub),
        number=number,
    )


@bp.post("/admins/revoke-invitations")
def revoke_invitations() -> ResponseReturnValue:
    sub = _sub_in(request.form.get("sub", ""))
    number = services.granting.revoke_from(sub, by=inviter()) if sub else 0
    if number == 1:
        flash("1 invitation is revoked.", "success")
    else:
        flash(f"{grouped(number)} invitations are revoked.", "success" if number else "warning")
    return _back()


def _list_page(form: GrantForm, offer: str = "") -> str:
    return render_template(
        "admin/admins.html",
        form=form,
        offer=offer,
        grants=services.admins.all(),
        awaited=services.granting.awaited(),
        own_sub=inviter().sub,
        is_role_configured=services.granting.is_role_configured,
        now=services.clock(),
    )


def _offer(refused: NotThereYet) -> str:
    """What the box below the field does for somebody who is not there yet."""
    if refused.is_invited:
        return "Let them invite once they have accepted"
    return "Invite them, and let them invite others once they have accepted"


def _sentence(is_new: bool, is_awaited: bool) -> str:
    if is_awaited:
        return (
            "They are invited, and may invite others once they have accepted."
            if is_new
            else "They are invited already, and may invite others once they have accepted."
        )
    return "They may invite from now on." if is_new else "They could invite already."


def _sub_in(text: str) -> str:
    """An account id as a request names it; empty for what cannot be one."""
    return text if text.isprintable() and len(text) <= SUB_LENGTH else ""


def _is_own(sub: str) -> bool:
    return inviter().sub == sub


def _back() -> ResponseReturnValue:
    return redirect(url_for("admin.admins"), 303)
