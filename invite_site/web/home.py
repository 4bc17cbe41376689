"""The start page: what this is, or, signed in, who you are and where to go on."""

from flask import Blueprint, render_template

from .current import is_admin, signed_in
from .signin import View

bp = Blueprint("account", __name__)


@bp.get("/")
def home() -> View:
    who = signed_in()
    if who is None:
        return render_template("account/start.html")
    return render_template("account/home.html", who=who, may_invite=is_admin())
