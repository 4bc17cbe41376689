"""The commands: `flask invite …`, `flask admin …`, `flask tenant …`, `flask db …`, `flask serve`.

They call the same use cases as the pages; a mistake is one sentence and exit status 1.
"""

import signal
import threading
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import click
from flask import Flask, current_app
from flask.cli import AppGroup

from ..database.engine import upgrade
from ..errors import InviteSiteError
from ..invitations.people import Invitee
from ..invitations.service import Inviter
from ..invitations.tables import COMMAND_LINE
from ..server import PortInUse, listening, prepare, serving, worker_name, working
from ..web.current import site
from ..web.templating import moment
from ..worker import work
from .tenant import tenant

P = ParamSpec("P")
R = TypeVar("R")

invite = AppGroup("invite", help="Send and follow invitations.")
admin = AppGroup("admin", help="Say who may invite.")
db = AppGroup("db", help="The database.")


def init_app(app: Flask) -> None:
    for command in (invite, admin, tenant, db, serve):
        app.cli.add_command(command)


def in_one_sentence(command: Callable[P, R]) -> Callable[P, R]:
    """Our own errors end a command with their sentence, not with a traceback."""

    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except InviteSiteError as refused:
            raise click.ClickException(str(refused)) from refused

    return wrapped


@invite.command("send")
@click.argument("address")
@click.option("--name", default="", help="How the invitation greets them.")
@in_one_sentence
def send(address: str, name: str) -> None:
    """Invite ADDRESS. The worker sends it."""
    row = site().invitations.invite(address, name=name, inviter=_me())
    click.echo(f"Queued as number {row.id}.")


@invite.command("list")
@click.option("--state", default="", help="Only this status, e.g. sent or expired.")
@click.option("--number", default=50, show_default=True, help="How many at most.")
def list_(state: str, number: int) -> None:
    """List invitations, newest first."""
    now = site().clock()
    for row in site().ledger.page(now=now, status=state, size=number):
        click.echo(
            f"{row.id}\t{row.status(now).replace('_', ' ')}\t{row.email}\t{moment(row.created_at)}"
        )


@invite.command("resend")
@click.argument("number", type=int)
@in_one_sentence
def resend(number: int) -> None:
    """Send invitation NUMBER again; its older link stops working."""
    site().invitations.resend(number, actor=_me().name)
    click.echo("Queued again.")


@invite.command("revoke")
@click.argument("number", type=int)
@click.option("--reason", default="", help="For the record.")
@in_one_sentence
def revoke(number: int, reason: str) -> None:
    """Withdraw invitation NUMBER."""
    site().invitations.revoke(number, actor=_me().name, reason=reason)
    click.echo("Withdrawn.")


@invite.command("work")
def work_() -> None:
    """Deliver invitations until stopped."""
    prepare(current_app._get_current_object())  # type: ignore[attr-defined]  # a proxy's target
    stop = _stop_on_signal()
    click.echo("Working. Stop with Ctrl-C.")
    work(site().invitations, site().sessions, name=worker_name(), stop=stop)


@admin.command("grant")
@click.argument("address_or_sub")
@in_one_sentence
def grant(address_or_sub: str) -> None:
    """Let a person invite, named by address or by the `sub` of their account at the tenant."""
    sub = address_or_sub
    if "@" in address_or_sub:
        invitee = Invitee.parse(address_or_sub, allow_test_domains=site().settings.is_local)
        user = site().tenant.find_user(invitee.email_norm)
        if user is None:
            raise click.ClickException(
                "Nobody at the tenant has this address yet. Invite them with "
                f"`flask invite send {address_or_sub}`, then grant again."
            )
        if not user.email_verified:
            # Anybody may have registered it before its owner came.
            raise click.ClickException(
                "The tenant has not verified that this account owns the address. Grant it by its "
                f"`sub` if you know it to be right: flask admin grant '{user.user_id}'"
            )
        sub = user.user_id
    new = site().admins.grant(sub, label=address_or_sub, now=site().clock())
    click.echo(
        f"{address_or_sub} may invite." if new else f"{address_or_sub} could invite already."
    )


@admin.command("revoke")
@click.argument("address_or_sub")
def revoke_admin(address_or_sub: str) -> None:
    """Take the right to invite back, from the next request on."""
    if not site().admins.revoke(address_or_sub):
        raise click.ClickException(f"{address_or_sub} has no grant; `flask admin list` shows them.")
    click.echo(f"{address_or_sub} may no longer invite.")


@admin.command("list")
def list_admins() -> None:
    """List who may invite."""
    for row in site().admins.all():
        click.echo(f"{row.label}\t{row.sub}\t{moment(row.granted_at)}")


@db.command("upgrade")
def upgrade_() -> None:
    """Bring the database to the newest revision."""
    upgrade(site().engine)
    click.echo("The database is up to date.")


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
def serve(host: str) -> None:
    """Serve the site with a worker beside it, on SITE_PORT."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # a proxy's target
    settings = site().settings
    stop = _stop_on_signal()
    prepare(app)
    try:
        with listening(settings.site_port, host) as listener, serving(app, listener), working(app):
            click.echo(f"Ready: {settings.site_url}")
            stop.wait()
    except PortInUse as taken:
        raise click.ClickException(f"{taken} Set SITE_PORT to a free one.") from taken


def _me() -> Inviter:
    return Inviter(name=COMMAND_LINE)


def _stop_on_signal() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop
