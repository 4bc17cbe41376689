"""What a check says of one fact."""

from dataclasses import dataclass

OK, WRONG, CANNOT_TELL, NOTE = "ok", "wrong", "cannot tell", "note"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`says` is what was found, `mend` what to do about it; both are sentences for people."""

    verdict: str
    says: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict with the fact's name."""

    fact: str
    verdict: str
    says: str
    mend: str


def ok(says: str) -> Verdict:
    return Verdict(OK, says)


def wrong(says: str, mend: str) -> Verdict:
    """Invitations fail, or will, until this is mended."""
    return Verdict(WRONG, says, mend)


def note(says: str, mend: str = "") -> Verdict:
    """Invitations work; somebody should know this all the same."""
    return Verdict(NOTE, says, mend)


def cannot_tell(says: str, mend: str = "") -> Verdict:
    return Verdict(CANNOT_TELL, says, mend)
