"""Roles: which ones an inviter may choose, and giving them once the invitation is accepted."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ...errors import (
    CredentialsRefused,
    DeliveryError,
    InvalidInvitee,
    TenantRefused,
    TenantUnavailable,
)
from ...tenant.roles import TenantRoles
from ..lifecycle import EventKind
from ..tables import Invitation

ACCOUNT_GONE = "The account was deleted at the tenant before its roles could be given."
KEEP = timedelta(minutes=1)  # so that opening the form seldom waits for the tenant
SOON, LATER = timedelta(minutes=1), timedelta(minutes=10)  # until the next try


@dataclass(frozen=True, slots=True)
class Offer:
    """The roles to choose from, by id, and one sentence for admins where there is none."""

    roles: Mapping[str, str] = field(default_factory=dict)
    sentence: str = ""


class RoleOffers:
    """What the form offers, asked of the tenant once a minute. `clock` gives aware UTC."""

    def __init__(self, roles: TenantRoles, clock: Callable[[], datetime]) -> None:
        self._roles = roles
        self._clock = clock
        self._lock = threading.Lock()
        self._offer = Offer(sentence="The tenant is being asked for its roles. Reload this page.")
        self._asked_at: datetime | None = None

    def current(self) -> Offer:
        """The roles as they were at most a minute ago, or the last ones that the tenant told. Where it
        takes long to answer, one request waits for it and the others go on with those."""
        now = self._clock()
        is_old = self._asked_at is None or not now - KEEP < self._asked_at <= now
        if is_old and self._lock.acquire(blocking=False):
            try:
                self._offer = self._ask()
                self._asked_at = now
            finally:
                self._lock.release()
        return self._offer

    def named(self, words: Sequence[str]) -> dict[str, str]:
        """The roles with these names or ids, by id. The case of letters counts only where two names differ
        by nothing else. Raises InvalidInvitee where a word names none."""
        offer = self.current()
        by_name = {name: role_id for role_id, name in offer.roles.items()}
        alike = Counter(map(str.casefold, by_name))
        by_letters = {
            name.casefold(): role_id
            for name, role_id in by_name.items()
            if alike[name.casefold()] == 1
        }
        by_word = by_name | {role_id: role_id for role_id in offer.roles}
        found = {}
        for word in words:
            role_id = by_word.get(word) or by_letters.get(word.casefold())
            if role_id is None:
                none = f"The tenant has no role {word[:60]}."
                raise InvalidInvitee("roles", none if offer.roles else offer.sentence or none)
            found[role_id] = offer.roles[role_id]
        return found

    def _ask(self) -> Offer:
        try:
            missing = self._roles.missing_scopes()
            if missing:
                return Offer(sentence=_not_allowed(" and ".join(missing)))
            roles = self._roles.names()
        except CredentialsRefused as refused:
            return Offer(sentence=f"Roles cannot be chosen here. {refused}")
        except DeliveryError:
            if self._offer.roles:
                return self._offer
            return Offer(
                sentence="The tenant cannot be asked for its roles now. Reload this page in a minute "
                "if you want to choose some."
            )
        return Offer(roles, "" if roles else "The tenant has no roles to choose from.")


def _not_allowed(scopes: str) -> str:
    return (
        f"Roles cannot be chosen here: the site lacks the permission {scopes} at the tenant. "
        "`flask tenant check` says where to add it; then restart the site."
    )


@dataclass(frozen=True, slots=True)
class Grant:
    """What came of giving roles: when to try again, the event where there is something new to tell, and
    the columns of the invitation that change."""

    again_at: datetime | None = None
    event: EventKind | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, Any] = field(default_factory=dict)


def give_roles(row: Invitation, roles: TenantRoles, clock: Callable[[], datetime]) -> Grant:
    """Give an accepted invitation's account the roles that were chosen for it. Those that the tenant no
    longer has are named; while it does not answer or refuses, the next try is said."""
    if not row.roles or row.roles_granted_at or not row.user_id:
        return Grant()
    try:
        gone = _grant(roles, row.user_id, row.roles)
    except DeliveryError as failed:
        if isinstance(failed, TenantRefused) and failed.status == 404:
            return _told(row, EventKind.ROLES_NOT_GIVEN, ACCOUNT_GONE)
        wait = SOON if isinstance(failed, TenantUnavailable) else LATER
        why = f"The roles are not given yet. {_reason(failed)} The site tries again."
        return _told(row, EventKind.ROLES_POSTPONED, why, again_at=clock() + wait)
    given = [name for role_id, name in row.roles.items() if role_id not in gone]
    lost = [name for role_id, name in row.roles.items() if role_id in gone]
    lost_words = _lost(lost) if lost else None
    if lost_words and not given:
        return _told(row, EventKind.ROLES_NOT_GIVEN, lost_words)
    return Grant(
        event=EventKind.ROLES_GRANTED,
        evidence={"roles": given} | ({"why": lost_words} if lost_words else {}),
        columns={"roles_granted_at": clock(), "last_error": lost_words},
    )


def _grant(roles: TenantRoles, user_id: str, wanted: Mapping[str, str]) -> set[str]:
    """Give these roles; returns those that the tenant does not have any more."""
    try:
        roles.grant(user_id, list(wanted))
        return set()
    except TenantRefused as refused:
        if refused.status != 404:
            raise
        present = roles.names()
        left = [role_id for role_id in wanted if role_id in present]
        if len(left) == len(wanted):  # so it is the account that is gone
            raise
        if left:
            roles.grant(user_id, left)
        return set(wanted) - set(left)


def _reason(failed: DeliveryError) -> str:
    """In our own words: the tenant's may hold an address."""
    if isinstance(failed, TenantRefused):
        return f"The tenant refused them (HTTP {failed.status})."
    return str(failed)


def _lost(names: list[str]) -> str:
    what = ", ".join(names)
    return (
        f"Deleted at the tenant before it could be given: {what}. Whoever needs another role gets it "
        "at the tenant."
    )


def _told(
    row: Invitation, event: EventKind, why: str, *, again_at: datetime | None = None
) -> Grant:
    """The same sentence twice is one event."""
    is_new = row.last_error != why
    return Grant(
        again_at, event if is_new else None, {"why": why} if is_new else {}, {"last_error": why}
    )
