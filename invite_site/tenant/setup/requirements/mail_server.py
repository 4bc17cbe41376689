"""The site's own mail server: reached, encrypted, and ready to know us."""

import smtplib
import ssl
from contextlib import closing

from ....mail.smtp import Encryption, SmtpConnection, SmtpServer
from ....settings import Delivery
from ..findings import Finding, ok, wrong
from ..requirement import Context


def mail_server(context: Context) -> Finding:
    """What the mailer would do, up to the first message."""
    if context.settings.delivery == Delivery.TENANT_EMAIL:
        return ok("Not used: the tenant sends the mail.")
    return try_server(SmtpServer.from_url(context.settings.smtp_url))


def try_server(server: SmtpServer) -> Finding:
    """Connect, encrypt, sign in where there is a user, and part; nothing is sent."""
    name = f"{server.host}:{server.port}"
    try:
        with closing(SmtpConnection(server)) as connection:
            connection.noop()
    except ssl.SSLCertVerificationError:
        return wrong(
            f"{name} shows a certificate that is not good for {server.host}.",
            "Name the server in SMTP_URL as its certificate does, or renew the certificate.",
        )
    except ssl.SSLError:
        return wrong(
            f"{name} does not speak TLS from the start.",
            "Write smtp:// with the port for STARTTLS, most often 587, in SMTP_URL.",
        )
    except smtplib.SMTPAuthenticationError:
        return wrong(
            f"{name} does not accept the user and password of SMTP_URL.",
            "Correct them; special characters must be percent-encoded.",
        )
    except smtplib.SMTPNotSupportedError:
        return wrong(
            f"{name} offers no STARTTLS or no sign-in, and the invitation is a key.",
            "Use another port or server: smtps:// with 465, or smtp:// with 587.",
        )
    except (OSError, smtplib.SMTPException):
        return wrong(
            f"{name} cannot be reached as a mail server.",
            "Check SMTP_URL and that this machine may open that port.",
        )
    how = "on this machine" if server.encryption is Encryption.NONE else "with TLS"
    who = " and takes our user and password" if server.user else ""
    return ok(f"{name} answers {how}{who}.")
