"""What a reply of a mail server means: about us, about the recipient, later, or not to be told.

A refusal about us would meet every recipient, so it must not end anybody's invitation. The first
rule that fits decides. Servers are free in their words and often in their codes, so the sure words
come first, then the enhanced codes (RFC 3463), then words that are less sure. Whatever is left may
be about either, and is said to be so.
"""

import enum
import re
from dataclasses import dataclass

from ..errors import (
    MailAmbiguous,
    MailDelayed,
    MailFailure,
    MailRefused,
    MailUnavailable,
    SenderRefused,
)
from ..logs import redact

REPLY_LENGTH = 200


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


class About(enum.Enum):
    """Whom or what a refusal is about. For those about us the value says what to do."""

    NAME = (
        "It does not take the host of SITE_URL as our name: use a public host name there that leads "
        "to this machine's address and back, or ask whoever runs the mail server to take it."
    )
    CREDENTIALS = "Correct them, with special characters percent-encoded, and restart the site."
    SIGN_IN = "It wants a user and a password: put them into SMTP_URL and restart the site."
    TLS = (
        "It wants encryption that it does not offer at this port: use port 587 with smtp:// or 465 "
        "with smtps:// in SMTP_URL and restart the site."
    )
    SENDER = (
        "It does not let us send as MAIL_FROM: correct that address, or have it allowed there for "
        "the user of SMTP_URL, and restart the site."
    )
    RELAY = (
        "It does not pass mail on for us: put a user and a password into SMTP_URL, or have this "
        "machine allowed there."
    )
    QUOTA = (
        "It takes no more from us for now: wait until its limit is lifted, or have it raised. The "
        "site goes on by itself."
    )
    POLICY = (
        "It turns our mail away by its policy: ask whoever runs it, and check the sender's domain "
        "(SPF, DKIM, DMARC) and whether this machine's address is on a block list."
    )
    CONTENT = "It does not take such a message: ask whoever runs it what it has against ours."
    PROTOCOL = "It did not understand us: ask whoever runs it, with its reply."
    RECIPIENT = "about the recipient"
    EITHER = "about either"


NOT_ABOUT_US = frozenset({About.RECIPIENT, About.EITHER})

# Before a recipient is named, a refusal can only be about us; and about this, if nothing tells more.
BEFORE_THE_RECIPIENT = {
    Verb.GREETING: About.POLICY,
    Verb.EHLO: About.NAME,
    Verb.STARTTLS: About.TLS,
    Verb.AUTH: About.CREDENTIALS,
    Verb.MAIL: About.SENDER,
}


@dataclass(frozen=True, slots=True)
class Rule:
    """Fits a reply that has one of the `codes`, the `enhanced` code and the `words`, where given.

    `passing`: these words are about us in a 4xx reply too, whatever that says of one message.
    """

    about: About
    words: re.Pattern[str] | None = None
    enhanced: re.Pattern[str] | None = None
    codes: frozenset[int] = frozenset()
    verbs: frozenset[Verb] = frozenset()
    passing: bool = False

    def fits(self, verb: Verb, code: int, enhanced: str, words: str) -> bool:
        return (
            (not self.codes or code in self.codes)
            and (not self.verbs or verb in self.verbs)
            and (self.enhanced is None or self.enhanced.fullmatch(enhanced) is not None)
            and (self.words is None or self.words.search(words) is not None)
        )


_MAILBOX = r"(?:user|recipient|mailbox|mail box|account|inbox|addressee|person|customer)"
_ONE_RECIPIENT = frozenset({Verb.RCPT})
_AFTER_THE_SIGN_IN = frozenset({Verb.MAIL, Verb.RCPT, Verb.DATA, Verb.CONTENT})
_NO_SUCH_COMMAND = frozenset({500, 502, 503, 504, 555})

