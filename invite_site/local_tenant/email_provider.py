"""The one mail provider of the tenant; without it Auth0 sends stock mails of its own."""

from .documents import Document, Documents

_KIND, _NAME = "email_provider", "current"


class EmailProvider:
    """`{name, enabled, default_from_address, credentials}`, the password included."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def current(self) -> Document | None:
        """The configured provider, or None."""
        return self._documents.get(_KIND, _NAME)

    def put(self, provider: Document) -> None:
        """Configure a provider."""
        self._documents.put(_KIND, _NAME, provider)

    def delete(self) -> None:
        """Have none."""
        self._documents.delete(_KIND, _NAME)
