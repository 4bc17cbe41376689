"""Changes of the tenant, and how a difference is shown to people."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ...errors import TenantRefused
from ..http import ManagementApi


@dataclass(frozen=True, slots=True)
class Change:
    """One call of the Management API. `lines` is the difference; `scope` the permission it needs.

    `optional_key` names a key that some tenants may not set: the rest is sent without it.
    """

    what: str
    lines: tuple[str, ...]
    method: str
    path: str
    body: Any
    scope: str
    optional_key: str = ""

    def send(self, api: ManagementApi) -> None:
        """Raises TenantRefused, CredentialsRefused, TenantUnavailable."""
        try:
            api.send(self.method, self.path, self.body)
        except TenantRefused as refused:
            if refused.status != 403 or not self.optional_key or self.optional_key not in self.body:
                raise
            rest = {name: value for name, value in self.body.items() if name != self.optional_key}
            if rest:
                api.send(self.method, self.path, rest)
            raise TenantRefused(
                f"Done, but without {self.optional_key}, which this tenant may not set: "
                "non-enterprise tenants made since May 2026 cannot. docs/real-tenant.md says "
                "what to do instead.",
                status=refused.status,
                code=refused.code,
            ) from refused


@dataclass(frozen=True, slots=True)
class Skipped:
    """What stays as it is, and why. `blocking`: the site needs it otherwise."""

    what: str
    message: str
    blocking: bool = True


def added(title: str, values: Iterable[str]) -> list[str]:
    """Entries that join a list."""
    return [f"{title}:", *(f"  + {value}" for value in values)]


def replaced(title: str, earlier: Any, later: Any) -> list[str]:
    """A value in the place of another, or of none."""
    gone = [] if earlier in (None, "") else [f"  - {_text(earlier)}"]
    return [f"{title}:", *gone, f"  + {_text(later)}"]


def rewritten(title: str, earlier: Any, later: str) -> list[str]:
    """A long text in the place of another, as a unified diff; empty where they are equal."""
    before = str(earlier or "").splitlines()
    if not before:
        return [f"{title}:", f"  + {len(later.splitlines())} lines, as in templates/tenant"]
    diff = difflib.unified_diff(
        before, later.splitlines(), "at the tenant", "here", lineterm="", n=2
    )
    shown = [f"  {line}" for line in diff]
    if not shown and str(earlier or "") != later:
        shown = ["  only the line ends differ"]
    return [f"{title}:", *shown] if shown else []


def _text(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
