"""The inviter's note in the mail, as a mail server gets it."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from invite_site.errors import InvalidInvitee
from invite_site.invitations.options import NOTE_LENGTH, Options
from invite_site.mail.message import Mailer, Recipient, Words, part_of
from invite_site.settings import Settings
from tests.support.running import Tenant, settings_for
from tests.support.smtp_script import SmtpScript

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LINK = re.compile(r"\w\.\w\w|@\w|:/|//|\d\.\d")


@dataclass
class Desk:
    """Sends an invitation with a note, and reads what the mail server got."""

    settings: Settings
    mail_server: SmtpScript

    def sends(self, note: str, inviter: str = "Grace") -> tuple[str, BeautifulSoup]:
        """The text, and the quotation of the HTML."""
        Mailer(self.settings).send_invitation(
            Recipient("ada@example.com", "ada@example.com", "Ada"),
            Words(
                url="https://localhost/lo/reset?ticket=T#type=invite&app=A",
                renew_url="https://localhost/invite/renew?i=ref",
                inviter=inviter,
                note=Options.parse(self.settings, note=note).note,
                expires_at=NOW + timedelta(days=5),
                message_id="<ref.1@localhost>",
                now=NOW,
            ),
        )
        message = self.mail_server.mails[-1].message
        return part_of(message, "plain"), BeautifulSoup(part_of(message, "html"), "html.parser")


@pytest.fixture
def desk(tenant: Tenant, tmp_path: Path, mail_server: SmtpScript) -> Desk:
    return Desk(settings_for(tenant, tmp_path, SMTP_URL=mail_server.url), mail_server)


def test_it_works(desk: Desk) -> None:
    """A quotation under the name of the inviter, with the lines as they were typed."""
    text, html = desk.sends("Dear Ada,\r\n\r\n  welcome!  \r\n\r\n\r\nGrace")
    assert "\nGrace writes:\n\n> Dear Ada,\n>\n> welcome!\n>\n> Grace\n" in text.replace("\r", "")
    assert html.blockquote is not None
    assert [str(each) for each in html.blockquote.contents] == [
        "Dear Ada,", "<br/>", "<br/>", "welcome!", "<br/>", "<br/>", "Grace",
    ]  # fmt: skip
    assert "Grace writes:" in html.get_text()


def test_without_a_note_there_is_no_quotation(desk: Desk) -> None:
    """Nor where it is of blanks alone."""
    for note in ("", " \n\t "):
        text, html = desk.sends(note)
        assert html.blockquote is None
        assert "writes:" not in text


def test_a_note_from_nobody_known_names_nobody(desk: Desk) -> None:
    """As from the command line."""
    text, html = desk.sends("Hello", inviter="")
    assert "A note for you:" in text
    assert "A note for you:" in html.get_text()


def test_markup_stays_text(desk: Desk) -> None:
    """Neither HTML nor a template's."""
    note = "<b>Now</b> {{ url }} <script>x</script> & <a href=x>y</a>"
    text, html = desk.sends(note)
    assert note in " ".join(text.replace("\n> ", " ").split())
    assert html.blockquote is not None
    assert html.blockquote.get_text() == note
    assert not html.find_all(["b", "script"])


@pytest.mark.parametrize(
    "note",
    [
        "https://evil.example/x",
        "www.evil.example",
        "evil.example",
        "eve@evil.example",
        "10.0.0.1/x",
        "mailto:eve@evil.example",
        "ftp://evil.example",
        "https:\uff0f\uff0fevil\uff0eexample",
    ],
)
def test_a_note_holds_no_link(desk: Desk, note: str) -> None:
    """Mail programs make links of what looks like one; people still read the words."""
    text, html = desk.sends(f"Look at {note} now")
    assert html.blockquote is not None
    [quoted] = [line for line in text.splitlines() if line.startswith("> ")]
    for found in (quoted, html.blockquote.get_text()):
        assert not LINK.search(found)
        assert found.removeprefix("> ").replace("\u2060", "") == f"Look at {note} now"


def test_the_order_of_the_words_around_a_note_stays(desk: Desk) -> None:
    """Letters that turn the direction of writing are left out; writing from right to left is not."""
    text, html = desk.sends("\u202eevil\u2066 \u200bברכה לעדה\u202c")
    for found in (text, str(html)):
        assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b]", found)
        assert "ברכה לעדה" in found
    assert html.blockquote is not None
    assert html.blockquote["dir"] == "auto"


def test_a_note_has_500_letters_at_most(desk: Desk) -> None:
    """Long lines are broken between words, each with its mark; a longer note is refused, not cut."""
    note = ("All of these words go along. " * 20)[:NOTE_LENGTH].strip()
    text, html = desk.sends(note)
    lines = [line for line in text.splitlines() if line.startswith(">")]
    assert max(map(len, lines)) <= 76
    assert " ".join(line.removeprefix("> ") for line in lines) == note
    assert html.blockquote is not None
    assert html.blockquote.get_text() == note
    with pytest.raises(InvalidInvitee, match="501 characters; at most 500"):
        Options.parse(desk.settings, note="ä" * 501)
    assert len(desk.sends("ä" * 500)[0].split("ä")) == 501
