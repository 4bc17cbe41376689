"""Sends the tenant's own mail: by the configured provider, else to its own SMTP server."""

import smtplib
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Any

from ..store.documents import Document
from ..store.users import User
from ..tenant import Tenant

# Auth0's built-in mailer.
_STOCK_SENDER = "Auth0 <no-reply@auth0user.net>"
_SECONDS = 10
_SMTPS_PORT = 465


def provider_in_use(tenant: Tenant) -> Document | None:
    """The configured provider, unless it is switched off."""
    provider = tenant.provider.get()
    return provider if provider and provider.get("enabled", True) else None


def send(
    tenant: Tenant,
    user: User,
    kind: str,
    *,
    subject: str,
    html: str,
    text: str = "",
    sender: str = "",
) -> None:
    """Mail a user; a failure is only logged. `kind` is Auth0's name of the mail. Without a `sender` it is
    from the provider's default address, else from that of Auth0's own mailer."""
    provider = provider_in_use(tenant) or {}
    message = EmailMessage()
    try:
        message["Subject"] = subject
        message["From"] = sender or str(provider.get("default_from_address") or _STOCK_SENDER)
        message["To"] = user.email
        message["Date"] = format_datetime(datetime.fromtimestamp(tenant.clock.now(), UTC))
        message["Message-ID"] = make_msgid(domain="auth0user.net")
        if text:
            message.set_content(text)
            message.add_alternative(html, subtype="html")
        else:
            message.set_content(html, subtype="html")
        _transmit(tenant, provider, message)
    except (OSError, smtplib.SMTPException, ValueError, IndexError) as error:
        log_not_sent(tenant, user, kind, str(error) or type(error).__name__)


def log_not_sent(tenant: Tenant, user: User, kind: str, why: str) -> None:
    """Log that a mail could not be sent."""
    details = {"email_type": kind, "to": user.email, "error": why}
    tenant.logs.write("fn", why, user=user, details=details)


def _transmit(tenant: Tenant, provider: Document, message: EmailMessage) -> None:
    if provider.get("name") != "smtp":
        # Mailgun and other services are not called; their mail goes to the mailbox.
        with smtplib.SMTP("127.0.0.1", tenant.smtp_port, timeout=_SECONDS) as connection:
            connection.send_message(message)
        return
    credentials: Mapping[str, Any] = provider.get("credentials") or {}
    host, port = str(credentials.get("smtp_host", "")), int(credentials.get("smtp_port") or 587)
    with _connect(host, port) as connection:
        if port != _SMTPS_PORT and connection.has_extn("starttls"):
            connection.starttls(context=ssl.create_default_context())
            connection.ehlo()
        # The mailbox offers no login; a server that requires one advertises it.
        if credentials.get("smtp_user") and connection.has_extn("auth"):
            connection.login(str(credentials["smtp_user"]), str(credentials.get("smtp_pass", "")))
        connection.send_message(message)


def _connect(host: str, port: int) -> smtplib.SMTP:
    if port == _SMTPS_PORT:
        context = ssl.create_default_context()
        connection: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=_SECONDS, context=context)
    else:
        connection = smtplib.SMTP(host, port, timeout=_SECONDS)
    connection.ehlo()
    return connection
