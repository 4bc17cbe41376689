"""`flask invite …`: send and follow invitations, and deliver them."""

from datetime import UTC, datetime
from typing import Any

import click

from ..invitations.jobs import JobKind
from ..invitations.listing import Filters
from ..invitations.options import LONGEST_LIFETIME, Options
from ..invitations.resending import LONGEST_EXTENSION
from ..invitations.tables import Invitation
from ..printable import one_line
from ..server import prepare, work_for, worker_name
from ..settings import DAY
from ..web.current import own_services, services
from ..web.templating import moment
from . import batches, overview
from .arguments import ME, Language, Named, Reason, confirm, invitation_number
from .errors import LedgerGroup, SiteCommand
from .filters import act_on_many, filters_of, with_filters
from .run import stop_on_signal

invite = LedgerGroup("invite", help="Send and follow invitations.")

YES = click.option("--yes", is_flag=True, help="With filters: do it without a question.")
PAGE = 500  # invitations that are read at a time; a statement takes only so many numbers

for command in (
    batches.import_,
    batches.batch,
    batches.export,
    overview.overview,
    overview.recount,
):
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
@click.option(
    "--language", type=Language(), help="The language of the mail and its pages: a code or a name."
)
@click.option(
    "--again", is_flag=True, help="Also if they accepted before, since their account is gone."
)
def send(
    address: str,
    name: str,
    note: str,
    days: int | None,
    roles: tuple[str, ...],
    language: str | None,
    again: bool,
) -> None:
    """Invite one person. A worker sends the mail to ADDRESS."""
    options = Options.parse(
        services.settings,
        note=note,
        lifetime=days * DAY if days else None,
        roles=services.role_offers.named(roles) if roles else {},
        language=language,
    )
    row = services.invitations.invite(address, name=name, inviter=ME, again=again, options=options)
    click.echo(f"Queued as number {row.id}.")


@invite.command("list")
@with_filters
@click.option("--by-change", is_flag=True, help="Order by the last change, the latest first.")
@click.option(
    "--number",
    type=click.IntRange(1, 100_000),
    default=50,
    show_default=True,
    help="How many at most.",
)
def list_(number: int, by_change: bool, **given: Any) -> None:
    """List invitations, newest first. With --state they are in the order of their end, latest first."""
    now = services.clock()
    filters, before = filters_of(given), ""
    while number > 0:
        page = services.listing.find(
            filters, now=now, before=before, size=min(number, PAGE), by_change=by_change
        )
        for row in page.rows:
            click.echo(_line(row, now))
        number -= len(page.rows)
        if page.older is None:
            return
        before = page.older


def _line(row: Invitation, now: datetime) -> str:
    status = row.status(now).replace("_", " ")
    return f"{row.id}\t{status}\t{one_line(row.email)}\t{moment(row.created_at)}"


@invite.command("resend")
@click.argument("invitation", metavar="[NUMBER_OR_ADDRESS]", type=Named(), required=False)
@click.option(
    "--failed-since",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]),
    help="All that failed at or after this moment (UTC), in place of a number.",
)
@with_filters
@YES
def resend(
    invitation: int | str | None, failed_since: datetime | None, yes: bool, **given: Any
) -> None:
    """Send invitations again. The older link of each stops working.

    Which ones: that of a NUMBER, also a failed one; or the open one of an ADDRESS; or all that the filters
    pick, of which those of a paused batch wait until it is resumed.
    """
    filters = filters_of(given)
    if [invitation is not None, failed_since is not None, not filters.is_any].count(True) != 1:
        raise click.UsageError(
            "Name one invitation by its number or address, or use --failed-since, or filters such as "
            "--state."
        )
    if failed_since is not None:
        since = failed_since.replace(tzinfo=UTC)
        resent = services.resending.resend_failed(since, actor=ME.name)
        click.echo(f"Queued again: {resent:,}.")
    elif invitation is not None:
        number = invitation_number(invitation, services)
        services.resending.resend(number, actor=ME.name)
        click.echo("Queued again.")
    else:
        act_on_many(JobKind.RESEND, filters, yes=yes)


@invite.command("extend")
@click.argument("invitation", metavar="[NUMBER_OR_ADDRESS]", type=Named(), required=False)
@click.option(
    "--days",
    type=click.IntRange(1, LONGEST_EXTENSION),
    required=True,
    help="How many days from now it ends.",
)
@with_filters
@YES
def extend(invitation: int | str | None, days: int, yes: bool, **given: Any) -> None:
    """Give invitations a later end.

    Which ones: that of a NUMBER, the open one of an ADDRESS, or all that the filters pick. With
    INVITE_LINK=ticket one that was sent gets a new mail, since its link keeps its end.
    """
    filters = _one_of(invitation, given)
    if invitation is not None:
        number = invitation_number(invitation, services)
        row = services.resending.extend(number, days, actor=ME.name)
        click.echo(f"It ends on {moment(row.expires_at)}.")
    else:
        act_on_many(JobKind.EXTEND, filters, yes=yes, days=days)


@invite.command("change-address")
@click.argument("invitation", metavar="NUMBER_OR_ADDRESS", type=Named())
@click.argument("address")
def change_address(invitation: int | str, address: str) -> None:
    """Replace the address of an invitation. The open invitation is revoked, and ADDRESS is invited."""
    number = invitation_number(invitation, services)
    row = services.invitations.change_address(number, address, inviter=ME)
    click.echo(f"Queued as number {row.id}.")


@invite.command("revoke")
@click.argument("invitation", metavar="[NUMBER_OR_ADDRESS]", type=Named(), required=False)
@click.option("--reason", type=Reason(), default="", help="For the record.")
@with_filters
@YES
def revoke(invitation: int | str | None, reason: str, yes: bool, **given: Any) -> None:
    """Revoke invitations. Their links stop working.

    Which ones: that of a NUMBER, the open one of an ADDRESS, or all that the filters pick.
    """
    filters = _one_of(invitation, given)
    reason = one_line(reason)
    if invitation is not None:
        number = invitation_number(invitation, services)
        services.invitations.revoke(number, actor=ME.name, reason=reason)
        click.echo("Revoked.")
    else:
        act_on_many(JobKind.REVOKE, filters, yes=yes, reason=reason)


@invite.command("erase")
@click.argument("address")
@click.option("--yes", is_flag=True, help="Do it without a question.")
def erase(address: str, yes: bool) -> None:
    """Delete all that is stored about a person. Their invitations have to be over.

    ADDRESS is the one that was invited, or that the account has now.
    """
    for row in services.erasure.find(address):
        click.echo(_line(row, services.clock()))
    otherwise = "Nothing was deleted. Add --yes to delete without a question."
    confirm("Delete what is stored about this person?", yes=yes, otherwise=otherwise)
    user_ids = services.erasure.erase(address)
    click.echo("Deleted.")
    for user_id in user_ids:
        click.echo(f"The account {one_line(user_id)} is still at the tenant. Delete it there.")
    services.erasure.write_file_anew()


def _one_of(invitation: int | str | None, given: dict[str, Any]) -> Filters:
    filters = filters_of(given)
    if (invitation is None) == filters.is_any:
        raise click.UsageError(
            "Name one invitation by its number or address, or use filters such as --state."
        )
    return filters


@invite.command("work", cls=SiteCommand)
def work_() -> None:
    """Deliver invitations until stopped."""
    own = own_services()
    prepare(own)
    stop = stop_on_signal()
    click.echo("Working. Stop with Ctrl-C.")
    work_for(own, worker_name(), stop)
