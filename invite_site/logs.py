"""The log: one line an event, to standard error, which never contains credentials.

What we log holds ids and codes. The filter covers what a library might log.
"""

import logging
import re
import sys
import time

from .settings import Settings

# Each word is looked at from its beginning, once: whoever sends a long text, such as the method of a
# request may be, would else make a line of the log take seconds.
SECRETS = re.compile(
    r"(?P<keep>\b(?:ticket|code|state|nonce|code_verifier|id_token|access_token|client_secret"
    r"|login_hint|email)=)[^\s&#'\"]+"
    r"|(?P<bearer>Bearer )\S+"
    r"|(?<![\w-])(?=[\w-]++\.[\w-])[\w-]*?\beyJ[\w-]+\.[\w-]+\.?[\w-]*",
    re.IGNORECASE,
)
ADDRESS = re.compile(r"(?<![\w.+'-])([.+'-]*+\w?)[\w.+'-]*+@([\w.-]+\.\w+)")
# What PostgreSQL adds to the error of a constraint: names and notes of people, which may have lines.
ROW = re.compile(r"(Failing row contains \().+?(?=\)\.(?:\n\n|\n\[SQL|\Z))", re.DOTALL)
# These say too much below this level: Authlib the PKCE verifier, urllib3 each path, SQLAlchemy
# each value.
QUIET = (
    "authlib", "urllib3", "requests", "sqlalchemy", "alembic", "waitress", "mail.log",
    "invite_site.database.engine",  # SQLAlchemy logs of a pool by the name of its class
)  # fmt: skip


class Redaction(logging.Filter):
    """Takes secrets, whole addresses, rows of the database and control characters out of a record,
    traceback included."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = redact(record.getMessage())
        if record.exc_info:
            trace = logging.Formatter().formatException(record.exc_info)
            trace = ROW.sub(r"\1***", trace)
            text = "\n    ".join([text, *map(redact, trace.splitlines())])
        record.msg = text
        record.args = ()
        record.exc_info = record.exc_text = None
        return True


class UtcFormatter(logging.Formatter):
    """Lines that begin with their time in UTC, as pages and commands tell it."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"


def redact(text: str) -> str:
    """The text as one line without secrets; addresses as `a***@example.com`."""
    text = SECRETS.sub(lambda m: f"{m['keep'] or m['bearer'] or ''}***", text)
    text = ADDRESS.sub(r"\1***@\2", text)
    return "".join(c if c.isprintable() else "?" for c in text)


def configure(settings: Settings) -> None:
    """Set up the log once a process; a second site in the same process only sets the level."""
    root = logging.getLogger()
    root.setLevel(settings.log_level)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    if not any(isinstance(f, Redaction) for h in root.handlers for f in h.filters):
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(UtcFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        handler.addFilter(Redaction())
        root.addHandler(handler)
