"""Small JSON documents of the tenant's configuration, each under a kind and a name."""

import json
from typing import Any

from .database import Database

Document = dict[str, Any]


class Documents:
    """The table of documents. What a document means is known by the store of its kind."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, kind: str, name: str) -> Document | None:
        """The document of that name, or None."""
        row = self._database.one(
            "SELECT body FROM document WHERE kind = ? AND name = ?", kind, name
        )
        if row is None:
            return None
        body: Document = json.loads(row["body"])
        return body

    def put(self, kind: str, name: str, body: Document) -> None:
        """Keep `body` under that name, in the place of what was there."""
        self._database.run(
            "INSERT INTO document (kind, name, body) VALUES (?, ?, ?)"
            " ON CONFLICT (kind, name) DO UPDATE SET body = excluded.body",
            kind,
            name,
            json.dumps(body),
        )

    def delete(self, kind: str, name: str) -> bool:
        """Forget a document; whether there was one."""
        deleted = "DELETE FROM document WHERE kind = ? AND name = ?"
        return self._database.run(deleted, kind, name) > 0

    def all(self, kind: str) -> list[Document]:
        """The documents of a kind, oldest first."""
        rows = self._database.all("SELECT body FROM document WHERE kind = ? ORDER BY number", kind)
        return [json.loads(row["body"]) for row in rows]
