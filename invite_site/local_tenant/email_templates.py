"""The tenant's mail templates, in the shape of Auth0's `/email-templates`."""

from .documents import Document, Documents

# Auth0's names. The link mail of a password change is `reset_email`.
TEMPLATE_NAMES = (
    "verify_email",
    "verify_email_by_code",
    "auth_email_by_code",
    "reset_email",
    "reset_email_by_code",
    "welcome_email",
    "blocked_account",
    "stolen_credentials",
    "enrollment_email",
    "mfa_oob_code",
    "user_invitation",
    "async_approval",
    "change_password",
    "password_reset",
)

_KIND = "email_template"


class EmailTemplates:
    """What somebody has stored; a fresh tenant has none and sends its stock mails."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def get(self, name: str) -> Document | None:
        """`{template, body, from, subject, syntax, resultUrl, …, enabled}`, or None."""
        return self._documents.get(_KIND, name)

    def put(self, name: str, template: Document) -> None:
        """Store a template whole."""
        self._documents.put(_KIND, name, template)
