"""What monitors ask: `/healthz`, whether this process answers, and `/readyz`, whether the site can work.

Anybody may ask, so neither says more than which part is missing.
"""

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from ..database.engine import is_current
from ..errors import DatabaseOutdated, DatabaseUnusable
from .current import services

bp = Blueprint("health", __name__)

OK = "ok"


@bp.get("/healthz")
def alive() -> ResponseReturnValue:
    """200 while this process answers; asks nobody else."""
    return jsonify(status=OK)


@bp.get("/readyz")
def ready() -> ResponseReturnValue:
    """200 where pages can be served and invitations go out, else 503 and what is missing."""
    parts = _parts()
    is_ready = all(word == OK for word in parts.values())
    body = {"status": OK if is_ready else "unavailable", **parts}
    return jsonify(body), 200 if is_ready else 503


def _parts() -> dict[str, str]:
    """A word or a sentence for each part; those that need a part that is missing are left out."""
    try:
        if not is_current(services.engine):
            return {"database": OK, "migration": "older than this site: run `flask db upgrade`"}
        outage = services.circuit_breaker.outage()
        worker = services.heartbeats.absence_while_waiting(services.clock())
    except DatabaseUnusable:
        return {"database": "does not answer"}
    except DatabaseOutdated:
        return {"database": OK, "migration": "newer than this site"}
    return {
        "database": OK,
        "migration": OK,
        "worker": worker or OK,
        # Its sentence is for admins: it may quote the tenant or the mail server.
        "circuit_breaker": f"open because of the {outage.cause}" if outage else OK,
    }
