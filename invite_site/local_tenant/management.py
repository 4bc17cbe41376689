"""The Management API, as far as it is built: one module for each kind of thing.

A call that none of them knows is answered with 501 by `pages.py`.
"""

from . import management_tickets, management_users
from .management_call import blueprint

__all__ = ["blueprint", "management_tickets", "management_users"]
