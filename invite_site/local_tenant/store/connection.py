"""The one database connection of the tenant, in the shape of Auth0's `/connections`."""

from ..config import CONNECTION
from .clients import APPLICATION, Clients
from .database import Database, random_code
from .documents import Document, SingleDocument
from .password_policy import GOOD, Policy


class Connection:
    """The connection; its id never changes."""

    def __init__(self, database: Database, clients: Clients) -> None:
        self._clients = clients
        self.id = database.made_once("connection_id", lambda: f"con_{random_code(16)}")
        self._changes = SingleDocument(database, "connection", self.id)

    def get(self) -> Document:
        """The connection as the Management API shows it."""
        return {
            "id": self.id,
            "name": CONNECTION,
            "strategy": "auth0",
            "options": {
                "mfa": {"active": True, "return_enroll_settings": True},
                "passwordPolicy": GOOD,
                "disable_signup": False,
                "brute_force_protection": True,
            },
            "is_domain_connection": False,
            "realms": [CONNECTION],
            "enabled_clients": [self._clients.seeded(APPLICATION).client_id],
            **self._changes.stored(),
        }

    def change(self, changes: Document) -> Document:
        """Replace some properties, each whole: `options` loses what is left out, as at Auth0."""
        self._changes.change(changes)
        return self.get()

    @property
    def password_policy(self) -> Policy:
        """What its options ask of a password."""
        return Policy.of(self.get()["options"])

    def enable(self, client_id: str, enabled: bool) -> None:
        """Allow an application to use this connection, or forbid it."""
        others = [each for each in self.get()["enabled_clients"] if each != client_id]
        self.change({"enabled_clients": [*others, client_id] if enabled else others})
