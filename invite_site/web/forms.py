"""The forms. Whether an address can be invited is decided in `invitations.people`, for the command line
too."""

import secrets
from collections.abc import Mapping
from typing import Any

from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from werkzeug.datastructures import MultiDict
from wtforms import (
    BooleanField,
    EmailField,
    HiddenField,
    SelectField,
    SelectMultipleField,
    StringField,
    SubmitField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, ValidationError
from wtforms.widgets import CheckboxInput

from ..invitations.admins.service import SUB_LENGTH
from ..invitations.options import LIFETIMES, LONGEST_LIFETIME, NOTE_LENGTH, Options, takes_words
from ..invitations.people import ADDRESS_LENGTH, ADDRESS_TOO_LONG, NAME_LENGTH, NAME_TOO_LONG
from ..invitations.tables import Invitation
from ..languages import LANGUAGES
from ..settings import Settings
from .templating import period

REASON_LENGTH = 200
REASON_TOO_LONG = f"Shorten the reason to {REASON_LENGTH} characters at most."


class InviteForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF ships no types
    """One person. `key` is new with each page, so that a second click is the same form again."""

    email = EmailField(
        "Email address",
        validators=[
            InputRequired("Enter the address to invite."),
            Length(max=ADDRESS_LENGTH, message=ADDRESS_TOO_LONG),
        ],
    )
    name = StringField(
        "Name",
        description="Optional. The invitation greets them by it.",
        validators=[Length(max=NAME_LENGTH, message=NAME_TOO_LONG)],
    )
    note = TextAreaField(
        "Note",
        description=f"Optional, at most {NOTE_LENGTH} characters. The mail quotes it under your name.",
    )
    lifetime = SelectField("The link works for")
    language = SelectField("Language", description="Of the mail and of the pages it leads to.")
    roles = SelectMultipleField("Roles", option_widget=CheckboxInput())
    again = BooleanField("Their account was removed at the tenant: invite them again")
    key = HiddenField(default=lambda: secrets.token_urlsafe(16))
    submit = SubmitField("Send invitation")

    def __init__(
        self,
        *,
        settings: Settings,
        roles: Mapping[str, str],
        earlier: Invitation | None = None,
        sent: MultiDict[str, str] | None = None,
    ) -> None:
        """`roles` are those of the tenant by id; `earlier` is an invitation whose person is invited
        again; `sent` is what was typed where that is not in this request."""
        super().__init__(**({} if sent is None else {"formdata": sent}))
        if earlier is not None:
            self.email.data, self.name.data, self.note.data = (
                earlier.email,
                earlier.name,
                earlier.note,
            )
            self.lifetime.data = str(earlier.lifetime or "")
            self.language.data = earlier.locale or ""
            self.roles.data = list(earlier.roles or {})
        by_browser = {"": "As their browser asks; the mail in English"}
        self.language.choices = list((by_browser | dict(LANGUAGES)).items())
        self._set_lifetimes(settings)
        self._set_roles(roles, (earlier.roles if earlier else None) or {})
        if not takes_words(settings):
            del self.note, self.lifetime, self.language

    @property
    def chosen_lifetime(self) -> int | None:
        """Seconds; None for those of the settings, and while what was chosen is no choice."""
        chosen = (self.lifetime and self.lifetime.data) or ""
        # Python reads no number of more than 4,300 digits.
        seconds = int(chosen) if chosen.isdecimal() and len(chosen) < 10 else 0
        return seconds if 0 < seconds <= LONGEST_LIFETIME else None

    @property
    def chosen_language(self) -> str | None:
        """A code; None for that of the browser, and while what was chosen is no choice."""
        chosen = (self.language and self.language.data) or ""
        return chosen if chosen in LANGUAGES else None

    @property
    def choices_in_words(self) -> list[tuple[str, str]]:
        """The label of each choice, and what is chosen there."""
        fields = [each for each in (self.lifetime, self.language, self.roles) if each]
        chosen = {
            field.label.text: [
                words for _, words, is_chosen, _ in field.iter_choices() if is_chosen
            ]
            for field in fields
        }
        return [(label, ", ".join(words)) for label, words in chosen.items() if words]

    def options(self, settings: Settings) -> Options:
        """Note, life, roles and language. Raises InvalidInvitee."""
        return Options.parse(
            settings,
            note=(self.note and self.note.data) or "",
            lifetime=self.chosen_lifetime,
            language=self.chosen_language,
            roles={
                each: self._known_roles[each] for each in (self.roles and self.roles.data) or ()
            },
        )

    def _set_lifetimes(self, settings: Settings) -> None:
        usual = settings.invitation_ttl
        choices = {"": f"{period(usual)}, as usual"}
        choices |= {str(each): period(each) for each in LIFETIMES if each != usual}
        if (chosen := self.chosen_lifetime) and str(chosen) not in choices:
            choices[str(chosen)] = period(chosen)  # as a command can say it
        self.lifetime.choices = list(choices.items())

    def _set_roles(self, roles: Mapping[str, str], earlier: Mapping[str, str]) -> None:
        self._known_roles = roles
        chosen = self.roles.data or []
        lost = {
            each: f"{earlier.get(each, each)} (not at the tenant now)"
            for each in chosen
            if each not in roles
        }
        self.roles.choices = list((dict(roles) | lost).items())
        if not self.roles.choices:
            del self.roles

    def validate_roles(self, field: SelectMultipleField) -> None:
        """Nothing is left out without a word."""
        if any(each not in self._known_roles for each in field.data or ()):
            raise ValidationError(
                "A role that you chose cannot be found at the tenant now. Leave it out, or wait a "
                "minute and send the form again."
            )


class AddressForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF ships no types
    """Another address for an invitation."""

    email = EmailField(
        "Email address",
        validators=[
            InputRequired("Enter the address to invite in its place."),
            Length(max=ADDRESS_LENGTH, message=ADDRESS_TOO_LONG),
        ],
    )
    submit = SubmitField("Change address")


class RevokeForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF ships no types
    """Revoke an invitation, with a reason for the record."""

    reason = StringField(
        "Reason",
        description="Optional. Only admins see it.",
        validators=[Length(max=REASON_LENGTH, message=REASON_TOO_LONG)],
    )


class GrantForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF ships no types
    """Somebody who is to invite. `invites` where they have to be invited themselves first."""

    who = StringField(
        "Address or account id",
        description="The address they sign in with, or the id of their account at the tenant.",
        validators=[
            InputRequired("Enter an address or an account id."),
            Length(max=SUB_LENGTH, message=f"At most {SUB_LENGTH} characters."),
        ],
    )
    invites = BooleanField("Invite them, and let them invite others once they have accepted")
    submit = SubmitField("Let them invite")


class ListForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF ships no types
    """Many people: an uploaded file or pasted text, not both."""

    file = FileField(
        "File",
        description="A CSV file, as spreadsheet programs save it: a column of addresses and, if you "
        "like, of names, languages, notes and roles.",
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
