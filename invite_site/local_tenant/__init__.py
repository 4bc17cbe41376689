"""The local tenant: a small, faithful stand-in for Auth0 on this machine.

It is reached by HTTP and SMTP only. It imports nothing of the site, and the site knows it by
settings alone; what is named here is all that may be imported from it.
"""

from typing import TYPE_CHECKING

from .config import TenantConfig
from .server import PortInUse, RunningTenant, serve

if TYPE_CHECKING:
    from flask import Flask

__all__ = ["PortInUse", "RunningTenant", "TenantConfig", "create_tenant", "serve"]


def create_tenant(config: TenantConfig) -> "Flask":
    """The tenant's app without a server; the issuer is `public_url`, else the port's address."""
    from .app import create_tenant as create

    return create(config)
