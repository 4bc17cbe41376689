"""A mail server that answers what a test has written down, on a port of this machine.

Every reply can be replaced, delayed or left out; every message and every command is kept.
"""

import base64
import contextlib
import hmac
import re
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_string
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

HANG_UP = ""  # as a reply: the connection ends instead
NOTHING = "(nothing)"  # as a reply: the client waits in vain
CHALLENGE = "<17.42@mail.example.test>"


@dataclass(frozen=True)
class Mail:
    """A message that was kept, with its envelope and how it came."""

    sender: str
    recipient: str
    content: str
    options: str  # what MAIL said behind the address
    name: str  # what the client called itself
    user: str
    encrypted: bool

    @property
    def message(self) -> EmailMessage:
        message = message_from_string(self.content, policy=default)
        assert isinstance(message, EmailMessage)
        return message


@dataclass
class SmtpScript:
    """What the server says. May be changed between two commands.

    Replies and delays are by verb: GREETING, EHLO, HELO, STARTTLS, AUTH, MAIL, RCPT, DATA, CONTENT
    (after the dot), QUIT; delays also by TLS, before the handshake; replies also by `RCPT <address>`. A
    reply may have several lines, each with its code, or be HANG_UP or NOTHING. `AUTH <mechanism>` refuses
    one of those that are offered, USER what LOGIN asks for first, PASSWORD a wrong one.
    """

    port: int = 0
    extensions: list[str] = field(default_factory=lambda: ["8BITMIME", "SIZE 10000000"])
    replies: dict[str, str] = field(default_factory=dict)
    delays: dict[str, float] = field(default_factory=dict)  # seconds before the reply
    pace: float = 0  # seconds between two letters of a reply
    wants_recipients: bool = True  # before DATA is agreed to
    keeps: bool = True  # a message that it does not refuse, even if it is silent about it
    certificate: Path | None = None  # STARTTLS is offered with it
    wants_tls: bool = False  # for MAIL and AUTH
    slipped_in: str = ""  # what somebody on the way writes behind the agreement to STARTTLS
    users: dict[str, str] = field(default_factory=dict)  # AUTH is offered, with these passwords
    mechanisms: tuple[str, ...] = ("PLAIN", "LOGIN")
    refuses_8bit: bool = False  # where it was not declared
    mails: list[Mail] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)  # the replies that were given whole

    @property
    def url(self) -> str:
        return f"smtp://localhost:{self.port}"

    def verbs(self) -> list[str]:
        return [line.split(" ")[0].upper() for line in self.commands]


