"""What has happened before a demo begins: some weeks of invitations, in every status that lasts.

Everything happens as in a real site: the use cases of an admin and of the worker, and people with a
browser. Only the clock is moved, from the first day to now.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from ..invitations.people import Inviter
from ..local_tenant import RunningTenant
from .people import Browser
from .site import WORKER, Site

INVITER = Inviter("Nadia Berg")
WORKSHOP = """\
Email,Name
ines.moreau@example.com,Inès Moreau
oskar.lund@example.com,Oskar Lund
tariq.aziz@example.com,Tariq Aziz
"""
NO_SUCH_MAILBOX = {"route": "SMTP", "kind": "status", "status": 550, "at": "rcpt"}
SOON = timedelta(minutes=2)  # when the site has asked the tenant about a password


@dataclass(frozen=True)
class Story:
    """Tells the story to this site and tenant, which nobody uses yet."""

    site: Site
    tenant: RunningTenant

    def tell(self) -> Iterator[None]:
        """Let it happen, one event after the other; the clock shows now at the end."""
        for ago, event in sorted(self._events(), key=lambda each: each[0], reverse=True):
            self.tenant.demo.set_clock(-ago.total_seconds())
            event()
            self._work()
            yield
        self.tenant.demo.set_clock(0)
        self.tenant.demo.mark_mails_read()

    def _events(self) -> Iterator[tuple[timedelta, Callable[[], object]]]:
        """Each with how long ago it was."""
        yield from self._accepted(
            "mara.lindqvist@example.com", "Mara Lindqvist", day=23.11, after=1
        )
        yield from self._accepted(
            "tomas.ferreira@example.org", "Tomás Ferreira", day=21.3, after=39
        )
        yield from self._invited("priya.raman@example.com", "Priya Raman", day=16.27)
        yield _days(13.1), lambda: self.tenant.demo.order_fault(NO_SUCH_MAILBOX)
        yield from self._invited("jonas.webber@example.net", "Jonas Weber", day=13.02)
        yield from self._invited("amina.diallo@example.org", "Amina Diallo", day=10.41)
        yield _days(9.53), lambda: self._revoke("amina.diallo@example.org", "Has left the project")
        yield from self._password_set("kenji.watanabe@example.com", "Kenji Watanabe", day=7.16)
        yield from self._invited("lucia.ortega@example.com", "Lucía Ortega", day=6.45)
        yield _days(1.24), lambda: self._resend("lucia.ortega@example.com")
        yield from self._accepted("emeka.obi@example.org", "Emeka Obi", day=3.19, after=5)
        yield from self._invited("sofie.jansen@example.com", "Sofie Jansen", day=0.83)
        yield timedelta(hours=3, minutes=7), self._pause_workshop

    def _invited(
        self, email: str, name: str, *, day: float
    ) -> Iterator[tuple[timedelta, Callable[[], object]]]:
        invite = self.site.services.invitations.invite
        yield _days(day), lambda: invite(email, name=name, inviter=INVITER)

    def _password_set(
        self, email: str, name: str, *, day: float
    ) -> Iterator[tuple[timedelta, Callable[[], object]]]:
        yield from self._invited(email, name, day=day)
        later = _days(day) - timedelta(hours=4)
        yield later, lambda: Browser().sets_password(self._link(email))
        yield later - SOON, lambda: self.site.services.deliveries.check(limit=10)

    def _accepted(
        self, email: str, name: str, *, day: float, after: int
    ) -> Iterator[tuple[timedelta, Callable[[], object]]]:
        """Invited on that day, and signed in so many hours later."""
        yield from self._invited(email, name, day=day)
        yield _days(day) - timedelta(hours=after, minutes=13), lambda: self._accept(email)

    def _accept(self, email: str) -> None:
        browser = Browser()
        browser.sets_password(self._link(email))
        browser.signs_in(email)

    def _link(self, email: str) -> str:
        found = self.tenant.demo.newest_mail(email)
        return found[1] if found else ""

    def _number(self, email: str) -> int:
        services = self.site.services
        return services.listing.page(now=services.clock(), query=email, size=1)[0].id

    def _revoke(self, email: str, reason: str) -> None:
        number = self._number(email)
        self.site.services.invitations.revoke(number, actor=INVITER.name, reason=reason)

    def _resend(self, email: str) -> None:
        self.site.services.resending.resend(self._number(email), actor=INVITER.name)

    def _pause_workshop(self) -> None:
        batches = self.site.services.batches
        batch = batches.preview(WORKSHOP, name="Workshop in spring", inviter=INVITER)
        batches.start(batch.id, inviter=INVITER)
        batches.pause(batch.id)

    def _work(self) -> None:
        """What the worker would have done by now."""
        deliveries = self.site.services.deliveries
        while jobs := deliveries.claim(WORKER, limit=10):
            for job in jobs:
                deliveries.deliver(job)


def _days(number: float) -> timedelta:
    return timedelta(days=number)
