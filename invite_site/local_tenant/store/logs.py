"""The tenant's log, with Auth0's type codes and fields."""

import json
import secrets
from collections.abc import Mapping
from typing import Any

from flask import has_request_context, request

from ..config import CONNECTION
from ..simulation.clock import Clock, iso
from .clients import Client
from .database import Database
from .users import User

# The codes in use; Auth0 has about two hundred.
TYPES = {
    "ss": "Success Signup",
    "fs": "Failed Signup",
    "sapi": "API Operation",
    "fapi": "Failed API Operation",
    "scpr": "Success Change Password Request",
    "fcpr": "Failed Change Password Request",
    "scp": "Success Change Password",
    "fcp": "Failed Change Password",
    "sv": "Success Verification Email",
    "s": "Success Login",
    "f": "Failed Login",
    "fp": "Failed Login (Incorrect Password)",
    "fu": "Failed Login (Invalid Email/Username)",
    "seacft": "Success Exchange (Authorization Code for Access Token)",
    "feacft": "Failed Exchange (Authorization Code for Access Token)",
    "seccft": "Success Exchange (Client Credentials for Access Token)",
    "feccft": "Failed Exchange (Client Credentials for Access Token)",
    "slo": "Success Logout",
    "limit_wc": "Blocked Account",
    "api_limit": "Rate Limit On API",
    "fn": "Failed Sending Notification",
    "sdu": "Successful User Deletion",
}
# Masked in every entry, as at Auth0.
_HIDDEN = frozenset(
    ("password", "newPassword", "confirmNewPassword", "ticket", "_csrf", "client_secret",
     "smtp_pass", "access_token", "id_token", "code", "api_key")
)  # fmt: skip
_MASK = "*****"
# The retention of Auth0's Enterprise plan; older entries are deleted.
_KEPT_SECONDS = 30 * 86_400
_SWEEP_EVERY = 256

Entry = dict[str, Any]


class Logs:
    """The table of log entries."""

    def __init__(self, database: Database, clock: Clock, connection_id: str) -> None:
        self._database = database
        self._clock = clock
        self._connection_id = connection_id

    def write(
        self,
        type_: str,
        description: str = "",
        *,
        user: User | None = None,
        user_name: str = "",
        client: Client | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Add an entry. Address and browser are those of the current request.

        `user_name` is for an address without a user. Secrets in `details` are masked.
        """
        now = self._clock.now()
        entry: dict[str, Any] = {
            "date": iso(now),
            "type": type_,
            "description": description,
            "connection": CONNECTION,
            "connection_id": self._connection_id,
            "organization_id": None,
            "organization_name": None,
            "client_id": client.client_id if client else None,
            "client_name": client.name if client else None,
            "ip": (request.remote_addr or "") if has_request_context() else "",
            "hostname": None,
            "details": _masked(dict(details or {})),
            "user_id": user.user_id if user else "",
            "user_name": user.email if user else user_name,
            "user_agent": request.headers.get("User-Agent", "") if has_request_context() else "",
            "audience": None,
            "strategy": "auth0",
            "strategy_type": "database",
            "isMobile": False,
            "location_info": None,
        }
        with self._database.transaction() as connection:
            (highest,) = connection.execute("SELECT coalesce(max(number), 0) FROM log").fetchone()
            number = highest + 1
            # 56 ascending digits: the checkpoint of `/logs`.
            log_id = f"900{int(now * 1000):020d}{number:020d}{secrets.randbelow(10**13):013d}"
            if number % _SWEEP_EVERY == 0:
                connection.execute("DELETE FROM log WHERE date < ?", (now - _KEPT_SECONDS,))
            connection.execute(
                "INSERT INTO log (number, log_id, date, type, user_id, entry)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (number, log_id, now, type_, user.user_id if user else None, json.dumps(entry)),
            )

    def after(self, log_id: str, length: int, *, since: float) -> list[Entry]:
        """`length` entries that follow that id, oldest first."""
        return self._entries(
            "log_id > ? AND date >= ? ORDER BY log_id LIMIT ?", log_id, since, length
        )

    def newest_first(self, *, since: float, user_id: str | None = None) -> list[Entry]:
        """All entries, or those about one user."""
        if user_id is not None:
            return self._entries("user_id = ? AND date >= ? ORDER BY log_id DESC", user_id, since)
        return self._entries("date >= ? ORDER BY log_id DESC", since)

    def latest(self, length: int) -> list[Entry]:
        """The last `length` entries, newest first."""
        return self._entries("TRUE ORDER BY number DESC LIMIT ?", length)

    def get(self, log_id: str) -> Entry | None:
        """The entry of that id."""
        return next(iter(self._entries("log_id = ?", log_id)), None)

    def _entries(self, condition: str, *parameters: object) -> list[Entry]:
        rows = self._database.all(
            f"SELECT log_id, entry FROM log WHERE {condition}",  # noqa: S608 (ours, above)
            *parameters,
        )
        return [
            {"_id": row["log_id"], "log_id": row["log_id"], **json.loads(row["entry"])}
            for row in rows
        ]


def _masked(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            name: _MASK if name in _HIDDEN and isinstance(each, str) else _masked(each)
            for name, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [_masked(each) for each in value]
    return value
