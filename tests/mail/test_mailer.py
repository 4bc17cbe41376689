"""The mail, read back from a real mailbox."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from aiosmtpd.controller import Controller
from bs4 import BeautifulSoup

from invite_site.errors import (
    MailAmbiguous,
    MailDelayed,
    MailInDoubt,
    MailRefused,
    MailUnavailable,
)
from invite_site.languages import time_left
from invite_site.mail.message import Mailer, Recipient, Words
from invite_site.server import listening
from invite_site.tenant.management import invitation_link
from tests.support.running import APP_NAME, Tenant, settings_for

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TICKET = "https://acme.eu.auth0.com/lo/reset?ticket=vCXrmOFD88EqTjKpvxBEwG7KmlQ0QFmS#"


@pytest.fixture
def mailer(tenant: Tenant, tmp_path: Path) -> Mailer:
    return Mailer(settings_for(tenant, tmp_path))


def send(mailer: Mailer, email: str = "ada@example.com", name: str = "", **more: Any) -> None:
    mailer.send_invitation(
        Recipient(email, email, name),
        Words(
            url=invitation_link(TICKET, APP_NAME),
            renew_url="https://localhost/invite/renew?i=ref",
            inviter=more.get("inviter", "Grace Hopper"),
            expires_at=NOW + timedelta(days=5, hours=2),
            message_id="<ref.1@localhost>",
            now=NOW,
        ),
    )


def test_it_works(mailer: Mailer, tenant: Tenant) -> None:
    """What it is and from whom, the next step, the real end, and how to get another; twice."""
    send(mailer, "O'Brien@example.com", "Pat O'Brien")
    [mail] = tenant.mails()
    assert mail["Subject"] == f"Grace Hopper invites you to {APP_NAME}"
    assert mail["To"] == [{"Name": "Pat O'Brien", "Address": "O'Brien@example.com"}]
    assert mail["MessageID"] == "ref.1@localhost"
    seen = BeautifulSoup(mail["HTML"], "html.parser").get_text(" ")
    for text in (mail["Text"], seen):
        flat = " ".join(text.split())
        assert "Hello Pat O'Brien" in flat
        assert "Grace Hopper invites you to" in flat
        assert "6 March 2026, 14:00 UTC" in flat
        assert "5 days from now" in flat
        assert "help@example.com" in flat


def test_the_link_is_the_same_in_both_parts(mailer: Mailer, tenant: Tenant) -> None:
    """The ticket to the letter, then the note; once as text and once as a link."""
    send(mailer)
    [mail] = tenant.mails()
    link = invitation_link(TICKET, APP_NAME)
    assert link in mail["Text"].split()
    anchors = [a["href"] for a in BeautifulSoup(mail["HTML"], "html.parser").find_all("a")]
    assert link in anchors


@pytest.mark.parametrize(
    "name", ["Acme", 'A&B "<x>', "Ünï/cödé?#%", "a=b&type=reset", "100% + more"]
)
def test_the_note_stands_behind_the_hash_and_changes_nothing_before_it(name: str) -> None:
    """Byte for byte the tenant's words, then `type=invite&app=` and the encoded name."""
    link = invitation_link(TICKET, name)
    assert link.startswith(TICKET + "type=invite&app=")
    assert unquote(link.removeprefix(TICKET + "type=invite&app=")) == name
    assert re.fullmatch(r"[\x21-\x7e]+", link)
    assert link.count("#") == 1
    assert invitation_link(TICKET.removesuffix("#"), name) == link


def test_nothing_is_loaded_from_outside(mailer: Mailer, tenant: Tenant) -> None:
    """No picture, no style sheet, no script: opening the mail tells nobody."""
    send(mailer)
    [mail] = tenant.mails()
    soup = BeautifulSoup(mail["HTML"], "html.parser")
    assert not soup.find_all(["img", "link", "script", "iframe", "object"])
    assert "url(" not in mail["HTML"]


def test_a_name_stays_text(mailer: Mailer, tenant: Tenant) -> None:
    """Markup and template marks appear as they were typed."""
    send(mailer, name="{{7*7}} <b>Bob")
    [mail] = tenant.mails()
    assert "{{7*7}} <b>Bob" in mail["Text"]
    assert "<b>Bob" not in mail["HTML"]
    assert "{{7*7}} <b>Bob" in unescape(mail["HTML"])


@pytest.mark.parametrize("name", ["Acme Inc.", "Yahoo!", "Acme"])
def test_a_name_with_a_full_stop_gets_no_second_one(
    tenant: Tenant, tmp_path: Path, name: str
) -> None:
    """`APP_NAME=Acme Inc.` reads well in both parts."""
    send(Mailer(settings_for(tenant, tmp_path, APP_NAME=name)))
    [mail] = tenant.mails()
    stop = "." if name == "Acme" else ""
    for text in (mail["Text"], BeautifulSoup(mail["HTML"], "html.parser").get_text()):
        assert f"invites you to {name}{stop} An account" in " ".join(text.split())


LINK = re.compile(r"[\w.]+\.\w{2,}|[@/\\]|\d\.\d")


