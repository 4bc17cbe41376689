"""The forms. Whether an address can be invited is decided in `invitations.people`, for the command line too."""

import secrets

from flask_wtf import FlaskForm
from wtforms import EmailField, HiddenField, StringField, SubmitField
from wtforms.validators import InputRequired, Length

from ..invitations.people import ADDRESS_LENGTH, NAME_LENGTH


class InviteForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF ships no types
    """One person. `key` is new with each page, so that a second click is the same form again."""

    email = EmailField(
        "Email address",
        validators=[
            InputRequired("Enter the address to invite."),
            Length(max=ADDRESS_LENGTH, message="This address is too long; at most 254 characters."),
        ],
    )
    name = StringField(
        "Name",
        description="Optional. The invitation greets them by it.",
        validators=[
            Length(
                max=NAME_LENGTH, message=f"This name is too long; at most {NAME_LENGTH} characters."
            )
        ],
    )
    key = HiddenField(default=lambda: secrets.token_urlsafe(16))
    submit = SubmitField("Send invitation")


class RevokeForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF ships no types
    """Withdraw an invitation, with a reason for the record."""

    reason = StringField(
        "Reason",
        description="Optional. Only admins see it.",
        validators=[Length(max=200, message="At most 200 characters.")],
    )
    submit = SubmitField("Revoke")
