"""The site's own mail server: reached, encrypted, and ready to know us."""

from contextlib import closing

from ....errors import MailUnavailable, SenderRefused
from ....mail.smtp import Patience, Problem, ServerUnavailable, SmtpConnection, SmtpServer
from ....settings import Delivery
from ..findings import Finding, ok, wrong
from ..requirement import Context

PATIENCE = Patience(connect=10, command=30)  # somebody is watching
PROBLEMS = {
    Problem.CERTIFICATE: (
        "shows a certificate that is not good for {host}.",
        "Name the server in SMTP_URL as its certificate does, or renew the certificate.",
    ),
    Problem.NO_TLS: (
        "does not speak TLS from the start.",
        "Write smtp:// with the port for STARTTLS, most often 587, in SMTP_URL.",
    ),
    Problem.UNSUPPORTED: (
        "offers no STARTTLS or no sign-in, and the invitation is a key.",
        "Use another port or server: smtps:// with 465, or smtp:// with 587.",
    ),
    Problem.UNREACHABLE: (
        "cannot be reached as a mail server.",
        "Check SMTP_URL and that this machine may open that port.",
    ),
}


def mail_server(context: Context) -> Finding:
    """What the mailer would do, up to the first message."""
    if context.settings.delivery == Delivery.TENANT_EMAIL:
        return ok("Not used: the tenant sends the mail.")
    return try_server(SmtpServer.from_url(context.settings.smtp_url, context.settings.site_url))


def try_server(server: SmtpServer) -> Finding:
    """Connect, encrypt, sign in where there is a user, and part; nothing is sent."""
    name = f"{server.host}:{server.port}"
    try:
        with closing(SmtpConnection(server, PATIENCE)) as connection:
            is_encrypted = connection.is_encrypted
    except ServerUnavailable as failed:
        message, advice = PROBLEMS[failed.problem]
        return wrong(f"{name} {message.format(host=server.host)}", advice)
    except SenderRefused as refused:
        return wrong(f"{name}: {refused}", "`flask mail check ADDRESS` shows the conversation.")
    except MailUnavailable as failed:
        return wrong(f"{name}: {failed}", "Try again in a while.")
    how = "with TLS" if is_encrypted else "on this machine"
    who = " and takes our user and password" if server.user else ""
    return ok(f"{name} answers {how}{who}.")
