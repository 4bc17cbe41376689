"""The users of the one database connection, and their passwords."""

import hashlib
import json
import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.security import check_password_hash, generate_password_hash

from ..config import CONNECTION
from ..simulation.clock import Clock, iso
from .database import Database

# scrypt with a small n: a thousand throw-away passwords take seconds, not minutes. Good
# enough for passwords of a tenant for tests and demos.
_HASH_METHOD = "scrypt:256:8:1"

# Profile fields that are stored as given, and left out of answers where absent.
PROFILE_FIELDS = (
    "given_name", "family_name", "name", "nickname", "picture", "username", "phone_number",
    "phone_verified",
)  # fmt: skip


class UserExists(Exception):
    """The address, or the requested user id, is taken."""


@dataclass(frozen=True)
class User:
    """One person; times in epoch seconds."""

    user_id: str
    email: str
    email_verified: bool
    password_hash: str
    profile: Mapping[str, Any]
    app_metadata: Mapping[str, Any] | None
    user_metadata: Mapping[str, Any] | None
    blocked: bool | None
    created_at: float
    updated_at: float
    last_login: float | None
    last_ip: str | None
    logins_count: int
    last_password_reset: float | None

    def has_password(self, password: str) -> bool:
        """Whether `password` is the right one."""
        return check_password_hash(self.password_hash, password)

    def as_api(self) -> dict[str, Any]:
        """The user as the Management API shows it: absent fields are left out, never null."""
        shown: dict[str, Any] = {
            "created_at": iso(self.created_at),
            "email": self.email,
            "email_verified": self.email_verified,
            "identities": [
                {
                    "connection": CONNECTION,
                    "user_id": self.user_id.removeprefix("auth0|"),
                    "provider": "auth0",
                    "isSocial": False,
                }
            ],
            **self.profile,
            "updated_at": iso(self.updated_at),
            "user_id": self.user_id,
        }
        for name in ("user_metadata", "app_metadata", "blocked", "last_ip"):
            if (value := getattr(self, name)) is not None:
                shown[name] = value
        for name in ("last_login", "last_password_reset"):
            if (moment := getattr(self, name)) is not None:
                shown[name] = iso(moment)
        if self.logins_count:
            shown["logins_count"] = self.logins_count
        return shown


def hash_password(password: str) -> str:
    """The salted hash that is stored for a password."""
    return generate_password_hash(password, method=_HASH_METHOD)


def end_sessions_and_blocks(connection: sqlite3.Connection, user_id: str) -> None:
    """End the user's sessions and brute-force blocks, as every new password does."""
    connection.execute("DELETE FROM session WHERE user_id = ?", (user_id,))
    connection.execute("DELETE FROM login_failure WHERE user_id = ?", (user_id,))


def _json(value: Mapping[str, Any] | None) -> str | None:
    return None if value is None else json.dumps(value)


def _from_row(row: sqlite3.Row) -> User:
    fields = dict(row)
    for name in ("profile", "app_metadata", "user_metadata"):
        fields[name] = None if fields[name] is None else json.loads(fields[name])
    fields["email_verified"] = bool(fields["email_verified"])
    fields["blocked"] = None if fields["blocked"] is None else bool(fields["blocked"])
    return User(**fields)


