"""The site's own mail server: reached, encrypted, and ready to know us."""

from contextlib import closing

from ....errors import MailFailure
from ....mail.conversation import Patience
from ....mail.smtp import SmtpConnection, SmtpServer
from ....settings import Delivery
from ..findings import Finding, ok, wrong
from ..requirement import Context

PATIENCE = Patience(connect=10, command=30)  # somebody is watching


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
    except MailFailure as failed:
        advice = failed.remedy or "`flask mail check ADDRESS` shows the conversation."
        return wrong(f"{name}: {failed.sentence}", advice)
    how = "with TLS" if is_encrypted else "on this machine"
    who = " and takes our user and password" if server.user else ""
    return ok(f"{name} answers {how}{who}.")
