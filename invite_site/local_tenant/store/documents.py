"""Small JSON documents of the tenant's configuration, by kind and name."""

import json
import sqlite3
from typing import Any

from .database import Database

Document = dict[str, Any]


def _from_row(row: sqlite3.Row) -> Document:
    return dict(json.loads(row["body"]))


class Documents:
    """The documents of one kind, by name."""

    def __init__(self, database: Database, kind: str) -> None:
        self._database = database
        self._kind = kind

    def get(self, name: str) -> Document | None:
        """The document of that name, or None."""
        query = "SELECT body FROM document WHERE kind = ? AND name = ?"
        return self._database.first(_from_row, query, self._kind, name)

    def put(self, name: str, body: Document) -> None:
        """Store a document in place of an earlier one of that name."""
        self._database.run(
            "INSERT INTO document (kind, name, body) VALUES (?, ?, ?)"
            " ON CONFLICT (kind, name) DO UPDATE SET body = excluded.body",
            *(self._kind, name, json.dumps(body)),
        )

    def delete(self, name: str) -> None:
        """Delete the document of that name, if there is one."""
        delete = "DELETE FROM document WHERE kind = ? AND name = ?"
        self._database.run(delete, self._kind, name)

    def all(self) -> list[Document]:
        """All of them, oldest first."""
        query = "SELECT body FROM document WHERE kind = ? ORDER BY number"
        return self._database.select(_from_row, query, self._kind)


class SingleDocument:
    """The only document of its kind, with the values that hold where it has none."""

    def __init__(
        self,
        database: Database,
        kind: str,
        name: str = "current",
        defaults: Document | None = None,
    ) -> None:
        self._documents = Documents(database, kind)
        self._name = name
        self._defaults = defaults or {}

    def stored(self) -> Document:
        """What was stored; `{}` where nothing was."""
        return self._documents.get(self._name) or {}

    def get(self) -> Document:
        """What was stored, over the defaults."""
        return {**self._defaults, **self.stored()}

    def put(self, body: Document) -> None:
        """Store the document whole."""
        self._documents.put(self._name, body)

    def change(self, changes: Document) -> Document:
        """Replace some properties, each whole; None restores a default. All of them after it."""
        changed = {**self.stored(), **changes}
        self.put({name: value for name, value in changed.items() if value is not None})
        return self.get()

    def delete(self) -> None:
        """Delete what was stored."""
        self._documents.delete(self._name)
