"""The tenant's settings, in the shape of Auth0's `/tenants/settings`."""

from collections.abc import Mapping
from typing import Any

from .config import TenantConfig
from .documents import Document, Documents

_KIND, _NAME = "tenant_settings", "current"


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
        return {**self._fresh, **(self._documents.get(_KIND, _NAME) or {})}

    def change(self, changes: Mapping[str, Any]) -> Document:
        """Set some, each whole, or take them back with None; all settings after it."""
        stored = {**(self._documents.get(_KIND, _NAME) or {}), **changes}
        kept = {name: value for name, value in stored.items() if value is not None}
        self._documents.put(_KIND, _NAME, kept)
        return self.get()
