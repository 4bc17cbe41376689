"""Authorization codes and the opaque access tokens they are exchanged for; hashes only."""

from dataclasses import dataclass

from ..simulation.clock import Clock
from ..simulation.switches import Switches
from .database import Database, digest, insert

ACCESS_TOKEN_SECONDS = 86_400


@dataclass(frozen=True)
class AuthorizationCode:
    """An issued code with its login; the getters are those that Authlib calls."""

    code_hash: str
    client_id: str
    redirect_uri: str
    scope: str
    nonce: str | None
    code_challenge: str | None
    code_challenge_method: str | None
    user_id: str
    sid: str
    auth_time: float | None
    expires_at: float
    used_at: float | None

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope


class Codes:
    """The tables of authorization codes and access tokens."""

    def __init__(self, database: Database, clock: Clock, switches: Switches) -> None:
        self._database = database
        self._clock = clock
        self._switches = switches

    def store(self, code: str, **columns: str | float | None) -> None:
        """Store a new code for its short life, and delete those that have long expired."""
        now = self._clock.now()
        # Auth0 does not publish how long a code lives.
        life = int(self._switches["code_lifetime_seconds"])
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM authorization_code WHERE expires_at < ?", (now - 3600,))
            insert(
                connection,
                "authorization_code",
                code_hash=digest(code),
                expires_at=now + life,
                **columns,
            )

    def find(self, code: str, client_id: str) -> AuthorizationCode | None:
        """That client's code if it can still be exchanged."""
        return self._database.first(
            lambda row: AuthorizationCode(**dict(row)),
            "SELECT * FROM authorization_code"
            " WHERE code_hash = ? AND client_id = ? AND used_at IS NULL AND expires_at > ?",
            digest(code),
            client_id,
            self._clock.now(),
        )

    def redeem(self, code: AuthorizationCode) -> bool:
        """Use a code up; of two concurrent callers one gets True."""
        redeemed = self._database.run(
            "UPDATE authorization_code SET used_at = ? WHERE code_hash = ? AND used_at IS NULL",
            self._clock.now(),
            code.code_hash,
        )
        return redeemed == 1

    def store_access_token(self, token: str, user_id: str, scope: str) -> None:
        """Store for whom an opaque token is, and its scope."""
        now = self._clock.now()
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM access_token WHERE expires_at < ?", (now,))
            insert(
                connection,
                "access_token",
                token_hash=digest(token),
                user_id=user_id,
                scope=scope,
                expires_at=now + ACCESS_TOKEN_SECONDS,
            )

    def holder(self, token: str) -> tuple[str, str] | None:
        """The user id and scope of a token that is valid now."""
        return self._database.first(
            lambda row: (row["user_id"], row["scope"]),
            "SELECT user_id, scope FROM access_token WHERE token_hash = ? AND expires_at > ?",
            digest(token),
            self._clock.now(),
        )
