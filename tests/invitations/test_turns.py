"""Turns: of several deliveries one at a time is between the mail server and the ledger."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from invite_site.invitations.sending.turns import Turns
from tests.support.running import RunningSite, Tenant


def test_the_turn_lasts_from_the_last_dot_to_the_ledger(site: RunningSite, tenant: Tenant) -> None:
    """It is taken before the mail server has the message, and kept until the row says *sent*."""
    seen: list[object] = []

    class Watched(Turns):
        @contextmanager
        def one(self) -> Iterator[Callable[[], None]]:
            with super().one() as take:

                def take_and_tell() -> None:
                    seen.append(len(tenant.mails()))
                    take()

                yield take_and_tell
                seen.append(site.row(row.id).state)

    row = site.invites("ada@example.com")
    deliveries = replace(site.services.deliveries, turns=Watched())
    [job] = deliveries.claim("worker", limit=1)
    deliveries.deliver(job)
    assert seen == [0, "sent"]
    assert len(tenant.mails()) == 1


def test_one_has_it_at_a_time() -> None:
    """Whoever asks meanwhile waits."""
    turns = Turns(patience=60)
    inside: list[int] = []
    most: list[int] = []
    together = threading.Barrier(8)

    def use() -> None:
        together.wait()
        for _ in range(50):
            with turns.one() as take:
                take()
                take()  # by another connection, after the first was closed
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(most) == {1}
    assert len(most) == 400


def test_a_slow_one_does_not_hold_up_the_others() -> None:
    """They go ahead when their patience is over, and give nothing back that they do not have."""
    turns = Turns(patience=0)
    with turns.one() as slow:
        slow()
        with turns.one() as other:
            other()
        with turns.one():
            pass  # nothing was handed over
    with turns.one() as after:
        after()
