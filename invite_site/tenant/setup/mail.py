"""The fact about the site's own mail server: reached, encrypted, and willing to know us."""

import smtplib
import ssl
from urllib.parse import unquote, urlsplit

from ...settings import Delivery, is_loopback
from .finding import Verdict, ok, wrong
from .look import Look

TIMEOUT = 10.0  # seconds for each step


def mail_server(look: Look) -> Verdict:
    """What the mailer would do, up to the first message."""
    if look.settings.delivery == Delivery.TENANT_EMAIL:
        return ok("Not used: the tenant sends the mail.")
    url = look.settings.smtp_url
    return greet(url, encrypted=not is_loopback(url))


def greet(smtp_url: str, *, encrypted: bool) -> Verdict:
    """Connect, encrypt, sign in where there is a user, and part; nothing is sent."""
    url = urlsplit(smtp_url)
    host, port = url.hostname or "", url.port or (465 if url.scheme == "smtps" else 587)
    name = f"{host}:{port}"
    try:
        if url.scheme == "smtps":
            context = ssl.create_default_context()
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT, context=context)
        else:
            server = smtplib.SMTP(host, port, timeout=TIMEOUT)
        with server:
            server.ehlo_or_helo_if_needed()
            if url.scheme == "smtp" and encrypted:
                server.starttls(context=ssl.create_default_context())
            if url.username:
                server.login(unquote(url.username), unquote(url.password or ""))
            server.noop()
    except ssl.SSLCertVerificationError:
        return wrong(
            f"{name} shows a certificate that is not good for {host}.",
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
    how = "on this machine" if not encrypted and url.scheme == "smtp" else "with TLS"
    who = " and takes our user and password" if url.username else ""
    return ok(f"{name} answers {how}{who}.")
