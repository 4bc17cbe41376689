"""The tenant's mail templates and its one mail provider, in the shapes of Auth0's API."""

from .documents import Document, Documents

# Auth0's names. The link mail of a password change is `reset_email`.
TEMPLATE_NAMES = (
    "verify_email", "verify_email_by_code", "auth_email_by_code", "reset_email",
    "reset_email_by_code", "welcome_email", "blocked_account", "stolen_credentials",
    "enrollment_email", "mfa_oob_code", "user_invitation", "async_approval", "change_password",
    "password_reset",
)  # fmt: skip

_TEMPLATE, _PROVIDER, _CURRENT = "email_template", "email_provider", "current"


class EmailTemplates:
    """What somebody has stored; a fresh tenant has none and sends its stock mails."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def get(self, name: str) -> Document | None:
        """`{template, body, from, subject, syntax, resultUrl, …, enabled}`, or None."""
        return self._documents.get(_TEMPLATE, name)

    def put(self, name: str, template: Document) -> None:
        """Store a template whole."""
        self._documents.put(_TEMPLATE, name, template)


class EmailProvider:
    """Without one Auth0 sends stock mails of its own. `{name, enabled, default_from_address, credentials}`, the password included."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def current(self) -> Document | None:
        """The configured provider, or None."""
        return self._documents.get(_PROVIDER, _CURRENT)

    def put(self, provider: Document) -> None:
        """Configure a provider."""
        self._documents.put(_PROVIDER, _CURRENT, provider)

    def delete(self) -> None:
        """Have none."""
        self._documents.delete(_PROVIDER, _CURRENT)
