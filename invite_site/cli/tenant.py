"""`flask tenant check` and `flask tenant apply`: print what tenant.setup finds and does."""

import json
import sys

import click

from ..printable import shown
from ..tenant.http import COMMAND, Credentials, ManagementApi
from ..tenant.setup import files
from ..tenant.setup.apply import Plan, execute, plan
from ..tenant.setup.check import check
from ..tenant.setup.findings import Finding, Level
from ..tenant.setup.reader import TenantReader
from ..tenant.setup.requirement import Context
from ..web.current import services
from .errors import TenantGroup

COLOURS = {Level.OK: "green", Level.WRONG: "red", Level.NOTE: "yellow"}

tenant = TenantGroup("tenant", help="Set the tenant up, and check it.")

# From the environment alone: everybody on the machine can read a command line.
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
def check_(as_json: bool, setup_client_id: str, setup_client_secret: str) -> None:
    """Say what is wrong with the tenant, and how to mend it. Changes nothing.

    Exit status: 0 nothing is wrong, 1 something is, 2 the tenant cannot be reached.
    """
    report = check(_context(_setup_api(setup_client_id, setup_client_secret)))
    if as_json:
        click.echo(json.dumps([_as_json(*each) for each in report.findings.items()], indent=2))
    else:
        for name, finding in report.findings.items():
            click.echo(_line(name, finding))
    sys.exit(report.exit_status)


@tenant.command("apply")
@click.option("--dry-run", is_flag=True, help="Show the difference and change nothing.")
@click.option("--yes", is_flag=True, help="Do it without a question.")
@click.option(
    "--replace",
    is_flag=True,
    help="Also replace a password page or mail template that is not ours.",
)
@setup_id
@setup_secret
def apply_(
    dry_run: bool, yes: bool, replace: bool, setup_client_id: str, setup_client_secret: str
) -> None:
    """Set the tenant up.

    Puts addresses, permissions, the password page, texts and the mail template in place. Shows what
    would change, and asks. Adds to what is there and deletes nothing.

    Exit status: 0 all is in place, 1 something could not be done or was declined, 2 the tenant cannot be
    reached.
    """
    api = _setup_api(setup_client_id, setup_client_secret)
    if api is None:
        raise click.ClickException(
            "Set TENANT_SETUP_CLIENT_ID and TENANT_SETUP_CLIENT_SECRET of a Machine to Machine "
            "Application for this; docs/real-tenant.md lists its permissions."
        )
    found = plan(_context(api, replace=replace))
    _show(found)
    problems = sum(each.blocking for each in found.skipped)
    if found.changes and not dry_run:
        number = len(found.changes)
        question = f"Make {'this change' if number == 1 else f'these {number} changes'} at"
        if not yes:
            click.confirm(f"{question} {services.settings.management_url}?", abort=True)
        problems += _execute(found, api)
    else:
        click.echo("Nothing was changed." if found.changes or problems else "Nothing to do.")
    sys.exit(int(bool(problems)))


def _setup_api(client_id: str, client_secret: str) -> ManagementApi | None:
    """None unless both are there."""
    # A file of settings with the line ends of Windows leaves a \r on each value.
    credentials = Credentials.for_setup(client_id.strip(), client_secret.strip())
    if not credentials.client_id or not credentials.client_secret:
        return None
    return ManagementApi(services.settings, credentials, COMMAND)


def _context(setup: ManagementApi | None, *, replace: bool = False) -> Context:
    settings = services.settings
    return Context(settings, files.read(settings), TenantReader(settings, setup), replace)


def _show(found: Plan) -> None:
    for change in found.changes:
        click.secho(change.what, bold=True)
        for line in change.lines:
            mark = line.lstrip()[:1]
            click.secho(f"  {shown(line)}", fg={"+": "green", "-": "red"}.get(mark))
    for each in found.skipped:
        click.echo(f"{each.what}: {shown(each.message)}", err=each.blocking)


def _execute(found: Plan, api: ManagementApi) -> int:
    """Send the changes; returns how many went wrong."""
    problems = 0
    for change, error in execute(found.changes, api):
        click.echo(f"{change.what}: {shown(error) or 'done.'}", err=bool(error))
        problems += bool(error)
    return problems


def _as_json(name: str, finding: Finding) -> dict[str, str]:
    return {
        "fact": name,
        "verdict": finding.level,
        "says": finding.message,
        "mend": finding.advice,
    }


def _line(name: str, finding: Finding) -> str:
    level = click.style(f"{finding.level:<11}", fg=COLOURS.get(finding.level))
    advice = f" {finding.advice}" if finding.level != Level.OK and finding.advice else ""
    return f"{level} {name}: {shown(finding.message + advice)}"
