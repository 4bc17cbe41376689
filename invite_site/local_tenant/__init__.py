"""The local tenant: a small, faithful stand-in for Auth0 on this machine.

A site speaks to it over HTTP and SMTP, by its settings alone. The package imports nothing of the
site, and only the names below may be imported from it.
"""

from typing import TYPE_CHECKING

from .config import Demonstration, NotChosen, TenantConfig
from .server import DemoControl, PortInUse, RunningTenant, serve

if TYPE_CHECKING:
    from flask import Flask

__all__ = [
    "DemoControl",
    "Demonstration",
    "NotChosen",
    "PortInUse",
    "RunningTenant",
    "TenantConfig",
    "create_tenant",
    "serve",
]


def create_tenant(config: TenantConfig) -> "Flask":
    """The tenant's app without a server; the issuer is `public_url`, else the port's address."""
    from .app import create_tenant as create

    return create(config)
