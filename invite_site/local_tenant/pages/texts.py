"""The texts of New Universal Login's screens: Auth0's, replaced by the stored ones."""

import re
from collections.abc import Mapping

from flask import request

from ..tenant import Tenant

_ASK_AGAIN = (
    "To reset your password, return to the login page and select"
    ' "Forgot Your Password" to send a new email.'
)
# By prompt and screen, with Auth0's keys; `${…}` is replaced by a value.
_DEFAULTS: dict[str, dict[str, dict[str, str]]] = {
    "common": {
        "redeem-ticket": {
            "pageTitle": "Loading…",
            "description": "Javascript is not enabled on your browser, please click button to continue.",
            "buttonText": "Continue",
        },
    },
    "login-id": {
        "login-id": {
            "title": "Welcome",
            "description": "Log in to ${companyName} to continue to ${clientName}.",
            "usernamePlaceholder": "Email address",
            "buttonText": "Continue",
        },
    },
    "login-password": {
        "login-password": {
            "title": "Enter Your Password",
            "description": "Enter your password for ${companyName} to continue to ${clientName}",
            "passwordPlaceholder": "Password",
            "buttonText": "Continue",
            "editEmailText": "Edit",
            "forgotPasswordText": "Forgot password?",
            "wrong-email-credentials": "Wrong email or password",
        },
    },
    "reset-password": {
        "reset-password-request": {
            "title": "Forgot Your Password?",
            "descriptionEmail": "Enter your email address and we will send you instructions to reset your password.",
            "placeholderEmail": "Email address",
            "buttonText": "Continue",
            "backToLoginLinkText": "Back to login",
        },
        "reset-password-email": {
            "title": "Check Your Email",
            "emailDescription": "Please check the email address ${email} for instructions to reset your password.",
        },
        "reset-password": {
            "title": "Change Your Password",
            "description": "Enter a new password below to change your password.",
            "passwordPlaceholder": "New password",
            "reEnterpasswordPlaceholder": "Re-enter new password",
            "buttonText": "Reset password",
        },
        "reset-password-success": {
            "eventTitle": "Password Changed!",
            "description": "Your password has been changed successfully.",
            "buttonText": "Back to ${clientName}",
        },
        "reset-password-error": {
            "eventTitleExpired": "Link Expired",
            "descriptionExpired": _ASK_AGAIN,
            "eventTitleUsed": "Invalid Link",
            "descriptionUsed": f"This link has already been used. {_ASK_AGAIN}",
            "eventTitleGeneric": "Please Try Again",
            "descriptionGeneric": f"Something went wrong. {_ASK_AGAIN}",
        },
    },
}
_NAME = re.compile(r"\$\{(\w+)\}")


def texts_of(tenant: Tenant, prompt: str, screen: str, **names: str) -> dict[str, str]:
    """The texts of a screen in the reader's language, with values; `companyName` is built in."""
    known = {"companyName": str(tenant.settings.get()["friendly_name"]), **names}
    stored = _stored_texts(tenant, prompt, screen)
    texts = {**_DEFAULTS[prompt][screen], **stored}
    filled = {
        key: _NAME.sub(lambda match: known.get(match[1], ""), text) for key, text in texts.items()
    }
    # For the `lang` of the page, which screen readers need.
    return {**filled, "lang": language(tenant) if stored else "en"}


def language(tenant: Tenant) -> str:
    """The reader's language among those of the tenant."""
    return request.accept_languages.best_match(tenant.settings.get()["enabled_locales"]) or "en"


def _stored_texts(tenant: Tenant, prompt: str, screen: str) -> Mapping[str, str]:
    """The stored texts of the screen, without empty ones: a button needs a text."""
    stored = (tenant.custom_text.get(f"{prompt}/{language(tenant)}") or {}).get(screen)
    if not isinstance(stored, dict):
        return {}
    return {key: text for key, text in stored.items() if isinstance(text, str) and text.strip()}
