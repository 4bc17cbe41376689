"""Passwords, the brute-force block, sessions of browsers, and the log entries of logins."""

from collections.abc import Mapping
from typing import Any

from flask import request, session

from ..store.clients import Client
from ..store.failures import BLOCKED
from ..store.sessions import Session
from ..store.users import User
from ..tenant import Tenant, current_tenant

WRONG_CREDENTIALS = "Wrong email or password."
TOO_MANY_ATTEMPTS = "Too many login attempts. Try again in a minute."


def authenticate(tenant: Tenant, email: str, password: str, client: Client | None) -> User | str:
    """The user with that address and password, or the error text for the page.

    A user whom an administrator has blocked is returned: that error goes to the application.
    """
    address = request.remote_addr or ""
    reading = tenant.limits.take("login", f"{address} {email.lower()}")
    if reading is not None and not reading.allowed:
        return TOO_MANY_ATTEMPTS
    user = tenant.users.by_email(email.lower())
    if user is None:
        tenant.logs.write("fu", WRONG_CREDENTIALS, user_name=email, client=client)
        return WRONG_CREDENTIALS
    if _is_protected(tenant) and tenant.failures.is_blocked(user.user_id, address):
        tenant.logs.write("limit_wc", BLOCKED, user=user, client=client)
        return BLOCKED
    if not user.has_password(password):
        tenant.failures.record(user.user_id, address)
        tenant.logs.write("fp", WRONG_CREDENTIALS, user=user, client=client)
        return WRONG_CREDENTIALS
    tenant.failures.clear(user.user_id, address)
    return user


def _is_protected(tenant: Tenant) -> bool:
    return bool(tenant.connection.get()["options"].get("brute_force_protection", True))


def signed_in() -> tuple[Session, User] | None:
    """The session of this browser with its user, if there is one."""
    tenant, session_id = current_tenant(), session.get("session")
    found = tenant.sessions.get(session_id) if isinstance(session_id, str) else None
    user = tenant.users.get(found.user_id) if found else None
    return (found, user) if found and user else None


def sign_in(tenant: Tenant, user: User, client: Client | None) -> Session:
    """Open a session in this browser, after ending the one before."""
    sign_out()
    session["session"], opened = tenant.sessions.open(user.user_id)
    tenant.users.note_login(user.user_id, request.remote_addr or "")
    details: Mapping[str, Any] = {
        "prompts": [],
        "session_id": opened.sid,
        "stats": {"loginsCount": user.logins_count + 1},
    }
    tenant.logs.write("s", "Successful login", user=user, client=client, details=details)
    return opened


def sign_out() -> None:
    """End this browser's session at the tenant."""
    session_id = session.pop("session", None)
    if isinstance(session_id, str):
        current_tenant().sessions.close(session_id)
