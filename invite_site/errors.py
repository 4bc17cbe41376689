"""What can go wrong, as one tree. Each class carries a sentence for people and never a secret.

InviteSiteError
├─ ConfigError              at start-up; lists every problem at once
├─ DatabaseUnusable         the database does not answer, or its file cannot be used
├─ DatabaseOutdated         the database is older or newer than this code
├─ CannotListen             no socket can be bound to the address that was asked for
├─ InvitationError          the person asking can put it right
│   ├─ InvalidInvitee       something typed that cannot be used; says which field
│   ├─ AlreadyInvited       an invitation to this address is open
│   ├─ AlreadyAccepted      this person has accepted one, and their account is there
│   ├─ NotPossibleNow       the invitation's state does not allow what was asked
│   │   ├─ AccountUnusable  its account is gone, blocked, or has another address
│   │   └─ ResentTooSoon    it was sent again by hand a moment ago, or very often today
│   ├─ InvitationNotFound
│   ├─ BatchNotFound
│   ├─ JobNotFound
│   └─ UnreadableList       a list of people that cannot be read as a whole
├─ GrantRefused             the right to invite cannot be given, or not be withdrawn
│   └─ NotThereYet          no account of this address can be given it yet
├─ LeaseLost                another worker, or an admin, took the row from this one
├─ DeliveryError            the tenant or the mail server refused while an invitation was sent
│   ├─ TenantRefused        the tenant's final word about this one invitation
│   │   └─ UserExists       409 on create: somebody has an account with this address
│   │       └─ AccountInUse its owner signs in with it, and no mail can ask them to
│   ├─ TenantUnavailable    timeout, 5xx: passes; carries the wait asked for
│   │   └─ TenantBusy       429: more calls than its rate limit allows
│   ├─ CredentialsRefused   our credentials or settings are refused: nothing goes out
│   │   ├─ TenantMisconfigured  the tenant's answer is about its configuration or ours
│   │   └─ SenderRefused        a MailFailure too: it is about our name, credentials, quota
│   └─ MailFailure          what the mail server answered, or that it did not
│       ├─ MailRefused      its final word about this address
│       ├─ MailAmbiguous    a final refusal that may be about us or about the address
│       ├─ MailInDoubt      the message was sent, and there was no answer
│       ├─ MailDelayed      asks us to come back later with this message
│       └─ MailUnavailable  cannot be reached, or takes nothing now
└─ LoginError               a sign-in that cannot be finished; carries a code, never the tenant's words
    └─ TenantUnreachable    the tenant did not answer while somebody was signing in
"""

from datetime import datetime


class InviteSiteError(Exception):
    """Base of every error of this site. `str(error)` is one sentence for a person."""

    @property
    def for_record(self) -> str:
        """The same in our own words alone, for events, which are kept for ever: the words of others may
        hold an address."""
        return str(self)


