"""The life of invitations as a property: what people, workers, faults and time may do in any order, and
what has to be true after each step. Hypothesis chooses the steps and shortens those that break it.

There is one rule, which draws from a table of steps: of many rules, Hypothesis leaves some out of each
run, and few runs would have all that a life needs.
"""

import contextlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from invite_site.errors import AlreadyAccepted, AlreadyInvited, DeliveryError, NotPossibleNow
from invite_site.invitations.people import Inviter
from invite_site.tenant.http import WORKER, Credentials, ManagementApi

from .life_truths import Truths
from .person import Person
from .running import Clock, Tenant, logs_in, running_site, settings_for

ADDRESSES = ("ada@example.com", "grace+work@example.com")
FAULTS: dict[str, dict[str, Any]] = {
    "the tenant is away": {"route": "* /api/v2", "kind": "status", "status": 503},
    "the tenant is busy": {
        "route": "* /api/v2", "kind": "status", "status": 429, "headers": {"Retry-After": "3"},
    },
    "the answer about an account is lost": {"route": "POST /api/v2/users", "kind": "act_then_drop"},
    "the answer about a ticket is lost": {"route": "POST /api/v2/tickets", "kind": "act_then_drop"},
    "the mail server is busy": {"route": "SMTP", "kind": "status", "status": 451},
    "the mail server refuses the address": {
        "route": "SMTP", "kind": "status", "status": 550, "at": "rcpt",
    },
    "the mail server drops a message it took": {
        "route": "SMTP", "kind": "reset", "at": "after_store",
    },
}  # fmt: skip
# Around what the site counts with: a lease, the pauses of resends and renewals, a check
# of a sent one, the reminder, the end.
JUMPS = (61, 125, 16 * 60, 3601, 3601, 86_400, 86_400, 4 * 86_400, 5 * 86_400 + 1)
REMINDER = 86_400


def life_at(tenant: Tenant, folder: Path, link: str) -> type["Life"]:
    """Lives at this tenant, each with a site and a database of its own below `folder`; `link` is that
    of INVITE_LINK."""
    numbers = itertools.count()

    def begin() -> Life:
        below = folder / str(next(numbers))
        below.mkdir()
        return Life(tenant, below, link)

    return cast(type[Life], begin)  # Hypothesis does nothing but call it


@dataclass(frozen=True)
class Step:
    """A method of `Life`, and what was chosen for it."""

    does: Callable[..., None]
    chosen: dict[str, Any]

    def __repr__(self) -> str:
        chosen = ", ".join(f"{name}={value!r}" for name, value in self.chosen.items())
        return f"{self.does.__name__}({chosen})"


