"""`flask tenant check` and `flask tenant apply`: the tenant from outside, said in lines."""

import json
import sys
from dataclasses import asdict
from typing import ParamSpec, TypeVar

import click
from flask.cli import AppGroup

from ..tenant.http import COMMAND, Credentials, ManagementApi
from ..tenant.setup import files
from ..tenant.setup.apply import Here, Plan, carry_out, plan
from ..tenant.setup.check import check
from ..tenant.setup.finding import OK, Finding
from ..tenant.setup.look import Look
from ..web.current import services
from .errors import report_errors

P = ParamSpec("P")
R = TypeVar("R")
UNREACHED = 2

tenant = AppGroup("tenant", help="Set the tenant up, and say what is wrong with it.")

# Read from the environment alone: what stands on a command line, everybody on the machine can see.
setup_id = click.option(
    "--setup-client-id", envvar="TENANT_SETUP_CLIENT_ID", default="", hidden=True
)
setup_secret = click.option(
    "--setup-client-secret", envvar="TENANT_SETUP_CLIENT_SECRET", default="", hidden=True
)


@tenant.command("check")
@click.option("--json", "as_json", is_flag=True, help="A JSON array of the facts.")
@setup_id
@setup_secret
@report_errors
def check_(as_json: bool, setup_client_id: str, setup_client_secret: str) -> None:
    """Say what is wrong with the tenant, and how to mend it. Changes nothing.

    Exit status: 0 nothing is wrong, 1 something is, 2 the tenant cannot be reached.
    """
    settings = services.settings
    look = Look(
        settings,
        files.read(settings),
        Credentials.for_setup(setup_client_id, setup_client_secret),
    )
    report = check(look)
    if as_json:
        click.echo(json.dumps([asdict(each) for each in report.findings], indent=2))
    else:
        for each in report.findings:
            click.echo(_line(each))
    sys.exit(report.exit_status)


@tenant.command("apply")
@click.option("--dry-run", is_flag=True, help="Show the difference and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--replace",
    is_flag=True,
    help="Also replace a password page or mail template that is not ours.",
)
@setup_id
@setup_secret
@report_errors
def apply_(
    dry_run: bool, yes: bool, replace: bool, setup_client_id: str, setup_client_secret: str
) -> None:
    """Put the site's addresses, permissions, page, texts and mail in place at the tenant.

    Shows what would change and asks. Adds to what is there and deletes nothing.
    """
    settings = services.settings
    credentials = Credentials.for_setup(setup_client_id, setup_client_secret)
    if credentials is None:
        raise click.ClickException(
            "Set TENANT_SETUP_CLIENT_ID and TENANT_SETUP_CLIENT_SECRET of a Machine to Machine "
            "Application for this; docs/real-tenant.md lists its permissions."
        )
    api = ManagementApi(settings, credentials, COMMAND)
    found = plan(Here(settings, files.read(settings), api, replace))
    _show(found)
    troubles = sum(each.is_trouble for each in found.left)
    if found.changes and not dry_run:
        number = len(found.changes)
        question = f"Make {'this change' if number == 1 else f'these {number} changes'} at"
        if not yes:
            click.confirm(f"{question} {settings.management_url}?", abort=True)
        troubles += _carry_out(found, api)
    elif found.changes:
        click.echo("Nothing was changed.")
    sys.exit(int(bool(troubles)))


def _show(found: Plan) -> None:
    for change in found.changes:
        click.secho(change.what, bold=True)
        for line in change.lines:
            mark = line.lstrip()[:1]
            click.secho(f"  {_plain(line)}", fg={"+": "green", "-": "red"}.get(mark))
    for left in found.left:
        click.echo(f"{left.what}: {_plain(left.says)}", err=left.is_trouble)
    if not found.changes:
        click.echo("Nothing to do.")


def _carry_out(found: Plan, api: ManagementApi) -> int:
    troubles = 0
    for change, trouble in carry_out(found.changes, api):
        click.echo(f"{change.what}: {_plain(trouble) or 'done.'}", err=bool(trouble))
        troubles += bool(trouble)
    return troubles


def _line(finding: Finding) -> str:
    colour = {"ok": "green", "wrong": "red", "note": "yellow"}.get(finding.verdict)
    verdict = click.style(f"{finding.verdict:<11}", fg=colour)
    mend = f" {finding.mend}" if finding.verdict != OK and finding.mend else ""
    return f"{verdict} {finding.fact}: {_plain(finding.says + mend)}"


def _plain(text: str) -> str:
    """What a tenant says may hold control characters, and a terminal would obey them."""
    return "".join(each if each.isprintable() or each == "\t" else "\ufffd" for each in text)