RULES = (
    Rule(About.RECIPIENT, enhanced=re.compile(r"5\.7\.(?:12[49]|13[3-6])")),  # closed lists
    # Words that are sure, whatever the code.
    Rule(About.NAME, re.compile(r"\b(?:helo|ehlo)\b"), passing=True),
    Rule(About.TLS, re.compile(r"\bstarttls\b|encryption (?:is )?required"), passing=True),
    Rule(
        About.SENDER,
        re.compile(
            r"sender (?:address|verif|domain|identity|not |is not|rejected|denied|unknown)"
            r"|send ?as ?denied|not (?:allowed|permitted|authori[sz]ed) to send|not owned by"
            r"|\bfrom.address|verified sender|not verified|identities failed|invalid sender"
            r"|unauthenticated sender|envelope (?:sender|from)|badmailfrom"
            r"|(?:cannot|can t|may not|unable to) send (?:as|from|mail|e mail|messages)"
            r"|must be verified"
        ),
        passing=True,
    ),
    Rule(
        About.QUOTA,
        re.compile(
            r"per (?:hour|day|minute|second|month)\b|rate limit|sending rate|maximum credits"
            r"|sending (?:is |was |has been )?(?:suspended|paused)"
            r"|(?:daily|hourly|monthly|weekly|sending|send|outgoing|outbound|messaging|message count"
            r"|plan|trial|sender|hour|credit|relay)\b[\w ]{0,25}\b(?:limit|quota|exceeded)"
            r"|limit (?:for|on|of) (?:sending|messages|outgoing)|too many (?:messages|mails|emails)"
        ),
        passing=True,
    ),
    Rule(
        About.RELAY,
        re.compile(r"\brelay(?:ed|ing)?\b(?! (?:recipient )?table)|rcpthosts"),
        passing=True,
    ),
    # Of the account that we sign in with: whoever speaks of the recipient's says "the".
    Rule(
        About.QUOTA,
        re.compile(r"\byour (?:account|plan|subscription)\b"),
        verbs=_AFTER_THE_SIGN_IN,
        passing=True,
    ),
    Rule(About.CREDENTIALS, codes=frozenset({534, 535, 538})),
    Rule(
        About.SIGN_IN,
        re.compile(
            r"authentication (?:is )?(?:required|needed)|requires authentication|must authenticate"
            r"|auth(?:enticate|entication)? first|log ?in (?:first|to)|not logged in"
        ),
        passing=True,
    ),
    Rule(About.SIGN_IN, codes=frozenset({530})),
    # A directory or an access list: about this recipient, unless the code speaks of policy.
    Rule(
        About.EITHER,
        re.compile("recipient address rejected access denied"),
        re.compile(r"5\.7\.\d+"),
    ),
    # The enhanced codes.
    Rule(About.POLICY, enhanced=re.compile(r"5\.7\.\d+")),
    Rule(About.SENDER, enhanced=re.compile(r"5\.1\.[78]|5\.2\.252")),
    Rule(About.QUOTA, enhanced=re.compile(r"5\.4\.5|5\.1\.90")),
    Rule(About.CONTENT, enhanced=re.compile(r"5\.6\.\d+|5\.3\.4")),
    Rule(About.RECIPIENT, enhanced=re.compile(r"5\.[12]\.\d+|5\.4\.(?:4|310)")),
    # Words that a code of policy or of an address would overrule.
    Rule(
        About.RECIPIENT,
        re.compile(
            rf"(?:unknown|invalid|inactive|disabled|not a valid|not a known) {_MAILBOX}\b"
            rf"|\b{_MAILBOX}\b[\w ]{{0,40}}\b(?:not found|not exist|doesn ?t exist|unknown|disabled|inactive"
            rf"|full|unavailable|invalid|not available|not known|suspended|deactivated|closed"
            rf"|not accepting|not local|not listed|over limit)"
            r"|unroute?able|no mail ?box|mailbox name|over ?quota|quota exceeded"
            r"|recipient (?:address )?(?:rejected|refused|denied)|(?:invalid|bad|malformed|unknown)"
            r" (?:destination )?(?:address|domain)|address (?:unknown|rejected|syntax|does not exist)"
            r"|recip(?:ient)?notfound|exceeded storage|marked as inactive|suppression list|no longer"
            r"|domain (?:not found|does not exist)|validate recipient|verify recipient|no such"
        ),
    ),
    Rule(About.RECIPIENT, codes=frozenset({551, 556})),
    Rule(
        About.POLICY,
        re.compile(
            r"spam|\bblock|black ?list|deny ?list|\bban(?:ned)?\b|policy|policies|reputation|\bspf\b"
            r"|\bdkim\b|\bdmarc\b|\brbl\b|dnsbl|unsolicited|virus|malware|not authori[sz]ed"
            r"|unauthori[sz]ed|unauthenticated|client host|\br?dns\b|\bptr\b|sandbox"
        ),
    ),
    Rule(About.CONTENT, re.compile(r"message[\w ]{0,20}\b(?:size|exceeds|too (?:large|big))")),
    Rule(About.RECIPIENT, codes=frozenset({552, 553}), verbs=_ONE_RECIPIENT),
    Rule(About.PROTOCOL, enhanced=re.compile(r"5\.5\.[1-9]\d*")),
    Rule(About.PROTOCOL, codes=_NO_SUCH_COMMAND),
)

