"""Whether the tenant meets what the site requires of it; nothing is changed."""

from collections.abc import Mapping
from dataclasses import dataclass

from ...errors import CredentialsRefused, TenantRefused, TenantUnavailable
from ..answers import ScopeMissing, TokenRefused
from .findings import Finding, Level, cannot_tell
from .requirement import Context, Requirement
from .requirements import REQUIREMENTS


@dataclass(frozen=True, slots=True)
class Report:
    """The finding about each requirement by name, and whether the tenant could be reached at all."""

    findings: Mapping[str, Finding]
    is_reached: bool

    @property
    def exit_status(self) -> int:
        """0 when nothing is wrong, 1 when something is, 2 when the tenant cannot be reached."""
        if not self.is_reached:
            return 2
        return int(any(each.level == Level.WRONG for each in self.findings.values()))


def check(context: Context) -> Report:
    """Every requirement, one after the other. Raises no error of the tenant."""
    findings = {each.name: _finding(each, context) for each in REQUIREMENTS}
    return Report(findings, _is_reached(context))


def _finding(requirement: Requirement, context: Context) -> Finding:
    try:
        return requirement.check(context)
    except ScopeMissing as missing:
        return cannot_tell(
            str(missing),
            "Set TENANT_SETUP_CLIENT_ID and _SECRET of an application with this permission.",
        )
    except TokenRefused:
        return cannot_tell(
            "There is no token for the Management API.", "Mend the credentials above first."
        )
    except (TenantUnavailable, TenantRefused, CredentialsRefused) as failed:
        return cannot_tell(str(failed))


def _is_reached(context: Context) -> bool:
    try:
        context.tenant.discovery()
    except TenantUnavailable:
        return False
    return True
