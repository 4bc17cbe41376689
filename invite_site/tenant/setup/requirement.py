"""What a requirement is: something that the site needs of its tenant."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from ...settings import Settings
from .changes import Change, Skipped
from .files import DesiredState
from .findings import Finding
from .reader import TenantReader


@dataclass(frozen=True, slots=True)
class Context:
    """What a requirement is held against.

    `replace`: put ours also in the place of a page or mail template that somebody else made.
    """

    settings: Settings
    desired: DesiredState
    tenant: TenantReader
    replace: bool = False
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Requirement:
    """`check` says whether the requirement is met, and what to do where it is not."""

    name: str
    check: Callable[[Context], Finding]


@dataclass(frozen=True, slots=True)
class Section:
    """`changes` are what would meet the requirements about one resource of the tenant.

    Several requirements share a section: the addresses of an application are one call.
    """

    name: str
    changes: Callable[[Context], Iterator[Change | Skipped]]
