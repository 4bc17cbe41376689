"""The mail server of SMTP_URL: connect, encrypt, sign in, send, and what its replies mean."""

import enum
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from ..errors import CredentialsRefused, MailDelayed, MailRefused, MailUnavailable
from ..settings import is_loopback

TIMEOUT = 8.0  # seconds the mail server may take for each step; all of them fit into a lease

NOT_NOW = "The mail server does not take messages now."
UNREACHED = "The mail server cannot be reached."


class Encryption(enum.Enum):
    """How a connection is protected. An invitation is a key, so only loopback goes without."""

    NONE = enum.auto()
    STARTTLS = enum.auto()
    TLS = enum.auto()  # from the first byte


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """A mail server and how to speak to it; without a `user` nobody signs in."""

    host: str
    port: int
    encryption: Encryption
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def from_url(cls, smtp_url: str) -> "SmtpServer":
        """The server of a URL such as `smtp://user:password@mail.example.com:587`."""
        url = urlsplit(smtp_url)
        if url.scheme == "smtps":
            encryption, port = Encryption.TLS, 465
        else:
            encryption, port = Encryption.STARTTLS, 587
            if is_loopback(smtp_url):
                encryption = Encryption.NONE
        return cls(
            host=url.hostname or "",
            port=url.port or port,
            encryption=encryption,
            user=unquote(url.username or ""),
            password=unquote(url.password or ""),
        )


class Problem(enum.Enum):
    """Why a mail server cannot be used."""

    CERTIFICATE = enum.auto()
    NO_TLS = enum.auto()
    UNSUPPORTED = enum.auto()  # it offers no STARTTLS, or no sign-in
    UNREACHABLE = enum.auto()


class ServerUnavailable(MailUnavailable):
    """There is no connection, so no message was handed over and all of them wait."""

    def __init__(self, sentence: str, problem: Problem) -> None:
        self.problem = problem
        super().__init__(sentence)


class SmtpConnection:
    """A connection that is encrypted and signed in as its server wants it.

    Raises ServerUnavailable, and CredentialsRefused where the user or password is wrong.
    """

    def __init__(self, server: SmtpServer) -> None:
        try:
            self._smtp = _open(server)
        except (OSError, ValueError) as failed:
            raise _unavailable(failed) from failed

    def send(self, message: EmailMessage, recipient: str) -> None:
        """Hand over one message for one mailbox.

        Raises MailRefused, MailDelayed, MailUnavailable, CredentialsRefused.
        """
        with _reply_errors():
            self._smtp.send_message(message, to_addrs=[recipient])

    def close(self) -> None:
        """Part. Whatever is said to QUIT: by then a message is taken or refused."""
        with suppress(OSError):
            self._smtp.quit()
        self._smtp.close()


def _open(server: SmtpServer) -> smtplib.SMTP:
    smtp: smtplib.SMTP
    if server.encryption is Encryption.TLS:
        context = ssl.create_default_context()
        smtp = smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT, context=context)
    else:
        smtp = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT)
    try:
        smtp.ehlo_or_helo_if_needed()
        if server.encryption is Encryption.STARTTLS:
            smtp.starttls(context=ssl.create_default_context())
        if server.user:
            smtp.login(server.user, server.password)
    except (OSError, ValueError):
        smtp.close()
        raise
    return smtp


def _unavailable(failed: Exception) -> ServerUnavailable | CredentialsRefused:
    unusable = "The mail server cannot be used as SMTP_URL says."
    match failed:
        case smtplib.SMTPAuthenticationError():
            return CredentialsRefused(
                "The mail server does not accept the user and password of SMTP_URL; "
                "correct them and restart the site."
            )
        case smtplib.SMTPConnectError():
            return ServerUnavailable(NOT_NOW, Problem.UNREACHABLE)
        case ssl.SSLCertVerificationError():
            return ServerUnavailable(unusable, Problem.CERTIFICATE)
        case ssl.SSLError():
            return ServerUnavailable(unusable, Problem.NO_TLS)
        case smtplib.SMTPNotSupportedError():
            return ServerUnavailable(unusable, Problem.UNSUPPORTED)
        case smtplib.SMTPServerDisconnected():
            return ServerUnavailable(UNREACHED, Problem.UNREACHABLE)
        case smtplib.SMTPException() | ValueError():
            return ServerUnavailable(unusable, Problem.UNREACHABLE)
    return ServerUnavailable(UNREACHED, Problem.UNREACHABLE)


@contextmanager
def _reply_errors() -> Iterator[None]:
    """What a reply to MAIL, RCPT or DATA means for the message."""
    try:
        yield
    except smtplib.SMTPRecipientsRefused as refused:
        code, reply = next(iter(refused.recipients.values()))
        raise _refusal(code, reply) from refused
    except smtplib.SMTPSenderRefused as refused:
        if _is_final(refused.smtp_code):
            raise CredentialsRefused(
                "The mail server does not let us send as MAIL_FROM; "
                "correct it and restart the site."
            ) from refused
        raise _refusal(refused.smtp_code, refused.smtp_error) from refused
    except smtplib.SMTPResponseException as refused:
        raise _refusal(refused.smtp_code, refused.smtp_error) from refused
    except smtplib.SMTPNotSupportedError as refused:
        raise MailRefused("The mail server cannot write to such an address.") from refused
    except OSError as failed:
        raise MailUnavailable(UNREACHED) from failed


def _is_final(code: int) -> bool:
    return 500 <= code < 600


def _refusal(code: int, reply: bytes | str) -> MailRefused | MailDelayed | MailUnavailable:
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    text = " ".join(text.split())[:200]
    if code == 421:  # RFC 5321 §3.8: the server itself is closing, whatever the message
        return MailUnavailable(NOT_NOW)
    if _is_final(code):
        return MailRefused(f"The mail server refused this address: {code} {text}")
    return MailDelayed(f"The mail server asks to try again later: {code} {text}")
