"""`flask invite …`: send and follow invitations, and deliver them."""

from datetime import UTC, datetime

import click
from flask.cli import AppGroup

from ..invitations.people import COMMAND_LINE, Inviter
from ..server import prepare, work_for, worker_name
from ..web.current import services
from ..web.templating import moment
from . import batches
from .errors import report_errors
from .run import stop_on_signal

invite = AppGroup("invite", help="Send and follow invitations.")

ME = Inviter(name=COMMAND_LINE)

for command in (batches.import_, batches.batch, batches.export):
    invite.add_command(command)


@invite.command("send")
@click.argument("address")
@click.option("--name", default="", help="How the invitation greets them.")
@click.option("--again", is_flag=True, help="Though they accepted before: their account is gone.")
@report_errors
def send(address: str, name: str, again: bool) -> None:
    """Invite ADDRESS. The worker sends it."""
    row = services.invitations.invite(address, name=name, inviter=ME, again=again)
    click.echo(f"Queued as number {row.id}.")


@invite.command("list")
@click.option("--state", default="", help="Only this status, e.g. sent or expired.")
@click.option("--number", default=50, show_default=True, help="How many at most.")
def list_(state: str, number: int) -> None:
    """List invitations, newest first."""
    now = services.clock()
    for row in services.listing.page(now=now, status=state, size=number):
        click.echo(
            f"{row.id}\t{row.status(now).replace('_', ' ')}\t{row.email}\t{moment(row.created_at)}"
        )


@invite.command("resend")
@click.argument("number", type=int, required=False)
@click.option(
    "--failed-since",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]),
    help="All that failed at or after this moment (UTC), in place of a number.",
)
@report_errors
def resend(number: int | None, failed_since: datetime | None) -> None:
    """Send invitation NUMBER again, a failed one too; its older link stops working."""
    if (number is None) == (failed_since is None):
        raise click.UsageError("Name one invitation by its number, or use --failed-since.")
    if failed_since is not None:
        since = failed_since.replace(tzinfo=UTC)
        resent = services.invitations.resend_failed(since, actor=ME.name)
        click.echo(f"Queued again: {resent}.")
    elif number is not None:
        services.invitations.resend(number, actor=ME.name)
        click.echo("Queued again.")


@invite.command("revoke")
@click.argument("number", type=int)
@click.option("--reason", default="", help="For the record.")
@report_errors
def revoke(number: int, reason: str) -> None:
    """Withdraw invitation NUMBER."""
    services.invitations.revoke(number, actor=ME.name, reason=reason)
    click.echo("Withdrawn.")


@invite.command("work")
def work_() -> None:
    """Deliver invitations until stopped."""
    prepare(services)
    stop = stop_on_signal()
    click.echo("Working. Stop with Ctrl-C.")
    work_for(services, worker_name(), stop)
