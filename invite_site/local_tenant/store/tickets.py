"""Password change tickets: one live ticket per user, redeemed once, stored as a hash only."""

import sqlite3
from collections import Counter
from dataclasses import dataclass

from ..simulation.clock import Clock
from .database import Database, digest, insert, random_code
from .users import User, end_sessions_and_blocks, hash_password

# Auth0 Management API, "Create a password change ticket": absent or 0 means five days.
DEFAULT_TTL_SECONDS = 432_000
STATES = ("live", "used", "superseded", "expired")


@dataclass(frozen=True)
class Ticket:
    """One ticket; times in epoch seconds. Its code is not in it."""

    code_hash: str
    user_id: str
    created_at: float
    expires_at: float
    used_at: float | None
    superseded_at: float | None
    result_url: str | None
    client_id: str | None
    mark_email_as_verified: bool
    include_email: bool

    def state(self, now: float) -> str:
        """`live`, `used`, `superseded` or `expired`."""
        if self.used_at is not None:
            return "used"
        if self.superseded_at is not None:
            return "superseded"
        return "expired" if self.expires_at <= now else "live"


def _from_row(row: sqlite3.Row) -> Ticket:
    fields = dict(row)
    for name in ("mark_email_as_verified", "include_email"):
        fields[name] = bool(fields[name])
    return Ticket(**fields)


class Tickets:
    """The table of tickets."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def create(
        self,
        user: User,
        *,
        ttl_seconds: int = 0,
        result_url: str | None = None,
        client_id: str | None = None,
        mark_email_as_verified: bool = False,
        include_email: bool = False,
    ) -> str:
        """Make a ticket, which supersedes the user's earlier one; the code, 32 characters."""
        code = random_code(32)
        now = self._clock.now()
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE ticket SET superseded_at = ?"
                " WHERE user_id = ? AND used_at IS NULL AND superseded_at IS NULL",
                (now, user.user_id),
            )
            insert(
                connection,
                "ticket",
                code_hash=digest(code),
                user_id=user.user_id,
                created_at=now,
                expires_at=now + (ttl_seconds or DEFAULT_TTL_SECONDS),
                result_url=result_url,
                client_id=client_id,
                mark_email_as_verified=mark_email_as_verified,
                include_email=include_email,
            )
        return code

    def find(self, code: str) -> Ticket | None:
        """The ticket of that code, whatever its state."""
        return self.find_hash(digest(code))

    def find_hash(self, code_hash: str) -> Ticket | None:
        """The ticket of that code's hash."""
        return self._database.first(
            _from_row, "SELECT * FROM ticket WHERE code_hash = ?", code_hash
        )

    def all(self) -> list[Ticket]:
        """Every ticket, oldest first."""
        return self._database.select(_from_row, "SELECT * FROM ticket ORDER BY created_at")

    def latest(self, length: int) -> list[Ticket]:
        """The last `length` tickets, newest first."""
        newest_first = "SELECT * FROM ticket ORDER BY created_at DESC LIMIT ?"
        return self._database.select(_from_row, newest_first, length)

    def counts(self) -> dict[str, int]:
        """The number of tickets in each state."""
        now = self._clock.now()
        counted = Counter(ticket.state(now) for ticket in self.all())
        return {state: counted[state] for state in STATES}

    def redeem(self, ticket: Ticket, password: str) -> bool:
        """Set the password; of two concurrent callers one gets True.

        Verifies the address where the ticket says so, and ends the user's sessions and blocks.
        """
        now = self._clock.now()
        password_hash = hash_password(password)
        with self._database.transaction() as connection:
            redeemed = connection.execute(
                "UPDATE ticket SET used_at = ? WHERE code_hash = ?"
                " AND used_at IS NULL AND superseded_at IS NULL AND expires_at > ?",
                (now, ticket.code_hash, now),
            ).rowcount
            if redeemed != 1:
                return False
            connection.execute(
                "UPDATE user SET password_hash = ?, last_password_reset = ?, updated_at = ?,"
                " email_verified = max(email_verified, ?) WHERE user_id = ?",
                (password_hash, now, now, ticket.mark_email_as_verified, ticket.user_id),
            )
            end_sessions_and_blocks(connection, ticket.user_id)
        return True
