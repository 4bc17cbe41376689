"""Switches for behaviour of Auth0 that could not be established.

The default is the most likely value. A program for Auth0 should work with every value; the
control plane sets them (`PUT /_tenant/switches`).
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Switch:
    """One such point: its section in the contract, and its possible values.

    The first value is the default.
    """

    section: str
    values: tuple[Any, ...]
    question: str


SWITCHES: dict[str, Switch] = {
    "include_email_default": Switch(
        "§3.1", (False, True), "whether a ticket without `includeEmailInRedirect` adds `email`"
    ),
    "email_on_failure": Switch(
        "§4", (True, False), "whether `email` comes with a failure too, where it comes with success"
    ),
    "result_url_with_client_id": Switch(
        "§3.1", ("refuse", "allow"), "a ticket with both `result_url` and `client_id`"
    ),
    "result_url_on_localhost": Switch(
        "§4", ("allow", "refuse"), "a `result_url` on localhost or an IP address"
    ),
    "ticket_result_url_barred": Switch(
        "§3.1",
        (False, True),
        "whether the 403 of 2026-05-05 covers the `result_url` of tickets as well",
    ),
    "template_result_url_barred": Switch(
        "§5.2", (False, True), "whether this tenant falls under the 403 on a template's `resultUrl`"
    ),
    "plus_in_redirect": Switch(
        "§4", ("encoded", "literal"), "how a `+` in the `email` of a redirect is written"
    ),
    "new_login_ticket_path": Switch(
        "§3.2", ("/u/reset-verify", "/u/reset-password"), "path of a ticket in New Universal Login"
    ),
    "dead_ticket_status": Switch(
        "§3.4", (400, 200, 403, 404), "HTTP status of the pages for expired and used tickets"
    ),
    "unknown_connection_status": Switch(
        "§2.1", (400, 404), "status of POST /users with a connection that does not exist"
    ),
    "missing_token_status": Switch(
        "§1.6", (401, 400), "status of a Management API call without an Authorization header"
    ),
    "plus_in_nickname": Switch(
        "§2.1", ("kept", "cut"), "the nickname made of an address with a `+`: `ada+team` or `ada`"
    ),
    "mail_to_blocked": Switch(
        "§5.1",
        (True, False),
        "whether a blocked user gets the mail of `/dbconnections/change_password`",
    ),
    "loopback_callback_confirmation": Switch(
        "§7.2",
        (False, True),
        "whether this tenant asks before it leads to a callback on this machine, where no other "
        "page was shown",
    ),
    "code_lifetime_seconds": Switch(
        "§7.3", (60, 30, 300, 600), "how long an authorization code lives"
    ),
    "authentication_429": Switch(
        "§1.3", ("oauth", "management"), "shape of a 429 of the Authentication API"
    ),
    "retry_after_on_429": Switch("§8", (False, True), "whether a 429 carries `Retry-After`"),
}


class BadSwitch(ValueError):
    """An unknown switch, or a value it cannot have; the message says which."""


class Switches:
    """The values of the switches; a reset restores the defaults."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._set: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        with self._lock:
            return self._set.get(name, SWITCHES[name].values[0])

    def change(self, order: Mapping[str, Any]) -> None:
        """Set some, or none if one is invalid; raises `BadSwitch`."""
        for name, value in order.items():
            if name not in SWITCHES:
                raise BadSwitch(f"unknown: {name}; known: {', '.join(SWITCHES)}")
            # In Python True equals 1; here they are different values.
            if not any(
                value is each or (value == each and type(value) is type(each))
                for each in SWITCHES[name].values
            ):
                raise BadSwitch(f"{name} is one of {', '.join(map(repr, SWITCHES[name].values))}")
        with self._lock:
            self._set.update(order)

    def clear(self) -> None:
        """Restore the defaults."""
        with self._lock:
            self._set.clear()

    def all(self) -> dict[str, Any]:
        """Each switch with its value."""
        return {name: self[name] for name in SWITCHES}
