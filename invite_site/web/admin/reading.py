"""What the request of an admin says: who sends it, the number of a row, the list that they came from."""

from urllib.parse import urlencode

from flask import abort, request, session, url_for

from ...accounts.sessions import Session
from ...invitations.people import Inviter
from ...invitations.tables import LARGEST_ID
from ..current import current_session

LIST_LENGTH = 600  # letters; the cookie has room for some 4,000


def admin_session() -> Session:
    """The session of the admin who sends this request: the guard of the blueprint lets nobody else
    through."""
    session = current_session()
    if session is None:
        abort(403)
    return session


def inviter() -> Inviter:
    """Who invites with this request, as the session names them."""
    session = admin_session()
    return Inviter(name=session.name or session.email, sub=session.sub)


def row_id(value: str) -> int:
    """A number that the database can hold. Raises ValueError for what is no number."""
    return max(0, min(int(value), LARGEST_ID))


def remember_list() -> None:
    """Note in this browser's cookie which list is open, for the way back from one invitation."""
    parts = request.args.to_dict(flat=False)
    query = urlencode(parts, doseq=True)
    for less in ("trail", "before"):  # the way back to newer pages, then the page; the filters stay
        if len(query) > LIST_LENGTH:
            parts.pop(less, None)
            query = urlencode(parts, doseq=True)
    if len(query) > LIST_LENGTH:
        query = ""
    if session.get("list", "") != query:
        session["list"] = query


def list_last_seen() -> str:
    """The address of that list, with its search and its page."""
    query = session.get("list", "")
    return url_for("admin.invitations") + (f"?{query}" if query else "")
