"""Spending a ticket: where a link becomes a new password, whichever page people meet."""

from dataclasses import dataclass
from urllib.parse import quote

from ..config import CONNECTION
from ..store.tickets import Ticket
from ..store.users import User
from ..tenant import State
from ..web import with_query
from .policy import Verdict, judge

# Auth0's own sentences, as the application reads them in `message`.
DONE = "You can now login to the application with the new password."
EXPIRED = "Access expired."
USED = "This URL can be used only once"

NOT_THE_SAME = "The two passwords are not the same."


@dataclass(frozen=True)
class Visit:
    """Somebody with a ticket, and the user it is for."""

    ticket: Ticket
    user: User


@dataclass(frozen=True)
class Complaint:
    """What is wrong with the passwords typed; a verdict where the policy says so."""

    text: str
    verdict: Verdict | None = None


def visit_with(state: State, code: str) -> Visit | None:
    """The visit of somebody with that code, whatever the ticket's state."""
    return _visit(state, state.tickets.find(code))


def visit_with_hash(state: State, code_hash: str) -> Visit | None:
    """The same by the hash of the code."""
    return _visit(state, state.tickets.find_hash(code_hash))


def _visit(state: State, ticket: Ticket | None) -> Visit | None:
    user = state.users.get(ticket.user_id) if ticket else None
    return Visit(ticket, user) if ticket and user else None


def why_dead(state: State, visit: Visit) -> str | None:
    """`EXPIRED`, `USED`, or None for a live ticket. A superseded one counts as used."""
    match visit.ticket.state(state.clock.now()):
        case "live":
            return None
        case "expired":
            return EXPIRED
    return USED


def look_at(password: str, again: str | None) -> Complaint | None:
    """What is wrong with a new password typed twice, or None."""
    verdict = judge(password)
    if not verdict.is_good:
        return Complaint(verdict.in_words(), verdict)
    return None if password == again else Complaint(NOT_THE_SAME)


def spend(state: State, visit: Visit, password: str) -> bool:
    """Set the password and log it; False where somebody was faster with the same link."""
    spent = state.tickets.spend(visit.ticket, password)
    if spent:
        _log(state, visit, "scp", DONE)
    else:
        note_failure(state, visit, USED)
    return spent


def note_failure(state: State, visit: Visit, why: str) -> None:
    """Log a password that was not set."""
    _log(state, visit, "fcp", why)


def _log(state: State, visit: Visit, type_: str, description: str) -> None:
    ticket, user = visit.ticket, visit.user
    details = {
        "title": "Change Password",
        "email": user.email,
        "body": {
            "_csrf": "",
            "ticket": "",
            "newPassword": "",
            "confirmNewPassword": "",
            "tenant": state.tenant_name,
        },
        "query": {
            "email": user.email,
            "user_id": user.user_id.removeprefix("auth0|"),
            "tenant": state.tenant_name,
            "client_id": ticket.client_id,
            "connection": CONNECTION,
            "resultUrl": ticket.result_url,
            "includeEmailInRedirect": ticket.include_email,
            "markEmailAsVerified": ticket.mark_email_as_verified,
        },
    }
    client = state.clients.get(ticket.client_id)
    state.logs.write(type_, description, user=user, client=client, details=details)


def told_to(url: str, state: State, visit: Visit, *, success: bool, message: str) -> str:
    """The application's address with what Auth0 adds to it."""
    email = visit.user.email
    with_email = visit.ticket.include_email and (success or state.switches["email_on_failure"])
    told = {"email": email} if with_email else {}
    told |= {"success": "true" if success else "false", "message": message}
    address = with_query(url, told)
    if state.switches["plus_in_redirect"] == "literal":
        address = address.replace(f"email={quote(email)}", f"email={quote(email, safe='+')}")
    return address
