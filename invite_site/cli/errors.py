"""How a command says that something went wrong: one sentence and an exit status, no traceback.

Status 0: done. 1: refused. 2: the command was written wrongly.
"""

from typing import Any

import click
from flask.cli import AppGroup, ScriptInfo

from ..database.engine import require_current
from ..errors import AlreadyInvited, InviteSiteError, TenantUnavailable
from ..services import Services
from ..web.current import EXTENSION


class SiteCommand(click.Command):
    """A command whose errors of ours are one sentence."""

    unreached: type[click.ClickException] = click.ClickException  # the tenant does not answer

    def invoke(self, ctx: click.Context) -> Any:
        try:
            self.check(ctx)
            return super().invoke(ctx)
        except InviteSiteError as refused:
            sentence = str(refused)
            if isinstance(refused, AlreadyInvited):
                sentence += f" It has the number {refused.invitation_id}."
            is_unreached = isinstance(refused, TenantUnavailable)
            raise (self.unreached if is_unreached else click.ClickException)(sentence) from refused

    def check(self, ctx: click.Context) -> None:
        """What has to be so before the command begins. Raises InviteSiteError."""


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
