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


def judge_list(
    rows: Sequence[tuple[ListRow, Options]],
    known: Callable[[Sequence[str]], Mapping[str, Known]],
    *,
    allow_test_domains: bool = False,
) -> list[Judged]:
    """Each row of a list, with its options, as judged. `known` is asked once, for all addresses of the
    list."""
    parsed = [_parsed(row, allow_test_domains) for row, _ in rows]
    of_address = known([each.email_norm for each in parsed if isinstance(each, Invitee)])
    lines: dict[str, int] = {}
    judged = []
    for (row, options), invitee in zip(rows, parsed, strict=True):
        if isinstance(invitee, str):
            of_row = Judged(row.line, row.email, None, row.name, Fate.BAD, invitee)
        else:
            address = invitee.email_norm
            fate = fate_of(of_address.get(address), repeats=lines.get(address))
            of_row = Judged(row.line, invitee.email, address, invitee.name, *fate)
            lines.setdefault(address, row.line)
        kept = options.columns
        judged.append(
            of_row._replace(locale=kept["locale"], note=kept["note"], roles=kept["roles"])
        )
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


def invited_by(known: Known) -> str:
    """Who invited this address already, and when."""
    at = known.invited_at
    return f"{known.inviter} invited this address on {_day(at)} at {at:%H:%M} UTC."


def _day(at: datetime | None) -> str:
    """In the words of all pages: "5 December 2026"."""
    return f"{at.day} {at:%B %Y}" if at else ""


def _parsed(row: ListRow, allow_test_domains: bool) -> Invitee | str:
    """The person of a row, or what is wrong with it."""
    if row.problem:
        return row.problem
    if not row.email:
        return "This row has no address."
    try:
        return Invitee.parse(row.email, row.name, allow_test_domains=allow_test_domains)
    except InvalidInvitee as invalid:
        return str(invalid)
