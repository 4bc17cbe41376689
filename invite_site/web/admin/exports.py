"""The list as a file for a spreadsheet program, as it is filtered."""

from flask import request
from flask.typing import ResponseReturnValue

from ..current import services
from . import bp, csv_files
from .filters import filters_in


@bp.get("/invitations/export.csv")
def export_invitations() -> ResponseReturnValue:
    """The invitations of a list, on all of its pages."""
    rows = services.exports.invitations(filters_in(request.args))
    return csv_files.answer(rows, name=f"invitations-{services.clock():%Y-%m-%d}.csv")


@bp.get("/invitations/events.csv")
def export_events() -> ResponseReturnValue:
    """What happened to them."""
    rows = services.exports.events(filters_in(request.args))
    return csv_files.answer(rows, name=f"events-{services.clock():%Y-%m-%d}.csv")
