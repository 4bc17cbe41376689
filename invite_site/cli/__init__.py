"""The commands: `flask invite …`, `admin …`, `mail …`, `tenant …`, `db …` and `serve`.

They call the same use cases as the pages; a mistake is one sentence (errors.py).
"""

from flask import Flask

from . import admin, invite, mail, run, tenant


def init_app(app: Flask) -> None:
    """Put the commands into `app`."""
    for command in (invite.invite, admin.admin, mail.mail, tenant.tenant, run.db, run.serve):
        app.cli.add_command(command)
