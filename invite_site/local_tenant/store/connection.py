"""The one database connection of the tenant, in the shape of Auth0's `/connections`."""

from collections.abc import Mapping
from typing import Any

from ..config import CONNECTION
from .clients import APPLICATION, Clients
from .database import Database, random_code
from .documents import Document, Documents

_KIND = "connection"
_ID = "connection_id"


class Connection:
    """Its id lasts as long as the file; the rest can be changed."""

    def __init__(self, database: Database, documents: Documents, clients: Clients) -> None:
        self._documents = documents
        self._clients = clients
        if database.setting(_ID) is None:
            database.keep_setting(_ID, f"con_{random_code(16)}")
        self.id = str(database.setting(_ID))

    def get(self) -> Document:
        """The connection as the Management API shows it."""
        fresh: Document = {
            "id": self.id,
            "name": CONNECTION,
            "strategy": "auth0",
            "options": {
                "mfa": {"active": True, "return_enroll_settings": True},
                "passwordPolicy": "good",
                "disable_signup": False,
                "brute_force_protection": True,
            },
            "is_domain_connection": False,
            "realms": [CONNECTION],
            "enabled_clients": [self._clients.seeded(APPLICATION).client_id],
        }
        return {**fresh, **(self._documents.get(_KIND, self.id) or {})}

    def change(self, changes: Mapping[str, Any]) -> Document:
        """Set some, each whole: with `options` the ones left out are gone, as at Auth0."""
        stored = {**(self._documents.get(_KIND, self.id) or {}), **changes}
        self._documents.put(_KIND, self.id, stored)
        return self.get()

    def enable(self, client_id: str, enabled: bool) -> None:
        """Let an application sign people in with this connection, or let it no more."""
        others = [each for each in self.get()["enabled_clients"] if each != client_id]
        self.change({"enabled_clients": [*others, client_id] if enabled else others})
