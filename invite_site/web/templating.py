"""What templates know: the settings they show, who is signed in, moments, fingerprinted files."""

import functools
import hashlib
from datetime import datetime, timedelta
from pathlib import Path

from flask import Flask, Response, request, url_for

from ..invitations.listing import COUNTED
from ..languages import time_left
from ..mail.wording import ended
from .current import current_session, is_admin, services


def init_app(app: Flask) -> None:
    """Give the templates of `app` their filters and variables."""
    for words in (moment, relative, ended, grouped, counted, duration, pace, period):
        app.add_template_filter(words)
    app.add_template_filter(datetime.fromisoformat, "as_moment")  # of what is stored as text
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.context_processor(_template_context)

    @app.url_defaults
    def _version(endpoint: str, values: dict[str, object]) -> None:
        if endpoint == "static":  # a new file has a new address, so browsers may keep the old one
            values["v"] = _fingerprint(Path(str(app.static_folder)) / str(values["filename"]))

    @app.after_request
    def _keep_by_version(response: Response) -> Response:
        """Keep nothing under the address of another version, which another process writes amid a release."""
        is_file = request.endpoint == "static" and response.status_code < 400
        if is_file and request.full_path != url_for("static", **(request.view_args or {})):
            response.headers["Cache-Control"] = "no-store"
        return response


def moment(at: datetime | None) -> str:
    """A moment in words, with its zone: "27 November 2026, 14:05 UTC"."""
    return f"{at.day} {at:%B %Y, %H:%M} UTC" if at else ""


def relative(at: datetime, now: datetime) -> str:
    """How long ago a moment is, or how far off: "3 hours ago", "in 2 days"; a date after a month.

    Rounded down. What is ahead begins its last unit a little before: an invitation for five days ends
    in five, and not in four, when somebody looks at it a moment later.
    """
    seconds = (at - now).total_seconds()
    size = abs(seconds)
    if size < 60:
        return "just now" if seconds <= 0 else "in less than a minute"
    if size > 30 * 86_400:
        return f"{at.day} {at:%b %Y}"
    for length, word, slack in ((86_400, "day", 3_600), (3_600, "hour", 60), (60, "minute", 0)):
        full = size + slack if seconds > 0 else size
        if full >= length:
            number = int(full // length)
            words = f"{number} {word}{'' if number == 1 else 's'}"
            break
    return f"{words} ago" if seconds < 0 else f"in {words}"


def grouped(number: int) -> str:
    """A number as it is read: "9,950"."""
    return f"{number:,}"


def counted(number: int, is_exact: bool) -> str:
    """How many there are, as far as was counted: "9,950", "more than 10,000", "at least 20"."""
    if is_exact:
        return grouped(number)
    return f"{'more than' if number >= COUNTED else 'at least'} {grouped(number)}"


def pace(rate: float) -> str:
    """Invitations a second as people say it: "about 2 a second", "about 40 a minute"."""
    a_minute = max(1, round(rate * 60))
    return f"about {a_minute} a minute" if a_minute < 60 else f"about {round(rate)} a second"


def duration(seconds: float) -> str:
    """How long something takes, in words: "about 17 minutes"."""
    for size, word in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        # From one and a half on: "about 70 minutes" says more than "about 1 hour".
        if seconds >= size * (1 if size == 60 else 1.5):
            number = round(seconds / size)
            return f"about {number} {word}{'' if number == 1 else 's'}"
    return "less than a minute"


def period(seconds: int) -> str:
    """A whole time in words: "14 days"."""
    return time_left(timedelta(seconds=seconds))


def _template_context() -> dict[str, object]:
    settings = services.settings
    return {
        "app_name": settings.app_name,
        "app_url": settings.app_url,
        "site_url": settings.site_url,
        "contact_email": settings.contact_email.address if settings.contact_email else "",
        "current_session": current_session,
        "is_admin": is_admin,
    }


@functools.cache
def _fingerprint(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
