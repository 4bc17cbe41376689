"""Who is signed in to the tenant in which browser, and logins that are under way."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from ..simulation.clock import Clock
from .database import Database, digest, random_code

# A login page that stays open longer than this has to be asked for again (ours).
PENDING_LOGIN_SECONDS = 3600


@dataclass(frozen=True)
class Session:
    """One signed-in browser. `sid` is what ID tokens call it; the cookie's id is another."""

    sid: str
    user_id: str
    created_at: float


class Sessions:
    """The tables of sessions and of logins under way."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def open(self, user_id: str) -> tuple[str, Session]:
        """Start a session; the id for the browser's cookie, and the session."""
        session_id = random_code(43)
        session = Session(sid=random_code(32), user_id=user_id, created_at=self._clock.now())
        self._database.run(
            "INSERT INTO session (id_hash, sid, user_id, created_at) VALUES (?, ?, ?, ?)",
            digest(session_id),
            session.sid,
            session.user_id,
            session.created_at,
        )
        return session_id, session

    def get(self, session_id: str) -> Session | None:
        """The session of a cookie's id, unless it has ended."""
        row = self._database.one(
            "SELECT sid, user_id, created_at FROM session WHERE id_hash = ?", digest(session_id)
        )
        return None if row is None else Session(**dict(row))

    def close(self, session_id: str) -> None:
        """End a session; an unknown id is fine."""
        self._database.run("DELETE FROM session WHERE id_hash = ?", digest(session_id))

    def begin_login(self, params: Mapping[str, str]) -> str:
        """Keep the parameters of `/authorize` while the person types; the id for the form."""
        login_id = random_code(43)
        now = self._clock.now()
        with self._database.transaction() as connection:
            connection.execute(
                "DELETE FROM pending_login WHERE created_at < ?", (now - PENDING_LOGIN_SECONDS,)
            )
            connection.execute(
                "INSERT INTO pending_login (id_hash, params, created_at) VALUES (?, ?, ?)",
                (digest(login_id), json.dumps(dict(params)), now),
            )
        return login_id

    def pending_login(self, login_id: str) -> dict[str, str] | None:
        """The parameters of a login under way, or None where it is unknown or too old."""
        row = self._database.one(
            "SELECT params FROM pending_login WHERE id_hash = ? AND created_at >= ?",
            digest(login_id),
            self._clock.now() - PENDING_LOGIN_SECONDS,
        )
        if row is None:
            return None
        params: dict[str, str] = json.loads(row["params"])
        return params

    def set_login_hint(self, login_id: str, email: str) -> None:
        """The person of a login under way has said who they are."""
        params = self.pending_login(login_id)
        if params is not None:
            self._database.run(
                "UPDATE pending_login SET params = ? WHERE id_hash = ?",
                json.dumps({**params, "login_hint": email}),
                digest(login_id),
            )

    def end_login(self, login_id: str) -> None:
        """The login is done: its form works no more."""
        self._database.run("DELETE FROM pending_login WHERE id_hash = ?", digest(login_id))
