"""The mails that the SMTP server has accepted, stored raw."""

import json
import sqlite3
from dataclasses import dataclass

from ..simulation.clock import Clock
from .database import Database, random_code


@dataclass(frozen=True)
class Mail:
    """One mail with its envelope; `created_at` in epoch seconds, `raw` as it came."""

    id: str
    created_at: float
    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    read: bool


def _from_row(row: sqlite3.Row) -> Mail:
    recipients = tuple(json.loads(row["recipients"]))
    return Mail(
        row["id"], row["created_at"], row["sender"], recipients, row["raw"], bool(row["read"])
    )


class Mails:
    """The table of mails."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def store(self, sender: str, recipients: list[str], raw: bytes) -> str:
        """Commit a mail, so that it survives a kill -9; its id."""
        mail_id = random_code(22)
        self._database.run(
            "INSERT INTO mail (id, number, created_at, sender, recipients, raw)"
            " VALUES (?, (SELECT coalesce(max(number), 0) + 1 FROM mail), ?, ?, ?, ?)",
            mail_id,
            self._clock.now(),
            sender,
            json.dumps(recipients),
            raw,
        )
        return mail_id

    def page(self, start: int, length: int) -> list[Mail]:
        """`length` mails from the `start`-th on, newest first."""
        newest_first = "SELECT * FROM mail ORDER BY number DESC LIMIT ? OFFSET ?"
        return self._database.select(_from_row, newest_first, length, start)

    def get(self, mail_id: str) -> Mail | None:
        """The mail of that id."""
        return self._database.first(_from_row, "SELECT * FROM mail WHERE id = ?", mail_id)

    def newest_to(self, address: str) -> Mail | None:
        """The newest mail to this address, in whatever case it is written."""
        return self._database.first(
            _from_row,
            "SELECT * FROM mail WHERE EXISTS"
            " (SELECT 1 FROM json_each(recipients) WHERE lower(value) = lower(?))"
            " ORDER BY number DESC LIMIT 1",
            address,
        )

    def counts(self) -> tuple[int, int]:
        """The number of mails, and of the unread ones."""
        counted = "SELECT count(*), coalesce(sum(read = 0), 0) FROM mail"
        total, unread = self._database.all(counted)[0]
        return total, unread

    def mark_read(self, mail_id: str) -> None:
        """Mark a mail as read."""
        self._database.run("UPDATE mail SET read = 1 WHERE id = ? AND read = 0", mail_id)

    def mark_all_read(self) -> None:
        """Mark every mail as read."""
        self._database.run("UPDATE mail SET read = 1 WHERE read = 0")

    def delete(self, mail_ids: list[str]) -> None:
        """Delete these mails."""
        with self._database.transaction() as connection:
            connection.executemany("DELETE FROM mail WHERE id = ?", [(each,) for each in mail_ids])

    def delete_all(self) -> None:
        """Delete every mail."""
        self._database.run("DELETE FROM mail")
