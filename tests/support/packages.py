"""Programs that `make test` installs where it may."""

import os
import shutil
import subprocess


def may_install() -> bool:
    """Whether this is root on Debian or Ubuntu."""
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    return is_root and shutil.which("apt-get") is not None


def install(package: str) -> None:
    """Install this package of Debian. Whoever asks looks for the program afterwards."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", package]):
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL)
