"""`make demo`: the whole flow on this machine, in one process, with nothing else needed.

The only module that imports the local tenant. The site gets its settings the way any
deployment does, from variables, and reaches the tenant by HTTP and SMTP alone.
"""

import os
import secrets
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from . import create_app, local_tenant
from .errors import InviteSiteError
from .server import PortInUse, listening, prepare, serving, wait_for, working
from .services import Services
from .settings import ROOT, Settings
from .web.current import EXTENSION

ADMIN = "admin@example.com"
PASSWORD = "Invite-Demo-1!"  # noqa: S105 - of a tenant that only this machine reaches
APP_NAME = "Acme Notes"


def main() -> None:
    """Run the demo until Ctrl-C. Ends with one sentence where a port is taken."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    os.environ["LOCAL_TENANT_CONTROL"] = "1"
    instance = Path(os.environ.get("INSTANCE_DIR") or ROOT / "instance").resolve()
    instance.mkdir(mode=0o700, parents=True, exist_ok=True)
    site_port = _port("SITE_PORT", 3000)
    site_url = f"http://localhost:{site_port}"
    config = local_tenant.TenantConfig(
        database=instance / "tenant.db",
        port=_port("TENANT_PORT", 3001),
        smtp_port=_port("SMTP_PORT", 1025),
        control=True,
        site_url=site_url,
        app_name=APP_NAME,
        admin_email=ADMIN,
        admin_password=PASSWORD,
    )
    try:
        with listening(site_port) as listener, local_tenant.serve(config) as tenant:
            environment = _write_environment(instance, site_url, site_port, tenant.environment)
            app = create_app(Settings.from_env(environment))
            services: Services = app.extensions[EXTENSION]
            prepare(services)
            _grant_seeded_admin(services)
            with serving(app, listener), working(services, name="demo"):
                _say_what_to_do(site_url, tenant.mailbox_url, instance)
                wait_for(stop)
    except (PortInUse, local_tenant.PortInUse) as taken:
        variable = {config.port: "TENANT_PORT", config.smtp_port: "SMTP_PORT"}.get(
            taken.port, "SITE_PORT"
        )
        sys.exit(f"{taken} Choose another one: {variable}=… make demo")
    except InviteSiteError as refused:
        sys.exit(str(refused))
    print("Stopped.")  # noqa: T201 - a word for the person at the terminal


def _write_environment(
    instance: Path, site_url: str, site_port: int, tenant: Mapping[str, str]
) -> dict[str, str]:
    """Every setting a deployment would have, in `demo.env`, so that any client can use them."""
    file = instance / "demo.env"
    earlier = dotenv_values(file) if file.exists() else {}
    environment = {
        "SECRET_KEY": earlier.get("SECRET_KEY") or secrets.token_hex(),
        "SITE_URL": site_url,
        "SITE_PORT": str(site_port),
        "APP_NAME": APP_NAME,
        "CONTACT_EMAIL": ADMIN,
        **tenant,
        "DATABASE_URL": f"sqlite:///{instance / 'site.db'}",
        "MAIL_FROM": f"{APP_NAME} <invitations@example.com>",
        "LOG_LEVEL": os.environ.get("LOG_LEVEL") or "WARNING",
    }
    lines = "".join(f"{name}='{value}'\n" for name, value in environment.items())
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(lines)
    return environment


def _grant_seeded_admin(services: Services) -> None:
    if any(grant.label == ADMIN for grant in services.admins.all()):
        return
    user = services.tenant.find_user(ADMIN)
    if user is not None:
        services.admins.grant(user.user_id, label=ADMIN, now=services.clock())


def _port(name: str, default: int) -> int:
    value = os.environ.get(name, "").strip() or str(default)
    if not value.isdecimal() or not 0 < int(value) < 65536:
        sys.exit(f"{name} must be a number from 1 to 65535, not {value!r}.")
    return int(value)


def _say_what_to_do(site_url: str, mailbox_url: str, instance: Path) -> None:
    text = f"""
Ready: {site_url}

  1. Sign in as an admin   {site_url}/admin/
     {ADMIN} with the password {PASSWORD}
  2. Invite somebody       any address will do; nothing leaves this machine
  3. Open the mailbox      {mailbox_url}
     follow the link there, choose a password, sign in

Settings for other clients: {instance / "demo.env"}
Stop with Ctrl-C; `make demo-reset` forgets everything.
"""
    print(text, flush=True)  # noqa: T201 - this is what the demo says
