"""One action on many invitations, which a worker does a few at a time."""

from .kinds import JobKind
from .service import Jobs

__all__ = ["JobKind", "Jobs"]