class ConfigError(InviteSiteError):
    """The settings cannot be used. `problems` holds one sentence for each fault."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("The settings cannot be used:\n" + "\n".join(f"  - {p}" for p in problems))


class DatabaseUnusable(InviteSiteError):
    """The database does not answer, or its file cannot be used. Says which one, why, and what to do;
    that is for whoever runs the site, not for visitors."""


class DatabaseOutdated(InviteSiteError):
    """The database is at another revision than this code needs."""

    def __init__(self, sentence: str, *, is_newer: bool) -> None:
        self.is_newer = is_newer
        super().__init__(sentence)


class CannotListen(InviteSiteError):
    """No socket can be bound to the address that was asked for."""


class InvitationError(InviteSiteError):
    """What was asked cannot be done with this invitation; the person asking can put it right."""


class InvalidInvitee(InvitationError):
    """Something about an invitation that cannot be used; `field` is what the form calls it: `email`, `name`,
    `note`, `lifetime`, `roles` or `language`."""

    def __init__(self, field: str, sentence: str) -> None:
        self.field = field
        super().__init__(sentence)


class AlreadyInvited(InvitationError):
    """An invitation to this address is open; says who sent it and when."""

    def __init__(self, invitation_id: int, inviter: str, invited_at: datetime) -> None:
        self.invitation_id = invitation_id
        super().__init__(
            f"{inviter} already invited this address on {invited_at.day} {invited_at:%B %Y at %H:%M} UTC. "
            "Open that invitation to send it again or to revoke it."
        )


class AlreadyAccepted(InvitationError):
    """Somebody with this address has accepted an invitation; says when."""

    def __init__(self, invitation_id: int, accepted_at: datetime) -> None:
        self.invitation_id = invitation_id
        super().__init__(
            f"This person accepted an invitation on {accepted_at.day} {accepted_at:%B %Y} and has an "
            "account. Ask them to sign in."
        )


class NotPossibleNow(InvitationError):
    """The state of the invitation does not allow what was asked."""


class AccountUnusable(NotPossibleNow):
    """The account at the tenant is not the invitee's any more. Where it `is_gone`, a new link makes it
    anew."""

    def __init__(self, *, is_gone: bool) -> None:
        self.is_gone = is_gone
        change = "is gone" if is_gone else "has been changed"
        super().__init__(f"The account of this invitation {change}.")


class ResentTooSoon(NotPossibleNow):
    """The invitation was sent again by hand a moment ago, or as often as may be in a day; `possible_at`
    is a whole minute."""

    def __init__(self, possible_at: datetime) -> None:
        self.possible_at = possible_at
        super().__init__(
            "This invitation was sent again already, and each new mail ends the link of the one "
            f"before. It can be sent again from {possible_at.day} {possible_at:%B %Y at %H:%M} UTC on."
        )


class InvitationNotFound(InvitationError):
    """There is no invitation with this number."""


class BatchNotFound(InvitationError):
    """There is no batch, or no row of a batch, with this number."""


class JobNotFound(InvitationError):
    """There is no job with this number."""


class UnreadableList(InvitationError):
    """A list of people that cannot be read; says where and what to do."""


class GrantRefused(InviteSiteError):
    """The right to invite cannot be given to this person, or not be withdrawn; says why."""


class NotThereYet(GrantRefused):
    """No account can be given the right to invite yet, but an invitation to the address can carry it.
    `is_invited` where one is open already."""

    def __init__(self, sentence: str, *, is_invited: bool) -> None:
        self.is_invited = is_invited
        super().__init__(sentence)


class LeaseLost(InviteSiteError):
    """The row is no longer under the claim of this worker; whoever has it now goes on."""

    def __init__(self) -> None:
        super().__init__("This invitation is no longer this worker's.")


class DeliveryError(InviteSiteError):
    """The tenant or the mail server refused while an invitation was sent."""


class TenantRefused(DeliveryError):
    """The tenant's final answer (4xx). `status` and `code` are the tenant's, for the log; `said` is what
    it said, where the sentence goes on with that."""

    def __init__(self, sentence: str, *, said: str = "", status: int = 0, code: str = "") -> None:
        self._own = f"{sentence} (HTTP {status})." if said else sentence
        self.status = status
        self.code = code
        super().__init__(f"{sentence}: {said}" if said else sentence)

    @property
    def for_record(self) -> str:
        return self._own


class UserExists(TenantRefused):
    """The connection already has a user with this address."""


class AccountInUse(UserExists):
    """The user of this address signs in with the account, and the tenant's own mail, the only one there is,
    would make them choose another password."""


class TenantUnavailable(DeliveryError):
    """The tenant cannot answer now. `retry_after` is the wait it asked for, in seconds."""

    def __init__(self, sentence: str, *, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(sentence)


class TenantBusy(TenantUnavailable):
    """The tenant's rate limit is reached. Where the call `is_counted` by the pacer, that makes the next ones
    wait."""

    def __init__(self, sentence: str, *, retry_after: float | None, is_counted: bool) -> None:
        self.is_counted = is_counted
        super().__init__(sentence, retry_after=retry_after)


class CredentialsRefused(DeliveryError):
    """Our credentials or their rights are not enough; nothing goes out until somebody mends them."""


class TenantMisconfigured(CredentialsRefused):
    """The tenant refuses because of its configuration or our settings, whoever is invited."""


class MailFailure(DeliveryError):
    """What the mail server answered, or that it did not. The text is `sentence`, which goes on with
    what it `said` without addresses in full, then `remedy`.

    `code` is its reply code, 0 without a reply.
    """

    def __init__(self, sentence: str, *, said: str = "", remedy: str = "", code: int = 0) -> None:
        self._own = f"{sentence} ({code})." if said else sentence
        sentence = f"{sentence}: {said}." if said else sentence
        self.sentence = sentence
        self.remedy = remedy
        self.code = code
        super().__init__(f"{sentence} {remedy}".strip())

    @property
    def for_record(self) -> str:
        return f"{self._own} {self.remedy}".strip()


class SenderRefused(MailFailure, CredentialsRefused):
    """The mail server refuses us, whoever the recipient is; `remedy` says what to do."""


class MailAmbiguous(MailFailure):
    """A final refusal (5xx) that may be about us or about the recipient.

    `words` is the reply without addresses and numbers: the same words for several recipients are
    about us.
    """

    def __init__(self, sentence: str, *, said: str, words: str, code: int) -> None:
        self.words = words
        super().__init__(sentence, said=said, code=code)


class MailInDoubt(MailFailure):
    """The message was sent to its last byte, and the mail server did not say whether it took it."""


class MailRefused(MailFailure):
    """The mail server refused this address for good (5xx)."""


class MailDelayed(MailFailure):
    """The mail server asks to try this message again later (4xx)."""


class MailUnavailable(MailFailure):
    """The mail server cannot be reached, or takes nothing from us now; every message waits."""


class LoginError(InviteSiteError):
    """A sign-in that cannot be finished. `code` is ours; the tenant's own words are never shown.

    RFC 6749 leaves `error_description` to the sender, so anybody can write it into a URL.
    """

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(f"The sign-in was refused ({code}).")


class TenantUnreachable(LoginError):
    """The tenant did not answer while somebody was signing in."""

    def __init__(self) -> None:
        super().__init__("tenant_unreachable")
