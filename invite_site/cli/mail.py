"""`flask mail …`: whether the mail server takes mail from this site."""

import contextlib

import click

from ..invitations.people import Invitee
from ..printable import shown
from ..settings import Delivery
from ..web.current import services
from .errors import SiteGroup

mail = SiteGroup("mail", help="Check that the mail server takes mail from this site.")


@mail.command("check")
@click.argument("address")
def check(address: str) -> None:
    """Send a test mail. Shows the conversation with the mail server; ADDRESS gets the mail.

    Exit status: 0 the mail server took it, 1 it did not.
    """
    invitee = Invitee.parse(address, allow_test_domains=services.settings.is_local)
    if services.settings.delivery == Delivery.TENANT_EMAIL:
        raise click.ClickException(
            "By INVITE_DELIVERY the tenant sends the mail, so there is nothing to check here."
        )
    services.mailer.send_test(invitee.email_norm, now=services.clock(), transcript=_line)
    click.echo("The mail server took the message.")


def _line(line: str) -> None:
    """Print a line of the conversation. Where that cannot be written the conversation goes on, since an
    OSError in it would count as one of the mail server; the last line of the command meets it again."""
    with contextlib.suppress(OSError):
        click.echo(shown(line))
