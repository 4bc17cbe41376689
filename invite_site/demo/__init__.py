"""`make demo`: the whole flow on this machine, in one process, with nothing else needed.

The only package that imports the local tenant. The site gets its settings the way any deployment
does, from variables, and reaches the tenant by HTTP and SMTP alone; the demo around the two adds a
guide to their pages, a story to begin with, and one clock.
"""

import gc
import os
import sys

from .. import local_tenant
from ..cli.run import stop_on_signal
from ..errors import InviteSiteError
from ..server import PortInUse, listening, wait_for
from .instance import Instance
from .people import ADMIN, ADMIN_PASSWORD
from .running import Demo
from .steps import Addresses

_PORTS = {"SITE_PORT": 3000, "TENANT_PORT": 3001, "SMTP_PORT": 1025}


def main() -> None:
    """Run the demo until Ctrl-C; with the word `reset` forget it instead. Ends with one sentence where
    a port or the folder is taken."""
    words = sys.argv[1:]
    if words not in ([], ["reset"]):
        print("Usage: python app.py [reset]", file=sys.stderr)  # noqa: T201 - a word for the person
        sys.exit(2)
    instance = Instance.from_environment()
    try:
        if words:
            instance.forget()
            print(f"Forgotten: {instance.folder}/")  # noqa: T201 - a word for the person
            return
        _run(instance)
    except (PortInUse, local_tenant.PortInUse) as taken:
        sys.exit(_port_taken(taken.port))
    except InviteSiteError as refused:
        sys.exit(str(refused))


def _run(instance: Instance) -> None:
    stop = stop_on_signal()
    ports = _ports()
    demo = Demo(
        instance,
        site_port=ports["SITE_PORT"],
        tenant_port=ports["TENANT_PORT"],
        smtp_port=ports["SMTP_PORT"],
        is_empty=os.environ.get("DEMO_EMPTY", "") not in ("", "0"),
    )
    with instance.locked(), listening(demo.site_port) as listener, demo.serving(listener, stop):
        gc.freeze()  # what the start has made stays: no collection looks through it
        gc.enable()
        if not stop.is_set():
            _say_what_to_do(demo.addresses, instance)
            wait_for(stop)
    print("Stopped.")  # noqa: T201 - a word for the person at the terminal


def _ports() -> dict[str, int]:
    """Each port by its variable; ends with one sentence where one is invalid, or two are the same."""
    ports = {name: _port(name, default) for name, default in _PORTS.items()}
    if len(set(ports.values())) < len(ports):
        told = ", ".join(f"{name} {port}" for name, port in ports.items())
        sys.exit(f"The demo needs three different ports, and these are: {told}.")
    return ports


def _port(name: str, default: int) -> int:
    value = os.environ.get(name, "").strip() or str(default)
    if not value.isdecimal() or not 0 < int(value) < 65536:
        sys.exit(f"{name} must be a number from 1 to 65535, not {value!r}.")
    return int(value)


def _port_taken(port: int) -> str:
    variable = next(name for name, each in _ports().items() if each == port)
    return f"Port {port} is taken by another program. Choose another one: {variable}=… make demo"


def _say_what_to_do(to: Addresses, instance: Instance) -> None:
    text = f"""
Ready: {to.site}
You are the owner: {ADMIN} with the password {ADMIN_PASSWORD}; invitees are at {to.site_of_invitee}
First step: {to.site}/admin/invitations/new - the bar on each page says what comes next
Mailbox: {to.mailbox} - dashboard: {to.dashboard}
Ctrl-C stops it; `make demo-reset` forgets everything. Settings: {instance.environment_file}
"""
    print(text, flush=True)  # noqa: T201 - this is what the demo says
