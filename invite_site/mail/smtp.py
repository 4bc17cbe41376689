"""The mail server of SMTP_URL: connect, encrypt, sign in, send, with the patience of RFC 5321."""

import base64
import enum
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from urllib.parse import parse_qs, unquote, urlsplit

from ..errors import DeliveryError, LeaseLost, MailInDoubt, MailUnavailable
from ..settings import is_loopback
from .replies import Verb, error_of

WAITS_EVERY = 15.0  # seconds between two calls of `on_wait`, well within a lease
UNREACHED = "The mail server cannot be reached."
IN_DOUBT = (
    "The mail server was given the message and did not say whether it took it. It is sent again "
    "later, unless the person comes before."
)


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that each step may take (RFC 5321 §4.5.3.2), so that a slow server is not called dead."""

    connect: float = 30
    command: float = 5 * 60  # the greeting as well
    block: float = 3 * 60
    final: float = 10 * 60  # after the dot


class Encryption(enum.Enum):
    """How a connection is protected. The mail holds an account's link, so only loopback goes without."""

    IF_OFFERED = enum.auto()
    STARTTLS = enum.auto()
    TLS = enum.auto()  # from the first byte


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """A mail server and how to speak to it; without a `user` nobody signs in.

    `our_name` is how we greet it. `is_verified` is false for a relay on this machine whose
    certificate nobody else vouches for.
    """

    host: str
    port: int
    encryption: Encryption
    user: str = ""
    password: str = field(default="", repr=False)
    our_name: str = "localhost"
    is_verified: bool = True

    @classmethod
    def from_url(cls, smtp_url: str, site_url: str = "") -> "SmtpServer":
        """The server of a URL such as `smtp://user:password@mail.example.com:587`, greeted with the host
        of `site_url`."""
        url = urlsplit(smtp_url)
        if url.scheme == "smtps":
            encryption, port = Encryption.TLS, 465
        elif is_loopback(smtp_url):
            encryption, port = Encryption.IF_OFFERED, 587
        else:
            encryption, port = Encryption.STARTTLS, 587
        return cls(
            host=url.hostname or "",
            port=url.port or port,
            encryption=encryption,
            user=unquote(url.username or ""),
            password=unquote(url.password or ""),
            our_name=urlsplit(site_url).hostname or "localhost",
            is_verified=parse_qs(url.query).get("verify") != ["no"],
        )


class Problem(enum.Enum):
    """Why a mail server cannot be used."""

    CERTIFICATE = enum.auto()
    NO_TLS = enum.auto()
    UNSUPPORTED = enum.auto()  # it offers no STARTTLS, or no sign-in
    UNREACHABLE = enum.auto()


SENTENCES = {
    Problem.CERTIFICATE: "The certificate of the mail server is not good for its name: name it in "
    "SMTP_URL as its certificate does, or add ?verify=no for a relay on this machine.",
    Problem.NO_TLS: "The mail server does not speak TLS from the start: write smtp:// with the port "
    "for STARTTLS, most often 587, in SMTP_URL.",
    Problem.UNSUPPORTED: "The mail server offers no STARTTLS or no sign-in, which SMTP_URL needs.",
    Problem.UNREACHABLE: UNREACHED,
}


