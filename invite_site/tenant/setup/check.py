"""The facts that `flask tenant check` tells, in the order in which one would mend them."""

from collections.abc import Callable
from dataclasses import dataclass

from ...errors import CredentialsRefused, TenantRefused, TenantUnavailable
from ..http import ScopeMissing, TokenRefused
from . import access, application, mail, pages
from .finding import WRONG, Finding, Verdict, cannot_tell
from .look import Look

Fact = Callable[[Look], Verdict]

FACTS: tuple[tuple[str, Fact], ...] = (
    ("Domain", access.domain),
    ("Clock", access.clock),
    ("Management credentials", access.credentials),
    ("Management permissions", access.scopes),
    ("Setup credentials", access.setup_credentials),
    ("Application secret", application.secret),
    ("Application", application.application),
    ("Callback URL", application.callback),
    ("Logout URL", application.logout),
    ("Application Login URI", application.login_uri),
    ("Connection", application.connection),
    ("Connection enabled", application.enabled),
    ("Sign-ups", application.sign_ups),
    ("Experience", pages.experience),
    ("Password page", pages.password_page),
    ("Texts", pages.texts),
    ("Mail template", pages.mail_template),
    ("Mail template's way back", pages.template_result_url),
    ("Mail provider", pages.mail_provider),
    ("Welcome mail", pages.welcome_mail),
    ("Ticket host", access.ticket_host),
    ("Mail server", mail.mail_server),
    ("Rate limit", access.rate_limit),
)


@dataclass(frozen=True, slots=True)
class Report:
    """All findings, and whether the tenant could be reached at all."""

    findings: tuple[Finding, ...]
    is_reached: bool

    @property
    def exit_status(self) -> int:
        """0 when nothing is wrong, 1 when something is, 2 when the tenant cannot be reached."""
        if not self.is_reached:
            return 2
        return int(any(each.verdict == WRONG for each in self.findings))


def check(look: Look) -> Report:
    """Every fact, one after the other; none of them changes anything."""
    findings = []
    for name, fact in FACTS:
        verdict = _told(fact, look)
        findings.append(Finding(name, verdict.verdict, verdict.says, verdict.mend))
    return Report(tuple(findings), _is_reached(look))


def _told(fact: Fact, look: Look) -> Verdict:
    try:
        return fact(look)
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


def _is_reached(look: Look) -> bool:
    try:
        look.discovery()
    except TenantUnavailable:
        return False
    return True
