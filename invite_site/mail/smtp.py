"""The mail server of SMTP_URL: connect, encrypt, sign in, and hand over one message."""

import contextlib
import enum
import ipaddress
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from functools import cached_property
from urllib.parse import parse_qs, unquote, urlsplit

from ..errors import MailFailure, MailInDoubt, MailUnavailable, SenderRefused
from ..settings import is_loopback
from .conversation import Conversation, Patience
from .replies import Verb, classify

KIND = {Verb.MAIL: 2, Verb.RCPT: 2, Verb.DATA: 3}  # the first digit of the reply that agrees
IN_DOUBT = "The mail server was given the message and did not say whether it took it."


class Encryption(enum.Enum):
    """How a connection is protected. The mail holds an account's link, so only loopback goes without."""

    IF_OFFERED = enum.auto()
    STARTTLS = enum.auto()
    TLS = enum.auto()  # from the first byte


@dataclass(frozen=True)
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
        """The server of a URL such as `smtp://user:password@mail.example.com:587`, greeted with the
        host of `site_url`."""
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
            our_name=_name_for_greeting(urlsplit(site_url).hostname or "localhost"),
            is_verified=parse_qs(url.query).get("verify") != ["no"],
        )

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """The context of all connections. To read the authorities of this machine takes 20 to 40 ms."""
        context = ssl.create_default_context()
        if not self.is_verified:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class SmtpConnection:
    """A connection that is encrypted and signed in as its server wants it.

    `on_wait`, which may be set for each message, is called now and then while the server takes its
    time, and `transcript` with each line of the conversation, without secrets. Raises MailUnavailable,
    SenderRefused, and what `on_wait` raises.
    """

    def __init__(
        self,
        server: SmtpServer,
        patience: Patience | None = None,
        *,
        on_wait: Callable[[], None] | None = None,
        transcript: Callable[[str], None] | None = None,
    ) -> None:
        self._server = server
        self.on_wait = on_wait
        self.messages = 0
        self.used_at = time.monotonic()
        self._smtp = Conversation(
            server.our_name,
            patience or Patience(),
            tls=server.tls if server.encryption is Encryption.TLS else None,
            on_wait=self._wait,
            transcript=transcript,
        )
        with contextlib.ExitStack() as where_it_fails:
            where_it_fails.callback(self._smtp.close)
            try:
                self._open()
            except ssl.SSLCertVerificationError as failed:
                raise self._certificate_refused(failed) from failed
            except ssl.SSLError as failed:
                raise SenderRefused(
                    "The mail server does not speak TLS where SMTP_URL says so.",
                    remedy="For STARTTLS write smtp:// with its port, most often 587; for TLS from "
                    "the start smtps:// with 465.",
                ) from failed
            except (OSError, ValueError) as failed:  # smtplib's own are OSErrors
                raise _unreached() from failed
            where_it_fails.pop_all()

    @property
    def is_encrypted(self) -> bool:
        return self._smtp.is_encrypted

    def send(
        self,
        message: EmailMessage,
        sender: str,
        recipient: str,
        on_end: Callable[[], None] | None = None,
    ) -> None:
        """Hand over one message for one mailbox; `on_end` is called just before the last dot, which
        the server may take the message by.

        Raises MailRefused, MailAmbiguous, MailDelayed, MailInDoubt, MailUnavailable, SenderRefused.
        """
        self.messages += 1
        self.used_at = time.monotonic()
        try:
            self._announce(sender, recipient)
            self._smtp.write(message.as_bytes())
        except OSError as failed:  # the dot was not sent, so nothing was taken
            raise _unreached() from failed
        if on_end:
            on_end()
        try:
            code, reply = self._smtp.end()
        except OSError as failed:
            raise MailInDoubt(IN_DOUBT) from failed
        if code // 100 in (4, 5):
            raise classify(Verb.CONTENT, code, reply, recipient)
        if code // 100 != 2:
            raise MailInDoubt(IN_DOUBT, code=code)

    def reset(self) -> bool:
        """Forget a message that was refused; whether the connection can be used for another."""
        try:
            return self._smtp.docmd("RSET")[0] // 100 == 2
        except OSError:
            return False

    def close(self) -> None:
        """Part. Whatever is said to QUIT: by then a message is taken or refused."""
        self._smtp.leave()

    def _wait(self) -> None:
        if self.on_wait:
            self.on_wait()

    def _open(self) -> None:
        smtp, server = self._smtp, self._server
        _expect(Verb.GREETING, 2, smtp.connect(server.host, server.port))
        self._greet()
        if server.encryption is not Encryption.TLS and self._is_starttls_offered():
            _expect(Verb.STARTTLS, 2, smtp.docmd("STARTTLS"))
            smtp.encrypt(server.tls, server.host)
            self._greet()
        if server.user:
            answer = smtp.sign_in(server.user, server.password)
            if answer is None:
                raise SenderRefused(
                    "The mail server offers no sign-in that we know, and SMTP_URL has a user.",
                    remedy="Use another port, most often 587, or take user and password out.",
                )
            _expect(Verb.AUTH, 2, answer)

    def _greet(self) -> None:
        answer = self._smtp.ehlo()
        if answer[0] // 100 == 5:  # a server of before 2001, or one that dislikes our name
            answer = self._smtp.helo()
        _expect(Verb.EHLO, 2, answer)

    def _is_starttls_offered(self) -> bool:
        if self._smtp.has_extn("starttls"):
            return True
        if self._server.encryption is Encryption.STARTTLS:
            raise SenderRefused(
                "The mail server offers no STARTTLS, and what we send is a key to an account.",
                remedy="Use another port in SMTP_URL: 587 with smtp://, or 465 with smtps://.",
            )
        return False

    def _announce(self, sender: str, recipient: str) -> None:
        """MAIL, RCPT and DATA: one round trip where the server offers PIPELINING (RFC 2920), else three."""
        commands = {Verb.MAIL: f"FROM:<{sender}>", Verb.RCPT: f"TO:<{recipient}>", Verb.DATA: ""}
        if not self._smtp.has_extn("pipelining"):
            for verb, arguments in commands.items():
                _expect(verb, KIND[verb], self._smtp.docmd(verb, arguments), recipient)
            return
        self._smtp.put_together([f"{each} {commands[each]}".rstrip() for each in commands])
        refused: OSError | MailFailure | None = None
        for verb in commands:
            try:
                _expect(verb, KIND[verb], self._smtp.next_reply(), recipient)
            except (OSError, MailFailure) as failed:
                refused = refused or failed  # what follows a refusal only repeats it
            else:
                if verb is Verb.DATA and refused:  # it waits for the content of a message to nobody
                    with contextlib.suppress(OSError):
                        self._smtp.end()
        if refused:
            raise refused

    def _certificate_refused(self, failed: ssl.SSLCertVerificationError) -> SenderRefused:
        host = self._server.host
        host_of_url = f"[{host}]" if ":" in host else host
        return SenderRefused(
            f"The mail server shows a certificate that is not good for {host} "
            f"({failed.verify_message.rstrip('.')}).",
            remedy=(
                "If it is this machine's own relay, write ?verify=no at the end of SMTP_URL."
                if is_loopback(f"smtp://{host_of_url}")
                else "Name the server in SMTP_URL as its certificate does, or have it renewed."
            ),
        )


def _unreached() -> MailUnavailable:
    """There is no connection, so no message was handed over and all of them wait."""
    return MailUnavailable(
        "The mail server cannot be reached.",
        remedy="Check SMTP_URL, and that this machine may open that port.",
    )


def _expect(verb: Verb, kind: int, answer: tuple[int, bytes], recipient: str = "") -> None:
    """Raises what a reply of another kind means."""
    code, reply = answer
    if code // 100 != kind:
        raise classify(verb, code, reply, recipient)


def _name_for_greeting(host: str) -> str:
    """As EHLO takes it: a host name, which SITE_URL has in ASCII, or an address in brackets (RFC 5321
    §4.1.3)."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"
