"""Which documented fact a test holds the local tenant to; the table in `docs/` comes from here.

`python -m tests.local_tenant.contract` writes the table anew.
"""

from collections.abc import Callable
from typing import TypeVar

Test = TypeVar("Test", bound=Callable[..., None])


def contract(section: str, fact: str) -> Callable[[Test], Test]:
    """Mark a test: the section of the contract, and the fact in one line.

    The marks are read out of the source, so this changes nothing about the test.
    """

    def mark(test: Test) -> Test:
        return test

    return mark
