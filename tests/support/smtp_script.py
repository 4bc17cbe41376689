"""A mail server whose every reply can be scripted: what real ones say, and what broken ones do."""

import base64
import contextlib
import socketserver
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Mail:
    """A message that was kept, with its envelope."""

    sender: str
    recipient: str
    content: str


@dataclass
class SmtpScript:
    """What the server says. `replies` by verb: GREETING, EHLO, HELO, STARTTLS, AUTH, MAIL, RCPT, DATA,
    CONTENT (after the dot), or by `RCPT <address>`."""

    replies: dict[str, str] = field(default_factory=dict)
    extensions: tuple[str, ...] = ()
    delays: dict[str, float] = field(default_factory=dict)  # seconds before the reply to a verb
    hangs_up_after: str = ""  # a verb whose reply never comes; CONTENT keeps the message first
    certificate: ssl.SSLContext | None = None
    user: str = ""
    password: str = ""
    mails: list[Mail] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"smtp://localhost:{self.port}"


class _Conversation(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.script: SmtpScript = self.server.script  # type: ignore[attr-defined]  # set below
        self.sender = self.recipient = ""
        with contextlib.suppress(OSError, _HangUp), contextlib.closing(self):
            self.say("GREETING", "220 mail.test ready")
            while line := self.read():
                self.script.commands.append(line)
                verb = line.split()[0].upper()
                if verb == "QUIT":
                    self.write("221 bye")
                    return
                getattr(self, f"do_{verb.lower()}")(line)

    def close(self) -> None:
        """After STARTTLS the server knows only of the socket below the encrypted one."""
        if isinstance(self.connection, ssl.SSLSocket):
            for each in (self.rfile, self.wfile, self.connection):
                each.close()

    def do_ehlo(self, line: str) -> None:
        offered = [*self.script.extensions]
        if self.script.certificate and not isinstance(self.connection, ssl.SSLSocket):
            offered.append("STARTTLS")
        lines = ["mail.test", *offered]
        last = len(lines) - 1
        text = "\r\n".join(f"250{' ' if n == last else '-'}{each}" for n, each in enumerate(lines))
        self.say("EHLO", text)

    def do_helo(self, line: str) -> None:
        self.say("HELO", "250 mail.test")

    def do_starttls(self, line: str) -> None:
        self.say("STARTTLS", "220 go ahead")
        if self.script.certificate and "STARTTLS" not in self.script.replies:
            self.connection = self.script.certificate.wrap_socket(self.connection, server_side=True)
            self.setup_files()

    def do_auth(self, line: str) -> None:
        wanted = f"\0{self.script.user}\0{self.script.password}".encode()
        given = base64.b64decode(line.split()[2])
        good = given == wanted
        self.say("AUTH", "235 2.7.0 welcome" if good else "535 5.7.8 bad credentials")

    def do_mail(self, line: str) -> None:
        if self.script.certificate and not isinstance(self.connection, ssl.SSLSocket):
            self.write("530 5.7.0 Must issue a STARTTLS command first")
            return
        self.sender = line.partition("<")[2].partition(">")[0]
        self.say("MAIL", "250 2.1.0 ok")

    def do_rcpt(self, line: str) -> None:
        self.recipient = line.partition("<")[2].partition(">")[0]
        own = self.script.replies.get(f"RCPT {self.recipient}")
        if own:
            self.write(own)
        else:
            self.say("RCPT", "250 2.1.5 ok")

    def do_data(self, line: str) -> None:
        if not self.say("DATA", "354 go on").startswith("354"):
            return
        content = []
        while (part := self.rfile.readline()) not in (b".\r\n", b""):
            content.append(part.removeprefix(b"."))
        reply = self.script.replies.get("CONTENT", "250 2.0.0 kept")
        if reply.startswith("250"):
            text = b"".join(content).decode("utf-8", "replace")
            self.script.mails.append(Mail(self.sender, self.recipient, text))
        self.say("CONTENT", reply)

    def do_rset(self, line: str) -> None:
        self.write("250 ok")

    def setup_files(self) -> None:
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)

    def say(self, verb: str, usual: str) -> str:
        """The scripted reply to this verb, else the usual one."""
        if self.script.hangs_up_after == verb:
            raise _HangUp
        time.sleep(self.script.delays.get(verb, 0))
        reply = self.script.replies.get(verb, usual)
        self.write(reply)
        if verb == "GREETING" and not reply.startswith("220"):
            raise _HangUp
        return reply

    def read(self) -> str:
        return self.rfile.readline().decode("utf-8", "replace").strip()

    def write(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


class _HangUp(Exception):
    """The connection ends without a word."""


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@contextlib.contextmanager
def smtp_script() -> Iterator[SmtpScript]:
    """A scripted mail server on a free port of this machine."""
    with _Server(("127.0.0.1", 0), _Conversation) as server:
        script = SmtpScript(port=server.server_address[1])
        server.script = script  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield script
        finally:
            server.shutdown()
            thread.join()
