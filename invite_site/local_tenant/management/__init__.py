"""The Management API, as far as it is built: one module for each kind of thing.

A call that none of them knows is answered with 501 by `pages.py`.
"""

from . import clients as management_clients
from . import connections as management_connections
from . import grants as management_grants
from . import logs as management_logs
from . import mail as management_mail
from . import roles as management_roles
from . import tenant as management_tenant
from . import tickets as management_tickets
from . import users as management_users
from .call import blueprint

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