@pytest.mark.parametrize(
    "name",
    [
        "Claim 500 EUR at evil.example",
        "Claim 500 EUR at a.b.co.uk now",
        "evil.example/x",  # as a row from before may hold it
        "\\\\evil.example\\x",
        "eve@evil.example",
        "evil。example",
        "10.0.0.1",
    ],
)
def test_a_name_is_no_link_in_a_mail(mailer: Mailer, tenant: Tenant, name: str) -> None:
    """Neither the invitee's nor the inviter's, in no part and not in the subject."""
    send(mailer, name=name, inviter=name)
    [mail] = tenant.mails()
    seen = BeautifulSoup(mail["HTML"], "html.parser").get_text(" ")
    first_line = mail["Text"].strip().splitlines()[0]
    for text in (mail["Subject"].partition(" invites you")[0], first_line, mail["Text"], seen):
        for host in (
            "evil.example",
            "evil。example",
            "a.b.co.uk",
            "b.co",
            "co.uk",
            "10.0.0.1",
            "0.1",
        ):
            assert host not in text
    assert not LINK.search(first_line)


@pytest.mark.parametrize("name", ["J.R.R. Tolkien", "St. John", "Sammy Davis Jr.", "O'Brien-Smith"])
def test_dots_of_names_stay_as_they_are(mailer: Mailer, tenant: Tenant, name: str) -> None:
    """To the letter, in subject, text and HTML."""
    send(mailer, name=name, inviter=name)
    [mail] = tenant.mails()
    assert mail["Subject"].startswith(f"{name} invites you")
    assert f"Hello {name}," in mail["Text"]
    assert f"Hello {name}," in BeautifulSoup(mail["HTML"], "html.parser").get_text(" ")


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.com, eve@evil.example",
        "ada@example.com,eve@evil.example",
        "ada@example.com;eve@evil.example",
        "friends:ada@example.com,eve@evil.example;",
        "ada@example.com\nBcc: eve@evil.example",
        "ada@example.com\r\nRCPT TO:<eve@evil.example>",
        "Ada <ada@example.com>, eve@evil.example",
        "<ada@example.com><eve@evil.example>",
        "ada@example.com eve@evil.example",
        "",
        "@example.com",
        "ada",
    ],
)
def test_a_message_has_one_recipient_or_none(mailer: Mailer, tenant: Tenant, address: str) -> None:
    """Whatever slipped through so far: nobody else gets the key."""
    with pytest.raises(MailRefused):
        send(mailer, address)
    assert tenant.mails() == []


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "status", "status": 550, "at": "rcpt"}, MailRefused),
        ({"kind": "status", "status": 554, "at": "data"}, MailAmbiguous),
        ({"kind": "status", "status": 450, "at": "rcpt"}, MailDelayed),
        ({"kind": "status", "status": 451, "at": "data"}, MailDelayed),
        ({"kind": "status", "status": 421, "at": "connect"}, MailUnavailable),
        ({"kind": "status", "status": 421, "at": "rcpt"}, MailUnavailable),
        ({"kind": "reset", "at": "rcpt"}, MailUnavailable),
        ({"kind": "reset"}, MailInDoubt),
    ],
)
def test_each_answer_of_the_server_has_its_meaning(
    mailer: Mailer, tenant: Tenant, fault: dict[str, Any], error: type[Exception]
) -> None:
    """For good, later, or not at all now."""
    tenant.fails("SMTP", times=1, **fault)
    with pytest.raises(error):
        send(mailer)


def test_a_server_that_is_not_there_is_unavailable(tenant: Tenant, tmp_path: Path) -> None:
    """At once, as an error of ours."""
    with listening(0) as taken:
        port = taken.getsockname()[1]
    mailer = Mailer(settings_for(tenant, tmp_path, SMTP_URL=f"smtp://localhost:{port}"))
    with pytest.raises(MailUnavailable):
        send(mailer)


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (timedelta(days=5, hours=23), "5 days"),
        (timedelta(days=5) - timedelta(seconds=3), "5 days"),
        (timedelta(days=1), "1 day"),
        (timedelta(hours=3, minutes=59), "3 hours"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(0), "less than a minute"),
    ],
)
def test_the_time_left_is_never_said_too_long(left: timedelta, words: str) -> None:
    """Rounded down."""
    assert time_left(left) == words


class Rude:
    """A mail server that takes every message and then has no good word for QUIT."""

    def __init__(self, goodbye: str) -> None:
        self.taken = 0
        self.goodbye = goodbye

    async def handle_DATA(self, *_: object) -> str:
        self.taken += 1
        return "250 taken"

    async def handle_QUIT(self, *_: object) -> str:
        return self.goodbye


@pytest.mark.parametrize("goodbye", ["421 closing", "250 bye", "500 what"])
def test_what_is_said_to_quit_changes_nothing(tenant: Tenant, tmp_path: Path, goodbye: str) -> None:
    """By then the message is taken; to send it again would be a second mail and a dead link."""
    with listening(0) as free:
        port = free.getsockname()[1]
    rude = Rude(goodbye)
    server = Controller(rude, hostname="127.0.0.1", port=port)
    server.start()
    try:
        send(Mailer(settings_for(tenant, tmp_path, SMTP_URL=f"smtp://127.0.0.1:{port}")))
    finally:
        server.stop()
    assert rude.taken == 1
