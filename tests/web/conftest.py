"""Fixtures of the pages: who sits before them."""

import pytest

from tests.support.person import Person
from tests.support.running import RunningSite, signs_in


@pytest.fixture
def desk(site: RunningSite, admin: Person) -> Person:
    """An admin, signed in, before the list."""
    site.make_admin()
    return signs_in(admin, site, start="/admin/invitations")
