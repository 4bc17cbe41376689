"""No page is served from a database that is older or newer than this code.

`flask serve` upgrades it before it listens; any other WSGI server starts without that.
"""

import threading

from flask import Flask, request

from ..database.engine import require_current
from ..services import Services

# What needs no table, so that the page that says so has its style, and monitors their answer.
WITHOUT_TABLES = {"static", "health.alive", "health.ready"}


def init_app(app: Flask, services: Services) -> None:
    """Ask the database at each request until it is current, and never again after that."""
    known = threading.Event()

    @app.before_request
    def _require_current() -> None:
        """Raises DatabaseOutdated, DatabaseUnusable."""
        if known.is_set() or request.endpoint in WITHOUT_TABLES:
            return
        require_current(services.engine)
        known.set()