class Life(RuleBasedStateMachine):
    """The steps. Each is one that the site may refuse; what is wrong is what it does."""

    def __init__(self, tenant: Tenant, folder: Path, link: str) -> None:
        super().__init__()
        self.tenant = tenant
        tenant.reset()
        tenant.heals()
        self.ahead = 0.0
        self.turn_tenant_clock(0)
        self.open_parts = contextlib.ExitStack()
        settings = settings_for(tenant, folder, REMINDER_SECONDS=str(REMINDER), INVITE_LINK=link)
        self.clock = Clock()
        self.site = self.open_parts.enter_context(running_site(settings, clock=self.clock))
        self.api = ManagementApi(
            self.site.settings, Credentials.of_the_site(self.site.settings), WORKER
        )
        self.passwords: dict[str, str] = {}  # by the id of the account
        self.jobs: list[Any] = []  # claimed by a worker that does not go on
        self.signed_in: str | None = None  # the account that signed in during this step
        self.truths = Truths(self.site, tenant)

    def teardown(self) -> None:
        self.open_parts.close()

    @rule(step=st.deferred(lambda: STEPS))
    def next(self, step: Step) -> None:
        """People take their time: two things of one second have no order, by the tenant's times."""
        self.time_passes(2)
        step.does(self, **step.chosen)

    # The owner ------------------------------------------------------------------------------------

    @initialize()
    def everybody_is_invited(self) -> None:
        for who in ADDRESSES:
            self.owner_invites(who, again=False)

    def owner_invites(self, who: str, again: bool, is_sent: bool = True) -> None:
        with contextlib.suppress(AlreadyInvited, AlreadyAccepted):
            self.site.services.invitations.invite(who, inviter=Inviter("Grace"), again=again)
        self.worker_may_follow(is_sent)

    def owner_resends(self, who: str, is_sent: bool) -> None:
        with contextlib.suppress(NotPossibleNow, AlreadyInvited):
            self.site.services.resending.resend(self.newest(who).id, actor="Grace")
        self.worker_may_follow(is_sent)

    def owner_revokes(self, who: str, is_invited_anew: bool) -> None:
        with contextlib.suppress(NotPossibleNow):
            self.site.services.invitations.revoke(self.newest(who).id, actor="Grace")
        if is_invited_anew:
            self.owner_invites(who, again=False)

    def account_gets_another_address(self, who: str) -> None:
        """And the old one back, the next time."""
        user_id = self.newest(who).user_id
        user = self.truths.account(user_id)
        if user is None:
            return
        email = who if user["email"] != who else f"new.{who}"
        with contextlib.suppress(DeliveryError):  # another account has it, or the tenant fails
            self.api.send(
                "PATCH",
                f"/users/{user_id}",
                {"email": email, "connection": self.site.settings.connection},
            )

    def owner_readdresses(self, who: str) -> None:
        row = self.newest(who)
        with contextlib.suppress(NotPossibleNow, AlreadyInvited):
            self.site.services.invitations.readdress(row.id, row.new_email or "", actor="Grace")

    # The invitee ----------------------------------------------------------------------------------

    def invitee_chooses_password(self, who: str, older: int, is_seen: bool) -> None:
        """By the link of a mail, and comes back to the site; a minute later the worker may see it."""
        mails = [
            each for each in reversed(self.truths.mails) if each.to.endswith(who) and each.link
        ]
        if len(mails) <= older:
            return
        mail, before = mails[older], self.truths.state["users"]
        password = f"Correct-Horse-{len(self.passwords) + 1}"
        with Person() as invitee:
            invitee.opens(str(mail.link))
            if invitee.offers("Choose your password"):
                invitee.presses("Choose your password")
            if invitee.offers("Reset password"):
                invitee.types_into("New password", password)
                invitee.types_into("Re-enter new password", password).presses("Reset password")
            is_away = invitee.response.status_code == 503  # the tenant, for the ticket of a landing
            assert is_away or invitee.response.status_code < 500, invitee.text
        changed = [
            now["user_id"]
            for then, now in zip(before, self.tenant.state["users"], strict=True)
            if now["last_password_reset"] != then["last_password_reset"]
        ]
        of_the_mail = self.truths.row_of(mail.ref).user_id
        assert changed in ([], [of_the_mail]), "the link is of another account"
        self.passwords |= dict.fromkeys(changed, password)
        if is_seen:
            self.time_passes(61)
        self.worker_may_follow(is_seen)

    def somebody_signs_in(self, who: str, on_the_way_from: str | None) -> None:
        """The person themselves or, where they are on the way from another's invitation, with the wrong
        account. The tenant's clock is right meanwhile: a token from the future is refused."""
        user = self.tenant.user(who)
        password = self.passwords.get(user["user_id"]) if user else None
        if password is None:
            return
        row = self.newest(on_the_way_from) if on_the_way_from else None
        start = f"/invite/sign-in?i={row.ref}" if row else "/login"
        self.turn_tenant_clock(0)
        with Person() as somebody:
            somebody.opens(self.site.url + start)
            if somebody.url.startswith(self.tenant.url):
                self.signed_in = user["user_id"]
                logs_in(somebody, who, password)
                assert somebody.url.startswith(self.site.url), somebody.text
                assert somebody.response.status_code in (200, 403), somebody.text
        self.turn_tenant_clock(self.ahead)
        is_waited_for = self.signed_in and (row is None or row.user_id == self.signed_in)
        if is_waited_for and user["email_verified"]:
            own = [each for each in self.truths.rows if each.user_id == user["user_id"]]
            states = [self.site.row(each.id).state for each in own if each.is_open]
            assert set(states) <= {"accepted"}, "signed in, and not accepted"

    def invitee_asks_for_renewal(self, who: str) -> None:
        self.site.services.resending.renew(self.newest(who).ref)

    # Workers --------------------------------------------------------------------------------------

    def worker_delivers(self) -> None:
        self.site.services.reminders.queue()
        self.site.delivers()

    def worker_claims_and_stops(self) -> None:
        """It is killed if it never goes on; its leases run out then."""
        self.jobs += self.site.services.deliveries.claim("slow worker", limit=1)

    def worker_goes_on(self) -> None:
        """However long it stood still."""
        if self.jobs:
            self.site.services.deliveries.deliver(self.jobs.pop(0))

    def worker_may_follow(self, does: bool) -> None:
        """What happens next most of the time, as a part of the step."""
        if does:
            self.worker_delivers()

    # Faults and time ------------------------------------------------------------------------------

    def something_fails(self, fault: str, times: int) -> None:
        self.tenant.fails(**FAULTS[fault], times=times)

    def all_is_well_again(self) -> None:
        self.tenant.heals()

    def time_passes(self, seconds: int, worker_runs: bool = False) -> None:
        self.clock.forward(seconds=seconds)
        self.ahead += seconds
        self.turn_tenant_clock(self.ahead)
        self.worker_may_follow(worker_runs)

    # ----------------------------------------------------------------------------------------------

    @invariant()
    def all_is_right(self) -> None:
        self.truths.look(self.signed_in)
        self.signed_in = None

    def turn_tenant_clock(self, ahead: float) -> None:
        self.tenant.control("PUT", "/clock", {"offset": ahead})

    def newest(self, who: str) -> Any:
        """The newest invitation of this person, or of anybody where there is none."""
        rows = self.truths.rows
        return next((row for row in reversed(rows) if row.email_norm.endswith(who)), rows[-1])


