"""One conversation with a mail server: smtplib's commands, with patience, and signing in by UTF-8.

Each step may take as long as RFC 5321 grants it. Meanwhile `on_wait` is called now and then, in this
thread, so that an error of it (the lease is lost) ends the conversation.
"""

import base64
import contextlib
import hmac
import logging
import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from ..errors import LeaseLost

log = logging.getLogger(__name__)

T = TypeVar("T")

LONGEST_REPLY = 65536
BLOCK = 16384
MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5")  # in the order in which we try them
OTHER_MECHANISM = frozenset({504, 534})  # this mechanism will not do; another may
SHORTEST_SECRET = 4  # a shorter one cannot be told from other words


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that each step may take: RFC 5321 §4.5.3.2, so that a slow server is not called dead.

    `on_wait` is called every `beat` seconds, but not while connecting: so at the latest after both.
    """

    connect: float = 10  # to each address of the server, and for the handshake of TLS
    command: float = 5 * 60  # the greeting as well; DATA needs less
    block: float = 3 * 60
    final: float = 10 * 60  # after the final dot
    quit: float = 5  # by then nothing depends on it
    beat: float = 5


class Conversation(smtplib.SMTP):
    """A connection that speaks SMTP. Raises OSError where it ends or the patience does."""

    def __init__(
        self,
        our_name: str,
        patience: Patience,
        *,
        tls: ssl.SSLContext | None = None,
        on_wait: Callable[[], None] | None = None,
        transcript: Callable[[str], None] | None = None,
    ) -> None:
        """With `tls` the connection is encrypted from its first byte. `transcript` gets each line,
        without secrets."""
        super().__init__(local_hostname=our_name)
        self._patience = patience
        self._tls = tls
        self._on_wait = on_wait
        self._transcript = transcript or (lambda line: None)
        self._secrets: list[str] = []
        self._is_in_message = False
        self._deadline = 0.0
        self._next_beat = time.monotonic() + patience.beat

    @property
    def is_encrypted(self) -> bool:
        return isinstance(self.sock, ssl.SSLSocket)

    def encrypt(self, context: ssl.SSLContext, host: str) -> None:
        """Go on with TLS, after the server has agreed to STARTTLS; all that it said before is void."""
        assert self.sock is not None  # noqa: S101  # connected, or there is nobody who agreed
        self.sock = self._with_tls(self.sock, context, host)
        self.file = None  # EHLO forgets what was offered

    def sign_in(self, user: str, password: str) -> tuple[int, bytes] | None:
        """The last reply to AUTH; None where the server offers no mechanism that we know.

        In UTF-8 (RFC 4616 §2), which smtplib's own `login` cannot write.
        """
        offered = self.esmtp_features.get("auth", "").upper().split()
        answer = None
        for mechanism in MECHANISMS:
            if mechanism in offered:
                answer = self._authenticate(mechanism, user, password)
                if answer[0] not in OTHER_MECHANISM:
                    break
        return answer

    def put_together(self, lines: Sequence[str]) -> None:
        """Write several commands in one piece: where a server refuses the first and hangs up, no other
        could be written, and the reply that says why would stay unread."""
        if any("\r" in line or "\n" in line for line in lines):
            raise ValueError("a command is one line")
        self.allow(self._patience.command)
        for line in lines:
            self._transcript(f"> {line}")
        self.send("".join(f"{line}\r\n" for line in lines))

    def next_reply(self) -> tuple[int, bytes]:
        """The reply to the earliest of them that has none yet."""
        self.allow(self._patience.command)
        return self.getreply()

    def write(self, content: bytes) -> None:
        """The content of a message, all but the final dot."""
        lines = content.replace(b"\r\n", b"\n").replace(b"\n.", b"\n..").replace(b"\n", b"\r\n")
        self._transcript(f"> ({len(lines)} bytes of message)")
        self._is_in_message = True
        for start in range(0, len(lines), BLOCK):
            self.allow(self._patience.block)
            self.send(lines[start : start + BLOCK])

    def end(self) -> tuple[int, bytes]:
        """The final dot and its reply."""
        self.allow(self._patience.block)
        self._transcript("> .")
        self.send(b".\r\n")
        self._is_in_message = False
        self.allow(self._patience.final)
        return self.getreply()

    def leave(self) -> None:
        """Say goodbye, and care for no answer. Within a message it would be a line of that, and not be
        answered."""
        self._on_wait = None
        with contextlib.suppress(OSError):
            if self.sock is not None and not self._is_in_message:
                self.putcmd("QUIT")
                self.allow(self._patience.quit)
                self.getreply()
        self.close()

    def allow(self, seconds: float) -> None:
        """So long may the next step take, the whole of its reply included."""
        self._deadline = time.monotonic() + seconds

    # What smtplib calls -----------------------------------------------------------------------

    def putcmd(self, cmd: str, args: str = "") -> None:
        self.allow(self._patience.command)
        self._transcript(f"> {_without(self._secrets, f'{cmd} {args}'.strip())}")
        super().putcmd(cmd, args)

    def send(self, s: Any) -> None:
        octets = memoryview(s.encode("ascii") if isinstance(s, str) else s)
        while octets:
            octets = octets[self._patiently(partial(_send, octets)) :]

    def getreply(self) -> tuple[int, bytes]:
        self.file = self.file or _Lines(self._receive)
        self.file.start()
        code, reply = super().getreply()
        text = _without(self._secrets, reply.decode("utf-8", "replace"))
        for line in text.split("\n"):
            self._transcript(f"< {code} {line}".rstrip())
        return code, text.encode()

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        failed = OSError(f"{host} has no address")
        for *_, (address, *_) in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            self._beat()
            try:
                connection = socket.create_connection((str(address), port), self._patience.connect)
            except OSError as not_there:
                failed = not_there
                continue
            # The final dot goes out at once, not after the server's delayed acknowledgement (RFC 9293
            # §3.7.4): 2 ms a message in place of 45.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                connection = self._with_tls(connection, self._tls, host)
            self.allow(self._patience.command)  # for the greeting
            return connection
        raise failed

    # ------------------------------------------------------------------------------------------

    def _authenticate(self, mechanism: str, user: str, password: str) -> tuple[int, bytes]:
        if mechanism == "PLAIN":
            return self._say_secret("AUTH PLAIN ", _base64(f"\0{user}\0{password}"), password)
        code, reply = self.docmd("AUTH", mechanism)
        if code != 334:
            return code, reply
        if mechanism == "LOGIN":
            code, reply = self._say_secret("", _base64(user), password)
            return self._say_secret("", _base64(password)) if code == 334 else (code, reply)
        # RFC 2195
        digest = hmac.new(password.encode(), base64.b64decode(reply), "md5").hexdigest()
        return self._say_secret("", _base64(f"{user} {digest}"), password)

    def _say_secret(self, command: str, *secrets: str) -> tuple[int, bytes]:
        self._secrets += secrets
        return self.docmd(command + secrets[0])

    def _with_tls(
        self, connection: socket.socket, context: ssl.SSLContext, host: str
    ) -> ssl.SSLSocket:
        self._beat()
        connection.settimeout(self._patience.connect)
        # Where this fails it closes the connection.
        encrypted = context.wrap_socket(connection, server_hostname=host)
        self._transcript(f"  ({encrypted.version()})")
        return encrypted

    def _receive(self) -> bytes:
        return self._patiently(lambda connection: connection.recv(BLOCK))

    def _patiently(self, step: Callable[[socket.socket], T]) -> T:
        """Try it again and again until it is done or its time is over."""
        while True:
            self._beat()
            now = time.monotonic()
            if self.sock is None:
                raise smtplib.SMTPServerDisconnected("not connected")
            if now >= self._deadline:
                raise TimeoutError("the mail server does not answer")
            self.sock.settimeout(max(min(self._deadline, self._next_beat) - now, 0.001))
            try:
                return step(self.sock)
            except TimeoutError:
                continue

    def _beat(self) -> None:
        """Call `on_wait` where it is time to."""
        now = time.monotonic()
        if now < self._next_beat:
            return
        self._next_beat = now + self._patience.beat
        if self._on_wait is None:
            return
        try:
            self._on_wait()
        except LeaseLost:
            raise
        except Exception as failed:  # such as a database that is away; the answer still counts
            log.warning("while the mail server takes its time: %s", failed)


class _Lines:
    """What smtplib reads lines from."""

    def __init__(self, receive: Callable[[], bytes]) -> None:
        self._receive = receive
        self._unread = b""
        self._left = LONGEST_REPLY

    def start(self) -> None:
        """Another reply begins."""
        self._left = LONGEST_REPLY

    def readline(self, limit: int) -> bytes:
        while b"\n" not in self._unread and len(self._unread) < limit:
            octets = self._receive()
            if not octets:
                break
            self._unread += octets
        end = min(self._unread.find(b"\n") + 1 or len(self._unread), limit)
        line, self._unread = self._unread[:end], self._unread[end:]
        self._left -= len(line)
        if self._left < 0:
            raise OSError("the reply has no end")
        return line

    def close(self) -> None:
        """The socket is smtplib's."""


def _send(octets: memoryview, connection: socket.socket) -> int:
    return connection.send(octets)


def _without(secrets: Sequence[str], line: str) -> str:
    for secret in secrets:
        if len(secret) >= SHORTEST_SECRET:
            line = line.replace(secret, "***")
    return line


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")
