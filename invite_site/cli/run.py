"""`flask serve` and `flask db …`: the site with its worker, and the database."""

import signal
import threading

import click
from flask import Flask, current_app

from ..database.engine import upgrade
from ..server import PortInUse, listening, prepare, serving, wait_for, working
from ..web.current import own_services, services
from .errors import SiteCommand, SiteGroup

db = SiteGroup("db", help="Bring the database up to date.")


@db.command("upgrade")
def upgrade_() -> None:
    """Bring the database to the newest revision. `serve` and `invite work` do it at their start."""
    upgrade(services.engine)
    click.echo("The database is up to date.")


@click.command("serve", cls=SiteCommand)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; `::` for all, IPv6 and IPv4.",
)
def serve(host: str) -> None:
    """Serve the site with a worker beside it, on SITE_PORT."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # a proxy's target
    own = own_services()
    stop = stop_on_signal()
    prepare(own)
    try:
        with (
            listening(own.settings.site_port, host) as listener,
            serving(app, listener),
            working(own),
        ):
            click.echo(f"Ready: {own.settings.site_url}")
            wait_for(stop)
    except PortInUse as taken:
        raise click.ClickException(f"{taken} Set SITE_PORT to a free one.") from taken


def stop_on_signal() -> threading.Event:
    """Set once this process is asked to stop (SIGINT, SIGTERM)."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop
