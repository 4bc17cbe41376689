"""Roles, and who has which."""

from .database import Database, random_code
from .documents import Document, Documents

_KIND = "role"
_CLAIM = "role_claim"


class Roles:
    """`{id, name, description}`, as the Management API shows them."""

    def __init__(self, database: Database, documents: Documents) -> None:
        self._database = database
        self._documents = documents

    def all(self) -> list[Document]:
        """Every role, oldest first."""
        return self._documents.all(_KIND)

    def get(self, role_id: str) -> Document | None:
        """The role of that id."""
        return self._documents.get(_KIND, role_id)

    def create(self, name: str, description: str) -> Document:
        """A new role."""
        role = {"id": f"rol_{random_code(16)}", "name": name, "description": description}
        self._documents.put(_KIND, role["id"], role)
        return role

    def change(self, role: Document, changes: Document) -> Document:
        """Another name or description; the role after it."""
        changed = {**role, **changes}
        self._documents.put(_KIND, role["id"], changed)
        return changed

    def delete(self, role_id: str) -> None:
        """Forget a role; nobody has it any more."""
        self._documents.delete(_KIND, role_id)
        self._database.run("DELETE FROM user_role WHERE role_id = ?", role_id)

    def of(self, user_id: str) -> list[Document]:
        """The roles of a user."""
        rows = self._database.all("SELECT role_id FROM user_role WHERE user_id = ?", user_id)
        held = {row["role_id"] for row in rows}
        return [role for role in self.all() if role["id"] in held]

    def assign(self, user_id: str, role_ids: list[str]) -> None:
        """Give a user roles; those it has already are fine."""
        for role_id in role_ids:
            self._database.run("INSERT OR IGNORE INTO user_role VALUES (?, ?)", user_id, role_id)

    def remove(self, user_id: str, role_ids: list[str]) -> None:
        """Take roles from a user; those it has not are fine."""
        for role_id in role_ids:
            self._database.run(
                "DELETE FROM user_role WHERE user_id = ? AND role_id = ?", user_id, role_id
            )


class RoleClaim:
    """Which claim of an ID token names the user's roles: at Auth0 the work of an Action."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def get(self) -> str | None:
        """The claim's name, or None where no token tells roles."""
        kept = self._documents.get(_CLAIM, _CLAIM)
        return None if kept is None else str(kept["claim"])

    def choose(self, claim: str | None) -> None:
        """Put the roles under that claim, or under none."""
        if claim is None:
            self._documents.delete(_CLAIM, _CLAIM)
        else:
            self._documents.put(_CLAIM, _CLAIM, {"claim": claim})
