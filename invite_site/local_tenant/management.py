"""The Management API, as far as it is built: one module for each kind of thing.

A call that none of them knows is answered with 501 by `pages.py`.
"""

from . import (
    management_clients,
    management_connections,
    management_grants,
    management_logs,
    management_mail,
    management_roles,
    management_tenant,
    management_tickets,
    management_users,
)
from .management_call import blueprint

# Importing a part hangs its calls on the blueprint.
PARTS = (
    management_clients,
    management_connections,
    management_grants,
    management_logs,
    management_mail,
    management_roles,
    management_tenant,
    management_tickets,
    management_users,
)

__all__ = ["PARTS", "blueprint"]
