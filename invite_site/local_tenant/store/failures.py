"""Failed logins: Auth0's brute-force protection blocks a user for one IP address."""

from .database import Database

# Auth0's default; there it can be set to anything from 1 to 100.
FAILURES_ALLOWED = 10
BLOCKED = "Your account has been blocked after multiple consecutive login attempts."


class Failures:
    """The table of consecutive failures. A login or a new password deletes a user's rows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def is_blocked(self, user_id: str, address: str) -> bool:
        """Whether that user is blocked for that IP address."""
        row = self._database.one(
            "SELECT 1 FROM login_failure WHERE user_id = ? AND ip = ? AND count >= ?",
            *(user_id, address, FAILURES_ALLOWED),
        )
        return row is not None

    def record(self, user_id: str, address: str) -> None:
        """Count a wrong password."""
        self._database.run(
            "INSERT INTO login_failure (user_id, ip, count) VALUES (?, ?, 1)"
            " ON CONFLICT (user_id, ip) DO UPDATE SET count = count + 1",
            user_id,
            address,
        )

    def clear(self, user_id: str, address: str) -> None:
        """Delete the failures from that address, after the right password."""
        self._database.run(
            "DELETE FROM login_failure WHERE user_id = ? AND ip = ?", user_id, address
        )

    def blocked_users(self) -> set[str]:
        """The ids of users who are blocked for any address."""
        rows = self._database.all(
            "SELECT DISTINCT user_id FROM login_failure WHERE count >= ?", FAILURES_ALLOWED
        )
        return {row["user_id"] for row in rows}
