"""Logins that were never finished are removed by the process that began them, worker or none; so are
the parts of counts that have become many."""

import logging
import threading
from datetime import datetime, timedelta

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response

from ..errors import InviteSiteError
from ..services import Services

log = logging.getLogger(__name__)

EVERY = timedelta(minutes=1)


def init_app(app: Flask, services: Services) -> None:
    """After a request, once its answer has gone out, remove logins and sessions that have run out, and fold
    the counts; at most once a minute in this process."""
    lock = threading.Lock()
    swept_at: datetime | None = None

    def sweep() -> None:
        try:
            services.sessions.sweep()
            services.statistics.fold(services.clock())
        except (InviteSiteError, SQLAlchemyError) as failed:
            # The answer is out already; the next minute tries again.
            log.warning("old logins were not removed: %s", type(failed).__name__)

    @app.after_request
    def _sweep_now_and_then(response: Response) -> Response:
        nonlocal swept_at
        now = services.clock()
        with lock:
            is_due = swept_at is None or now - swept_at >= EVERY
            if is_due:
                swept_at = now
        if is_due:
            response.call_on_close(sweep)
        return response
