"""Users, tickets and the password mail: the Management API as far as an invitation needs it.

Each answer becomes a value of ours, and each refusal a sentence for whoever sent the invitation.
"""

import re
import secrets
import string
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from ..errors import CredentialsRefused, TenantMisconfigured, TenantRefused, UserExists
from ..settings import ReturnTo, Settings
from .answers import ScopeMissing, TokenRefused, date_of, reading_answer
from .http import PAGE, Credentials, ManagementApi, Observer, Patience
from .roles import TenantRoles

# These refusals are the same for everybody who is invited.
CONFIGURATION_CODES = frozenset({"inexistent_connection", "inexistent_client"})
MARKER = "invitation_id"  # in `app_metadata`: which invitation of ours created this user
INVITED = "invitedToMyApp"  # in `app_metadata`: the tenant's mail template invites while it is true

# The characters of a URI (RFC 3986 §2). A mail program ends a link at any other, and Auth0's
# tickets end in a bare `#`, behind which our own note comes.
_TICKET = re.compile(r"[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%]+#?")


@dataclass(frozen=True, slots=True)
class TenantUser:
    """A user of the connection, as far as the site needs to know."""

    user_id: str
    email: str
    blocked: bool
    linked_ids: tuple[str, ...]  # of all accounts that are linked into this one
    invitation_ref: str | None
    email_verified: bool
    logins: int
    last_login: datetime | None
    last_password_reset: datetime | None

    @property
    def has_logged_in(self) -> bool:
        return self.logins > 0

    @property
    def is_in_use(self) -> bool:
        """Whether somebody signs in with it who has shown that the address is theirs."""
        return self.has_logged_in and self.email_verified


@dataclass(frozen=True, slots=True)
class Ticket:
    """A password change ticket. The address is a key to the account: it is mailed, never kept."""

    url: str
    issued_at: datetime  # by the tenant's clock

    def __repr__(self) -> str:
        return "Ticket(...)"


class Tenant:
    """A client of one tenant's Management API; safe to share between threads.

    Every method raises TenantUnavailable, CredentialsRefused or TenantRefused.
    """

    def __init__(
        self, settings: Settings, patience: Patience = PAGE, on_answer: Observer | None = None
    ) -> None:
        self._settings = settings
        self._api = ManagementApi(settings, Credentials.of_the_site(settings), patience, on_answer)
        self.roles = TenantRoles(self._api)

    def sign_in(self) -> None:
        """Have a token before the first call needs it."""
        with _site_errors():
            self._api.sign_in()

    def create_user(self, email: str, name: str, invitation_ref: str) -> str:
        """A user for this address, with a password that nobody knows; returns its `user_id`.

        `verify_email` is false, or Auth0 would send a second mail beside ours. Raises UserExists.
        """
        body: dict[str, Any] = {
            "connection": self._settings.connection,
            "email": email,
            "password": throwaway_password(),
            "email_verified": False,
            "verify_email": False,
            "app_metadata": {INVITED: True, MARKER: invitation_ref},
        }
        if name:
            body["name"] = name
        with _site_errors():
            return _require_str(self._api.send("POST", "/users", body)["user_id"])

    def find_user(self, email_norm: str) -> TenantUser | None:
        """The user of our connection who has this address.

        The search ignores the connection and compares the address with the stored lower case one.
        """
        with _site_errors():
            for user in self._api.get("/users-by-email", email=email_norm) or ():
                if any(
                    identity.get("connection") == self._settings.connection
                    for identity in user.get("identities", ())
                ):
                    return _tenant_user(user)
        return None

    def get_user(self, user_id: str) -> TenantUser | None:
        """This user, or None where the tenant has none of that id (any more)."""
        with _site_errors():
            user = self._api.get(f"/users/{quote(user_id, safe='')}")
            return None if user is None else _tenant_user(user)

    def create_ticket(self, user_id: str, *, ref: str, lifetime: int) -> Ticket:
        """A password change ticket that lives `lifetime` seconds. It replaces any earlier one.

        The Classic password page leads back to the ticket's `result_url`; New Universal Login
        knows only the way to the login route of the ticket's `client_id`. Auth0 refuses both in
        one ticket. The lifetime is always said, because Auth0 reads 0 as five days.

        What comes back is a link that can be mailed as it is: whole, and to the tenant's own pages.
        """
        way_back = (
            {"client_id": self._settings.client_id}
            if self._settings.invite_return == ReturnTo.LOGIN_ROUTE
            else {"result_url": f"{self._settings.result_url}?{urlencode({'i': ref})}"}
        )
        body = {
            "user_id": user_id,
            "ttl_sec": max(lifetime, 1),
            "mark_email_as_verified": True,
            "includeEmailInRedirect": True,
            **way_back,
        }
        with _site_errors():
            answer = self._api.call("POST", "/tickets/password-change", json=body)
            url = _require_str(answer.json()["ticket"])
            if not _TICKET.fullmatch(url):
                raise ValueError("the link holds what no link holds")
            is_of_the_tenant = self._is_of_the_tenant(url)
        if not is_of_the_tenant:
            raise TenantMisconfigured(
                "The tenant answered with a link to a host that is not its own; nothing was sent. "
                "Set AUTH0_DOMAIN to the tenant's custom domain if it has one."
            )
        return Ticket(url, date_of(answer.headers) or datetime.now(UTC))

    def withdraw_ticket(self, user_id: str) -> None:
        """Make the user's live ticket worthless: a newer one replaces it and is thrown away."""
        self.create_ticket(user_id, ref="", lifetime=1)

    def clear_invited_marker(self, user_id: str) -> None:
        """Note that this user is no invitee any more, so that a later mail of the tenant's resets.

        The marker stays where the site may not: it needs the scope update:users, and works without.
        A user who is gone needs nothing.
        """
        body = {"app_metadata": {INVITED: None}}
        try:
            self._api.send("PATCH", f"/users/{quote(user_id, safe='')}", body)
        except ScopeMissing:
            pass
        except TenantRefused as refused:
            if refused.status not in (403, 404):
                raise

    def send_password_email(self, email_norm: str) -> datetime:
        """Have the tenant send its own mail with a link; returns when, by the tenant's clock.

        The answer is the same whether or not the address has an account, so it proves nothing.
        """
        url = f"{self._settings.tenant_url}/dbconnections/change_password"
        body = {
            "client_id": self._settings.client_id,
            "email": email_norm,
            "connection": self._settings.connection,
        }
        try:
            with _site_errors():
                answer = self._api.post_without_token(url, body)
        except TenantRefused as refused:  # never about the address: known or not, it gets a 200
            raise _misconfigured(f"HTTP {refused.status}") from refused
        return date_of(answer.headers) or datetime.now(UTC)

    def _is_of_the_tenant(self, url: str) -> bool:
        """Whether scheme, host and port are those of the tenant or of its custom domain."""
        ours = (self._settings.tenant_url, self._settings.management_url)
        parts = urlsplit(url)
        return (parts.scheme, parts.netloc.lower()) in [urlsplit(each)[:2] for each in ours]


