"""Connections to the mail server that are kept for the next message."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage

from ..errors import MailFailure, MailInDoubt, MailRefused
from .conversation import Patience
from .smtp import SmtpConnection, SmtpServer

log = logging.getLogger(__name__)

MESSAGES = 50  # on one connection; servers end those that go on for long
IDLE = 30.0  # seconds; servers close what says nothing, the strict ones after a minute

OnWait = Callable[[], None]
OnEnd = Callable[[], None]


class Connections:
    """Connections of one mail server, each used by one thread at a time.

    They are kept while somebody is inside `keeping`; without that each message has its own.
    """

    def __init__(self, server: SmtpServer, patience: Patience | None = None) -> None:
        self._server = server
        self._patience = patience
        self._lock = threading.Lock()
        self._keepers = 0
        self._idle: list[SmtpConnection] = []  # the one used last is at the end

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Keep connections until the block ends."""
        with self._lock:
            self._keepers += 1
        try:
            yield
        finally:
            with self._lock:
                self._keepers -= 1
            self.close_idle(0.0)

    def send(
        self,
        message: EmailMessage,
        sender: str,
        recipient: str,
        on_wait: OnWait | None = None,
        on_end: OnEnd | None = None,
    ) -> None:
        """Hand over one message. Raises what `SmtpConnection` and its `send` do, and takes the same
        `on_wait` and `on_end`.

        A refusal by a kept connection may be about that connection: it was closed, or had enough
        messages. So the message goes by a new one, unless it may have been taken or its recipient was
        refused.
        """
        if (kept := self._idle_one()) is not None:
            kept.on_wait = on_wait
            try:
                return self._send(kept, message, sender, recipient, on_end)
            except (MailInDoubt, MailRefused):
                raise
            except MailFailure as refused:
                log.info("a kept connection to the mail server: %s", type(refused).__name__)
        connection = SmtpConnection(self._server, self._patience, on_wait=on_wait)
        self._send(connection, message, sender, recipient, on_end)

    def close_idle(self, seconds: float = IDLE) -> None:
        """Close what has not been used for so long."""
        now = time.monotonic()
        with self._lock:
            old = [each for each in self._idle if now - each.used_at >= seconds]
            self._idle = [each for each in self._idle if each not in old]
        for connection in old:
            connection.close()

    def _idle_one(self) -> SmtpConnection | None:
        self.close_idle()
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _send(
        self,
        connection: SmtpConnection,
        message: EmailMessage,
        sender: str,
        recipient: str,
        on_end: OnEnd | None,
    ) -> None:
        is_good = False
        try:
            connection.send(message, sender, recipient, on_end)
            is_good = True
        except MailRefused:
            is_good = connection.reset()
            raise
        finally:
            self._return(connection, is_good)

    def _return(self, connection: SmtpConnection, is_good: bool) -> None:
        with self._lock:
            is_kept = bool(self._keepers) and is_good and connection.messages < MESSAGES
            if is_kept:
                self._idle.append(connection)
        if not is_kept:
            connection.close()
