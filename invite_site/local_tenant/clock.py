"""The tenant's one clock: tokens, tickets, codes and mails all ask it."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass
class Clock:
    """The machine's clock plus an `offset` in seconds that the control plane may set."""

    offset: float = 0.0

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self.offset


def iso(seconds: float) -> str:
    """Epoch seconds as Auth0 writes a time: UTC, ISO 8601, milliseconds, `Z`."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
