"""What the request of an admin says: who sends it, a line of text, the number of a row."""

from flask import abort

from ...invitations.people import Inviter
from ..current import current_session


def inviter() -> Inviter:
    """Who invites with this request, as the session names them."""
    session = current_session()
    if session is None:  # the guard of the blueprint let nobody through who is not signed in
        abort(403)
    return Inviter(name=session.name or session.email, sub=session.sub)


def one_line(text: str) -> str:
    """What somebody typed as one line of letters that can be stored and shown."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def row_id(value: str) -> int:
    """A number that the database can hold. Raises ValueError for what is no number."""
    return max(0, min(int(value), 2**31 - 1))
