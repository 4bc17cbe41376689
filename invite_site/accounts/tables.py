"""The tables of who is signed in, which logins are under way, and who may invite."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from ..database.base import Base


class Session(Base):
    """Somebody signed in. The cookie holds a random id, the row its SHA-256."""

    __tablename__ = "session"

    id_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    sub: Mapped[str]
    email: Mapped[str]
    name: Mapped[str]
    tenant_sid: Mapped[str]  # names the tenant's session at sign-out
    has_admin_role: Mapped[bool]
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class LoginTransaction(Base):
    """A login under way: single use, ten minutes, bound to one browser."""

    __tablename__ = "login_transaction"

    state_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    browser_hash: Mapped[str] = mapped_column(String(64))
    content: Mapped[dict[str, Any]]  # nonce, PKCE verifier, invitation, next page
    expires_at: Mapped[datetime] = mapped_column(index=True)


class KeptForm(Base):
    """A form that was sent after the session had ended, until its sender has signed in again."""

    __tablename__ = "kept_form"

    browser_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    owner: Mapped[str] = mapped_column(String(64))  # SHA-256 of the `sub`
    path: Mapped[str]
    fields: Mapped[list[Any]] = mapped_column(JSON)  # pairs of name and value
    had_file: Mapped[bool]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class AdminGrant(Base):
    """A person who may invite, by the tenant's `sub`; never by an address out of a token."""

    __tablename__ = "admin_grant"

    sub: Mapped[str] = mapped_column(primary_key=True)
    label: Mapped[str]
    granted_at: Mapped[datetime]
    # By whom, as they were called then; empty where that is not known.
    granted_by: Mapped[str] = mapped_column(default="", server_default="")