class _Gone(Exception):
    """The connection is over."""


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = True

    def __init__(self, script: SmtpScript) -> None:
        self.script = script
        self.stopping = threading.Event()
        self.open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Conversation)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away are what is tested."""


class _Conversation(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        self.script = self.server.script
        self.connection: socket.socket = self.request
        self.connection.settimeout(60)
        self.server.open.add(self.connection)
        self.lines = self.connection.makefile("rb")
        self.name = self.user = self.sender = self.recipient = self.options = ""
        try:
            self.wait("GREETING")
            greeting = self.script.replies.get("GREETING", "220 mail.example.test ESMTP")
            self.says(greeting)
            if not greeting.startswith("220"):
                return
            while line := self.lines.readline():  # another file after STARTTLS
                self.command(line.decode("utf-8", "replace").rstrip("\r\n"))
        except (OSError, _Gone):
            pass
        finally:
            self.lines.close()
            self.server.open.discard(self.connection)
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            self.connection.close()

    def command(self, line: str) -> None:
        self.script.commands.append(line)
        verb, _, rest = line.partition(" ")
        verb = verb.upper()
        self.wait(verb)
        if verb in self.script.replies:
            self.says(self.script.replies[verb])
            return
        answer = getattr(self, f"on_{verb.lower()}", None)
        self.says(answer(rest) if answer else "500 5.5.2 Error: command not recognized")

    def wait(self, step: str) -> None:
        if self.server.stopping.wait(self.script.delays.get(step, 0)):
            raise _Gone

    def says(self, reply: str) -> None:
        if reply == HANG_UP:
            raise _Gone
        if reply == NOTHING:
            return
        lines = "".join(f"{each}\r\n" for each in reply.split("\n"))
        octets = lines.encode("utf-8", "surrogateescape")
        for start in range(0, len(octets), 1 if self.script.pace else len(octets)):
            self.connection.sendall(octets[start : start + 1] if self.script.pace else octets)
            if self.server.stopping.wait(self.script.pace):
                raise _Gone
        self.script.said.append(reply)
        if reply.startswith("421"):
            raise _Gone

    def hears(self) -> str:
        line: str = self.lines.readline().decode("ascii").strip()
        self.script.commands.append(line)
        return base64.b64decode(line).decode()

    @property
    def is_encrypted(self) -> bool:
        return isinstance(self.connection, ssl.SSLSocket)

    # The commands -----------------------------------------------------------------------------

    def on_ehlo(self, rest: str) -> str:
        self.name = rest
        offered = ["mail.example.test", *self.script.extensions]
        if self.script.certificate and not self.is_encrypted:
            offered.append("STARTTLS")
        if self.script.users and (self.is_encrypted or not self.script.wants_tls):
            offered.append(f"AUTH {' '.join(self.script.mechanisms)}")
        return "\n".join([*(f"250-{each}" for each in offered[:-1]), f"250 {offered[-1]}"])

    def on_helo(self, rest: str) -> str:
        self.name = rest
        return "250 mail.example.test"

    def on_starttls(self, rest: str) -> str:
        assert self.script.certificate, "nobody offered that"
        self.says("\n".join(filter(None, ["220 2.0.0 Ready to start TLS", self.script.slipped_in])))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.script.certificate)
        self.wait("TLS")
        self.lines.close()
        self.server.open.discard(self.connection)
        self.connection = context.wrap_socket(self.connection, server_side=True)
        self.server.open.add(self.connection)
        self.lines = self.connection.makefile("rb")
        return NOTHING

    def on_auth(self, rest: str) -> str:
        mechanism, _, initial = rest.partition(" ")
        if mechanism not in [each.upper() for each in self.script.mechanisms]:
            return "504 5.5.4 Unrecognized authentication type"
        if refusal := self.script.replies.get(f"AUTH {mechanism}"):
            return refusal
        match mechanism:
            case "PLAIN":
                _, user, password = base64.b64decode(initial).decode().split("\0")
                good = self.script.users.get(user) == password
            case "LOGIN":
                self.says("334 VXNlcm5hbWU6")
                user = self.hears()
                if refusal := self.script.replies.get("USER"):
                    return refusal
                self.says("334 UGFzc3dvcmQ6")
                good = self.script.users.get(user) == self.hears()
            case _:
                self.says(f"334 {base64.b64encode(CHALLENGE.encode()).decode()}")
                user, _, digest = self.hears().rpartition(" ")
                key = self.script.users.get(user, "").encode()
                good = hmac.new(key, CHALLENGE.encode(), "md5").hexdigest() == digest
        if not good:
            return self.script.replies.get("PASSWORD", "535 5.7.8 Error: authentication failed")
        self.user = user
        return "235 2.7.0 Authentication successful"

    def on_mail(self, rest: str) -> str:
        if self.script.wants_tls and not self.is_encrypted:
            return "530 5.7.0 Must issue a STARTTLS command first"
        found = re.fullmatch(r"FROM:<([^>]*)> ?(.*)", rest, re.IGNORECASE)
        if not found:
            return "501 5.5.4 Syntax: MAIL FROM:<address>"
        self.sender, self.options = found.groups()
        return "250 2.1.0 Ok"

    def on_rcpt(self, rest: str) -> str:
        found = re.fullmatch(r"TO:<([^>]*)>.*", rest, re.IGNORECASE)
        if not found:
            return "501 5.5.4 Syntax: RCPT TO:<address>"
        reply = self.script.replies.get(f"RCPT {found[1]}", "250 2.1.5 Ok")
        self.recipient = found[1] if reply.startswith("2") else ""
        return reply

    def on_data(self, rest: str) -> str:
        if self.script.wants_recipients and not self.recipient:
            return "554 5.5.1 Error: no valid recipients"
        self.says("354 End data with <CR><LF>.<CR><LF>")
        content = b""
        while (line := self.lines.readline()) != b".\r\n":
            if not line:
                raise _Gone
            content += line[1:] if line.startswith(b".") else line
        self.script.commands.append(".")
        taken, nobody = "250 2.0.0 Ok: queued as 4F0C21", "554 5.5.1 Error: no valid recipients"
        reply = self.script.replies.get("CONTENT", taken if self.recipient else nobody)
        if self.script.refuses_8bit and not content.isascii() and "BODY=8BIT" not in self.options:
            reply = "554 5.6.1 Eight-bit data was not declared"
        if self.script.keeps and not reply.startswith(("4", "5")):
            self.script.mails.append(
                Mail(
                    self.sender,
                    self.recipient,
                    content.decode("utf-8", "replace"),
                    self.options,
                    self.name,
                    self.user,
                    self.is_encrypted,
                )
            )
        self.wait("CONTENT")
        return reply

    def on_rset(self, rest: str) -> str:
        return "250 2.0.0 Ok"

    def on_noop(self, rest: str) -> str:
        return "250 2.0.0 Ok"

    def on_quit(self, rest: str) -> str:
        self.says("221 2.0.0 Bye")
        raise _Gone


@contextlib.contextmanager
def smtp_script() -> Iterator[SmtpScript]:
    """The server, with what it says and what it was told."""
    script = SmtpScript()
    server = _Server(script)
    script.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="smtp-server")
    thread.start()
    try:
        yield script
    finally:
        server.stopping.set()
        for connection in list(server.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        server.shutdown()
        thread.join()
        server.server_close()
