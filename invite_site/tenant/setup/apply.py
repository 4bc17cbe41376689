"""From the tenant as it is to the tenant as the files want it, change by change.

Only what is ours is touched: our entries in lists that others share, our keys among the texts,
a page or a mail template that we have put there. Nothing is ever deleted.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ...errors import CredentialsRefused, TenantRefused
from ..answers import ScopeMissing
from ..http import ManagementApi
from .changes import Change, Skipped
from .requirement import Context
from .requirements import SECTIONS


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done, and what would not."""

    changes: tuple[Change, ...]
    skipped: tuple[Skipped, ...]


def plan(context: Context) -> Plan:
    """Compare. A missing permission skips a section and no more.

    Raises TenantUnavailable, and CredentialsRefused where the tenant does not accept the setup credentials.
    """
    allowed = context.tenant.setup_scopes()
    changes: list[Change] = []
    skipped: list[Skipped] = []
    for section in SECTIONS:
        try:
            for step in section.changes(context):
                if isinstance(step, Skipped):
                    skipped.append(step)
                elif allowed is not None and step.scope not in allowed:
                    skipped.append(Skipped(step.what, _lacks(step.scope)))
                else:
                    changes.append(step)
        except (TenantRefused, ScopeMissing) as refused:
            skipped.append(Skipped(section.name, _reason(refused)))
    return Plan(tuple(changes), tuple(skipped))


def execute(changes: tuple[Change, ...], api: ManagementApi) -> Iterator[tuple[Change, str]]:
    """Send one after the other; with each comes the sentence of what went wrong, or nothing.

    Raises TenantUnavailable.
    """
    for change in changes:
        try:
            change.send(api)
            yield change, ""
        except (TenantRefused, CredentialsRefused) as refused:
            yield change, _reason(refused)


def _reason(refused: TenantRefused | CredentialsRefused) -> str:
    return _lacks(*refused.scopes) if isinstance(refused, ScopeMissing) else str(refused)


def _lacks(*scopes: str) -> str:
    return (
        "The application of TENANT_SETUP_CLIENT_ID lacks the permission "
        f"{' or '.join(scopes)}; add it under "
        "Applications → APIs → Auth0 Management API → Machine to Machine."
    )
