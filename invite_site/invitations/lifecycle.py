"""The life of an invitation: its states, what moves it on, and the evidence that each move needs.

    queued → sending → sent → password_set → accepted

*Accepted*, *revoked* and *failed* are ends. *Expired* is no state: a queued or sent invitation
whose time has run out is shown as expired (`Invitation.is_expired`).
"""

import enum
from dataclasses import dataclass, replace


class State(enum.StrEnum):
    """Where an invitation stands, as it is stored."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    PASSWORD_SET = "password_set"  # noqa: S105 - a state, not a password
    ACCEPTED = "accepted"
    REVOKED = "revoked"
    FAILED = "failed"

    @property
    def is_open(self) -> bool:
        """Whether it can still be accepted."""
        return self in OPEN_STATES


ON_THE_WAY = (State.QUEUED, State.SENDING, State.SENT)  # a mail was sent, or is to be
OPEN_STATES = (*ON_THE_WAY, State.PASSWORD_SET)

# What people see: a state, or that the time has run out.
EXPIRED = "expired"
STATUSES = (*OPEN_STATES, State.ACCEPTED, EXPIRED, State.REVOKED, State.FAILED)


class EventKind(enum.StrEnum):
    """What can happen to an invitation, as it is stored; the words for people are in templates."""

    INVITED = "invited"
    RESENT = "resent"
    EXTENDED = "extended"
    RENEWED = "renewed"
    REMINDED = "reminded"
    REVOKED = "revoked"
    DELIVERY_STARTED = "delivery_started"
    LEASE_RELEASED = "lease_released"
    POSTPONED = "postponed"
    FAILED = "failed"
    HANDED_TO_MAIL_SERVER = "handed_to_mail_server"
    HANDED_TO_TENANT = "handed_to_tenant"
    SIGN_IN_MAIL_SENT = "sign_in_mail_sent"
    UNCONFIRMED = "unconfirmed"
    ADDRESS_CHANGED = "address_changed"
    READDRESSED = "readdressed"
    LINK_OPENED = "link_opened"
    RESULT_SEEN = "result_seen"
    PASSWORD_SET = "password_set"  # noqa: S105 - an event, not a password
    WRONG_ACCOUNT = "wrong_account"
    OTHER_ACCOUNT = "other_account"
    ACCEPTED = "accepted"
    TICKET_WITHDRAWN = "ticket_withdrawn"
    ACCOUNT_DIFFERS = "account_differs"
    ROLES_GRANTED = "roles_granted"
    ROLES_POSTPONED = "roles_postponed"
    ROLES_NOT_GIVEN = "roles_not_given"
    GRANT_PENDING = "grant_pending"
    GRANT_CANCELLED = "grant_cancelled"
    GRANTED = "granted"


@dataclass(frozen=True, slots=True)
class Transition:
    """One allowed move. The comment above each says what whoever makes it must have seen."""

    event: EventKind
    sources: tuple[State, ...]
    target: State

    @property
    def source(self) -> State | None:
        """The state that it leads away from, where that can only be one: what its event says."""
        return self.sources[0] if len(self.sources) == 1 else None

    def keeping(self, state: State) -> "Transition":
        """The same for an invitation that was in `state` and stays so, whatever becomes of a mail about
        it."""
        return replace(self, target=state)


# An admin, or the command line; the address has no open invitation.
INVITE = Transition(EventKind.INVITED, (), State.QUEUED)
# An admin, or the command line; a queued one only after it has expired.
RESEND = Transition(
    EventKind.RESENT,
    (State.SENT, State.QUEUED, State.FAILED, State.PASSWORD_SET),
    State.QUEUED,
)
# An admin, or the command line: a later end, and no mail. A sent one only where its link is ours.
EXTEND_QUEUED = Transition(EventKind.EXTENDED, (State.QUEUED,), State.QUEUED)
EXTEND_SENT = Transition(EventKind.EXTENDED, (State.SENT,), State.SENT)
# The invitee, by the ref of a mail they have; a queued one only after it has expired.
RENEW = Transition(EventKind.RENEWED, (State.SENT, State.QUEUED, State.PASSWORD_SET), State.QUEUED)
# An admin, after the tenant gave the account another address; the invitation was held for that.
READDRESS = Transition(EventKind.READDRESSED, (State.QUEUED,), State.QUEUED)
# The time before the end that the settings say; nobody has used the link.
REMIND = Transition(EventKind.REMINDED, (State.SENT,), State.QUEUED)
# The worker's own UPDATE took the lease; from sending only after the lease before ran out.
CLAIM = Transition(EventKind.DELIVERY_STARTED, (State.QUEUED, State.SENDING), State.SENDING)
# The holder of the lease stops, or its lease ran out.
RELEASE = Transition(EventKind.LEASE_RELEASED, (State.SENDING,), State.QUEUED)
# The lease, and a refusal that passes.
POSTPONE = Transition(EventKind.POSTPONED, (State.SENDING,), State.QUEUED)
# The lease, and a final refusal.
FAIL = Transition(EventKind.FAILED, (State.SENDING,), State.FAILED)
# Its time ran out in the queue before a mail about a password that is set went out.
LAPSE = Transition(EventKind.FAILED, (State.QUEUED,), State.PASSWORD_SET)
# The lease; the mail server took the message.
HAND_TO_MAIL_SERVER = Transition(EventKind.HANDED_TO_MAIL_SERVER, (State.SENDING,), State.SENT)
# The lease; the mail server took the message several times without saying so.
COUNT_AS_SENT = Transition(EventKind.UNCONFIRMED, (State.SENDING,), State.SENT)
# The lease; the tenant says that the account has another address, so nothing is sent.
HOLD = Transition(EventKind.ADDRESS_CHANGED, (State.SENDING,), State.QUEUED)
# The lease; the tenant's `last_password_reset` shows that an unconfirmed message arrived, or that no
# reminder is needed.
CONFIRM = Transition(EventKind.PASSWORD_SET, (State.SENDING,), State.PASSWORD_SET)
# The lease; the tenant's `last_password_reset`, which is later than an earlier link; another mail follows.
FIND_PASSWORD = Transition(EventKind.PASSWORD_SET, (State.SENDING,), State.SENDING)
# The lease; the mail server took a message without a ticket, since the account has been used.
SEND_SIGN_IN_MAIL = Transition(EventKind.SIGN_IN_MAIL_SENT, (State.SENDING,), State.SENT)
# The lease; the tenant took the order to send its own mail.
HAND_TO_TENANT = Transition(EventKind.HANDED_TO_TENANT, (State.SENDING,), State.SENT)
# The tenant's `last_password_reset`, at or after the moment the ticket was made; a queued one only
# while its last message is in doubt.
SET_PASSWORD = Transition(EventKind.PASSWORD_SET, (State.SENT, State.QUEUED), State.PASSWORD_SET)
# A verified ID token whose `sub` is the invited account.
ACCEPT = Transition(EventKind.ACCEPTED, OPEN_STATES, State.ACCEPTED)
# An admin, or the command line.
REVOKE = Transition(EventKind.REVOKED, OPEN_STATES, State.REVOKED)
