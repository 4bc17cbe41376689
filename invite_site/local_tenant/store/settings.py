"""What somebody has set: Universal Login and its texts, and the tenant's own settings."""

from collections.abc import Mapping
from typing import Any

from ..config import TenantConfig
from .documents import Document, Documents

CLASSIC, NEW = "classic", "new"

_PROMPTS, _TEXTS, _SETTINGS, _CURRENT = "prompts", "custom_text", "tenant_settings", "current"


class Prompts:
    """In the shape of Auth0's `/prompts`."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def get(self) -> Document:
        """The settings of Universal Login."""
        fresh = {
            "universal_login_experience": CLASSIC,
            "identifier_first": True,
            "webauthn_platform_first_factor": False,
        }
        return {**fresh, **(self._documents.get(_PROMPTS, _CURRENT) or {})}

    def change(self, changes: Document) -> Document:
        """Set some; all of them after it."""
        self._documents.put(_PROMPTS, _CURRENT, {**self.get(), **changes})
        return self.get()

    def experience(self) -> str:
        """`new` or `classic`. A customised password page is Classic in both."""
        return str(self.get()["universal_login_experience"])


class CustomText:
    """In the shape of Auth0's `/prompts/{prompt}/custom-text/{language}`."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def get(self, prompt: str, language: str) -> Document:
        """`{screen: {key: text}}`; empty where nothing was changed."""
        return self._documents.get(_TEXTS, f"{prompt}/{language}") or {}

    def put(self, prompt: str, language: str, texts: Document) -> None:
        """Put all texts of a prompt in place of the earlier ones."""
        self._documents.put(_TEXTS, f"{prompt}/{language}", texts)


class TenantSettings:
    """What somebody has set, over the values of a fresh tenant."""

    def __init__(self, documents: Documents, config: TenantConfig) -> None:
        self._documents = documents
        self._fresh: Document = {
            "change_password": {"enabled": False, "html": ""},
            "friendly_name": config.app_name,
            "picture_url": "",
            "support_email": "",
            "support_url": "",
            "allowed_logout_urls": [],
            "default_redirection_uri": "",
            "enabled_locales": ["en"],
            "session_lifetime": 168,
            "idle_session_lifetime": 72,
            "sessions": {"oidc_logout_prompt_enabled": True},
            "flags": {},
            "sandbox_version": "22",
        }

    def get(self) -> Document:
        """All settings."""
        return {**self._fresh, **(self._documents.get(_SETTINGS, _CURRENT) or {})}

    def change(self, changes: Mapping[str, Any]) -> Document:
        """Set some, each whole, or take them back with None; all settings after it."""
        stored = {**(self._documents.get(_SETTINGS, _CURRENT) or {}), **changes}
        kept = {name: value for name, value in stored.items() if value is not None}
        self._documents.put(_SETTINGS, _CURRENT, kept)
        return self.get()
