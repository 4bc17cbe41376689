"""The Management API, as far as it is built: one module for each kind of thing.

Importing one registers its calls on the bp. A call that none of them knows is answered
with 501 by `web.py`.
"""

from . import clients, connections, grants, logs, mail, roles, tenant, tickets, users  # noqa: F401
from .call import bp

__all__ = ["bp"]
