"""How a command says that something went wrong: one sentence and an exit status, no traceback."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import click

from ..errors import InviteSiteError, TenantUnavailable

P = ParamSpec("P")
R = TypeVar("R")
UNREACHED = 2


def report_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Our own errors end the command: with status 2 where the tenant cannot be reached, else 1."""

    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except TenantUnavailable as failed:
            click.echo(f"Error: {failed}", err=True)
            sys.exit(UNREACHED)
        except InviteSiteError as refused:
            raise click.ClickException(str(refused)) from refused

    return wrapped
