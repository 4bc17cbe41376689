"""Entry point: servers and the `flask` command load `app:create_app()`; `python app.py` runs the demo."""

import gc
import sys

from flask import Flask

import invite_site
from invite_site.errors import ConfigError


def create_app() -> Flask:
    """The site of the environment; what is wrong with the settings ends the start, all at once."""
    try:
        return invite_site.create_app()
    except ConfigError as refused:
        sys.exit(str(refused))


if __name__ == "__main__":
    gc.disable()  # until the demo is ready: a start makes no garbage, and looking for it takes a tenth
    try:
        from invite_site.demo import main

        main()
    except ModuleNotFoundError as missing:
        if missing.name not in ("aiosmtpd", "liquid"):
            raise
        sys.exit("The demo needs the extra local-tenant: pip install -e '.[local-tenant]'")
