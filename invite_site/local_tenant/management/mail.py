"""`/email-templates` and `/emails/provider`: the templates of the tenant's mails, and its mail provider."""

from dataclasses import replace
from typing import Any

from flask.typing import ResponseReturnValue

from ..store.documents import Document
from ..tenant import current_tenant
from .call import call, selected, sent_body
from .schema import ApiError, Field, invalid_path, required

# Auth0's names. The link mail of a password change is `reset_email`.
_TEMPLATES = (
    "verify_email", "verify_email_by_code", "auth_email_by_code", "reset_email",
    "reset_email_by_code", "welcome_email", "blocked_account", "stolen_credentials",
    "enrollment_email", "mfa_oob_code", "user_invitation", "async_approval", "change_password",
    "password_reset",
)  # fmt: skip
_TEMPLATE_FIELDS = {
    "template": Field("string", "Template name", choices=_TEMPLATES),
    "body": Field("string", "Body of the email template"),
    "from": Field("string", "Senders from email address"),
    "resultUrl": Field("string", "URL to redirect the user to after a successful action"),
    "subject": Field("string", "Subject line of the email"),
    "syntax": Field("string", "Syntax of the template body", choices=("liquid",)),
    "urlLifetimeInSeconds": Field(
        "integer", "Lifetime in seconds that the link within the email will be valid for", least=0
    ),
    "includeEmailInRedirect": Field(
        "boolean", "Whether the reset_email template should include the email in the returnUrl"
    ),
    "enabled": Field("boolean", "Whether the template is enabled (true) or disabled (false)"),
}
_TEMPLATE_CHANGES = {
    name: replace(each, nullable=name != "template") for name, each in _TEMPLATE_FIELDS.items()
}
_REQUIRED = ("template", "body", "from", "subject", "syntax", "enabled")
_RESULT_URL_REFUSED = "Customizations for resultUrl are not allowed for non-enterprise tenants"

_PROVIDERS = (
    "mailgun", "mandrill", "sendgrid", "resend", "ses", "sparkpost", "smtp", "azure_cs", "ms365",
    "custom",
)  # fmt: skip
_SMTP_FIELDS = {
    "smtp_host": Field("string", "SMTP host", 1),
    "smtp_port": Field("integer", "SMTP port", least=1),
    "smtp_user": Field("string", "SMTP username", nullable=True),
    "smtp_pass": Field("string", "SMTP password", nullable=True),
}
_PROVIDER_FIELDS = {
    "name": Field("string", "Name of the email provider", choices=_PROVIDERS),
    "enabled": Field("boolean", "Whether the provider is enabled (true) or disabled (false)"),
    "default_from_address": Field(
        "string", 'Email address to use as "from" when no other address specified', format="email"
    ),
    "credentials": Field("object", "Credentials required to use the provider"),
    "settings": Field("object", "Specific provider setting", nullable=True),
}


def _check_name(name: str) -> str:
    if name not in _TEMPLATES:
        text = f"'No enum match for: {name}' on property templateName (Template name)."
        raise invalid_path(text)
    return name


def _stored(name: str) -> Document:
    template = current_tenant().templates.get(_check_name(name))
    return required(template, "The template does not exist.", "inexistent_email_template")


def _store(name: str, template: dict[str, Any]) -> ResponseReturnValue:
    kept = {key: value for key, value in template.items() if value is not None}
    stored = {**kept, "template": name}
    current_tenant().templates.put(name, stored)
    return stored


def _check_result_url(body: dict[str, Any]) -> None:
    if body.get("resultUrl") and current_tenant().switches["template_result_url_barred"]:
        raise ApiError(403, _RESULT_URL_REFUSED)


@call("POST", "/email-templates", "create:email_templates", log="Create an email template")
def create_template() -> ResponseReturnValue:
    """200 with the template; 409 where there is one."""
    body = sent_body(_TEMPLATE_FIELDS, _REQUIRED)
    _check_result_url(body)
    name = body["template"]
    if current_tenant().templates.get(name) is not None:
        raise ApiError(409, f"Template {name} already exists.")
    return _store(name, body)


@call("GET", "/email-templates/<name>", "read:email_templates")
def get_template(name: str) -> ResponseReturnValue:
    """200 with the template; 404 is normal on a fresh tenant."""
    return _stored(name)


@call("PUT", "/email-templates/<name>", "update:email_templates", log="Update an email template")
def put_template(name: str) -> ResponseReturnValue:
    """200; whatever was there is gone."""
    body = sent_body(_TEMPLATE_FIELDS, _REQUIRED)
    _check_result_url(body)
    return _store(_check_name(name), body)


@call("PATCH", "/email-templates/<name>", "update:email_templates", log="Patch an email template")
def change_template(name: str) -> ResponseReturnValue:
    """200 with the whole template."""
    body = sent_body(_TEMPLATE_CHANGES)
    stored = _stored(name)
    _check_result_url(body)
    return _store(name, {**stored, **body})


def _configured() -> Document:
    text = "There is not a configured email provider"
    return required(current_tenant().provider.get() or None, text, "inexistent_email_provider")


def _shown(provider: Document) -> Document:
    """A provider without its secrets: of SMTP the password, of others all credentials."""
    public = {
        name: value
        for name, value in provider["credentials"].items()
        if name in ("smtp_host", "smtp_port", "smtp_user") and value is not None
    }
    return {**provider, "credentials": public}


def _sent_provider(required: tuple[str, ...], earlier: Document | None = None) -> Document:
    body = sent_body(_PROVIDER_FIELDS, required)
    provider = {**(earlier or {"enabled": True}), **body}
    if provider["name"] == "smtp":
        credentials = replace(_PROVIDER_FIELDS["credentials"], fields=_SMTP_FIELDS)
        sent_body({**_PROVIDER_FIELDS, "credentials": credentials}, required)
    return provider


@call("POST", "/emails/provider", "create:email_provider", log="Configure the email provider")
def create_provider() -> ResponseReturnValue:
    """201 without the password; 409 where there is one."""
    provider = _sent_provider(("name", "credentials"))
    if current_tenant().provider.get():
        raise ApiError(409, "The email provider is already configured.")
    current_tenant().provider.put(provider)
    return _shown(provider), 201


@call("GET", "/emails/provider", "read:email_provider")
def get_provider() -> ResponseReturnValue:
    """200 without the password."""
    return selected(_shown(_configured()))


@call("PATCH", "/emails/provider", "update:email_provider", log="Update the email provider")
def change_provider() -> ResponseReturnValue:
    """200 without the password; credentials are replaced whole."""
    provider = _sent_provider((), _configured())
    current_tenant().provider.put(provider)
    return _shown(provider)


@call("DELETE", "/emails/provider", "delete:email_provider", log="Delete the email provider")
def delete_provider() -> ResponseReturnValue:
    """204."""
    current_tenant().provider.delete()
    return "", 204