def invitation_link(ticket_url: str, app_name: str) -> str:
    """The ticket with the invitation noted behind its `#`; not one byte before that changes.

    The tenant's page reads the note to greet the invitee. Auth0's tickets end in a bare `#`.
    """
    hash_sign = "" if ticket_url.endswith("#") else "#"
    return f"{ticket_url}{hash_sign}type=invite&app={quote(app_name, safe='')}"


@contextmanager
def _site_errors() -> Iterator[None]:
    """Around each call: its errors in sentences for the admin pages, without the tenant's own words,
    which may hold an address. UserExists is a 409. An unreadable answer is TenantUnavailable."""
    try:
        with reading_answer():
            yield
    except TokenRefused as refused:
        raise CredentialsRefused(
            "The tenant does not accept the Management API credentials. Check "
            "AUTH0_MANAGEMENT_CLIENT_ID and AUTH0_MANAGEMENT_CLIENT_SECRET, and that this "
            "application is authorized for the Auth0 Management API; then restart the site."
        ) from refused
    except ScopeMissing as refused:
        raise CredentialsRefused(
            "The Management API application lacks a permission. It needs the scopes "
            "create:users, read:users and create:user_tickets; then restart the site."
        ) from refused
    except TenantRefused as refused:
        status, code = refused.status, refused.code
        if status == 403:
            raise _forbidden(code) from refused
        if status == 409:
            raise UserExists(
                "This address already has an account.", status=status, code=code
            ) from refused
        if code in CONFIGURATION_CODES:
            raise _misconfigured(code) from refused
        answer = f"HTTP {status} {code}".rstrip()
        raise TenantRefused(
            f"The tenant refused this invitation ({answer}).", status=status, code=code
        ) from refused


def _misconfigured(reason: str) -> TenantMisconfigured:
    return TenantMisconfigured(
        f"The tenant does not know AUTH0_CONNECTION or AUTH0_CLIENT_ID ({reason}). "
        "`flask tenant check` says what to correct; then restart the site."
    )


def _forbidden(code: str) -> CredentialsRefused:
    """Not for want of a scope: of the plan, or by a rule for new tenants."""
    answer = f"HTTP 403 {code}".rstrip()
    return CredentialsRefused(
        f"The tenant does not allow what this site asks of it ({answer}), which its plan may leave out. "
        "Its log says what; INVITE_RETURN and INVITE_DELIVERY choose other ways. Then restart the site."
    )


def _require_str(value: object) -> str:
    """A text that has to be there. Raises ValueError."""
    if not isinstance(value, str) or not value:
        raise ValueError("a text is missing")
    return value


def throwaway_password() -> str:
    """A password for nobody, strong enough for every policy of Auth0, and within bcrypt's 72 bytes.

    No letter comes twice in a row, since the kinds take turns.
    """
    kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits, "!@#$%^&*")
    return "".join(map(secrets.choice, kinds * 10))


def _tenant_user(user: Mapping[str, Any]) -> TenantUser:
    marker = (user.get("app_metadata") or {}).get(MARKER)
    return TenantUser(
        user_id=_require_str(user["user_id"]),
        email=str(user.get("email") or "").lower(),
        blocked=user.get("blocked") is True,
        linked_ids=tuple(
            f"{each.get('provider')}|{each.get('user_id')}" for each in user.get("identities", ())
        ),
        invitation_ref=marker if isinstance(marker, str) else None,
        email_verified=user.get("email_verified") is True,
        logins=int(user.get("logins_count") or 0),
        last_login=_moment(user.get("last_login")),
        last_password_reset=_moment(user.get("last_password_reset")),
    )


def _moment(value: object) -> datetime | None:
    """A moment as the tenant writes it. Raises ValueError."""
    return datetime.fromisoformat(value) if isinstance(value, str) else None
