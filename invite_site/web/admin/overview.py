"""How many invitations stand where, how far they come, and what needs attention."""

from flask import render_template
from flask.typing import ResponseReturnValue

from ...invitations.statistics import percent, share
from ..current import services
from . import bp

NEWEST = 50  # batches that are looked at


@bp.get("/")
def overview() -> ResponseReturnValue:
    """The figures; on an empty site, what to do first."""
    now = services.clock()
    standing = services.statistics.standing(now)
    progress = services.statistics.progress(now)
    newest = services.batches.latest(before=None, size=NEWEST)
    under_way = services.batches.under_way(newest)
    return render_template(
        "admin/overview.html",
        standing=standing,
        progress=progress,
        batches=[batch for batch in newest if batch.id in under_way],
        percent=percent,
        share=share,
        most=max(max(day.invited, day.accepted) for day in progress.days),
        outage=services.circuit_breaker.outage(),
        absence=services.heartbeats.absence(now)
        if not standing.total
        else services.heartbeats.absence_while_waiting(now),
    )
