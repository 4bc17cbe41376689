"""`python -m invite_site.local_tenant`, as another project starts it."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from .client import CONTROL

COMMAND = [sys.executable, "-m", "invite_site.local_tenant"]
ROOT = Path(__file__).resolve().parent.parent.parent


def environment(folder: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "LOCAL_TENANT_CONTROL"}
    ports = {"TENANT_PORT": "0", "SMTP_PORT": "0", "INSTANCE_DIR": str(folder / "instance")}
    return {**kept, "PYTHONPATH": str(ROOT), **ports, **more}


@contextmanager
def started(folder: Path, **more: str) -> Iterator[dict[str, str]]:
    """The settings that it prints, and `url`; ends it the way a terminal does."""
    process = subprocess.Popen(
        COMMAND, cwd=folder, env=environment(folder, **more), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        said = ""
        for line in process.stdout:
            said += line
            if line.startswith("Stop with"):
                break
        settings = dict(re.findall(r"^  ([A-Z0-9_]+)='([^']*)'$", said, re.MULTILINE))
        yield {**settings, "url": re.findall(r"^Ready: (\S+)$", said, re.MULTILINE)[0]}
    finally:
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=20)
    assert (process.returncode, rest.strip()) == (0, "Stopped.")


def test_it_works(tmp_path: Path) -> None:
    """From another folder, with the settings it prints, and the same ones after a restart."""
    with started(tmp_path) as first:
        assert first["AUTH0_DOMAIN"] == first["url"]
        token = {
            "grant_type": "client_credentials",
            "client_id": first["TENANT_SETUP_CLIENT_ID"],
            "client_secret": first["TENANT_SETUP_CLIENT_SECRET"],
            "audience": f"{first['url']}/api/v2/",
        }
        assert requests.post(f"{first['url']}/oauth/token", json=token, timeout=10).ok
        without = requests.get(f"{first['url']}/_tenant/state", headers=CONTROL, timeout=10)
        assert without.status_code == 404
    assert (tmp_path / "instance" / "tenant.db").exists()

    with started(tmp_path, LOCAL_TENANT_CONTROL="1", TENANT_PLAN="free") as again:
        assert again["AUTH0_CLIENT_SECRET"] == first["AUTH0_CLIENT_SECRET"]
        plan = requests.get(f"{again['url']}/_tenant/plan", headers=CONTROL, timeout=10)
        assert plan.json()["plan"] == "free"


def ended(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *words],
        cwd=folder,
        env=environment(folder, **more),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def refusal(folder: Path, **more: str) -> str:
    done = ended(folder, **more)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr.strip()


def test_a_busy_port_is_one_sentence(tmp_path: Path) -> None:
    """It names the variable."""
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = str(busy.getsockname()[1])
        told = refusal(tmp_path, SMTP_PORT=port)
    assert told.startswith(f"Port {port} is in use.")
    assert "SMTP_PORT=" in told


def test_a_variable_that_is_no_good_is_one_sentence(tmp_path: Path) -> None:
    """Before anything starts."""
    assert refusal(tmp_path, TENANT_PLAN="gold").startswith("TENANT_PLAN is one of off, free")


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    """Where a file stands in its place, or above it."""
    (tmp_path / "instance").touch()
    assert refusal(tmp_path).startswith("The local tenant cannot start: ")
    assert "Not a directory" in refusal(tmp_path, INSTANCE_DIR=str(tmp_path / "instance" / "x"))


def test_words_behind_the_command_start_nothing(tmp_path: Path) -> None:
    """Whoever asks for help learns where the variables are listed."""
    helped = ended(tmp_path, "--help")
    assert helped.returncode == 0
    assert "docs/local-tenant.md" in helped.stdout
    assert ended(tmp_path, "start").returncode == 2
    assert not (tmp_path / "instance").exists()
