"""Who is signed in, and which logins are under way.

Cookies hold opaque random values; identity, expiry and revocation live here, under the SHA-256
of those values, so neither a copied database nor a copied cookie gives the other.
"""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, delete, insert, select, update

from .schema import LoginTransaction, Session

LOGIN_LIFE = timedelta(minutes=10)
SESSION_LIFE = timedelta(hours=12)
IDLE_LIFE = timedelta(hours=8)
ADMIN_IDLE_LIFE = timedelta(minutes=30)
SEEN_EVERY = timedelta(minutes=1)  # how fine `seen_at` is kept: a page view need not be a write


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signed in, out of a verified ID token. `email_verified` only where the tenant says so."""

    sub: str
    email: str
    email_verified: bool
    name: str
    tenant_sid: str
    has_admin_role: bool


class Sessions:
    """Sessions and login transactions of one database. `clock` gives aware UTC."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._clock = clock

    def open(self, identity: Identity) -> str:
        """A new session; returns the value of its cookie, which is nowhere else."""
        cookie = secrets.token_urlsafe(32)
        now = self._clock()
        with self._engine.begin() as db:
            db.execute(
                insert(Session).values(
                    id_hash=_hash(cookie),
                    sub=identity.sub,
                    email=identity.email,
                    name=identity.name,
                    tenant_sid=identity.tenant_sid,
                    has_admin_role=identity.has_admin_role,
                    created_at=now,
                    seen_at=now,
                    expires_at=now + SESSION_LIFE,
                )
            )
        return cookie

    def find(self, cookie: str) -> Any | None:
        """The live session of this cookie, as a row with the columns of `Session`."""
        now = self._clock()
        with self._engine.connect() as db:
            row = db.execute(
                select(Session.__table__).where(
                    Session.id_hash == _hash(cookie),
                    Session.expires_at > now,
                    Session.seen_at > now - IDLE_LIFE,
                )
            ).one_or_none()
        if row is not None and row.seen_at <= now - SEEN_EVERY:
            with self._engine.begin() as db:
                db.execute(
                    update(Session).where(Session.id_hash == row.id_hash).values(seen_at=now)
                )
        return row

    def is_fresh_for_admin(self, row: Any) -> bool:
        """Whether an admin used this session within the last half hour."""
        return bool(row.seen_at > self._clock() - ADMIN_IDLE_LIFE)

    def close(self, cookie: str) -> None:
        """Sign out: the cookie is worth nothing from now on, also a copy of it."""
        with self._engine.begin() as db:
            db.execute(delete(Session).where(Session.id_hash == _hash(cookie)))

    def begin_login(self, state: str, browser: str, content: dict[str, Any]) -> None:
        """Keep what the callback of this login needs, for this browser only."""
        with self._engine.begin() as db:
            db.execute(
                insert(LoginTransaction).values(
                    state_hash=_hash(state),
                    browser_hash=_hash(browser),
                    content=content,
                    expires_at=self._clock() + LOGIN_LIFE,
                )
            )

    def take_login(self, state: str, browser: str) -> dict[str, Any] | None:
        """What was kept for this login, once; None where it is unknown, used, over or another
        browser's."""
        with self._engine.begin() as db:
            row = db.execute(
                delete(LoginTransaction)
                .where(
                    LoginTransaction.state_hash == _hash(state),
                    LoginTransaction.browser_hash == _hash(browser),
                    LoginTransaction.expires_at > self._clock(),
                )
                .returning(LoginTransaction.content)
            ).one_or_none()
        return None if row is None else dict(row.content)

    def sweep(self) -> None:
        """Remove what has run out."""
        now = self._clock()
        with self._engine.begin() as db:
            for table in (LoginTransaction, Session):
                db.execute(delete(table).where(table.expires_at <= now))


def _hash(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()
