"""The mail server of SMTP_URL: connect, encrypt, sign in, send, and what its replies mean."""

import enum
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from ..errors import CredentialsRefused, MailDelayed, MailRefused, MailUnavailable
from ..settings import is_loopback

TIMEOUT = 8.0  # seconds the mail server may take for each step; all of them fit into a lease


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


class SmtpConnection:
    """A connection that is encrypted and signed in as its server wants it.

    Raises what smtplib raises: OSError, with SMTPException and SSLError among it, and ValueError.
    """

    def __init__(self, server: SmtpServer) -> None:
        self._smtp = _open(server)
        try:
            self._smtp.ehlo_or_helo_if_needed()
            if server.encryption is Encryption.STARTTLS:
                self._smtp.starttls(context=ssl.create_default_context())
            if server.user:
                self._smtp.login(server.user, server.password)
        except (OSError, ValueError):
            self._smtp.close()
            raise

    def send(self, message: EmailMessage, recipient: str) -> None:
        """Hand over one message for one mailbox."""
        self._smtp.send_message(message, to_addrs=[recipient])

    def noop(self) -> None:
        """Do nothing, but see that the server still answers."""
        self._smtp.noop()

    def close(self) -> None:
        """Part. Whatever is said to QUIT: by then a message is taken or refused."""
        with suppress(OSError):
            self._smtp.quit()
        self._smtp.close()


def send(server: SmtpServer, message: EmailMessage, recipient: str) -> None:
    """Connect and send. Raises MailRefused, MailDelayed, MailUnavailable, CredentialsRefused."""
    with _connection_errors():
        connection = SmtpConnection(server)
    with closing(connection), _reply_errors():
        connection.send(message, recipient)


def _open(server: SmtpServer) -> smtplib.SMTP:
    if server.encryption is not Encryption.TLS:
        return smtplib.SMTP(server.host, server.port, timeout=TIMEOUT)
    context = ssl.create_default_context()
    return smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT, context=context)


@contextmanager
def _connection_errors() -> Iterator[None]:
    """Before there is a message an error says nothing about one, but that all of them wait."""
    try:
        yield
    except smtplib.SMTPAuthenticationError as refused:
        raise CredentialsRefused(
            "The mail server does not accept the user and password of SMTP_URL; "
            "correct them and restart the site."
        ) from refused
    except smtplib.SMTPConnectError as refused:
        raise MailUnavailable("The mail server does not take messages now.") from refused
    except smtplib.SMTPServerDisconnected as failed:
        raise MailUnavailable("The mail server cannot be reached.") from failed
    except (smtplib.SMTPException, ssl.SSLError, ValueError) as failed:
        raise MailUnavailable("The mail server cannot be used as SMTP_URL says.") from failed
    except OSError as failed:
        raise MailUnavailable("The mail server cannot be reached.") from failed


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
        raise MailUnavailable("The mail server cannot be reached.") from failed


def _is_final(code: int) -> bool:
    return 500 <= code < 600


def _refusal(code: int, reply: bytes | str) -> MailRefused | MailDelayed | MailUnavailable:
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    text = " ".join(text.split())[:200]
    if code == 421:  # RFC 5321 §3.8: the server itself is closing, whatever the message
        return MailUnavailable("The mail server does not take messages now.")
    if _is_final(code):
        return MailRefused(f"The mail server refused this address: {code} {text}")
    return MailDelayed(f"The mail server asks to try again later: {code} {text}")
