"""`flask admin …`: who may invite."""

import sys

import click

from ..errors import NotThereYet
from ..invitations.admins.service import Granted
from ..printable import one_line
from ..web.current import services
from ..web.templating import moment
from .arguments import ME
from .errors import LedgerGroup

admin = LedgerGroup("admin", help="Grant, list and withdraw the right to invite.")


@admin.command("grant")
@click.argument("address_or_sub")
@click.option(
    "--invite",
    "invites",
    is_flag=True,
    help="Where nobody at the tenant has the address yet: invite them, and grant when they accept.",
)
def grant(address_or_sub: str, invites: bool) -> None:
    """Let somebody invite. They are named by their address, or by the `sub` of their account at the
    tenant."""
    address_or_sub = address_or_sub.strip()
    if address_or_sub and not set("@|") & set(address_or_sub):
        raise click.ClickException(
            "This is neither an address nor an account id. Write the id whole, such as "
            "'auth0|5f7c8ec7c33c6c004bbafe82', in single quotes, because a shell takes the bar for itself."
        )
    try:
        granted = _grant(address_or_sub, invites)
    except NotThereYet as refused:
        offer = (
            "grant when they have accepted"
            if refused.is_invited
            else "invite them and grant when they have accepted"
        )
        if not sys.stdin.isatty():
            raise click.ClickException(f"{refused} Add --invite to {offer}.") from refused
        click.echo(one_line(str(refused)))
        click.confirm(f"{offer.capitalize()}?", abort=True)
        granted = _grant(address_or_sub, True)
    if granted.invitation_id is not None:
        click.echo(
            f"{address_or_sub} may invite once they have accepted invitation "
            f"{granted.invitation_id}."
        )
    elif granted.is_new:
        click.echo(f"{address_or_sub} may invite.")
    else:
        click.echo(f"{address_or_sub} could invite already.")


@admin.command("revoke")
@click.argument("address_or_sub")
def revoke(address_or_sub: str) -> None:
    """Withdraw the right to invite. It ends with their next request. The last admin, and somebody who has
    not accepted yet, lose it too."""
    address_or_sub = address_or_sub.strip()
    if not address_or_sub:
        raise click.ClickException("Enter an address or an account id.")
    was_granted = services.admins.revoke(address_or_sub)
    was_awaited = services.granting.cancel_of(address_or_sub, by=ME)
    if not was_granted and not was_awaited:
        raise click.ClickException(f"{address_or_sub} has no grant; `flask admin list` shows them.")
    click.echo(f"{address_or_sub} may no longer invite.")


@admin.command("list")
def list_() -> None:
    """List who may invite. Those who may once they have accepted their invitation come last."""
    # Names may hold control characters, and a terminal would obey them.
    for row in services.admins.all():
        click.echo(
            "\t".join(map(one_line, (row.label, row.sub, moment(row.granted_at), row.granted_by)))
        )
    for each in services.granting.awaited():
        granted = (moment(each.granted_at), one_line(each.granted_by))
        click.echo("\t".join((one_line(each.email), "invited, not yet there", *granted)))


def _grant(address_or_sub: str, invites: bool) -> Granted:
    """Whoever has the command line may know accounts that the tenant cannot be asked about."""
    return services.granting.grant(address_or_sub, by=ME, invites=invites, is_sub_known=True)
