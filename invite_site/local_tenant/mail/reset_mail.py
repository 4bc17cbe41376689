"""The mail with the link of a password change, "Change Password" at Auth0.

As at Auth0 the stored template is used where a mail provider is configured, else a stock mail.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from flask import render_template

from ..config import CONNECTION
from ..experience import current_experience, ticket_url
from ..store.clients import Client, origins
from ..store.documents import Document
from ..store.tickets import DEFAULT_TTL_SECONDS
from ..store.users import User
from ..tenant import Tenant
from .sender import log_not_sent, provider_in_use, send

TEMPLATE = "reset_email"
_STOCK_SUBJECT = "Reset your password"


def send_reset_mail(tenant: Tenant, user: User, client: Client | None, language: str) -> None:
    """Create a ticket and mail its link, unless the mail is switched off; a failure is only logged."""
    if (tenant.templates.get(TEMPLATE) or {}).get("enabled") is False:
        return
    template = _template_in_use(tenant)
    if template is None:
        url = _ticket(tenant, user, client, {}, None)
        text, html = (
            render_template(f"reset_mail.{kind}", url=url, user=user, sender=_friendly_name(tenant))
            for kind in ("txt", "html")
        )
        send(tenant, user, TEMPLATE, subject=_STOCK_SUBJECT, text=text, html=html)
        return
    # Slow to import.
    from .liquid import BadTemplate, render_line, render_markup

    context = _context(tenant, user, client, language)
    try:
        result_url = render_line(str(template.get("resultUrl") or ""), _address_context(client))
        context["url"] = _ticket(tenant, user, client, template, result_url or None)
        sender = render_line(str(template.get("from") or ""), context)
        subject = render_line(str(template.get("subject") or ""), context)
        html = render_markup(str(template.get("body") or ""), context)
    except BadTemplate as error:
        log_not_sent(tenant, user, TEMPLATE, f"template {TEMPLATE}: {error}")
        return
    send(tenant, user, TEMPLATE, sender=sender, subject=subject or _STOCK_SUBJECT, html=html)


def _template_in_use(tenant: Tenant) -> Document | None:
    """The stored template where Auth0 would use it: with a provider, without @auth0.com sender."""
    template = tenant.templates.get(TEMPLATE)
    if template is None or provider_in_use(tenant) is None:
        return None
    return None if "@auth0.com" in str(template.get("from") or "").lower() else template


def _ticket(
    tenant: Tenant,
    user: User,
    client: Client | None,
    template: Mapping[str, Any],
    result_url: str | None,
) -> str:
    """The link of a new ticket, with the template's lifetime and `resultUrl`."""
    code = tenant.tickets.create(
        user,
        ttl_seconds=int(template.get("urlLifetimeInSeconds") or DEFAULT_TTL_SECONDS),
        # New Universal Login ignores a template's resultUrl.
        result_url=None if current_experience(tenant).universal_reset else result_url,
        client_id=client.client_id if client else None,
        # The link proves that mail to this address is read (ours; not in the contract).
        mark_email_as_verified=True,
        include_email=bool(template.get("includeEmailInRedirect", True)),
    )
    tenant.issued.record("tickets", code)
    return ticket_url(tenant, code)


def _friendly_name(tenant: Tenant) -> str:
    return str(tenant.settings.get().get("friendly_name") or tenant.tenant_name)


def _context(tenant: Tenant, user: User, client: Client | None, language: str) -> dict[str, Any]:
    """Auth0's variables of a mail template, all but `url`."""
    settings = tenant.settings.get()
    shown = user.as_api()
    names = ("email", "email_verified", "name", "given_name", "family_name", "nickname", "picture")
    application = _application(client)
    return {
        "user": {name: shown[name] for name in names if name in shown}
        | {
            "app_metadata": dict(user.app_metadata or {}),
            "user_metadata": dict(user.user_metadata or {}),
        },
        "application": application,
        "client": application,
        "connection": {"name": CONNECTION},
        "tenant": tenant.tenant_name,
        "friendly_name": _friendly_name(tenant),
        "support_email": settings.get("support_email") or "",
        "support_url": settings.get("support_url") or "",
        "request_language": language,
    }


def _application(client: Client | None) -> dict[str, Any]:
    if client is None:
        return {}
    return {
        "name": client.name,
        "clientID": client.client_id,
        "client_metadata": dict(client.properties.get("client_metadata") or {}),
        "callback_domain": next(iter(origins((client.get_default_redirect_uri(),))), ""),
    }


def _address_context(client: Client | None) -> dict[str, Any]:
    """The variables of a template's `resultUrl`: three, with the name percent-encoded."""
    whole = _application(client)
    allowed = {name: whole[name] for name in ("clientID", "callback_domain") if name in whole}
    return {"application": {**allowed, "name": quote(str(whole.get("name", "")), safe="")}}
