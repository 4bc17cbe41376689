"""The folder of a demo: its settings, its clock, and that one demo runs in it."""

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from dotenv import dotenv_values

from ..errors import InviteSiteError
from ..settings import DEMO_SETTINGS, INSTANCE

DATABASES = ("site.db", "tenant.db")
DATABASES_WITH_LOGS = tuple(f"{name}*" for name in DATABASES)
# What else a demo writes into its folder.
FILES = (f"{DEMO_SETTINGS}*", "clock*", "story-unfinished", "demo.lock")


class DemoRuns(InviteSiteError):
    """Another demo uses this folder."""


class FolderUnusable(InviteSiteError):
    """The folder cannot be made, or not written."""


class NotOfADemo(InviteSiteError):
    """The folder holds the database of a real site."""


class Instance:
    """INSTANCE_DIR, by default `instance` in the project."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def from_environment(cls) -> "Instance":
        return cls(Path(os.environ.get("INSTANCE_DIR") or INSTANCE).resolve())

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other demos, and `make demo-reset`, out of the folder. Raises DemoRuns, FolderUnusable.

        The system lets go of the lock where a process is killed.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = (self.folder / "demo.lock").open("w", encoding="utf-8")
        except OSError as refused:
            raise FolderUnusable(
                f"The demo cannot write to {self.folder} ({refused.strerror}). Choose another "
                "folder: INSTANCE_DIR=…"
            ) from refused
        with lock as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as held:
                raise DemoRuns(
                    f"A demo runs in {self.folder}. Stop it with Ctrl-C first, or choose another "
                    "folder: INSTANCE_DIR=…"
                ) from held
            yield

    def require_own(self) -> None:
        """Raises NotOfADemo where `site.db` is that of `make run`: the demo's worker would deliver what
        waits in it to the demo's mailbox. An empty file is nobody's: a command that needs no table
        makes it."""
        database = self.folder / "site.db"
        if database.exists() and database.stat().st_size and not self._has_begun:
            raise NotOfADemo(
                f"{database} is the database of a site that `make run` has started. "
                "Choose another folder for the demo: INSTANCE_DIR=… make demo"
            )

    def forget(self) -> None:
        """Delete everything of a demo, and the folder unless there is more in it. Raises DemoRuns,
        FolderUnusable."""
        if not (self.folder / "demo.lock").exists():
            return
        with self.locked():
            if self._has_begun:
                self._delete(*DATABASES_WITH_LOGS)
            self._delete(*FILES)
            if not any(self.folder.iterdir()):
                self.folder.rmdir()

    @property
    def _has_begun(self) -> bool:
        """Whether a demo has made `site.db`, before which it writes its settings. Else that is of `make run`,
        also where a tenant is beside it: that may have been started alone."""
        return self.environment_file.exists()

    @property
    def is_new(self) -> bool:
        """Whether nobody has used a demo here yet."""
        files = (self.folder / name for name in DATABASES)
        return not any(file.exists() and file.stat().st_size for file in files)

    def begin_story(self) -> None:
        """Note that the story is being told; what a kill leaves of it, `forget_half_story` deletes."""
        self._unfinished.touch()

    def end_story(self) -> None:
        """The story is complete: from now on the databases are kept."""
        self._unfinished.unlink()

    def forget_half_story(self) -> None:
        """Delete the databases where the story in them was not finished; nobody has used them."""
        if not self._unfinished.exists():
            return
        self._delete(*DATABASES_WITH_LOGS)
        self._unfinished.unlink()

    def _delete(self, *patterns: str) -> None:
        for pattern in patterns:
            for file in self.folder.glob(pattern):
                file.unlink()

    @property
    def _unfinished(self) -> Path:
        return self.folder / "story-unfinished"

    @property
    def clock_offset(self) -> float:
        """How many seconds the demo's clock is ahead of the machine's."""
        file = self.folder / "clock"
        return float(file.read_text(encoding="ascii")) if file.exists() else 0.0

    def keep_clock_offset(self, seconds: float) -> None:
        """Go on with this offset at the next start."""
        _write(self.folder / "clock", str(seconds))

    @property
    def environment_file(self) -> Path:
        return self.folder / DEMO_SETTINGS

    def earlier_environment(self) -> dict[str, str]:
        """The settings of the start before this one."""
        file = self.environment_file
        found = dotenv_values(file) if file.exists() else {}
        return {name: value for name, value in found.items() if value}

    def write_environment(self, environment: Mapping[str, str]) -> None:
        """Every setting a deployment would have, so that any client can use them."""
        _write(
            self.environment_file,
            "".join(f"{name}='{value}'\n" for name, value in environment.items()),
        )


def _write(file: Path, text: str) -> None:
    """Replace a file that its owner alone can read, at once as a whole."""
    new = file.with_name(f"{file.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
    new.replace(file)
