"""The tenant's clock, for tokens, tickets, codes and mails."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass
class Clock:
    """The machine's clock plus an `offset` in seconds; the control plane sets and stops it."""

    offset: float = 0.0
    _held_at: float | None = None

    def now(self) -> float:
        """Seconds since the epoch."""
        return (time.time() if self._held_at is None else self._held_at) + self.offset

    @property
    def is_held(self) -> bool:
        """Whether the clock is stopped."""
        return self._held_at is not None

    def hold(self, held: bool) -> None:
        """Stop the clock, or continue with the machine's time."""
        self._held_at = time.time() if held else None


def iso(seconds: float) -> str:
    """Epoch seconds as Auth0 writes a time: UTC, ISO 8601, milliseconds, `Z`."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
