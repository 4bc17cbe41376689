"""What would come of each row of a list: an invitation, or a reason why not."""

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from ...errors import InvalidInvitee
from ..options import Options
from ..people import Invitee
from .lists import ListRow


class Fate(enum.StrEnum):
    """What would come of a row of a list, or why nothing came of it."""

    GOOD = "good"  # an invitation; an expired one is renewed
    REPEATED = "repeated"
    INVITED = "invited"
    ACCEPTED = "accepted"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger knows of an address: the open invitation, and an accepted one.

    `is_expired` is about the open one, which is renewed then.
    """

    open_id: int | None = None
    is_expired: bool = False
    inviter: str = ""
    invited_at: datetime | None = None
    accepted_id: int | None = None
    accepted_at: datetime | None = None


class Judged(NamedTuple):
    """A row with its fate. `email_norm` is None where there is no address."""

    line: int
    email: str
    email_norm: str | None
    name: str
    fate: Fate
    reason: str
    invitation_id: int | None = None
    locale: str | None = None
    note: str = ""
    roles: dict[str, str] | None = None


Parse = Callable[[str, str], Invitee]  # address and name; raises InvalidInvitee
# Language, note and roles as far as they are right, and a sentence about the first that is not, or nothing.
ParseOptions = Callable[[ListRow], tuple[Options, str]]


def judge_list(
    rows: Sequence[ListRow],
    parse: Parse,
    parse_options: ParseOptions,
    known: Callable[[Sequence[str]], Mapping[str, Known]],
) -> list[Judged]:
    """Each row of a list with its fate. `known` is asked once, for all addresses of the list."""
    options = [parse_options(row) for row in rows]
    parsed = [wrong or _parsed(row, parse) for row, (_, wrong) in zip(rows, options, strict=True)]
    of_address = known([each.email_norm for each in parsed if isinstance(each, Invitee)])
    lines: dict[str, int] = {}
    judged = []
    for row, invitee, (kept, _) in zip(rows, parsed, options, strict=True):
        if isinstance(invitee, str):
            bad = Judged(row.line, row.email, None, row.name, Fate.BAD, invitee)
            judged.append(with_options(bad, kept))
            continue
        repeats = lines.get(invitee.email_norm)
        lines.setdefault(invitee.email_norm, row.line)
        fate = fate_of(of_address.get(invitee.email_norm), repeats=repeats)
        of_row = Judged(row.line, invitee.email, invitee.email_norm, invitee.name, *fate)
        judged.append(with_options(of_row, kept))
    return judged


def fate_of(known: Known | None, *, repeats: int | None) -> tuple[Fate, str, int | None]:
    """What comes of a row with a good address, why not, and the invitation that the address has;
    `repeats` is the line that has the address first."""
    if repeats is not None:
        return Fate.REPEATED, f"The same address stands in line {repeats}.", None
    if known and known.open_id and not known.is_expired:
        return Fate.INVITED, invited_by(known), known.open_id
    if known and known.accepted_id:
        reason = f"This person accepted an invitation on {_day(known.accepted_at)}."
        return Fate.ACCEPTED, reason, known.accepted_id
    return Fate.GOOD, "", None


def with_options(judged: Judged, options: Options) -> Judged:
    """The same row with language, note and roles."""
    columns = options.columns
    return judged._replace(locale=columns["locale"], note=columns["note"], roles=columns["roles"])


def invited_by(known: Known) -> str:
    """Who invited this address already, and when."""
    at = known.invited_at
    return f"{known.inviter} invited this address on {_day(at)} at {at:%H:%M} UTC."


def _day(at: datetime | None) -> str:
    """In the words of all pages: "5 December 2026"."""
    return f"{at.day} {at:%B %Y}" if at else ""


def _parsed(row: ListRow, parse: Parse) -> Invitee | str:
    """The person of a row, or what is wrong with it."""
    if row.problem:
        return row.problem
    if not row.email:
        return "This row has no address."
    try:
        return parse(row.email, row.name)
    except InvalidInvitee as invalid:
        return str(invalid)
