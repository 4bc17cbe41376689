"""`flask invite …`: send and follow invitations, and deliver them."""

import sys
from datetime import UTC, datetime

import click

from ..invitations.options import LONGEST_LIFETIME, Options
from ..invitations.people import COMMAND_LINE, Inviter
from ..server import prepare, work_for, worker_name
from ..settings import DAY
from ..web.current import own_services, services
from ..web.templating import moment
from . import batches
from .arguments import Named, Status, invitation_number
from .errors import LedgerGroup, SiteCommand
from .run import stop_on_signal

invite = LedgerGroup("invite", help="Send and follow invitations.")

ME = Inviter(name=COMMAND_LINE)

for command in (batches.import_, batches.batch, batches.export):
    invite.add_command(command)


@invite.command("send")
@click.argument("address")
@click.option("--name", default="", help="How the invitation greets them.")
@click.option("--note", default="", help="A few words of yours, which the mail quotes.")
@click.option(
    "--days",
    type=click.IntRange(1, LONGEST_LIFETIME // DAY),
    help="How long its link works, in place of INVITATION_TTL_SECONDS.",
)
@click.option(
    "--role",
    "roles",
    multiple=True,
    help="A role of the tenant, by name or id, given once they have accepted. May be repeated.",
)
@click.option("--again", is_flag=True, help="Though they accepted before: their account is gone.")
def send(
    address: str, name: str, note: str, days: int | None, roles: tuple[str, ...], again: bool
) -> None:
    """Invite ADDRESS. The worker sends it."""
    options = Options.parse(
        services.settings,
        note=note,
        lifetime=days * DAY if days else None,
        roles=_roles_named(roles),
    )
    row = services.invitations.invite(address, name=name, inviter=ME, again=again, options=options)
    click.echo(f"Queued as number {row.id}.")


def _roles_named(words: tuple[str, ...]) -> dict[str, str]:
    """The roles with these names or ids. Raises ClickException where the tenant has none of that name."""
    if not words:
        return {}
    offer = services.role_offers.current()
    by_word = {name: role_id for role_id, name in offer.roles.items()}
    by_word |= {role_id: role_id for role_id in offer.roles}
    for word in words:
        if word not in by_word:
            raise click.ClickException(offer.sentence or f"The tenant has no role {word}.")
    return {by_word[word]: offer.roles[by_word[word]] for word in words}


@invite.command("list")
@click.option("--state", type=Status(), default=None, help="Only those of this status.")
@click.option(
    "--number",
    type=click.IntRange(1, 100_000),
    default=50,
    show_default=True,
    help="How many at most.",
)
def list_(state: str | None, number: int) -> None:
    """List invitations, newest first."""
    now = services.clock()
    for row in services.listing.page(now=now, status=state or "", size=number):
        click.echo(
            f"{row.id}\t{row.status(now).replace('_', ' ')}\t{row.email}\t{moment(row.created_at)}"
        )


@invite.command("resend")
@click.argument("invitation", metavar="NUMBER_OR_ADDRESS", type=Named(), required=False)
@click.option(
    "--failed-since",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]),
    help="All that failed at or after this moment (UTC), in place of a number.",
)
def resend(invitation: int | str | None, failed_since: datetime | None) -> None:
    """Send an invitation again: that of a NUMBER, a failed one too, or the open one of an ADDRESS.
    Its older link stops working."""
    if (invitation is None) == (failed_since is None):
        raise click.UsageError(
            "Name one invitation by its number or address, or use --failed-since."
        )
    if failed_since is not None:
        since = failed_since.replace(tzinfo=UTC)
        resent = services.invitations.resend_failed(since, actor=ME.name)
        click.echo(f"Queued again: {resent}.")
    elif invitation is not None:
        number = invitation_number(invitation, services)
        services.invitations.resend(number, actor=ME.name)
        click.echo("Queued again.")


@invite.command("change-address")
@click.argument("invitation", metavar="NUMBER_OR_ADDRESS", type=Named())
@click.argument("address")
def change_address(invitation: int | str, address: str) -> None:
    """Invite ADDRESS in place of that of an open invitation, which is withdrawn."""
    number = invitation_number(invitation, services)
    row = services.invitations.change_address(number, address, inviter=ME)
    click.echo(f"Queued as number {row.id}.")


@invite.command("revoke")
@click.argument("invitation", metavar="NUMBER_OR_ADDRESS", type=Named(), required=False)
@click.option(
    "--all-of",
    metavar="SUB_OR_NAME",
    default="",
    help="All open ones that this admin sent, by the `sub` of their account or as lists call them.",
)
@click.option("--reason", default="", help="For the record.")
@click.option("--yes", is_flag=True, help="Withdraw all of an admin without asking.")
def revoke(invitation: int | str | None, all_of: str, reason: str, yes: bool) -> None:
    """Withdraw the invitation of a NUMBER, the open one of an ADDRESS, or all of an admin."""
    if (invitation is None) == (not all_of):
        raise click.UsageError("Name one invitation by its number or address, or use --all-of.")
    if invitation is None:
        _revoke_all_of(all_of, reason, yes)
        return
    number = invitation_number(invitation, services)
    services.invitations.revoke(number, actor=ME.name, reason=reason)
    click.echo("Withdrawn.")


def _revoke_all_of(admin: str, reason: str, yes: bool) -> None:
    granting = services.granting
    number = granting.open_from(admin, name=admin)
    if not number:
        raise click.ClickException(f"No open invitation was sent by {admin}.")
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError(
                f"{number:,} open, nothing was withdrawn. Add --yes to withdraw without a question."
            )
        click.confirm(f"Withdraw {number:,} open from {admin}?", abort=True)
    revoked = granting.revoke_from(admin, name=admin, by=ME, reason=reason)
    click.echo(f"Withdrawn: {revoked:,}.")


@invite.command("work", cls=SiteCommand)
def work_() -> None:
    """Deliver invitations until stopped."""
    own = own_services()
    prepare(own)
    stop = stop_on_signal()
    click.echo("Working. Stop with Ctrl-C.")
    work_for(own, worker_name(), stop)
