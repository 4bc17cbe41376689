"""How a command says that something went wrong: one sentence and an exit status, no traceback.

Status 0: done. 1: refused. 2: the command was written wrongly.
"""

import errno
import io
import os
import sys
from typing import Any

import click
from flask.cli import AppGroup, ScriptInfo

from ..database.engine import require_current
from ..errors import AlreadyInvited, InviteSiteError, TenantUnavailable
from ..printable import one_line
from ..services import Services
from ..settings.values import is_utf8
from ..web.current import EXTENSION

# Faults of the disk behind the standard output, which nothing else reports.
UNWRITTEN = (errno.ENOSPC, errno.EDQUOT)


class SiteCommand(click.Command):
    """A command whose errors of ours are one sentence."""

    unreached: type[click.ClickException] = click.ClickException  # the tenant does not answer

    def invoke(self, ctx: click.Context) -> Any:
        self._refuse_what_is_not_utf8(ctx)
        if isinstance(sys.stdout, io.TextIOWrapper):
            # In another encoding than UTF-8 one letter of a name would end the command otherwise.
            sys.stdout.reconfigure(errors="replace")
        try:
            self.check(ctx)
            return super().invoke(ctx)
        except InviteSiteError as refused:
            # It may hold names, cells, or words of the tenant or the mail server.
            sentence = one_line(str(refused))
            if isinstance(refused, AlreadyInvited):
                sentence += f" It has the number {refused.invitation_id}."
            is_unreached = isinstance(refused, TenantUnavailable)
            raise (self.unreached if is_unreached else click.ClickException)(sentence) from refused
        except OSError as failed:
            if failed.errno not in UNWRITTEN:
                raise
            # Python would write the rest once more at its end, and say so with a status of its own.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            reason = os.strerror(failed.errno)
            raise click.ClickException(f"The output cannot be written: {reason}.") from failed

    def check(self, ctx: click.Context) -> None:
        """What has to be so before the command begins. Raises InviteSiteError."""

    def _refuse_what_is_not_utf8(self, ctx: click.Context) -> None:
        # Python hands on the bytes of such words as lone surrogates: they can be stored, but no page,
        # file or mail that shows them can be written. Raises BadParameter.
        for param in self.params:
            value = ctx.params.get(param.name or "")
            if not _is_utf8(value):
                is_file = isinstance(param.type, click.File)
                remedy = "Rename the file." if is_file else "Set the terminal to UTF-8."
                raise click.BadParameter(f"This is not UTF-8. {remedy}", ctx=ctx, param=param)


def _is_utf8(value: Any) -> bool:
    """Whether this can be written: a text, the name of an open file, or each of several."""
    if isinstance(value, (tuple, list)):
        return all(map(_is_utf8, value))
    return is_utf8(str(getattr(value, "name", value)))


class LedgerCommand(SiteCommand):
    """A command that needs the tables as this version has them."""

    def check(self, ctx: click.Context) -> None:
        services: Services = ctx.ensure_object(ScriptInfo).load_app().extensions[EXTENSION]
        require_current(services.engine)


class TenantUnreached(click.ClickException):
    exit_code = 2


class TenantCommand(SiteCommand):
    """A command about the tenant. Its statuses are in docs/real-tenant.md."""

    unreached = TenantUnreached


class SiteGroup(AppGroup):
    """Commands that need no table, or make them."""

    command_class = SiteCommand


class LedgerGroup(AppGroup):
    command_class = LedgerCommand


class TenantGroup(AppGroup):
    command_class = TenantCommand
