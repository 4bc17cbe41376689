"""The settings of a new tenant, in the shapes of Auth0's `/prompts` and `/tenants/settings`."""

from ..config import TenantConfig
from .documents import Document

CLASSIC, NEW = "classic", "new"

DEFAULT_PROMPTS: Document = {
    "universal_login_experience": CLASSIC,
    "identifier_first": True,
    "webauthn_platform_first_factor": False,
}


def default_settings(config: TenantConfig) -> Document:
    """The tenant's settings before anybody has changed them."""
    return {
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
