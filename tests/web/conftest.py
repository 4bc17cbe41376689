"""Fixtures of the pages: who sits before them, and where requests are counted."""

from collections.abc import Iterator

import pytest

from tests.support.person import Person
from tests.support.redis_server import redis_server
from tests.support.running import RunningSite, signs_in


@pytest.fixture
def desk(site: RunningSite, admin: Person) -> Person:
    """An admin, signed in, before the list."""
    site.make_admin()
    return signs_in(admin, site, start="/admin/invitations")


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    """A Redis of the tests of one module."""
    with redis_server() as url:
        yield url
