"""The start page: what this is, or, signed in, who you are and where to go on."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from .current import current_session, is_admin

bp = Blueprint("account", __name__)


@bp.get("/")
def home() -> ResponseReturnValue:
    session = current_session()
    if session is None:
        return render_template("account/start.html")
    return render_template("account/home.html", who=session, may_invite=is_admin())
