"""Redeeming a ticket for a new password, for the pages of both experiences."""

from dataclasses import dataclass
from urllib.parse import quote

from ..config import CONNECTION
from ..store.password_policy import PasswordCheck
from ..store.tickets import Ticket
from ..store.users import User
from ..tenant import Tenant
from ..web import with_query

# Auth0's texts, which the application gets as `message`.
DONE = "You can now login to the application with the new password."
EXPIRED = "Access expired."
USED = "This URL can be used only once"

PASSWORDS_DIFFER = "The two passwords are not the same."


@dataclass(frozen=True)
class TicketContext:
    """A ticket with its user."""

    ticket: Ticket
    user: User


NEW_PASSWORD, REPEATED = "newPassword", "confirmNewPassword"


@dataclass(frozen=True)
class ValidationError:
    """An error in the typed passwords; `check` is set where the policy refuses one."""

    text: str
    check: PasswordCheck | None = None

    @property
    def field(self) -> str:
        """Which of the two fields it is about, as the Classic page calls them."""
        return NEW_PASSWORD if self.check else REPEATED


def find_ticket(tenant: Tenant, code: str) -> TicketContext | None:
    """The ticket of that code, in any state."""
    return _context_of(tenant, tenant.tickets.find(code))


def find_ticket_by_hash(tenant: Tenant, code_hash: str) -> TicketContext | None:
    """The ticket of that code's hash, in any state."""
    return _context_of(tenant, tenant.tickets.find_hash(code_hash))


def _context_of(tenant: Tenant, ticket: Ticket | None) -> TicketContext | None:
    user = tenant.users.get(ticket.user_id) if ticket else None
    return TicketContext(ticket, user) if ticket and user else None


def ticket_error(tenant: Tenant, context: TicketContext) -> str | None:
    """`EXPIRED`, `USED`, or None for a live ticket. A superseded one counts as used."""
    match context.ticket.state(tenant.clock.now()):
        case "live":
            return None
        case "expired":
            return EXPIRED
    return USED


def validate_passwords(
    tenant: Tenant, context: TicketContext, password: str, again: str | None
) -> ValidationError | None:
    """The error in a new password that was typed twice, or None. That it is too weak is logged."""
    check = tenant.connection.password_policy.check(password)
    if not check.is_good:
        log_failure(tenant, context, "PasswordStrengthError: Password is too weak")
        return ValidationError(check.explanation(), check)
    return None if password == again else ValidationError(PASSWORDS_DIFFER)


def redeem(tenant: Tenant, context: TicketContext, password: str) -> bool:
    """Set the password and log it; False where a concurrent request was faster."""
    redeemed = tenant.tickets.redeem(context.ticket, password)
    if redeemed:
        _log(tenant, context, "scp", DONE)
    else:
        log_failure(tenant, context, USED)
    return redeemed


def log_failure(tenant: Tenant, context: TicketContext, error: str) -> None:
    """Log that the password was not set."""
    _log(tenant, context, "fcp", error)


def _log(tenant: Tenant, context: TicketContext, type_: str, description: str) -> None:
    ticket, user = context.ticket, context.user
    details = {
        "title": "Change Password",
        "email": user.email,
        "body": {
            "_csrf": "",
            "ticket": "",
            "newPassword": "",
            "confirmNewPassword": "",
            "tenant": tenant.tenant_name,
        },
        "query": {
            "email": user.email,
            "user_id": user.user_id.removeprefix("auth0|"),
            "tenant": tenant.tenant_name,
            "client_id": ticket.client_id,
            "connection": CONNECTION,
            "resultUrl": ticket.result_url,
            "includeEmailInRedirect": ticket.include_email,
            "markEmailAsVerified": ticket.mark_email_as_verified,
        },
    }
    client = tenant.clients.get(ticket.client_id)
    tenant.logs.write(type_, description, user=user, client=client, details=details)


def result_redirect_url(
    url: str, tenant: Tenant, context: TicketContext, *, success: bool, message: str
) -> str:
    """A `result_url` with the parameters that Auth0 adds."""
    email = context.user.email
    with_email = context.ticket.include_email and (success or tenant.switches["email_on_failure"])
    text = {"email": email} if with_email else {}
    text |= {"success": "true" if success else "false", "message": message}
    address = with_query(url, text)
    if tenant.switches["plus_in_redirect"] == "literal":
        address = address.replace(f"email={quote(email)}", f"email={quote(email, safe='+')}")
    return address