def _step(does: Callable[..., None], **choices: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    return st.builds(Step, st.just(does), st.fixed_dictionaries(choices))


# The first one most of the time: what breaks a life takes several steps of the same person.
_people = st.sampled_from((*ADDRESSES, *ADDRESSES[:1] * 2))
_yes_or_no = st.booleans()
_mostly = st.sampled_from((True, True, False))
_often = (
    _step(Life.owner_invites, who=_people, again=_yes_or_no, is_sent=_mostly),
    _step(
        Life.invitee_chooses_password,
        who=_people,
        older=st.sampled_from((0, 0, 1)),  # which of the mails, the newest first
        is_seen=_yes_or_no,
    ),
    _step(
        Life.somebody_signs_in,
        who=_people,
        on_the_way_from=st.sampled_from((None, *reversed(ADDRESSES))),
    ),
    _step(Life.owner_resends, who=_people, is_sent=_mostly),
    _step(Life.owner_revokes, who=_people, is_invited_anew=_yes_or_no),
    _step(Life.time_passes, seconds=st.sampled_from(JUMPS), worker_runs=_mostly),
)
_seldom = (
    _step(Life.account_gets_another_address, who=_people),
    _step(Life.owner_readdresses, who=_people),
    _step(Life.invitee_asks_for_renewal, who=_people),
    _step(Life.worker_delivers),
    _step(Life.worker_claims_and_stops),
    _step(Life.worker_goes_on),
    _step(Life.something_fails, fault=st.sampled_from(sorted(FAULTS)), times=st.integers(1, 2)),
    _step(Life.all_is_well_again),
)
STEPS: st.SearchStrategy[Step] = st.one_of(*_often, *_often, *_seldom)
