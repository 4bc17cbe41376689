"""`python -m invite_site.local_tenant`: the tenant alone, as the Auth0 of another project."""

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from . import PortInUse, RunningTenant, TenantConfig, serve
from .simulation.rate_limits import PLANS


def main() -> None:
    """Run until Ctrl-C; exit with one sentence where a variable is invalid, a port in use, or the
    folder not to be written."""
    argparse.ArgumentParser(
        prog="python -m invite_site.local_tenant",
        description="A small stand-in for Auth0 on this machine. Ctrl-C stops it.",
        epilog="It is set up by variables: docs/local-tenant.md lists them.",
    ).parse_args()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    config = _config()
    try:
        config.database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with serve(config) as tenant:
            _print_settings(config, tenant)
            # A signal that arrives in the moment in which a wait begins does not end it.
            while not stop.wait(1.0):
                pass
    except PortInUse as taken:
        variable = "TENANT_PORT" if taken.port == config.port else "SMTP_PORT"
        sys.exit(
            f"Port {taken.port} is in use. Choose another one:"
            f" {variable}=… python -m invite_site.local_tenant"
        )
    except OSError as refused:
        sys.exit(f"The local tenant cannot start: {refused}")
    print("Stopped.")  # noqa: T201 - output of the command


def _config() -> TenantConfig:
    plan = os.environ.get("TENANT_PLAN") or "off"
    if plan not in PLANS:
        sys.exit(f"TENANT_PLAN is one of {', '.join(PLANS)}, not {plan!r}.")
    folder = Path(os.environ.get("INSTANCE_DIR") or "instance").resolve()
    return TenantConfig(
        database=folder / "tenant.db",
        port=_port("TENANT_PORT", 3001),
        smtp_port=_port("SMTP_PORT", 1025),
        control=os.environ.get("LOCAL_TENANT_CONTROL") == "1",
        site_url=os.environ.get("SITE_URL") or "http://localhost:3000",
        app_name=os.environ.get("APP_NAME") or "Acme",
        public_url=os.environ.get("TENANT_URL") or None,
        plan=plan,
    )


def _port(name: str, default: int) -> int:
    """The port in a variable; 0 stands for a free one."""
    value = os.environ.get(name, "").strip() or str(default)
    if not (value.isascii() and value.isdigit()) or int(value) > 65_535:
        sys.exit(f"{name} must be a number from 0 to 65535, not {value!r}.")
    return int(value)


def _print_settings(config: TenantConfig, tenant: RunningTenant) -> None:
    settings = "\n".join(f"  {name}='{value}'" for name, value in tenant.environment.items())
    control = "on, for this machine" if config.control else "off (LOCAL_TENANT_CONTROL=1)"
    text = f"""
Ready: {tenant.url}

Settings for your application:

{settings}

Allowed callback URLs: {config.site_url}/callback, and /callback on any port of localhost
Mailbox:       {tenant.mailbox_url}
First person:  {config.admin_email} with the password {config.admin_password}
Control plane: {control}
State:         {config.database}

Stop with Ctrl-C.
"""
    print(text, flush=True)  # noqa: T201 - output of the command


if __name__ == "__main__":
    main()
