"""`flask invite import`, `batch` and `export`: many invitations at once."""

import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import click
from flask.cli import with_appcontext

from ..invitations.batches.judging import Fate
from ..invitations.batches.lists import MAX_BYTES
from ..invitations.batches.service import Progress
from ..invitations.lifecycle import State
from ..printable import one_line
from ..web.admin.csv_files import written
from ..web.current import services
from ..web.templating import moment
from .arguments import ME, NUMBER, confirm
from .errors import LedgerCommand
from .filters import filters_of, with_filters

PROBLEMS_SHOWN = 20
EVERY = 1.0  # seconds between two looks at a batch
# What a terminal would obey; the ends of lines stay. In CSV text they mean nothing.
CONTROLS = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]|\r(?!\n)")
FATES = {
    Fate.GOOD: "to be invited",
    Fate.REPEATED: "twice in the list",
    Fate.INVITED: "invited already",
    Fate.ACCEPTED: "accepted already",
    Fate.BAD: "cannot be used",
}


@click.command("import", cls=LedgerCommand)
@click.argument("file", type=click.File("rb"))
@click.option(
    "--list-name", default="", help="What to call the list, in place of the name of its file."
)
@click.option("--yes", is_flag=True, help="Send without asking.")
@click.option("--no-wait", is_flag=True, help="Do not follow the batch to its end.")
@with_appcontext
def import_(file: BinaryIO, list_name: str, yes: bool, no_wait: bool) -> None:
    """Invite the people of a list. FILE is CSV in UTF-8, `-` for standard input. A worker sends the mails."""
    source = str(getattr(file, "name", "<stdin>"))
    file_name = "Standard input" if source == "<stdin>" else Path(source).name
    batch = services.batches.preview(
        file.read(MAX_BYTES + 1), name=list_name or file_name, inviter=ME
    )
    fates = services.batches.fates(batch.id)
    for fate, words in FATES.items():
        if number := fates.get(fate):
            click.echo(f"{number:>7,} {words}")
    _show_problems(batch.id, sum(fates.values()) - fates.get(Fate.GOOD, 0))
    if batch.ignored:
        click.echo(f"Not used: {', '.join(map(one_line, batch.ignored))}")
    good = fates.get(Fate.GOOD, 0)
    if not good:
        raise click.ClickException("No row of this list can be invited.")
    otherwise = "Nothing was sent. Add --yes to send without a question."
    confirm(f"Send {_invitations(good)}?", yes=yes, otherwise=otherwise)
    started = services.batches.start(batch.id, inviter=ME)
    click.echo(f"Batch {batch.id}: {_invitations(started.opened)} on the way.")
    if started.opened < good:
        why = f"`flask invite export --batch {batch.id}` says why, row by row."
        click.echo(f"Left out since the preview: {good - started.opened:,}. {why}")
    if not started.opened:
        raise click.ClickException("No row of this list can be invited any more.")
    if not no_wait:
        _follow(batch.id)


def _action(flag: str, **how: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """One of several that exclude each other; of two click would take the last without a word."""
    return click.option(flag, "actions", flag_value=flag, multiple=True, **how)


@click.command("batch", cls=LedgerCommand)
@click.argument("number", type=NUMBER)
@_action("--pause", help="Send no more of it for now.")
@_action("--resume", help="Go on with sending it.")
@_action("--cancel", help="Revoke what has not gone out.")
@_action("--again", help="Send the failed ones again.")
@with_appcontext
def batch(number: int, actions: tuple[str, ...]) -> None:
    """Show, pause, resume or cancel a batch. Without an option: how far batch NUMBER is."""
    batches = services.batches
    if len(set(actions)) > 1:
        raise click.UsageError(f"Choose one of {' and '.join(actions)}.")
    match actions[:1]:
        case ["--pause"]:
            batches.pause(number)
            click.echo("Paused.")
        case ["--resume"]:
            batches.resume(number)
            click.echo("It goes on.")
        case ["--cancel"]:
            click.echo(f"Cancelled: {_invitations(batches.cancel(number, actor=ME.name))} revoked.")
        case ["--again"]:
            again = batches.send_failed_again(number, actor=ME.name)
            click.echo(f"Queued again: {_invitations(again)}.")
        case _:
            found = batches.get(number)
            name, inviter = one_line(found.name), one_line(found.inviter)
            click.echo(f"{name}, uploaded {moment(found.created_at)} by {inviter}")
            if found.started_at is None:
                click.echo("A preview; nothing has been sent.")
            else:
                click.echo(_sentence(batches.progress(number)))


@click.command("export", cls=LedgerCommand)
@click.option("--events", is_flag=True, help="What happened to them, one line for each event.")
@with_filters
@with_appcontext
def export(events: bool, **given: Any) -> None:
    """Write invitations as CSV to standard output.

    With --batch and no other filter it also has the rows that were left out, for a day after the upload.
    """
    filters = filters_of(given)
    if filters.batch_id is not None:
        services.batches.get(filters.batch_id)
    if events:
        rows = services.exports.events(filters)
    elif filters.batch_id is not None and filters.without("batch_id").is_any:
        rows = services.batches.results(filters.batch_id)
    else:
        rows = services.exports.invitations(filters)
    for text in written(rows):
        click.echo(CONTROLS.sub("\ufffd", text).encode(), nl=False)


def _show_problems(batch_id: int, number: int) -> None:
    if not number:
        return
    page = services.batches.rows(batch_id, after=None, size=PROBLEMS_SHOWN)
    for row in page.rows:
        if row.fate != Fate.GOOD:
            # Cells of a list may hold control characters, and a terminal would obey them.
            email = one_line(row.email) or "(no address)"
            click.echo(f"  line {row.line}: {email}: {one_line(row.reason)}")
    if number > PROBLEMS_SHOWN:
        click.echo(f"  and {number - PROBLEMS_SHOWN:,} more")


def _follow(batch_id: int) -> None:
    """Until the batch is over: a bar on a terminal, a line now and then on a pipe."""
    try:
        progress = services.batches.progress(batch_id)
        show = _bar if sys.stdout.isatty() else _lines
        progress = show(batch_id, progress)
    except KeyboardInterrupt:
        click.echo(f"\nThe batch goes on without you. Follow it: flask invite batch {batch_id}")
        return
    click.echo(_sentence(progress))


def _bar(batch_id: int, progress: Progress) -> Progress:
    total = sum(progress.counts.values())
    with click.progressbar(
        length=total,
        label="Sending",
        show_pos=True,
        item_show_func=lambda waiting: waiting,
    ) as bar:
        while True:
            done = total - progress.counts[State.QUEUED] - progress.counts[State.SENDING]
            bar.update(done - bar.pos, one_line(progress.waiting))
            bar.render_progress()  # also where nothing moves, which is when it says why
            if progress.is_over:
                return progress
            time.sleep(EVERY)
            progress = services.batches.progress(batch_id)


def _lines(batch_id: int, progress: Progress) -> Progress:
    said = ""
    while not progress.is_over:
        if (sentence := _sentence(progress)) != said:
            click.echo(sentence)
            said = sentence
        time.sleep(EVERY)
        progress = services.batches.progress(batch_id)
    return progress


def _sentence(progress: Progress) -> str:
    counts = ", ".join(
        f"{number:,} {status.replace('_', ' ')}"
        for status, number in progress.counts.items()
        if number
    )
    counts = counts or "No invitation came of it"
    return f"{counts}. {one_line(progress.waiting)}".rstrip(" .") + "."


def _invitations(number: int) -> str:
    return "1 invitation" if number == 1 else f"{number:,} invitations"
