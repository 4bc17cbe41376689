"""The options of commands that act on many invitations: the filters of the list."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import click

from ..invitations.jobs import JobKind
from ..invitations.listing import ATTENTION, Filters
from ..invitations.people import COMMAND_LINE
from ..printable import one_line
from ..server import worker_name
from ..web.current import services
from ..web.templating import counted
from .arguments import NUMBER, Day, Status, confirm

LOOK_EVERY = 0.5  # seconds, where a worker does the job
WORDS = {"--search": "query", "--inviter": "inviter", "--role": "role"}
Command = Callable[..., Any]
_OPTIONS: list[Callable[[Command], Command]] = [
    click.option("--search", "query", help="Only those with this in address or name."),
    click.option("--state", "status", type=Status(), help="Only those of this status."),
    click.option("--batch", "batch_id", type=NUMBER, help="Only those of this batch."),
    click.option("--inviter", help="Only those of this inviter, named as under *Invited by*."),
    click.option("--day", type=Day(), help="Only those invited on this day (UTC)."),
    click.option("--role", help="Only those that give the role with this id."),
    click.option(
        "--attention",
        type=click.Choice(ATTENTION),
        help="`stuck`: a password was set more than an hour ago, and nobody signed in; `ending`: they end "
        "within two days.",
    ),
]


def with_filters(command: Command) -> Command:
    """Give a command these options; `filters_of` reads what it is called with."""
    for option in _OPTIONS[::-1]:
        command = option(command)
    return command


def filters_of(given: dict[str, Any]) -> Filters:
    """The filters that a command was called with. Raises UsageError."""
    words = {option: given[name] for option, name in WORDS.items() if given[name] is not None}
    for option, text in words.items():
        # An empty variable of a script: without this filter the others would pick more than is meant.
        if not one_line(text):
            raise click.UsageError(f"{option} is blank. Leave it out if any will do.")
    day: datetime | None = given["day"]
    set_ones = {name: value for name, value in given.items() if value}
    if "query" in set_ones:
        set_ones["query"] = one_line(set_ones["query"])
    return Filters(**set_ones | {"day": day.date() if day else None})


def act_on_many(kind: JobKind, filters: Filters, *, yes: bool, **how: Any) -> None:
    """Do this with all that fit, after a question unless `yes`; a line says what came of it. Where
    it is interrupted a worker goes on. Raises UsageError, ClickException."""
    jobs = services.jobs
    count = jobs.count(filters, ())
    words = counted(count.number, count.is_exact)
    noun = "invitation" if words == "1" else "invitations"
    otherwise = "Nothing was done. Add --yes to go on without a question."
    confirm(f"{kind.capitalize()} {words} {noun}?", yes=yes, otherwise=otherwise)
    job = jobs.begin(kind, filters=filters, actor=COMMAND_LINE, **how)
    while job.ended_at is None:
        if not jobs.work(worker_name()):
            time.sleep(LOOK_EVERY)
        job = jobs.get(job.id)
    done = {JobKind.RESEND: "Queued again", JobKind.EXTEND: "Extended", JobKind.REVOKE: "Revoked"}
    click.echo(f"{done[kind]}: {job.changed:,}.")
    for sentence, number in sorted(job.refusals.items(), key=lambda each: -each[1]):
        click.echo(f"Left as they are: {number:,}. {sentence}")
    if job.is_stopped:
        raise click.ClickException("Somebody stopped this job; the rest stays as it is.")
