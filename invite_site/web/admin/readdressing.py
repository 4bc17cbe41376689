"""An invitation to the wrong address: invite another one in its place."""

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from ...errors import AlreadyAccepted, AlreadyInvited, InvalidInvitee, NotPossibleNow
from ...invitations.tables import Invitation
from ..current import services
from ..forms import AddressForm
from . import bp
from .reading import inviter


@bp.get("/invitations/<int32:invitation_id>/address")
def ask_for_address(invitation_id: int) -> ResponseReturnValue:
    """The form, with the address as it is."""
    row = services.ledger.get(invitation_id)
    if not row.is_open:
        return redirect(url_for("admin.invitation", invitation_id=invitation_id), 303)
    return _page(row, AddressForm(formdata=None, email=row.email))


@bp.post("/invitations/<int32:invitation_id>/address")
def change_address(invitation_id: int) -> ResponseReturnValue:
    """Revoke it and invite the other address. What was typed stays in the form until it is."""
    row, form = services.ledger.get(invitation_id), AddressForm()
    taken: AlreadyInvited | AlreadyAccepted | None = None
    if form.validate_on_submit():
        try:
            other = services.invitations.change_address(
                invitation_id, form.email.data or "", inviter=inviter()
            )
        except (InvalidInvitee, NotPossibleNow) as refused:
            form.email.errors = [str(refused)]
        except (AlreadyInvited, AlreadyAccepted) as refused:
            if not row.is_open:  # there is nothing to correct in this form
                flash(str(refused), "warning")
                there = url_for("admin.invitation", invitation_id=refused.invitation_id)
                return redirect(there, 303)
            taken = refused
            form.email.errors = [str(refused)]
        else:
            flash(
                "The new address is invited; the link of the earlier one stops working.", "success"
            )
            return redirect(url_for("admin.invitation", invitation_id=other.id), 303)
    return _page(row, form, taken), 422


def _page(
    row: Invitation, form: AddressForm, taken: AlreadyInvited | AlreadyAccepted | None = None
) -> str:
    is_to_be_admin = row.id in {each.invitation_id for each in services.granting.awaited()}
    return render_template(
        "admin/change_address.html", row=row, form=form, taken=taken, is_to_be_admin=is_to_be_admin
    )
