"""Workers that die at one moment of a delivery, as by kill -9: nothing after it runs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from invite_site.invitations.sending.channels import Channel, Outgoing, Sent, SignInMail
from invite_site.invitations.sending.delivery import Deliveries
from invite_site.invitations.sending.turns import Turns
from invite_site.invitations.tables import Invitation

from .running import RunningSite


class Killed(BaseException):
    """The process ends here."""


@dataclass
class DiesAfterTheMail:
    """A channel that sends, and dies before the ledger hears of it."""

    channel: Channel | SignInMail

    def __getattr__(self, name: str) -> Any:
        return getattr(self.channel, name)

    def send(self, job: Invitation, user_id: str, outgoing: Outgoing) -> Sent:
        self.channel.send(job, user_id, outgoing)
        raise Killed


class DiesBeforeTheLastDot(Turns):
    """Dies where a delivery would wait for its turn to hand the message over."""

    @contextmanager
    def one(self) -> Iterator[Callable[[], None]]:
        def die() -> None:
            raise Killed

        yield die


def dies_after_the_mail(site: RunningSite) -> None:
    """A worker dies between the mail server's answer and the ledger, and starts again."""
    deliveries = site.services.deliveries
    assert deliveries.sign_in_mail is not None
    sign_in_mail: Any = DiesAfterTheMail(deliveries.sign_in_mail)
    channel: Any = DiesAfterTheMail(deliveries.channel)
    _dies(replace(deliveries, channel=channel, sign_in_mail=sign_in_mail))


def dies_before_the_last_dot(site: RunningSite) -> None:
    """A worker dies before the mail server can have the message, and starts again."""
    _dies(replace(site.services.deliveries, turns=DiesBeforeTheLastDot()))


def _dies(deliveries: Deliveries) -> None:
    [job] = deliveries.claim("worker", limit=1)
    with pytest.raises(Killed):
        deliveries.deliver(job)
    deliveries.start("worker")
