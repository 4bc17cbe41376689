"""The message as it is written for a mail server, and the settings that it is written by."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest

from invite_site.errors import ConfigError
from invite_site.mail.conversation import Patience
from invite_site.mail.message import Mailer, Recipient, Words, part_of
from invite_site.mailbox import Mailbox
from invite_site.settings import Settings
from tests.support.running import Tenant, settings_for
from tests.support.smtp_script import Mail, SmtpScript
from tests.support.tls_front import TlsFront, write_certificate

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HURRIED = Patience(connect=2, command=2, block=2, final=2, quit=0.2)
B32 = "Lovelace, Ada, on behalf of purchasing@partner.example, Analytical Engines Ltd ("


@pytest.fixture
def settings(tenant: Tenant, tmp_path: Path, mail_server: SmtpScript) -> Settings:
    return settings_for(tenant, tmp_path, SMTP_URL=mail_server.url)


def send(settings: Settings, name: str = "Ada Byron", **more: Any) -> None:
    calls = {name: more.pop(name) for name in ("on_wait", "on_end") if name in more}
    Mailer(settings, more.pop("patience", HURRIED)).send_invitation(
        more.pop("recipient", Recipient("ada@example.com", "ada@example.com", name)),
        Words(
            url=more.pop("url", "https://localhost/lo/reset?ticket=T#type=invite&app=A"),
            renew_url="https://localhost/invite/renew?i=ref",
            inviter=more.pop("inviter", "Grace"),
            expires_at=NOW + timedelta(days=5),
            message_id=more.pop("message_id", "<ref.1@localhost>"),
            now=NOW,
            **more,
        ),
        **calls,
    )


def name_in(mail: Mail, header: str) -> str:
    """The name beside the only address of a header, as RFC 2047 reads it: Python 3.11's parser puts
    spaces between encoded words."""
    [written] = re.findall(
        rf"^{header}: ((?:.|\n )*)$", mail.content.replace("\r", ""), re.MULTILINE
    )
    name = written.rpartition("<")[0].strip().removeprefix('"').removesuffix('"')
    return str(make_header(decode_header(name)))


def test_it_works(settings: Settings, mail_server: SmtpScript) -> None:
    """Greeted with the host of SITE_URL; one recipient, and the sender of MAIL_FROM."""
    send(replace(settings, site_url="https://invite.example.com"))
    [mail] = mail_server.mails
    assert (mail.sender, mail.recipient) == ("invitations@example.com", "ada@example.com")
    assert mail_server.commands[0] == "ehlo invite.example.com"


@pytest.mark.parametrize("extensions", [[], ["8BITMIME"]])
@pytest.mark.parametrize("inviter", ["Grace", "Ünsal " * 12])
def test_no_eight_bit_text_is_sent(
    settings: Settings, mail_server: SmtpScript, extensions: list[str], inviter: str
) -> None:
    """Servers without 8BITMIME refuse it, and nobody needs it."""
    mail_server.refuses_8bit = True
    mail_server.extensions = extensions
    send(settings, name="José Álvarez", url="https://invite.example.com/i/T", inviter=inviter)
    [mail] = mail_server.mails
    assert mail.content.isascii()
    assert max(map(len, mail.content.splitlines())) < 998
    text = mail.message.get_body(("plain",))
    assert text is not None
    assert "José Álvarez" in text.get_content()


@pytest.mark.parametrize(
    "name",
    [
        "Lovelace, Ada, on behalf of purchasing, Analytical Engines Ltd (London and Paris)",
        B32,
        "A" * 80,
        "=?utf-8?q?a=40b.example=2C_c?=",
        '"',
        "\\",
        "a\\",
        '", "eve@evil.example',
        "(",
        "Acme,",
        "名前、とても長い" * 10,
        "J.R.R. Tolkien",
        ("a, b; c <d> " * 6).strip(),
        ("Ünïcödé, " * 8).strip(),
        ('say "hi", twice, ' * 4).strip(),
    ],
)
def test_a_display_name_of_any_length_leaves_one_recipient(
    settings: Settings, mail_server: SmtpScript, name: str
) -> None:
    """Also for a reader who splits at commas, as strict receivers and *reply to all* do; and the name
    arrives as it was."""
    send(settings, name=name)
    [mail] = mail_server.mails
    [address] = mail.message["To"].addresses
    assert address.addr_spec == "ada@example.com"
    assert name_in(mail, "To") == name
    [header] = re.findall(r"\nTo:(.*?)\n(?=\S)", mail.content.replace("\r", ""), re.DOTALL)
    assert len(header.split(",")) == 1
    assert header.count("@") == 1
    assert max(map(len, header.splitlines())) <= 78


@pytest.mark.parametrize("name", [B32, "名前、とても長い" * 10, "Acme, Inc."])
@pytest.mark.parametrize("variable", ["MAIL_FROM", "CONTACT_EMAIL"])
def test_our_own_names_stay_in_one_piece_too(
    tenant: Tenant, tmp_path: Path, mail_server: SmtpScript, variable: str, name: str
) -> None:
    """Sender and reply address are written by the same hand."""
    value = str(Mailbox(name, "a@example.com"))
    send(settings_for(tenant, tmp_path, SMTP_URL=mail_server.url, **{variable: value}))
    header = "From" if variable == "MAIL_FROM" else "Reply-To"
    [address] = mail_server.mails[0].message[header].addresses
    assert address.addr_spec == "a@example.com"
    assert name_in(mail_server.mails[0], header) == name


@pytest.mark.parametrize(
    ("value", "mailbox"),
    [
        ("invitations@example.com", Mailbox("", "invitations@example.com")),
        ("Acme <invitations@example.com>", Mailbox("Acme", "invitations@example.com")),
        ("Acme Inc. <a@example.com>", Mailbox("Acme Inc.", "a@example.com")),
        ('"Acme, Inc." <a@example.com>', Mailbox("Acme, Inc.", "a@example.com")),
        ('"Team@Acme" <a@example.com>', Mailbox("Team@Acme", "a@example.com")),
        (r'"The \"A\" Team" <a@example.com>', Mailbox('The "A" Team', "a@example.com")),
        ("Müller & Söhne <a@example.com>", Mailbox("Müller & Söhne", "a@example.com")),
        ("<a+b@example.com>", Mailbox("", "a+b@example.com")),
        ("root@localhost", Mailbox("", "root@localhost")),
        ('"" <a@example.com>', Mailbox("", "a@example.com")),
        ("Acme<a@example.com>", Mailbox("Acme", "a@example.com")),
        ("=?utf-8?q?Acme?= <a@example.com>", Mailbox("=?utf-8?q?Acme?=", "a@example.com")),
    ],
)
@pytest.mark.parametrize("variable", ["MAIL_FROM", "CONTACT_EMAIL"])
def test_every_accepted_form_of_an_address_can_be_sent(
    tenant: Tenant,
    tmp_path: Path,
    mail_server: SmtpScript,
    variable: str,
    value: str,
    mailbox: Mailbox,
) -> None:
    """No setting that starts makes an invitation fail; pages and headers get what they need."""
    settings = settings_for(tenant, tmp_path, SMTP_URL=mail_server.url, **{variable: value})
    send(settings)
    [mail] = mail_server.mails
    message = mail.message
    name = "From" if variable == "MAIL_FROM" else "Reply-To"
    [address] = message[name].addresses
    assert Mailbox(name_in(mail, name), address.addr_spec) == mailbox


@pytest.mark.parametrize(
    "value",
    [
        "Acme, Inc. <a@example.com>",
        "Team@Acme <a@example.com>",
        "a@x <a@example.com>",
        "a@example.com, b@example.com",
        "Acme <a@example.com> <b@example.com>",
        "a@",
        "@example.com",
        "a b@example.com",
        "a..b@example.com",
        "Acme",
        "Acme <a@exa mple.com>",
        "ä@example.com",
        f"{'a' * 65}@example.com",
        f"a@{'b' * 64}.example.com",
        f"{'a' * 64}@{'b.' * 100}example.com",
        "a@-example.com",
        "a@example.com.",
        "a@[192.0.2.1]",
        '"a b"@example.com',
        'Acme "Inc." <a@example.com>',
        '"Acme <a@example.com>',
        "a@example.com (Acme)",
    ],
)
@pytest.mark.parametrize("variable", ["MAIL_FROM", "CONTACT_EMAIL"])
def test_an_address_that_cannot_be_used_is_refused_at_the_start(
    tenant: Tenant, tmp_path: Path, variable: str, value: str
) -> None:
    """With a sentence that names the quotes where a name needs them."""
    with pytest.raises(ConfigError, match=f"{variable} must be one address.*quotes"):
        settings_for(tenant, tmp_path, **{variable: value})


@pytest.mark.parametrize("host", ["localhost", f"{'invite.' * 30}example.com"])
def test_a_retry_names_the_first_message(
    settings: Settings, mail_server: SmtpScript, host: str
) -> None:
    """So that a mailbox shows both, one under the other; ids of any length stay whole."""
    send(settings, message_id=f"<second@{host}>", first_message_id=f"<first@{host}>")
    lines = mail_server.mails[0].content.splitlines()
    assert f"Message-ID: <second@{host}>" in lines
    assert f"In-Reply-To: <first@{host}>" in lines
    assert f"References: <first@{host}>" in lines


def test_the_network_is_given_an_address_as_it_writes_it(
    settings: Settings, mail_server: SmtpScript
) -> None:
    """Also where its domain is of other letters; the words have it as people do."""
    recipient = Recipient("jo@bücher.example", "jo@xn--bcher-kva.example", "Jo")
    send(settings, recipient=recipient)
    [mail] = mail_server.mails
    assert mail.recipient == recipient.mailbox
    [address] = mail.message["To"].addresses
    assert address.addr_spec == recipient.mailbox
    assert recipient.email in part_of(mail.message, "plain")


def test_whoever_sends_is_called_while_the_server_thinks_and_just_before_it_has_all(
    settings: Settings, mail_server: SmtpScript
) -> None:
    """So that the lease lasts, and a link counts from the moment in which somebody can have it."""
    mail_server.delays["CONTENT"] = 0.3
    calls: list[str] = []
    send(
        settings,
        patience=replace(HURRIED, beat=0.05),
        on_wait=lambda: calls.append("waits"),
        on_end=lambda: calls.append("ends"),
    )
    assert calls.count("ends") == 1
    assert calls[-1] == "waits"


def test_a_mail_says_when_it_was_written_and_shows_its_text_where_html_is_not_read(
    settings: Settings, mail_server: SmtpScript
) -> None:
    """The moment of the clock; and the richest part comes last (RFC 2046)."""
    send(settings)
    message = mail_server.mails[0].message
    assert message["Date"].datetime == NOW
    assert message["Content-Language"] == "en"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


def test_without_a_contact_nobody_is_named_to_answer_to(
    tenant: Tenant, tmp_path: Path, mail_server: SmtpScript
) -> None:
    """Neither in the header nor in the words."""
    settings = settings_for(tenant, tmp_path, SMTP_URL=mail_server.url, CONTACT_EMAIL="")
    send(settings)
    message = mail_server.mails[0].message
    assert message["Reply-To"] is None
    for kind in ("plain", "html"):
        assert "Or write to" not in part_of(message, kind)


@pytest.mark.parametrize("name", ["Ada\r\nBcc: eve@evil.example", "Ada\nBcc: eve@evil.example"])
def test_a_name_of_several_lines_is_one_header(
    settings: Settings, mail_server: SmtpScript, name: str
) -> None:
    """As a row from before may hold it."""
    send(settings, name=name)
    message = mail_server.mails[0].message
    assert message["Bcc"] is None
    assert len(message["To"].addresses) == 1


def test_a_test_mail_shows_that_the_server_takes_its_time(
    settings: Settings, mail_server: SmtpScript
) -> None:
    """Else it would look as if nothing went on."""
    mail_server.delays["CONTENT"] = 0.3
    shown: list[str] = []
    mailer = Mailer(settings, replace(HURRIED, beat=0.05))
    mailer.send_test("you@example.com", now=NOW, transcript=shown.append)
    assert shown[shown.index("> .") + 1] == "  (waiting for the mail server)"


def test_programs_are_told_not_to_answer(settings: Settings, mail_server: SmtpScript) -> None:
    """Else holiday replies come for each of thousands (RFC 3834)."""
    send(settings)
    assert mail_server.mails[0].message["Auto-Submitted"] == "auto-generated"


# The mail server's address ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "smtp://localhost:{port}",
        "smtp://localhost:{port}/",
        "smtp://127.0.0.1:{port}",
        "smtp://LOCALHOST:{port}",
        "smtp://localhost:{port}?verify=no",
        "smtp://localhost:{port}/?verify=no",
        "smtp://user:pass@localhost:{port}",
        "smtp://us%40er:p%2F%3A%25%C3%A4ss@localhost:{port}",
        "smtp://user:p+ss%20word@localhost:{port}",
        "smtps://localhost:{tls_port}?verify=no",
        "smtps://user:pass@localhost:{tls_port}?verify=no",
    ],
)
def test_every_accepted_form_of_smtp_url_can_send(
    tenant: Tenant, tmp_path: Path, mail_server: SmtpScript, url: str
) -> None:
    """What starts also sends."""
    mail_server.users = {"user": "pass", "us@er": "p/:%äss"}
    if "+" in url:
        mail_server.users["user"] = "p+ss word"
    _, served = write_certificate(tmp_path)
    front = TlsFront(served)
    with front.leading_to(mail_server.port):
        address = url.format(port=mail_server.port, tls_port=front.port)
        send(settings_for(tenant, tmp_path, SMTP_URL=address))
    assert len(mail_server.mails) == 1
    assert bool(mail_server.mails[0].user) == ("@" in url)


@pytest.mark.parametrize(
    "url",
    [
        "smtp://mail.example.com?verify=no",
        "smtps://mail.example.com?verify=no",
        "smtp://localhost?x=1",
        "smtp://localhost?verify=yes",
        "smtp://localhost/path",
        "smtp://localhost#top",
        "smtp://user:12#ss@mail.example.com",
        "smtp://user:pa/ss@mail.example.com",
        "smtp://user@mail.example.com",
        "smtp://:pass@mail.example.com",
        "smtp://user:p%E4ss@mail.example.com",
        "smtp://user:p%00ss@mail.example.com",
        "smtp://mail example.com",
        "smtp://user:pass@",
        "smtp://mail.example.com:0",
        "smtp://mail.example.com:70000",
        "https://mail.example.com",
    ],
)
def test_a_form_of_smtp_url_that_could_not_send_is_refused_at_the_start(
    tenant: Tenant, tmp_path: Path, url: str
) -> None:
    """Rather than at every invitation; the value itself is not shown, as it may hold a password."""
    with pytest.raises(ConfigError, match="SMTP_URL") as refused:
        settings_for(tenant, tmp_path, SMTP_URL=url)
    assert "pass" not in str(refused.value).replace("user:password@mail.example.com", "").replace(
        "password", ""
    )
