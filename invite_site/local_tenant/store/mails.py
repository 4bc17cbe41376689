"""Mails the SMTP server has taken, kept raw. A stored mail is a committed mail."""

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
    return Mail(
        id=row["id"],
        created_at=row["created_at"],
        sender=row["sender"],
        recipients=tuple(json.loads(row["recipients"])),
        raw=row["raw"],
        read=bool(row["read"]),
    )


class Mails:
    """The table of mails."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def store(self, sender: str, recipients: list[str], raw: bytes) -> str:
        """Commit a mail; its id. When this returns the mail outlives a kill -9."""
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
        rows = self._database.all(
            "SELECT * FROM mail ORDER BY number DESC LIMIT ? OFFSET ?", length, start
        )
        return [_from_row(row) for row in rows]

    def get(self, mail_id: str) -> Mail | None:
        """The mail of that id."""
        row = self._database.one("SELECT * FROM mail WHERE id = ?", mail_id)
        return None if row is None else _from_row(row)

    def counts(self) -> tuple[int, int]:
        """How many there are, and how many of them nobody has read."""
        row = self._database.one("SELECT count(*) AS n, coalesce(sum(read = 0), 0) AS u FROM mail")
        return (0, 0) if row is None else (int(row["n"]), int(row["u"]))

    def mark_read(self, mail_id: str) -> None:
        """Somebody has opened it."""
        self._database.run("UPDATE mail SET read = 1 WHERE id = ? AND read = 0", mail_id)

    def delete(self, mail_ids: list[str]) -> None:
        """Forget these mails."""
        with self._database.transaction() as connection:
            connection.executemany("DELETE FROM mail WHERE id = ?", [(each,) for each in mail_ids])

    def delete_all(self) -> None:
        """Forget every mail."""
        self._database.run("DELETE FROM mail")
