"""What commands take: numbers, statuses, reasons, and an invitation by its number or its address; and
who acts."""

import sys
from datetime import datetime
from typing import Any

import click
from werkzeug.datastructures import MultiDict

from ..errors import InvitationNotFound
from ..invitations.lifecycle import STATUSES
from ..invitations.people import COMMAND_LINE, Invitee, Inviter
from ..invitations.tables import LARGEST_ID
from ..languages import LANGUAGES, language_of
from ..printable import one_line
from ..services import Services
from ..web.admin.filters import filters_in
from ..web.forms import REASON_LENGTH, REASON_TOO_LONG

NUMBER = click.IntRange(1, LARGEST_ID)
ME = Inviter(name=COMMAND_LINE)


class Status(click.Choice[str]):
    """A status as the list prints it, `password set`, or as addresses have it, `password_set`."""

    def __init__(self) -> None:
        super().__init__(STATUSES, case_sensitive=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert("_".join(str(value).split()), param, ctx)


class Day(click.DateTime):
    """A day of the filters, of those that the pages take."""

    def __init__(self) -> None:
        super().__init__(["%Y-%m-%d"])

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        day: datetime = super().convert(value, param, ctx)
        if filters_in(MultiDict({"day": day.date().isoformat()})).day is None:
            self.fail(f"Nobody can have been invited on {value}.", param, ctx)
        return day


class Language(click.ParamType[str]):
    """A language of invitations, by code or name."""

    name = "language"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        code = language_of(str(value))
        if code is None:
            self.fail(f"{value} is none of {', '.join(LANGUAGES.values())}.", param, ctx)
        return code


class Reason(click.ParamType[str]):
    """A text for the record, as long as the pages take it at most."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if len(one_line(str(value))) > REASON_LENGTH:
            self.fail(REASON_TOO_LONG, param, ctx)
        return str(value)  # as it is: the command itself refuses what is not UTF-8


class Named(click.ParamType[int | str]):
    """An invitation: the number of it, or the address it went to."""

    name = "number or address"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str:
        if "@" in str(value):
            return str(value)
        if not str(value).isdecimal():
            self.fail(f"{value} is neither the number of an invitation nor an address.", param, ctx)
        number: int = NUMBER.convert(value, param, ctx)
        return number


def confirm(question: str, *, yes: bool, otherwise: str) -> None:
    """Go on only if somebody says so, or did by --yes. Raises Abort; where there is no terminal to ask
    at, UsageError with the sentence `otherwise`."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(otherwise)
    click.confirm(question, abort=True)


def invitation_number(named: int | str, services: Services) -> int:
    """The number of the invitation that was named. Raises InvalidInvitee, InvitationNotFound."""
    if isinstance(named, int):
        return named
    invitee = Invitee.parse(named, allow_test_domains=services.settings.is_local)
    found = services.ledger.open_of(invitee.email_norm)
    if found is None:
        raise InvitationNotFound(
            f"No invitation to {invitee.email} is open. `flask invite list` shows all with their "
            "numbers."
        )
    return found.id
