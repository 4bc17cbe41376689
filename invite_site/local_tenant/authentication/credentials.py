"""Who may log in: the password, the brute-force block, and what the log says of each try."""

from collections.abc import Mapping
from typing import Any

from flask import request, session

from ..store.clients import Client
from ..store.failures import BLOCKED
from ..store.sessions import Session
from ..store.users import User
from ..tenant import State, current_state

WRONG = "Wrong email or password."
TOO_OFTEN = "Too many login attempts. Try again in a minute."


def check(state: State, email: str, password: str, client: Client | None) -> User | str:
    """The user with that address and password, or why not, in words for the page.

    A user blocked by an administrator counts as found: the application is told, not the page.
    """
    address = request.remote_addr or ""
    reading = state.limits.take("login", f"{address} {email.lower()}")
    if reading is not None and not reading.allowed:
        return TOO_OFTEN
    user = state.users.by_email(email.lower())
    if user is None:
        state.logs.write("fu", WRONG, user_name=email, client=client)
        return WRONG
    if _is_protected(state) and state.failures.is_blocked(user.user_id, address):
        state.logs.write("limit_wc", BLOCKED, user=user, client=client)
        return BLOCKED
    if not user.has_password(password):
        state.failures.note(user.user_id, address)
        state.logs.write("fp", WRONG, user=user, client=client)
        return WRONG
    state.failures.forget(user.user_id, address)
    return user


def _is_protected(state: State) -> bool:
    return bool(state.connection.get()["options"].get("brute_force_protection", True))


def signed_in() -> tuple[Session, User] | None:
    """The session of this browser and its user, if there is one."""
    state, session_id = current_state(), session.get("session")
    found = state.sessions.get(session_id) if isinstance(session_id, str) else None
    user = state.users.get(found.user_id) if found else None
    return (found, user) if found and user else None


def sign_in(state: State, user: User, client: Client | None) -> Session:
    """Open a session in this browser, in the place of the one before."""
    sign_out()
    session["session"], opened = state.sessions.open(user.user_id)
    state.users.note_login(user.user_id, request.remote_addr or "")
    details: Mapping[str, Any] = {
        "prompts": [],
        "session_id": opened.sid,
        "stats": {"loginsCount": user.logins_count + 1},
    }
    state.logs.write("s", "Successful login", user=user, client=client, details=details)
    return opened


def sign_out() -> None:
    """End this browser's session at the tenant."""
    session_id = session.pop("session", None)
    if isinstance(session_id, str):
        current_state().sessions.close(session_id)
