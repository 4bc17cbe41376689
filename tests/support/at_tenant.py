"""Somebody who sets a tenant up for a test, and looks at it afterwards."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from click.testing import Result

from invite_site import create_app
from invite_site.settings import Settings
from invite_site.tenant.http import COMMAND, Credentials, ManagementApi
from invite_site.tenant.setup import files
from invite_site.tenant.setup.apply import Plan, execute, plan
from invite_site.tenant.setup.check import Report, check
from invite_site.tenant.setup.reader import TenantReader
from invite_site.tenant.setup.requirement import Context

from .running import Tenant, services_of, settings_for


@dataclass
class AtTenant:
    """The settings of a site and the credentials to set its tenant up; tests change either."""

    tenant: Tenant
    settings: Settings
    setup: Credentials | None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def api(self) -> ManagementApi:
        """A Management API client with every permission, for making a mess or looking at one."""
        tenant = self.tenant.environment
        names = ("TENANT_SETUP_CLIENT_ID", "TENANT_SETUP_CLIENT_SECRET")
        return ManagementApi(
            settings_for(self.tenant, Path("/nowhere")),
            Credentials("TENANT_SETUP_CLIENT", *(tenant[name] for name in names)),
            COMMAND,
        )

    @property
    def client(self) -> Any:
        return self.api.get(f"/clients/{self.settings.client_id}")

    def changes_client(self, **body: Any) -> None:
        self.api.send("PATCH", f"/clients/{self.settings.client_id}", body)

    @property
    def connection(self) -> Any:
        found: Any = self.api.get("/connections", name=self.settings.connection)
        return found[0]

    def changes_connection_options(self, **options: Any) -> None:
        body = {"options": {**self.connection["options"], **options}}
        self.api.send("PATCH", f"/connections/{self.connection['id']}", body)

    def stores_page(self, html: str, *, enabled: bool = True) -> None:
        page = {"change_password": {"enabled": enabled, "html": html}}
        self.api.send("PATCH", "/tenants/settings", page)

    @property
    def page(self) -> Any:
        stored: Any = self.api.get("/tenants/settings")
        return stored["change_password"]

    def changes_settings(self, **values: Any) -> None:
        self.settings = replace(self.settings, **values)

    def context(self, *, replacing: bool = False) -> Context:
        """What the commands work with; it remembers what it has read."""
        setup = ManagementApi(self.settings, self.setup, COMMAND) if self.setup else None
        tenant = TenantReader(self.settings, setup)
        return Context(self.settings, files.read(self.settings), tenant, replacing, self.now)

    def check(self) -> Report:
        return check(self.context())

    def plan(self, *, replacing: bool = False) -> Plan:
        assert self.setup is not None
        return plan(self.context(replacing=replacing))

    def apply(self, *, replacing: bool = False) -> list[str]:
        """Put everything in place; returns what is in the way of the site, and what went wrong."""
        found = self.plan(replacing=replacing)
        blocking = [each.message for each in found.skipped if each.blocking]
        return blocking + [error for _, error in execute(found.changes, self.api) if error]

    def runs(self, *words: str, answer: str = "", setup: bool = True) -> Result:
        """`flask tenant …`, with the setup credentials in the environment."""
        app = create_app(self.settings)
        credentials = self.setup if setup else None
        environment = {
            "TENANT_SETUP_CLIENT_ID": credentials.client_id if credentials else "",
            "TENANT_SETUP_CLIENT_SECRET": credentials.client_secret if credentials else "",
        }
        try:
            runner = app.test_cli_runner()
            return runner.invoke(args=["tenant", *words], input=answer, env=environment)
        finally:
            services_of(app).close()


def at_tenant(tenant: Tenant, folder: Path) -> AtTenant:
    """Whoever sets this tenant up for a site of its own."""
    environment = tenant.environment
    return AtTenant(
        tenant,
        settings_for(tenant, folder),
        Credentials.for_setup(
            environment["TENANT_SETUP_CLIENT_ID"], environment["TENANT_SETUP_CLIENT_SECRET"]
        ),
    )
