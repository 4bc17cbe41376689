"""The applications: the seeded ones of the site, and those made by the Management API."""

import hmac
import json
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from authlib.oauth2.rfc6749 import ClientMixin

from ..config import TenantConfig
from .database import Database, random_code

MANAGEMENT_SCOPES = frozenset(
    (
        "create:users", "read:users", "update:users", "delete:users", "create:user_tickets",
        "update:users_app_metadata",
        "create:roles", "read:roles", "update:roles", "delete:roles",
        "create:role_members", "read:role_members", "delete:role_members",
        "read:logs", "read:logs_users",
        "create:email_templates", "read:email_templates", "update:email_templates",
        "create:email_provider", "read:email_provider", "update:email_provider",
        "delete:email_provider",
        "read:tenant_settings", "update:tenant_settings", "read:prompts", "update:prompts",
        "create:clients", "read:clients", "update:clients", "delete:clients", "read:client_keys",
        "create:client_grants", "read:client_grants", "update:client_grants",
        "delete:client_grants",
        "read:connections", "update:connections", "read:resource_servers",
    )
)  # fmt: skip

APPLICATION = "application"
MANAGEMENT = "management"
SETUP = "setup"

# The scopes of the running site at the Management API, and those of `flask tenant apply`.
_SCOPES: dict[str, str | None] = {
    APPLICATION: None,
    MANAGEMENT: "read:users create:users update:users delete:users create:user_tickets"
    " read:roles create:role_members delete:role_members read:logs",
    SETUP: " ".join(sorted(MANAGEMENT_SCOPES)),
}
_GRANT_TYPES = {
    APPLICATION: ["authorization_code"],
    MANAGEMENT: ["client_credentials"],
    SETUP: ["client_credentials"],
}
_NAMES = {APPLICATION: "{}", MANAGEMENT: "{} (Management API)", SETUP: "{} (setup)"}

_KNOWN_SCOPES = frozenset(("openid", "profile", "email"))
_LARGEST_PORT = 65_535
_SEEDED = "applications_seeded_for"
_ANY_PORT = re.compile(r"^(http://(?:localhost|127\.0\.0\.1|\[::1\])):\*(/.*)?$")


@dataclass(frozen=True)
class Client(ClientMixin):
    """An application registered at the tenant; the methods are those that Authlib calls."""

    client_id: str
    role: str | None
    name: str
    client_secret: str
    grant_types: tuple[str, ...]
    callbacks: tuple[str, ...]
    logout_urls: tuple[str, ...]
    initiate_login_uri: str
    management_scope: str | None
    # Whatever else the Management API was given, as it was given.
    properties: Mapping[str, Any]

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str:
        return next((url for url in self.callbacks if ":*" not in url), "")

    def get_allowed_scope(self, scope: Any) -> str:
        """The requested scopes that exist here; Auth0 drops the others without an error."""
        return " ".join(name for name in (scope or "").split() if name in _KNOWN_SCOPES)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return is_listed(redirect_uri, self.callbacks)

    def check_client_secret(self, client_secret: str) -> bool:
        return hmac.compare_digest(self.client_secret.encode(), client_secret.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in ("client_secret_basic", "client_secret_post")

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.grant_types


def is_listed(url: str, allowed: tuple[str, ...]) -> bool:
    """Whether `url` equals an entry, character by character.

    Ours: an entry with `:*` as the port of a loopback host stands for every port
    (RFC 8252, section 7.3), so that any client on this machine can use this tenant.
    """
    for entry in allowed:
        match = _ANY_PORT.match(entry)
        if match is None:
            if url == entry:
                return True
            continue
        base, path = re.escape(match[1]), re.escape(match[2] or "")
        found = re.fullmatch(rf"{base}:([0-9]{{1,5}}){path}", url)
        if found and int(found[1]) <= _LARGEST_PORT:
            return True
    return False


def origins(urls: tuple[str, ...]) -> list[str]:
    """The origins of some URLs, each once; `http://localhost:*` is one."""
    parts = [urlsplit(url) for url in urls]
    return list(dict.fromkeys(f"{part.scheme}://{part.netloc}" for part in parts if part.netloc))


def _from_row(row: sqlite3.Row) -> Client:
    fields: dict[str, Any] = dict(row)
    for name in ("grant_types", "callbacks", "logout_urls"):
        fields[name] = tuple(json.loads(fields[name]))
    fields["properties"] = json.loads(fields["properties"])
    return Client(**fields)


class Clients:
    """The table of applications."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def seed(self, config: TenantConfig, *, anew: bool = False) -> None:
        """Make the site's applications unless they are there.

        Their fields are set again where the configuration has changed: any other restart must
        not undo what the Management API has changed. `anew` sets them too, and deletes the rest.
        """
        if anew:
            self._database.run("DELETE FROM client WHERE role IS NULL")
        for role in _SCOPES:
            if self._seeded(role) is None:
                self._insert(role, config.app_name)
        text = json.dumps([config.app_name, config.site_url, _SCOPES])
        if not anew and self._database.setting(_SEEDED) == text:
            return
        for role, scope in _SCOPES.items():
            self.change(
                role,
                name=_NAMES[role].format(config.app_name),
                management_scope=scope,
                grant_types=_GRANT_TYPES[role],
                properties={},
            )
        site = config.site_url.rstrip("/")
        self.change(
            APPLICATION,
            callbacks=[f"{site}/callback", "http://localhost:*/callback"],
            logout_urls=[site, f"{site}/", "http://localhost:*", "http://localhost:*/"],
            initiate_login_uri=f"{site}/login",
        )
        self._database.store_setting(_SEEDED, text)

    def change(self, role: str, **fields: Any) -> None:
        """Set fields of a seeded application."""
        self.change_one(self.seeded(role).client_id, **fields)

    def change_one(self, client_id: str, **fields: Any) -> None:
        """Set fields of an application; lists and objects are stored as such."""
        for name, value in fields.items():
            stored = json.dumps(value) if isinstance(value, list | tuple | dict) else value
            self._database.run(
                f"UPDATE client SET {name} = ? WHERE client_id = ?",  # noqa: S608 (our column names)
                stored,
                client_id,
            )

    def create(self, name: str) -> Client:
        """A new application, with a secret and nothing else."""
        client = self.get(self._insert(None, name))
        assert client is not None  # noqa: S101 (just stored)
        return client

    def _insert(self, role: str | None, name: str) -> str:
        client_id = random_code(32)
        self._database.insert(
            "client",
            client_id=client_id,
            role=role,
            name=name,
            client_secret=random_code(64),
            initiate_login_uri="",
            **dict.fromkeys(("grant_types", "callbacks", "logout_urls"), "[]"),
        )
        return client_id

    def delete(self, client_id: str) -> None:
        """Delete an application, if there is one of that id."""
        self._database.run("DELETE FROM client WHERE client_id = ?", client_id)

    def all(self) -> list[Client]:
        """Every application, oldest first."""
        return self._database.select(_from_row, "SELECT * FROM client ORDER BY rowid")

    def get(self, client_id: str | None) -> Client | None:
        """The application of that client id."""
        return self._database.first(
            _from_row, "SELECT * FROM client WHERE client_id = ?", client_id
        )

    def seeded(self, role: str) -> Client:
        """One of the seeded applications."""
        client = self._seeded(role)
        if client is None:
            raise LookupError(role)
        return client

    def _seeded(self, role: str) -> Client | None:
        return self._database.first(_from_row, "SELECT * FROM client WHERE role = ?", role)
