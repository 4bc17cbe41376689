"""What has to be true of invitations at any moment, whatever has happened before."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import requests
from sqlalchemy import select
from sqlalchemy.orm import Session

from invite_site.invitations import lifecycle
from invite_site.invitations.lifecycle import EventKind, State, Transition
from invite_site.invitations.tables import Invitation, InvitationEvent

from .running import RunningSite, Tenant


def _allowed() -> dict[tuple[str, str], set[str | None]]:
    """From which states an event may lead to a state, by the table of transitions."""
    moves = [each for each in vars(lifecycle).values() if isinstance(each, Transition)]
    moves += [
        each.keeping(State.PASSWORD_SET)
        for each in (
            lifecycle.FAIL,
            lifecycle.HAND_TO_MAIL_SERVER,
            lifecycle.COUNT_AS_SENT,
            lifecycle.SEND_SIGN_IN_MAIL,
        )
    ] + [lifecycle.FAIL.keeping(State.SENT)]
    allowed: dict[tuple[str, str], set[str | None]] = {}
    for move in moves:
        allowed.setdefault((move.event, move.target), set()).update(move.sources or (None,))
    return allowed


ALLOWED = _allowed()
SENDS = (EventKind.HANDED_TO_MAIL_SERVER, EventKind.UNCONFIRMED, EventKind.FAILED)


@dataclass(frozen=True)
class Mail:
    """A mail that was sent: to whom, about which invitation, and the link to a password if it has one."""

    to: str
    ref: str
    link: str | None

    @property
    def is_landing(self) -> bool:
        """Whether its link is one of ours."""
        return "/i/" in (self.link or "")


@dataclass
class Truths:
    """Looks at site, tenant and mailbox after each step, and remembers what it has seen."""

    site: RunningSite
    tenant: Tenant
    state: Any = None  # of the tenant, as it was last seen
    rows: list[Any] = field(default_factory=list)  # the invitations, oldest first
    mails: list[Mail] = field(default_factory=list)  # oldest first
    # Of each invitation, a step earlier.
    _accounts: dict[int, str | None] = field(default_factory=dict)
    # Mailed before their invitation got another address, which makes the links of ours worthless.
    _readdressed: set[Mail] = field(default_factory=set)
    _seen: set[str] = field(default_factory=set)
    _histories: dict[int, list[tuple[Any, ...]]] = field(default_factory=dict)

    def look(self, signed_in: str | None) -> None:
        """Fails where something is not as it has to be. `signed_in` is the account that signed in during
        the step before."""
        self.state = self.tenant.state
        self._accounts = {row.id: row.user_id for row in self.rows}
        with Session(self.site.services.engine) as db:
            self.rows = list(db.scalars(select(Invitation).order_by(Invitation.id)))
            events = list(db.scalars(select(InvitationEvent).order_by(InvitationEvent.id)))
        self._look_into_mailbox()
        is_open = [row.email_norm for row in self.rows if row.is_open]
        assert len(is_open) == len(set(is_open)), "two open invitations for one address"
        live = self.tenant.linked_accounts(self.state)
        assert len(live) == len(set(live)), "two live tickets for one account"
        for user_id in set(live):
            rows = [row for row in self.rows if row.user_id == user_id]
            is_over = bool(rows) and all(row.state == State.REVOKED for row in rows)
            will_end = any(row.check_at for row in rows)
            assert will_end or not is_over, "a revoked link works, and nobody withdraws it"
        assert not self.site.services.statistics.recount(self.site.clock()), "a count is wrong"
        for row in self.rows:
            self._look_at_history(row, [e for e in events if e.invitation_id == row.id], signed_in)
            self._look_at_link(row)

    def account(self, user_id: str | None) -> Any:
        """What the tenant knows of this account, or None."""
        return next((user for user in self.state["users"] if user["user_id"] == user_id), None)

    def row_of(self, ref: str) -> Any:
        """The invitation that a mail is about."""
        [row] = [row for row in self.rows if row.ref == ref]
        return row

    def _look_into_mailbox(self) -> None:
        """No mail goes to another address than the one that its invitation has."""
        if self.state["mails"] == len(self._seen):
            return
        box = f"{self.tenant.mailbox_url}/api/v1"
        listed = requests.get(f"{box}/messages?limit=1000", timeout=10).json()["messages"]
        for each in reversed(listed):
            if each["ID"] not in self._seen:
                self._seen.add(each["ID"])
                mail = _mail_of(requests.get(f"{box}/message/{each['ID']}", timeout=10).json())
                self.mails.append(mail)
                assert mail.to == self.row_of(mail.ref).email_norm, "a mail to another address"

    def _look_at_history(self, row: Any, events: list[Any], signed_in: str | None) -> None:
        """Events are only added; by the table of transitions they lead to the state that is stored."""
        history = [
            (e.id, e.at, e.actor, e.event, e.from_state, e.to_state, repr(e.evidence))
            for e in events
        ]
        earlier = self._histories.get(row.id, [])
        assert history[: len(earlier)] == earlier, "an event has changed"
        self._histories[row.id] = history
        assert _replayed(events) == row.state, "a change without an event"
        for event in events[len(earlier) :]:
            self._look_at_evidence(event, row, signed_in)
            if event.event == EventKind.READDRESSED:
                self._readdressed.update(mail for mail in self.mails if mail.ref == row.ref)

    def _look_at_evidence(self, event: Any, row: Any, signed_in: str | None) -> None:
        """The tenant's word for a password, a sign-in in this very step for an acceptance."""
        if event.event == EventKind.PASSWORD_SET:
            at = _moment(self.account(row.user_id)["last_password_reset"])
            assert at >= row.ticket_issued_at, "the password is older than the link"
            assert _moment(event.evidence["last_password_reset"]) >= row.ticket_issued_at
        if event.event == EventKind.ACCEPTED:
            assert row.accepted_sub == signed_in, "accepted without a sign-in"
            assert event.evidence["sub"] == row.accepted_sub == row.user_id
            account = self.account(row.user_id)
            assert account["logins_count"] > 0
            is_invited = account["email"] == row.email_norm
            assert is_invited or self._accounts[row.id] == row.user_id, "accepted by another person"

    def _look_at_link(self, row: Any) -> None:
        """The newest mailed link of a sent invitation works until it is used, and one of ours also while
        another mail is to follow."""
        mail = next((each for each in reversed(self.mails) if each.ref == row.ref), None)
        is_in_hand = mail is not None and mail.is_landing and mail not in self._readdressed
        if mail and is_in_hand and row.landing_works(self.site.clock()):
            page = requests.get(str(mail.link), timeout=10)
            next_step = "Your password is set" if row.password_set_at else "Choose your password"
            assert page.status_code == 200
            assert next_step in page.text, "the newest link of ours is dead"
        if row.state != State.SENT or row.is_expired(self.site.clock()):
            return
        assert mail is not None, "sent, and no mail came"
        self._look_at_ticket(row, mail)

    def _look_at_ticket(self, row: Any, mail: Mail) -> None:
        """A reminder that was refused has ended the one before it."""
        sends = [event for _, _, _, event, *_ in self._histories[row.id] if event in SENDS]
        if mail.link is None or mail.is_landing or sends[-1] == EventKind.FAILED:
            return
        reset = self.account(row.user_id)["last_password_reset"]
        if reset and _moment(reset) >= row.ticket_issued_at:
            return
        page = requests.get(mail.link, allow_redirects=False, timeout=10)
        assert page.status_code == 200, "the newest link is dead"
        assert "newPassword" in page.text


def _replayed(events: list[Any]) -> str | None:
    """The state that these events lead to. Each has to be allowed where it came, and where it names the
    state before, that has to be so."""
    state: str | None = None
    has_password = False
    for each in events:
        has_password |= each.event == EventKind.PASSWORD_SET
        if each.to_state is None:
            continue
        assert state in ALLOWED[each.event, each.to_state], f"{each.event} from {state}"
        assert each.from_state in (None, state)
        assert each.to_state != State.PASSWORD_SET or has_password, "no evidence of a password"
        state = each.to_state
    return state


def _mail_of(mail: Any) -> Mail:
    [to] = mail["To"]
    refs = re.findall(r"/invite/(?:renew|sign-in)\?i=([\w-]+)", mail["Text"])
    links = [word for word in mail["Text"].split() if "/lo/reset?ticket=" in word or "/i/" in word]
    return Mail(to["Address"], refs[0], links[0] if links else None)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