class Users:
    """The table of users."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def create(
        self,
        email: str,
        password: str,
        *,
        requested_id: str | None = None,
        email_verified: bool = False,
        blocked: bool | None = None,
        profile: Mapping[str, Any] | None = None,
        app_metadata: Mapping[str, Any] | None = None,
        user_metadata: Mapping[str, Any] | None = None,
    ) -> User:
        """Store a new user under the lower-case address; raises `UserExists`."""
        email = email.lower()
        now = self._clock.now()
        user_id = "auth0|" + (requested_id or secrets.token_hex(12))
        try:
            self._database.insert(
                "user",
                user_id=user_id,
                email=email,
                email_verified=email_verified,
                # Slow on purpose: hashed before the transaction is opened.
                password_hash=hash_password(password),
                profile=json.dumps(_with_defaults(email, profile or {})),
                app_metadata=_json(app_metadata),
                user_metadata=_json(user_metadata),
                blocked=blocked,
                created_at=now,
                updated_at=now,
            )
        except sqlite3.IntegrityError as error:
            raise UserExists(email) from error
        user = self.get(user_id)
        assert user is not None  # noqa: S101 (just stored)
        return user

    def get(self, user_id: str) -> User | None:
        """The user of that id."""
        return self._database.first(_from_row, "SELECT * FROM user WHERE user_id = ?", user_id)

    def by_email(self, email: str) -> User | None:
        """The user of that stored address: exact, so a caller lower-cases it first."""
        return self._database.first(_from_row, "SELECT * FROM user WHERE email = ?", email)

    def page(self, start: int, length: int) -> list[User]:
        """`length` users from the `start`-th on, oldest first."""
        oldest_first = "SELECT * FROM user ORDER BY created_at, user_id LIMIT ? OFFSET ?"
        return self._database.select(_from_row, oldest_first, length, start)

    def latest(self, length: int) -> list[User]:
        """The last `length` users, newest first."""
        newest_first = "SELECT * FROM user ORDER BY created_at DESC LIMIT ?"
        return self._database.select(_from_row, newest_first, length)

    def with_own_password(self, length: int) -> list[User]:
        """`length` users who have chosen a password, the latest first."""
        return self._database.select(
            _from_row,
            "SELECT * FROM user WHERE last_password_reset IS NOT NULL"
            " ORDER BY last_password_reset DESC LIMIT ?",
            length,
        )

    def count(self) -> int:
        """The number of users."""
        return int(self._database.all("SELECT count(*) FROM user")[0][0])

    def update(self, user_id: str, changes: Mapping[str, Any]) -> User | None:
        """Apply a PATCH: metadata merges on its first level, the rest replaces, null unsets.

        None where there is no such user; raises `UserExists` for a taken address.
        """
        now = self._clock.now()
        with self._database.transaction() as connection:
            row = connection.execute("SELECT * FROM user WHERE user_id = ?", (user_id,)).fetchone()
            if row is None:
                return None
            columns = _changed_columns(_from_row(row), changes, now)
            names = ", ".join(f"{name} = ?" for name in columns)
            try:
                connection.execute(
                    f"UPDATE user SET {names} WHERE user_id = ?",  # noqa: S608 (our column names)
                    (*columns.values(), user_id),
                )
            except sqlite3.IntegrityError as error:
                raise UserExists(str(changes.get("email"))) from error
            if "password" in changes:
                end_sessions_and_blocks(connection, user_id)
        return self.get(user_id)

    def delete(self, user_id: str) -> None:
        """Delete a user, with tickets, sessions and roles, if there is one of that id."""
        self._database.run("DELETE FROM user WHERE user_id = ?", user_id)

    def note_login(self, user_id: str, address: str) -> None:
        """Count a login from that IP address."""
        now = self._clock.now()
        self._database.run(
            "UPDATE user SET logins_count = logins_count + 1, last_login = ?, last_ip = ?,"
            " updated_at = ? WHERE user_id = ?",
            *(now, address, now, user_id),
        )


def _with_defaults(email: str, profile: Mapping[str, Any]) -> dict[str, Any]:
    """`name` defaults to the address, `nickname` to its local part, `picture` to Gravatar's."""
    digest = hashlib.md5(email.encode(), usedforsecurity=False).hexdigest()
    letters = email[:2]
    picture = (
        f"https://s.gravatar.com/avatar/{digest}?s=480&r=pg"
        f"&d=https%3A%2F%2Fcdn.auth0.com%2Favatars%2F{letters}.png"
    )
    defaults = {"name": email, "nickname": email.partition("@")[0], "picture": picture}
    return {**defaults, **{key: value for key, value in profile.items() if value is not None}}


def _changed_columns(user: User, changes: Mapping[str, Any], now: float) -> dict[str, Any]:
    columns: dict[str, Any] = {"updated_at": now}
    profile = dict(user.profile)
    for name, value in changes.items():
        if name in ("app_metadata", "user_metadata"):
            merged = {**(getattr(user, name) or {}), **(value or {})}
            kept = {key: item for key, item in merged.items() if item is not None}
            columns[name] = None if value is None else json.dumps(kept)
        elif name in PROFILE_FIELDS:
            if value is None:
                profile.pop(name, None)
            else:
                profile[name] = value
        elif name == "password":
            columns["password_hash"] = hash_password(value)
            columns["last_password_reset"] = now
        elif name == "email":
            columns["email"] = value.lower()
        elif name in ("email_verified", "blocked"):
            columns[name] = value
    columns["profile"] = json.dumps(profile)
    return columns
