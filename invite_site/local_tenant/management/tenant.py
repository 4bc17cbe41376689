"""`/tenants/settings` and `/prompts`: the tenant's own settings and texts."""

import re
from dataclasses import replace

from flask.typing import ResponseReturnValue

from ..store.settings import CLASSIC, NEW
from ..tenant import current_tenant
from .call import call, selected, sent_body, sent_json
from .schema import HTTPS_OR_EMPTY, Field, invalid_body, invalid_path, not_built_fields

_PAGE = {
    "enabled": Field("boolean", "Whether to use the custom page"),
    "html": Field("string", "Custom page HTML"),
}
_ERROR_PAGE = {
    "html": Field("string", "Custom Error HTML"),
    "show_log_link": Field("boolean", "Whether to show the link to log"),
    "url": Field("string", "URL to redirect to when an error occurs"),
}
_SESSIONS = {
    "oidc_logout_prompt_enabled": Field(
        "boolean", "Whether to bypass prompting logic when performing OIDC Logout"
    )
}
_SETTINGS = {
    name: replace(each, nullable=True)
    for name, each in {
        "change_password": Field("object", "Change Password page customization", fields=_PAGE),
        "error_page": Field("object", "Error page customization", fields=_ERROR_PAGE),
        "default_audience": Field("string", "Default audience for API Authorization"),
        "default_directory": Field("string", "Name of connection used for password grants"),
        "friendly_name": Field("string", "Friendly name for this tenant"),
        "picture_url": Field("string", "URL of logo to be shown for this tenant"),
        "support_email": Field("string", "End-user support email"),
        "support_url": Field("string", "End-user support url"),
        "allowed_logout_urls": Field(
            "array", "URLs that are valid to redirect to after logout", items=Field("string", "")
        ),
        "session_lifetime": Field("integer", "Number of hours a session will stay valid", least=1),
        "idle_session_lifetime": Field(
            "integer", "Number of hours for which a session can be inactive", least=1
        ),
        "flags": Field("object", "Flags used to change the behavior of this tenant"),
        "sandbox_version": Field("string", "Selected sandbox version"),
        "enabled_locales": Field(
            "array", "Supported locales for the user interface", 1, items=Field("string", "", 2)
        ),
        "session_cookie": Field("object", "Session cookie configuration"),
        "sessions": Field("object", "Sessions related settings for tenant", fields=_SESSIONS),
        "default_redirection_uri": Field(
            "string", "The default absolute redirection uri, must be https", format=HTTPS_OR_EMPTY
        ),
    }.items()
} | not_built_fields(
    "guardian_mfa_page device_flow default_token_quota legacy_sandbox_version oidc_logout"
    " ephemeral_session_lifetime idle_ephemeral_session_lifetime acr_values_supported mtls"
    " customize_mfa_in_postlogin_action pushed_authorization_requests_supported"
    " authorization_response_iss_parameter_supported phone_consolidated_experience"
    " skip_non_verifiable_callback_uri_confirmation_prompt resource_parameter_profile"
    " enable_ai_guide dynamic_client_registration_security_mode country_codes"
    " client_id_metadata_document_supported"
)
_PROMPTS = {
    "universal_login_experience": Field(
        "string", "Which login experience to use", choices=(NEW, CLASSIC)
    ),
    "identifier_first": Field(
        "boolean", "Whether identifier first is enabled or not", nullable=True
    ),
    "webauthn_platform_first_factor": Field(
        "boolean", "Use WebAuthn with Device Biometrics as the first factor", nullable=True
    ),
}
_PROMPT_NAMES = frozenset(
    ("login", "login-id", "login-password", "login-passwordless", "login-email-verification",
     "signup", "signup-id", "signup-password", "phone-identifier-enrollment", "email-identifier-challenge",
     "phone-identifier-challenge", "reset-password", "consent", "customized-consent", "logout",
     "mfa", "mfa-email", "mfa-otp", "mfa-phone", "mfa-push", "mfa-recovery-code", "mfa-sms", "mfa-voice",
     "mfa-webauthn", "status", "device-flow", "email-verification", "email-otp-challenge", "organizations",
     "invitation", "common", "passkeys", "captcha", "custom-form", "brute-force-protection")
)  # fmt: skip


@call("GET", "/tenants/settings", "read:tenant_settings")
def get_settings() -> ResponseReturnValue:
    """200 with all settings."""
    return selected(current_tenant().settings.get())


@call("PATCH", "/tenants/settings", "update:tenant_settings", log="Update tenant settings")
def change_settings() -> ResponseReturnValue:
    """200 with all settings; null takes one back."""
    return current_tenant().settings.change(sent_body(_SETTINGS))


@call("GET", "/prompts", "read:prompts")
def get_prompts() -> ResponseReturnValue:
    """200 with the settings of Universal Login."""
    return current_tenant().prompts.get()


@call("PATCH", "/prompts", "update:prompts", log="Update the prompts settings")
def change_prompts() -> ResponseReturnValue:
    """200 with all of them."""
    return current_tenant().prompts.change(sent_body(_PROMPTS))


def _check_prompt(prompt: str, language: str) -> None:
    if prompt not in _PROMPT_NAMES:
        text = f"'No enum match for: {prompt}' on property prompt (Name of the prompt)."
        raise invalid_path(text)
    if re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{2,4})*", language) is None:
        text = f"'No enum match for: {language}' on property language (Language to update)."
        raise invalid_path(text)


@call("GET", "/prompts/<prompt>/custom-text/<language>", "read:prompts")
def get_custom_text(prompt: str, language: str) -> ResponseReturnValue:
    """200 with what was changed; `{}` where nothing was."""
    _check_prompt(prompt, language)
    return current_tenant().custom_text.get(f"{prompt}/{language}") or {}


@call(
    "PUT",
    "/prompts/<prompt>/custom-text/<language>",
    "update:prompts",
    log="Set custom text for a specific prompt",
)
def put_custom_text(prompt: str, language: str) -> ResponseReturnValue:
    """200 with the texts, which take the place of all earlier ones; `{}` takes them back."""
    _check_prompt(prompt, language)
    texts = sent_json()
    if not isinstance(texts, dict):
        raise invalid_body("Expected type object")
    for screen, entries in texts.items():
        if not isinstance(entries, dict) or not all(
            isinstance(each, str) for each in entries.values()
        ):
            raise invalid_body(f"Expected texts on property {screen}")
    current_tenant().custom_text.put(f"{prompt}/{language}", texts)
    return texts
