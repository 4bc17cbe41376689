"""Workers that are asked to end in the middle of a batch, again and again."""

import contextlib
import random
import signal
import subprocess
from collections import Counter

import requests

from invite_site.invitations.people import Inviter

from .running import RunningSite, Tenant, wait_until
from .workers import Command, held_by, name_of, workers


def nothing_is_sent_twice(
    site: RunningSite, tenant: Tenant, *, people: int, stops: int, command: Command
) -> None:
    """Send SIGTERM to a worker at a random moment of its deliveries, and start another: each ends
    within ten seconds and keeps no lease, and in the end everybody has one mail."""
    chance = random.Random()  # noqa: S311 - moments, not secrets
    text = "".join(f"p{each}@example.com\n" for each in range(people))
    batches, inviter = site.services.batches, Inviter("Grace")
    batch = batches.preview(text, name="people", inviter=inviter)
    batches.start(batch.id, inviter=inviter)
    with workers(site, tenant) as group:
        for _ in range(stops):
            process = group.start(command)
            wait_until(lambda: bool(held_by(site, name_of(process))), "it was delivering", 60)  # noqa: B023
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=chance.uniform(0, 0.3))
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=10) == 0
            assert not held_by(site, name_of(process))
        assert batches.progress(batch.id).counts["queued"] > 0, "the stops were in the middle"
        group.start(command)
        wait_until(lambda: batches.progress(batch.id).is_over, "the batch was over", 600)
    assert batches.progress(batch.id).counts["sent"] == people
    box = f"{tenant.mailbox_url}/api/v1/messages"
    mails = requests.get(box, params={"limit": 5000}, timeout=30).json()["messages"]
    copies = Counter(mail["To"][0]["Address"] for mail in mails)
    assert len(copies) == people
    assert set(copies.values()) == {1}
