"""`flask admin …`: who may invite."""

import click

from ..invitations.people import Invitee
from ..web.current import services
from ..web.templating import moment
from .errors import LedgerGroup

admin = LedgerGroup("admin", help="Say who may invite.")


@admin.command("grant")
@click.argument("address_or_sub")
def grant(address_or_sub: str) -> None:
    """Let a person invite, named by address or by the `sub` of their account at the tenant."""
    sub = _sub_of(address_or_sub) if "@" in address_or_sub else address_or_sub
    new = services.admins.grant(sub, label=address_or_sub, now=services.clock())
    click.echo(
        f"{address_or_sub} may invite." if new else f"{address_or_sub} could invite already."
    )


@admin.command("revoke")
@click.argument("address_or_sub")
def revoke(address_or_sub: str) -> None:
    """Take the right to invite back, from the next request on."""
    if not services.admins.revoke(address_or_sub):
        raise click.ClickException(f"{address_or_sub} has no grant; `flask admin list` shows them.")
    click.echo(f"{address_or_sub} may no longer invite.")


@admin.command("list")
def list_() -> None:
    """List who may invite."""
    for row in services.admins.all():
        click.echo(f"{row.label}\t{row.sub}\t{moment(row.granted_at)}")


def _sub_of(address: str) -> str:
    invitee = Invitee.parse(address, allow_test_domains=services.settings.is_local)
    user = services.tenant.find_user(invitee.email_norm)
    if user is None:
        raise click.ClickException(
            "Nobody at the tenant has this address yet. Invite them with "
            f"`flask invite send {address}`, then grant again."
        )
    if not user.email_verified:
        # Anybody may have registered it before its owner came.
        raise click.ClickException(
            "The tenant has not verified that this account owns the address. Grant it by its "
            f"`sub` if you know it to be right: flask admin grant '{user.user_id}'"
        )
    return user.user_id
