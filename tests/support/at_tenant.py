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
from invite_site.tenant.setup.apply import Here, Plan, carry_out, plan
from invite_site.tenant.setup.check import Report, check
from invite_site.tenant.setup.look import Look

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
        return self.api.get("/connections", name=self.settings.connection)[0]

    def changes_connection_options(self, **options: Any) -> None:
        body = {"options": {**self.connection["options"], **options}}
        self.api.send("PATCH", f"/connections/{self.connection['id']}", body)

    def stores_page(self, html: str, *, enabled: bool = True) -> None:
        page = {"change_password": {"enabled": enabled, "html": html}}
        self.api.send("PATCH", "/tenants/settings", page)

    @property
    def page(self) -> Any:
        return self.api.get("/tenants/settings")["change_password"]

    def changes_settings(self, **values: Any) -> None:
        self.settings = replace(self.settings, **values)

    def look(self) -> Look:
        wanted = files.read(self.settings)
        return Look(self.settings, wanted, self.setup, now=self.now)

    def check(self) -> Report:
        return check(self.look())

    def plan(self, *, replacing: bool = False) -> Plan:
        assert self.setup is not None
        api = ManagementApi(self.settings, self.setup, COMMAND)
        return plan(Here(self.settings, files.read(self.settings), api, replacing))

    def apply(self, *, replacing: bool = False) -> list[str]:
        """Put everything in place; the troubles there were."""
        found = self.plan(replacing=replacing)
        troubles = [each.says for each in found.left if each.is_trouble]
        return troubles + [said for _, said in carry_out(found.changes, self.api) if said]

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
            services_of(app).engine.dispose()


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
