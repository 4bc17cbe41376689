"""Failed logins: Auth0's brute-force protection blocks a user for one IP address."""

from .database import Database

# Auth0's default; there it can be set to anything from 1 to 100.
FAILURES_ALLOWED = 10
BLOCKED = "Your account has been blocked after multiple consecutive login attempts."


class Failures:
    """The table of failures in a row. A login or a new password empties a user's lines."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def is_blocked(self, user_id: str, address: str) -> bool:
        """Whether that user may not log in from that IP address any more."""
        row = self._database.one(
            "SELECT count FROM login_failure WHERE user_id = ? AND ip = ?", user_id, address
        )
        return row is not None and int(row["count"]) >= FAILURES_ALLOWED

    def note(self, user_id: str, address: str) -> None:
        """A wrong password was typed."""
        self._database.run(
            "INSERT INTO login_failure (user_id, ip, count) VALUES (?, ?, 1)"
            " ON CONFLICT (user_id, ip) DO UPDATE SET count = count + 1",
            user_id,
            address,
        )

    def clear(self, user_id: str, address: str) -> None:
        """The right password was typed from that address."""
        self._database.run(
            "DELETE FROM login_failure WHERE user_id = ? AND ip = ?", user_id, address
        )

    def blocked_users(self) -> set[str]:
        """Who is blocked from somewhere."""
        rows = self._database.all(
            "SELECT DISTINCT user_id FROM login_failure WHERE count >= ?", FAILURES_ALLOWED
        )
        return {row["user_id"] for row in rows}
