"""The tenant's roles: which there are, and giving them to a user."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from ..errors import TenantUnavailable
from .answers import reading_answer
from .http import ManagementApi

# What the site needs to offer roles and to give them. Without these it works, and offers none.
ROLE_SCOPES = ("read:roles", "create:role_members", "update:users")
PAGE_SIZE = 100
MOST_PAGES = 10  # Auth0 shows no more than 1,000 by pages


class TenantRoles:
    """Each method raises what the calls of `ManagementApi` raise."""

    def __init__(self, api: ManagementApi) -> None:
        self._api = api

    def missing_scopes(self) -> Sequence[str]:
        """The permissions that are lacking; none where the tenant does not say what is granted."""
        granted = self._api.scopes()
        return [] if granted is None else [each for each in ROLE_SCOPES if each not in granted]

    def names(self) -> Mapping[str, str]:
        """The id and the name of every role, by name."""
        found: dict[str, str] = {}
        for number in range(MOST_PAGES):
            page = self._api.get("/roles", per_page=str(PAGE_SIZE), page=str(number))
            if not isinstance(page, list):
                raise TenantUnavailable("The tenant's answer cannot be read.")
            with reading_answer():
                found |= {str(role["id"]): str(role["name"]) for role in page}
            if len(page) < PAGE_SIZE:
                break
        return dict(sorted(found.items(), key=lambda role: role[1].casefold()))

    def grant(self, user_id: str, role_ids: Sequence[str]) -> None:
        """Give this user these roles, besides those it has. A 404 (TenantRefused) means that the user
        or one of the roles is gone; then none is given."""
        self._api.send("POST", f"/users/{quote(user_id, safe='')}/roles", {"roles": list(role_ids)})
