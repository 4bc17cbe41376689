"""`flask invite overview` and `recount`: how many invitations stand where."""

import click
from flask.cli import with_appcontext

from ..invitations.statistics import percent
from ..printable import one_line
from ..web.current import services
from ..web.templating import duration
from .errors import LedgerCommand

# What each count of the database is called; those of the statuses have their names.
COUNTS = {
    "waiting": "queued or sending",
    "invited_on": "invited, by day",
    "sent_on": "sent, by day",
    "password_on": "password set, by day",
    "accepted_on": "accepted, by day",
    "took": "accepted, by time since the first mail",
}


@click.command("overview", cls=LedgerCommand)
@with_appcontext
def overview() -> None:
    """Show counts, progress and what needs attention."""
    now = services.clock()
    standing = services.statistics.standing(now)
    progress = services.statistics.progress(now)
    for status, number in standing.counts.items():
        click.echo(f"{number:>9,} {_words(status)}")
    click.echo("\nHow far they come:")
    before = 0
    for title, number in (
        ("sent", progress.sent),
        ("password set", progress.password_set),
        ("accepted", progress.accepted),
    ):
        of_those = f", {percent(number, before)} of the step before" if before else ""
        click.echo(f"{number:>9,} {title}{of_those}")
        before = number
    if progress.seconds_to_accept is not None:
        median = duration(progress.seconds_to_accept)
        click.echo(f"Median time from the first mail to acceptance: {median}.")
    click.echo("\nNeeds attention:")
    click.echo(f"{standing.stuck:>9,} stuck: the password was set more than an hour ago")
    click.echo(f"{standing.ending:>9,} ending within two days")
    click.echo(f"{standing.counts['failed']:>9,} refused by the tenant or the mail server")
    outage = services.circuit_breaker.outage()
    for sentence in (
        outage.sentence if outage else "",
        services.heartbeats.absence_while_waiting(now),
    ):
        if sentence:
            click.echo(f"Invitations are waiting. {one_line(sentence)}")
    click.echo("\nThe last 30 days (UTC), those on which anything happened:")
    for day in progress.days:
        if day.invited or day.accepted:
            click.echo(f"{day.date}  {day.invited:>9,} invited  {day.accepted:>9,} accepted")


@click.command("recount", cls=LedgerCommand)
@with_appcontext
def recount() -> None:
    """Correct the counts of the pages. Compares them with the invitations.

    Exit status: 0 all were right, 1 some were wrong.
    """
    mistakes = services.statistics.recount(services.clock())
    for wrong in mistakes:
        name = COUNTS.get(wrong.kind) or _words(wrong.kind)
        click.echo(f"{name}: {wrong.missing:,} were missing, {wrong.surplus:,} were too many")
    if mistakes:
        raise click.ClickException("The counts were wrong; they are right now.")
    click.echo("The counts are right.")


def _words(status: str) -> str:
    return status.replace("_", " ")
