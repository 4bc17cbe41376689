"""The forms. Whether an address can be invited is decided in `invitations.people`, for the command line too."""

import secrets
from collections.abc import Mapping
from typing import Any

from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import BooleanField, EmailField, HiddenField, StringField, SubmitField, TextAreaField
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
    again = BooleanField("Their account was removed at the tenant: invite them again")
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


class ListForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF ships no types
    """Many people: an uploaded file or pasted text, not both."""

    file = FileField(
        "File",
        description="A CSV file, as spreadsheet programs save it: a column of addresses and, if you "
        "like, one of names.",
    )
    text = TextAreaField(
        "Or paste the list",
        description="One person a line: ada@example.com, or Ada Byron <ada@example.com>.",
    )
    submit = SubmitField("Show preview")

    def validate(self, extra_validators: Mapping[str, Any] | None = None) -> bool:
        """Whether there is exactly one list."""
        if not super().validate(extra_validators):
            return False
        has_text = bool((self.text.data or "").strip())
        if bool(self.file.data) == has_text:
            self.file.errors = [
                "Choose a file or paste a list, not both. Your browser has forgotten the file."
                if has_text
                else "Choose a file, or paste a list below."
            ]
            return False
        return True