class ServerUnavailable(MailUnavailable):
    """There is no connection, so no message was handed over and all of them wait."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(SENTENCES[problem])


class SmtpConnection:
    """A connection that is encrypted and signed in as its server wants it.

    `transcript` gets each line of the conversation, without secrets. Raises ServerUnavailable,
    SenderRefused, MailUnavailable.
    """

    def __init__(
        self,
        server: SmtpServer,
        patience: Patience | None = None,
        *,
        on_wait: Callable[[], None] | None = None,
        transcript: Callable[[str], None] | None = None,
    ) -> None:
        self._on_wait = on_wait
        with _waiting(on_wait), _connection_errors():
            self._smtp = _Conversation(server, patience or Patience(), transcript)
            try:
                self._smtp.open()
            except BaseException:
                self._smtp.close()
                raise

    @property
    def is_encrypted(self) -> bool:
        return isinstance(self._smtp.sock, ssl.SSLSocket)

    def send(self, message: EmailMessage, sender: str, recipient: str) -> None:
        """Hand over one message for one mailbox.

        Raises MailRefused, MailAmbiguous, MailDelayed, MailInDoubt, MailUnavailable, SenderRefused.
        """
        with _waiting(self._on_wait):
            try:
                self._smtp.command(Verb.MAIL, f"FROM:<{sender}>")
                self._smtp.command(Verb.RCPT, f"TO:<{recipient}>")
                self._smtp.command(Verb.DATA, expected=354)
                self._smtp.send_content(message.as_bytes())
            except OSError as failed:  # the dot was not sent, so nothing was taken
                raise MailUnavailable(UNREACHED) from failed
            self._smtp.end_content()

    def close(self) -> None:
        """Part. Whatever is said to QUIT: by then a message is taken or refused."""
        with suppress(OSError):
            self._smtp.allow(5)
            self._smtp.quit()
        self._smtp.close()


class _Conversation(smtplib.SMTP):
    """smtplib's commands and replies, with a patience for each step and a verb for each refusal."""

    def __init__(
        self,
        server: SmtpServer,
        patience: Patience,
        transcript: Callable[[str], None] | None,
    ) -> None:
        self._server = server
        self._patience = patience
        self._transcript = transcript or (lambda line: None)
        self._has_secrets = False
        super().__init__(local_hostname=server.our_name, timeout=patience.command)
        self._host = server.host  # the name that STARTTLS checks, which `connect` does not set

    def open(self) -> None:
        """Greet, encrypt, sign in."""
        server = self._server
        code, reply = self.connect(server.host, server.port)
        if code != 220:
            raise error_of(Verb.GREETING, code, reply)
        self._greet()
        if server.encryption is not Encryption.TLS and self._wants_starttls():
            self._start_tls()
        if server.user:
            self._sign_in()

    def command(self, verb: Verb, arguments: str = "", *, expected: int = 250) -> bytes:
        """Raises the error that a refusal of this verb means."""
        code, reply = self.docmd(verb, arguments)
        if code // 10 != expected // 10:
            raise error_of(verb, code, reply)
        return reply

    def send_content(self, content: bytes) -> None:
        """All but the final dot, with leading dots doubled (RFC 5321 §4.5.2)."""
        self.allow(self._patience.block)
        lines = content.replace(b"\r\n", b"\n").replace(b"\n.", b"\n..").replace(b"\n", b"\r\n")
        self._transcript(f"> ({len(content)} bytes of message)")
        self.send(lines if lines.endswith(b"\r\n") else lines + b"\r\n")

    def end_content(self) -> None:
        """The final dot. Without an answer the message may or may not have been taken."""
        self.allow(self._patience.final)
        try:
            self.send(b".\r\n")
            code, reply = self.getreply()
        except OSError as failed:
            raise MailInDoubt(IN_DOUBT) from failed
        if code == -1:
            raise MailInDoubt(IN_DOUBT)
        self.allow(self._patience.command)
        if code // 100 != 2:
            raise error_of(Verb.CONTENT, code, reply)

    def allow(self, seconds: float) -> None:
        """So long may the next step take."""
        if self.sock is not None:
            self.sock.settimeout(seconds)

    def putcmd(self, cmd: str, args: str = "") -> None:
        shown = "***" if self._has_secrets else f"{cmd} {args}".strip()
        self._transcript(f"> {shown}")
        super().putcmd(cmd, args)

    def getreply(self) -> tuple[int, bytes]:
        code, reply = super().getreply()
        for line in reply.decode("utf-8", "replace").splitlines() or [""]:
            self._transcript(f"< {code} {line}".rstrip())
        return code, reply

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        connection = socket.create_connection((host, port), self._patience.connect)
        connection.settimeout(timeout)
        if self._server.encryption is Encryption.TLS:
            return self._context().wrap_socket(connection, server_hostname=host)
        return connection

    def _greet(self) -> None:
        code, reply = self.ehlo()
        if code // 100 == 5:
            code, reply = self.helo()
        if code // 100 != 2:
            raise error_of(Verb.EHLO, code, reply)

    def _wants_starttls(self) -> bool:
        if self.has_extn("starttls"):
            return True
        if self._server.encryption is Encryption.STARTTLS:
            raise ServerUnavailable(Problem.UNSUPPORTED)
        return False

    def _start_tls(self) -> None:
        code, reply = self.starttls(context=self._context())
        if code != 220:
            raise error_of(Verb.STARTTLS, code, reply)
        self._greet()

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if not self._server.is_verified:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def _sign_in(self) -> None:
        """PLAIN or LOGIN, in UTF-8, which smtplib's own does not write (RFC 4616 §2)."""
        user, password = self._server.user, self._server.password
        offered = self.esmtp_features.get("auth", "").upper().split()
        if not {"PLAIN", "LOGIN"} & set(offered):
            raise ServerUnavailable(Problem.UNSUPPORTED)
        if "PLAIN" in offered:
            steps = ["AUTH PLAIN " + _base64(f"\0{user}\0{password}")]
        else:
            steps = ["AUTH LOGIN", _base64(user), _base64(password)]
        for number, step in enumerate(steps, start=1):
            self._has_secrets = step != "AUTH LOGIN"
            code, reply = self.docmd(step)
            self._has_secrets = False
            if code != (235 if number == len(steps) else 334):
                raise error_of(Verb.AUTH, code, reply)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")


@contextmanager
def _connection_errors() -> Iterator[None]:
    """Without a connection no message was handed over: each failure has its problem."""
    try:
        yield
    except DeliveryError:
        raise
    except ssl.SSLCertVerificationError as failed:
        raise ServerUnavailable(Problem.CERTIFICATE) from failed
    except ssl.SSLError as failed:
        raise ServerUnavailable(Problem.NO_TLS) from failed
    except (OSError, ValueError) as failed:  # SMTPException is an OSError
        raise ServerUnavailable(Problem.UNREACHABLE) from failed


@contextmanager
def _waiting(on_wait: Callable[[], None] | None) -> Iterator[None]:
    """Call `on_wait` again and again while the block takes its time."""
    if on_wait is None:
        yield
        return
    done = threading.Event()

    def keep_calling() -> None:
        with suppress(LeaseLost):
            while not done.wait(WAITS_EVERY):
                on_wait()

    thread = threading.Thread(target=keep_calling, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