_ENHANCED = re.compile(r"(?<![\d.])([45]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)")
_ADDRESSES = re.compile(r"<[^>]*>|\S+@\S+|https?:\S+|\b(?:[a-z0-9-]+\.)+[a-z]{2,6}\b")
_NUMBERS = re.compile(r"[\w.-]*\d[\w.-]*")
_NOT_WORDS = re.compile(r"[\W_]+")
_GREYLISTED = re.compile(r"gr[ae]y ?list")


def classify(verb: Verb, code: int, reply: bytes | str, mailbox: str = "") -> MailFailure:
    """The error for a negative reply to this verb.

    `mailbox` is the recipient, so that the words of two refusals can be compared.
    """
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    shown = f"{code} {redact(text)[:REPLY_LENGTH]}".rstrip(" .")
    words = _words(text, mailbox)
    enhanced = found[1] if (found := _ENHANCED.search(text)) else ""
    if not 500 <= code <= 599:
        return _passing(verb, code, words, shown)
    about = _about(verb, code, enhanced, words)
    if about is About.EITHER:
        return MailAmbiguous(
            "The mail server refused the message and does not say whether because of us",
            said=shown,
            words=f"{code} {enhanced} {words}"[:REPLY_LENGTH].rstrip(),
            code=code,
        )
    if about is About.RECIPIENT:
        return MailRefused("The mail server refused this address", said=shown, code=code)
    sentence = "The mail server refuses us"
    if about is About.CREDENTIALS:
        sentence = "The mail server does not accept the user and password of SMTP_URL"
    return SenderRefused(sentence, said=shown, remedy=about.value, code=code)


def _about(verb: Verb, code: int, enhanced: str, words: str) -> About:
    fitting = (rule.about for rule in RULES if rule.fits(verb, code, enhanced, words))
    about = next(fitting, About.EITHER)
    if about in NOT_ABOUT_US and verb in BEFORE_THE_RECIPIENT:
        return BEFORE_THE_RECIPIENT[verb]
    return about


def _passing(verb: Verb, code: int, words: str, shown: str) -> MailFailure:
    """A reply that says: later. Of this message alone, or of all that we send?"""
    if verb is Verb.AUTH:
        sentence = "The mail server cannot check our user and password now"
        return MailUnavailable(sentence, said=shown, code=code)
    if verb in BEFORE_THE_RECIPIENT or code == 421:  # RFC 5321 §3.8: it is closing, whatever for
        return MailUnavailable("The mail server does not take messages now", said=shown, code=code)
    if not _GREYLISTED.search(words):
        for rule in RULES:
            if rule.passing and rule.fits(verb, code, "", words):
                return MailUnavailable(
                    "The mail server takes nothing from us now",
                    said=shown,
                    remedy=rule.about.value,
                    code=code,
                )
    return MailDelayed("The mail server asks to try again later", said=shown, code=code)


def _words(text: str, mailbox: str) -> str:
    """The reply without what differs from one recipient to the next: addresses, numbers, ids."""
    text = _NUMBERS.sub(" ", _ADDRESSES.sub(" ", text.lower()))
    text = f" {_NOT_WORDS.sub(' ', text).strip()} "
    local_part = _NOT_WORDS.sub(" ", mailbox.lower().rpartition("@")[0]).strip()
    return text.replace(f" {local_part} ", " ").strip() if local_part else text.strip()
