"""Who is signed in, and which logins are under way.

Cookies hold opaque random values; identity, expiry and revocation live here, under the SHA-256
of those values, so neither a copied database nor a copied cookie gives the other.
"""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, delete, insert, select, update

from . import tables

LOGIN_LIFE = timedelta(minutes=10)
SESSION_LIFE = timedelta(hours=12)
IDLE_LIFE = timedelta(hours=8)
ADMIN_IDLE_LIFE = timedelta(minutes=30)
SEEN_EVERY = timedelta(minutes=1)  # how fine `seen_at` is kept: a page view need not be a write

Write = Callable[[Connection], None]  # something else to write in the transaction of a login


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signed in, out of a verified ID token. `email_verified` only where the tenant says so."""

    sub: str
    email: str
    email_verified: bool
    name: str
    tenant_sid: str
    has_admin_role: bool


@dataclass(frozen=True, slots=True)
class Session:
    """A live session, as its row says."""

    id_hash: str
    sub: str
    email: str
    name: str
    tenant_sid: str
    has_admin_role: bool
    seen_at: datetime


_sessions, _logins = tables.Session.__table__, tables.LoginTransaction.__table__
# Built once: each page view needs one of these, and putting a statement together costs more than
# executing it.
_OPEN = insert(_sessions)
_FIND = select(*(_sessions.c[column.name] for column in fields(Session))).where(
    _sessions.c.id_hash == bindparam("id_hash"),
    _sessions.c.expires_at > bindparam("now"),
    _sessions.c.seen_at > bindparam("idle_since"),
)
_BEGIN_LOGIN = insert(_logins)
_TAKE_LOGIN = (
    delete(_logins)
    .where(
        _logins.c.state_hash == bindparam("state_hash"),
        _logins.c.browser_hash == bindparam("browser_hash"),
        _logins.c.expires_at > bindparam("now"),
    )
    .returning(_logins.c.content)
)


class Sessions:
    """Sessions and login transactions of one database. `clock` gives aware UTC. Without
    `is_role_configured` nobody is an admin by the role that their session began with.

    Login transactions have an engine of their own, `logins`, whose commits need not be durable.
    """

    def __init__(
        self,
        engine: Engine,
        logins: Engine,
        clock: Callable[[], datetime],
        *,
        is_role_configured: bool,
    ) -> None:
        self._engine = engine
        self._logins = logins
        self._clock = clock
        self._is_role_configured = is_role_configured

    def open(self, identity: Identity) -> str:
        """A new session; returns the value of its cookie, which is nowhere else."""
        cookie = secrets.token_urlsafe(32)
        now = self._clock()
        with self._engine.begin() as db:
            db.execute(
                _OPEN,
                {
                    "id_hash": digest(cookie),
                    "sub": identity.sub,
                    "email": identity.email,
                    "name": identity.name,
                    "tenant_sid": identity.tenant_sid,
                    "has_admin_role": identity.has_admin_role,
                    "created_at": now,
                    "seen_at": now,
                    "expires_at": now + SESSION_LIFE,
                },
            )
        return cookie

    def find(self, cookie: str) -> Session | None:
        """The live session of this cookie."""
        now = self._clock()
        with self._engine.connect() as db:
            row = db.execute(
                _FIND, {"id_hash": digest(cookie), "now": now, "idle_since": now - IDLE_LIFE}
            ).one_or_none()
        session = Session(*row) if row else None
        if session and session.has_admin_role and not self._is_role_configured:
            return replace(session, has_admin_role=False)
        return session

    def touch(self, session: Session) -> None:
        """Note that this session was used just now."""
        now = self._clock()
        if session.seen_at <= now - SEEN_EVERY:
            with self._engine.begin() as db:
                db.execute(
                    update(_sessions)
                    .where(_sessions.c.id_hash == session.id_hash)
                    .values(seen_at=now)
                )

    def is_fresh_for_admin(self, session: Session) -> bool:
        """Whether an admin used this session within the last half hour."""
        return session.seen_at > self._clock() - ADMIN_IDLE_LIFE

    def close(self, cookie: str) -> None:
        """Sign out: the cookie is worth nothing from now on, also a copy of it."""
        with self._engine.begin() as db:
            db.execute(delete(_sessions).where(_sessions.c.id_hash == digest(cookie)))

    def begin_login(
        self, state: str, browser: str, content: dict[str, Any], write: Write | None = None
    ) -> None:
        """Keep what the callback of this login needs, for this browser only.

        `write` is done with it: one commit for both.
        """
        with self._logins.begin() as db:
            if write is not None:
                write(db)
            db.execute(
                _BEGIN_LOGIN,
                {
                    "state_hash": digest(state),
                    "browser_hash": digest(browser),
                    "content": content,
                    "expires_at": self._clock() + LOGIN_LIFE,
                },
            )

    def take_login(self, state: str, browser: str) -> dict[str, Any] | None:
        """What was kept for this login, once; None where it is unknown, used, over or another
        browser's."""
        with self._logins.begin() as db:
            row = db.execute(
                _TAKE_LOGIN,
                {
                    "state_hash": digest(state),
                    "browser_hash": digest(browser),
                    "now": self._clock(),
                },
            ).one_or_none()
        return None if row is None else dict(row.content)

    def sweep(self) -> None:
        """Remove what has run out."""
        now = self._clock()
        with self._engine.begin() as db:
            for table in (_logins, _sessions):
                db.execute(delete(table).where(table.c.expires_at <= now))


def digest(value: str) -> str:
    """What is stored of a value that only a cookie holds."""
    return hashlib.sha256(value.encode()).hexdigest()
