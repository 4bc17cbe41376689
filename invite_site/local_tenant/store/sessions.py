"""The sessions of browsers at the tenant, and logins that have been started."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from ..simulation.clock import Clock
from .database import Database, digest, insert, random_code
from .documents import SingleDocument

# A login page that stays open longer than this has to be asked for again (ours).
PENDING_LOGIN_SECONDS = 3600
# For so long it is known which application a login that is over was for (ours).
_KEPT_SECONDS = 86_400


@dataclass(frozen=True)
class Session:
    """One signed-in browser. `sid` is what ID tokens call it; the cookie's id is another."""

    sid: str
    user_id: str
    created_at: float


class Sessions:
    """The tables of sessions and of started logins."""

    def __init__(self, database: Database, clock: Clock, settings: SingleDocument) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings  # of the tenant: how many hours a session lasts

    def open(self, user_id: str) -> tuple[str, Session]:
        """Start a session; the id for the browser's cookie, and the session."""
        session_id = random_code(43)
        session = Session(sid=random_code(32), user_id=user_id, created_at=self._clock.now())
        self._database.insert("session", id_hash=digest(session_id), **vars(session))
        return session_id, session

    def get(self, session_id: str) -> Session | None:
        """The session of a cookie's id, unless it has ended; it counts as used now."""
        settings, now = self._settings.get(), self._clock.now()
        idle_since = now - settings["idle_session_lifetime"] * 3600
        with self._database.transaction() as connection:
            row = connection.execute(
                "UPDATE session SET used_at = ? WHERE id_hash = ?"
                " AND created_at > ? AND max(used_at, created_at) > ?"
                " RETURNING sid, user_id, created_at",
                (now, digest(session_id), now - settings["session_lifetime"] * 3600, idle_since),
            ).fetchone()
        return Session(**dict(row)) if row else None

    def close(self, session_id: str) -> None:
        """End a session, if there is one of that id."""
        self._database.run("DELETE FROM session WHERE id_hash = ?", digest(session_id))

    def begin_login(self, params: Mapping[str, str]) -> str:
        """Store the parameters of `/authorize` until the login ends; the id for the form."""
        login_id = random_code(43)
        now = self._clock.now()
        with self._database.transaction() as connection:
            connection.execute(
                "DELETE FROM pending_login WHERE created_at < ?", (now - _KEPT_SECONDS,)
            )
            columns = {"id_hash": digest(login_id), "params": json.dumps(dict(params))}
            insert(connection, "pending_login", **columns, created_at=now)
        return login_id

    def pending_login(self, login_id: str) -> dict[str, str] | None:
        """The parameters of a started login, or None where it is unknown or too old."""
        return self._database.first(
            lambda row: dict(json.loads(row["params"])),
            "SELECT params FROM pending_login WHERE id_hash = ? AND created_at >= ?",
            digest(login_id),
            self._clock.now() - PENDING_LOGIN_SECONDS,
        )

    def client_id_of(self, login_id: str) -> str | None:
        """The application that a login was for, also where the login is over."""
        return self._database.first(
            lambda row: json.loads(row["params"]).get("client_id"),
            "SELECT params FROM pending_login WHERE id_hash = ?",
            digest(login_id),
        )

    def set_login_hint(self, login_id: str, email: str) -> None:
        """Store the address that was typed, as the login's hint."""
        params = self.pending_login(login_id)
        if params is not None:
            self._database.run(
                "UPDATE pending_login SET params = ? WHERE id_hash = ?",
                json.dumps({**params, "login_hint": email}),
                digest(login_id),
            )

    def end_login(self, login_id: str) -> None:
        """End a login, so that its form works no more."""
        self._database.run(
            "UPDATE pending_login SET created_at = min(created_at, ?) WHERE id_hash = ?",
            self._clock.now() - PENDING_LOGIN_SECONDS - 1,
            digest(login_id),
        )
