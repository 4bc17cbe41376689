"""One message at a time between the mail server and the ledger.

A worker that is killed after the mail server took a message, and before that is written down, sends
it again. Deliveries go on side by side, but for this step they take turns, so that a kill costs one
copy at most.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Seconds. The promise holds while mail servers answer within them. What waiting costs is made up by more
# deliveries in flight.
PATIENCE = 1.0


class Turns:
    """The turns of one process. Safe to share by threads."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self._turn = threading.Lock()
        self._patience = patience

    @contextmanager
    def one(self) -> Iterator[Callable[[], None]]:
        """Gives what is to be called just before the message is handed over; it waits for the turn,
        which lasts until the block ends. Without one after `patience` seconds it goes ahead."""
        is_ours = False

        def take() -> None:
            nonlocal is_ours
            is_ours = is_ours or self._turn.acquire(timeout=self._patience)

        try:
            yield take
        finally:
            if is_ours:
                self._turn.release()
