"""What a check finds."""

import enum
from dataclasses import dataclass

NO_APPLICATION = "There is no such application."


class Level(enum.StrEnum):
    """How much a finding matters."""

    OK = "ok"
    WRONG = "wrong"  # invitations fail, or will, until somebody acts
    NOTE = "note"  # invitations work; somebody should know this all the same
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class Finding:
    """`message` is what was found, `advice` what to do about it; both are sentences for people."""

    message: str
    advice: str
    level: Level


def ok(message: str) -> Finding:
    return Finding(message, "", Level.OK)


def wrong(message: str, advice: str) -> Finding:
    return Finding(message, advice, Level.WRONG)


def note(message: str, advice: str) -> Finding:
    return Finding(message, advice, Level.NOTE)


def cannot_tell(message: str, advice: str = "") -> Finding:
    return Finding(message, advice, Level.CANNOT_TELL)
