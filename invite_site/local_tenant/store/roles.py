"""Roles, and which user has which."""

from .database import Database, random_code
from .documents import Document, Documents


class Roles(Documents):
    """`{id, name, description}`, as the Management API shows them."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, "role")

    def create(self, name: str, description: str) -> Document:
        """A new role."""
        role = {"id": f"rol_{random_code(16)}", "name": name, "description": description}
        return self.change(role, {})

    def change(self, role: Document, changes: Document) -> Document:
        """Change a role's name or description; the role after it."""
        changed = {**role, **changes}
        self.put(role["id"], changed)
        return changed

    def delete(self, role_id: str) -> None:
        """Delete a role, and take it from its users."""
        super().delete(role_id)
        self._database.run("DELETE FROM user_role WHERE role_id = ?", role_id)

    def of(self, user_id: str) -> list[Document]:
        """The roles of a user."""
        rows = self._database.all("SELECT role_id FROM user_role WHERE user_id = ?", user_id)
        held = {row["role_id"] for row in rows}
        return [role for role in self.all() if role["id"] in held]

    def assign(self, user_id: str, role_ids: list[str]) -> None:
        """Give a user roles, besides those it has."""
        for role_id in role_ids:
            self._database.run("INSERT OR IGNORE INTO user_role VALUES (?, ?)", user_id, role_id)

    def remove(self, user_id: str, role_ids: list[str]) -> None:
        """Take roles from a user, where it has them."""
        delete = "DELETE FROM user_role WHERE user_id = ? AND role_id = ?"
        for role_id in role_ids:
            self._database.run(delete, user_id, role_id)
