"""What tests of the ledger begin with."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from invite_site.database.engine import open_engine


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An empty database, SQLite and PostgreSQL in turns."""
    engine = open_engine(database_url)
    yield engine
    engine.dispose()
