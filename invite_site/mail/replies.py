"""What a reply of a mail server means: about us, about the recipient, later, or not to be told.

A refusal that is about us would meet every recipient, so it must not end anybody's invitation. The
enhanced code (RFC 3463) decides where there is one, then the verb, then the words in use: there is
no registry of those, so what cannot be told apart is said to be so.
"""

import enum
import re

from ..errors import (
    CredentialsRefused,
    DeliveryError,
    MailAmbiguous,
    MailDelayed,
    MailRefused,
    MailUnavailable,
    SenderRefused,
)
from ..logs import redact

NOT_NOW = "The mail server does not take messages now."


class Verb(enum.StrEnum):
    """The step of the conversation that a reply answers."""

    GREETING = "greeting"
    EHLO = "EHLO"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    CONTENT = "content"  # after the final dot


BEFORE_THE_RECIPIENT = (Verb.GREETING, Verb.EHLO, Verb.STARTTLS, Verb.AUTH, Verb.MAIL)

_ENHANCED = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_SENDER_CODES = re.compile(r"5\.(1\.[78]|2\.252|3\.4|4\.5|5\.\d+|6\.\d+|7\.\d+)")
_RECIPIENT_CODES = re.compile(r"5\.[12]\.\d+")
_SENDER_REPLIES = frozenset({530, 534, 535, 538})

_RECIPIENT_WORDS = re.compile(
    r"user unknown|unknown (user|recipient|mailbox)|no such (user|mailbox|recipient|person|address)"
    r"|(user|recipient|mailbox|account|address)\b.{0,40}\b(not found|(does not|doesn.t) exist|unknown"
    r"|disabled|inactive|full|unavailable|invalid)|(mailbox|recipient|user).{0,20}over quota"
    r"|quota exceeded for|recipient (address )?rejected|invalid (recipient|mailbox|address)"
    r"|not a valid (mailbox|recipient|address)|mailbox name not allowed|no mailbox"
)
_QUOTA_WORDS = re.compile(
    r"(send|daily|hourly|monthly|message|rate|account|plan)\w*[\w ]{0,20}(limit|quota)|too many (messages|mails)"
)
_NAME_WORDS = re.compile(r"\b(helo|ehlo)\b|fully.qualified|invalid (domain|host) ?name")
_RELAY_WORDS = re.compile(r"\brelay")
_POLICY_WORDS = re.compile(
    r"spam|\bblock|block ?list|black ?list|\bban|policy|reputation|\bspf\b|\bdkim\b|\bdmarc\b"
    r"|not authori[sz]ed|unauthenticated|authenticat|send ?as|not (allowed|permitted)|sender"
    r"|client host|\bip address\b|dns|ptr|rdns|tls|encrypt|too (large|big)|size"
)
_CREDENTIALS = (
    "The mail server does not accept the user and password of SMTP_URL; "
    "correct them and restart the site."
)


def error_of(verb: Verb, code: int, reply: bytes | str) -> DeliveryError:
    """The error for a negative reply to this verb. Its sentence holds no full address."""
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    text = " ".join(text.split())
    if code < 500 or code > 599:
        return _later(verb, code, text)
    shown = f"{code} {redact(text)[:200]}".rstrip()
    match _whose_fault(verb, code, text.lower()):
        case Fault.SENDER:
            return _sender_refused(verb, code, text.lower(), shown)
        case Fault.RECIPIENT:
            return MailRefused(f"The mail server refused this address: {shown}")
    return MailAmbiguous(
        f"The mail server refused the message and does not say whether because of us: {shown}",
        words=_words(code, text),
    )


class Fault(enum.Enum):
    """Whom a final refusal is about."""

    SENDER = enum.auto()
    RECIPIENT = enum.auto()
    UNKNOWN = enum.auto()


def _whose_fault(verb: Verb, code: int, text: str) -> Fault:
    if verb in BEFORE_THE_RECIPIENT or code in _SENDER_REPLIES:
        return Fault.SENDER
    enhanced = _ENHANCED.search(text)
    if enhanced and _SENDER_CODES.fullmatch(enhanced[1]):
        return Fault.SENDER
    if code == 551 or (enhanced and _RECIPIENT_CODES.fullmatch(enhanced[1])):
        return Fault.RECIPIENT
    if _NAME_WORDS.search(text):
        return Fault.SENDER
    if _RECIPIENT_WORDS.search(text) or (verb is Verb.RCPT and code in (552, 553)):
        return Fault.RECIPIENT
    for words in (_RELAY_WORDS, _QUOTA_WORDS, _POLICY_WORDS):
        if words.search(text):
            return Fault.SENDER
    return Fault.UNKNOWN


def _later(verb: Verb, code: int, text: str) -> DeliveryError:
    if code == 421:  # RFC 5321 §3.8: the server itself is closing, whatever the message
        return MailUnavailable(NOT_NOW)
    if verb is Verb.AUTH:
        return MailUnavailable("The mail server cannot check the user and password at the moment.")
    if verb in BEFORE_THE_RECIPIENT:
        return MailUnavailable(NOT_NOW)
    return MailDelayed(f"The mail server asks to try again later: {code} {redact(text)[:200]}")


def _sender_refused(verb: Verb, code: int, text: str, shown: str) -> CredentialsRefused:
    """What to do about it, in one sentence with the reply."""
    if verb is Verb.AUTH or code in (535, 538):
        return SenderRefused(_CREDENTIALS)
    if code == 530 and "starttls" in text:
        advice = "It wants STARTTLS: write smtp:// in SMTP_URL and a server that offers it."
    elif code in (530, 534):
        advice = "It wants a user and password: put them into SMTP_URL."
    elif verb is Verb.EHLO or _NAME_WORDS.search(text):
        advice = "It does not take the host of SITE_URL as our name: use a public host there."
    elif "4.5" in text or _QUOTA_WORDS.search(text):
        advice = "Its limit for us is used up: wait until it is lifted, or have it raised."
    elif _RELAY_WORDS.search(text):
        advice = "It does not relay for us: put a user and password into SMTP_URL."
    elif verb is Verb.MAIL or "send as" in text or "sendas" in text:
        advice = "It does not let us send as MAIL_FROM: correct that address."
    else:
        advice = "Ask whoever runs it what it has against mail from this site."
    return SenderRefused(f"The mail server refuses us: {shown.rstrip('.')}. {advice}")


def _words(code: int, text: str) -> str:
    """The reply without what differs from one recipient to the next: addresses, numbers, ids."""
    text = re.sub(r"<[^>]*>|\S+@\S+", " ", text.lower())
    text = re.sub(r"\S*\d\S*", " ", text)
    return f"{code} {' '.join(text.split())}"[:200].rstrip()
