"""The Management API, as far as it is built: one module for each kind of resource.

Importing a module registers its calls on the blueprint; `web.py` answers all others.
"""

from . import clients, connections, grants, logs, mail, roles, tenant, tickets, users  # noqa: F401
from .call import bp

__all__ = ["bp"]
