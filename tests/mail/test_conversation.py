"""The conversation with mail servers as they are: slow, strict, broken, encrypted."""

import email
import re
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from invite_site.errors import ConfigError, MailInDoubt, MailUnavailable, SenderRefused
from invite_site.mail.message import Mailer, Recipient
from invite_site.mail.smtp import Patience
from invite_site.settings import Mailbox, Settings
from tests.support.running import Tenant, settings_for
from tests.support.smtp_script import SmtpScript
from tests.support.tls_front import write_certificate

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HURRIED = Patience(connect=2, command=1, block=1, final=1)


@pytest.fixture
def settings(tenant: Tenant, tmp_path: Path, mail_server: SmtpScript) -> Settings:
    return settings_for(tenant, tmp_path, SMTP_URL=mail_server.url)


def send(settings: Settings, name: str = "Ada Byron", **more: Any) -> None:
    Mailer(settings, more.pop("patience", HURRIED)).send_invitation(
        Recipient("ada@example.com", "ada@example.com", name),
        url="https://localhost/lo/reset?ticket=T#type=invite&app=A",
        inviter="Grace",
        expires_at=NOW + timedelta(days=5),
        message_id="<ref.1@localhost>",
        now=NOW,
        **more,
    )


def test_it_works(settings: Settings, mail_server: SmtpScript) -> None:
    """Greeted with the host of SITE_URL; one recipient, and the sender of MAIL_FROM."""
    send(replace(settings, site_url="https://invite.example.com"))
    [mail] = mail_server.mails
    assert (mail.sender, mail.recipient) == ("invitations@example.com", "ada@example.com")
    assert mail_server.commands[0] == "ehlo invite.example.com"


@pytest.mark.parametrize("verb", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "CONTENT"])
def test_a_slow_server_is_waited_for(
    settings: Settings, mail_server: SmtpScript, verb: str
) -> None:
    """As long as the standard says; here half a second of one."""
    mail_server.delays[verb] = 0.5
    send(settings)
    assert len(mail_server.mails) == 1


def test_the_patience_is_that_of_the_standard() -> None:
    """RFC 5321 §4.5.3.2: five minutes for a command, three for a block, ten after the dot."""
    assert (Patience().command, Patience().block, Patience().final) == (300, 180, 600)


@pytest.mark.parametrize("verb", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA"])
def test_a_server_that_hangs_up_before_the_dot_has_taken_nothing(
    settings: Settings, mail_server: SmtpScript, verb: str
) -> None:
    """So everything waits, and nothing is in doubt."""
    mail_server.hangs_up_after = verb
    with pytest.raises(MailUnavailable):
        send(settings)
    assert mail_server.mails == []


@pytest.mark.parametrize("silent", [True, False])
def test_a_server_that_says_nothing_after_the_dot_leaves_doubt(
    settings: Settings, mail_server: SmtpScript, silent: bool
) -> None:
    """It may have taken the message, as this one has, whether it hangs up or is silent."""
    if silent:
        mail_server.delays["CONTENT"] = 2
    else:
        mail_server.hangs_up_after = "CONTENT"
    with pytest.raises(MailInDoubt):
        send(settings)
    assert len(mail_server.mails) == 1


def test_starttls_is_used_wherever_it_is_offered(
    settings: Settings, mail_server: SmtpScript, tmp_path: Path
) -> None:
    """On this machine too. An unknown certificate is refused unless the setting says otherwise."""
    _, served = write_certificate(tmp_path)
    mail_server.certificate = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    mail_server.certificate.load_cert_chain(served)
    with pytest.raises(MailUnavailable, match="verify=no"):
        send(settings)
    assert mail_server.mails == []
    send(replace(settings, smtp_url=f"{mail_server.url}?verify=no"))
    assert "STARTTLS" in mail_server.commands
    assert len(mail_server.mails) == 1


@pytest.mark.parametrize("url", ["smtp://mail.example.com?verify=no", "smtp://localhost?x=1"])
def test_a_certificate_is_only_left_unchecked_on_this_machine(
    tenant: Tenant, tmp_path: Path, url: str
) -> None:
    """And the setting has no other options."""
    with pytest.raises(ConfigError, match="SMTP_URL"):
        settings_for(tenant, tmp_path, SMTP_URL=url)


def test_a_password_may_hold_any_letter(
    tenant: Tenant, tmp_path: Path, mail_server: SmtpScript
) -> None:
    """In UTF-8 (RFC 4616)."""
    mail_server.extensions = ("AUTH PLAIN LOGIN",)
    mail_server.user, mail_server.password = "jürgen", "pässwörd€"
    url = f"smtp://j%C3%BCrgen:p%C3%A4ssw%C3%B6rd%E2%82%AC@localhost:{mail_server.port}"
    send(settings_for(tenant, tmp_path, SMTP_URL=url))
    assert len(mail_server.mails) == 1
    with pytest.raises(SenderRefused, match="user and password"):
        send(settings_for(tenant, tmp_path, SMTP_URL=url.replace("p%C3", "q%C3")))


def test_no_eight_bit_text_is_sent(settings: Settings, mail_server: SmtpScript) -> None:
    """Servers without 8BITMIME refuse it, and nobody needs it."""
    send(settings, name="José Álvarez")
    [mail] = mail_server.mails
    assert mail.content.isascii()
    text = email.message_from_string(mail.content, policy=default).get_body(("plain",))
    assert text is not None
    assert "José Álvarez" in text.get_content()


@pytest.mark.parametrize(
    "name",
    [
        "Lovelace, Ada, on behalf of purchasing, Analytical Engines Ltd (London and Paris)",
        "A" * 80,
        "a, b; c <d> " * 6,
        "Ünïcödé, " * 8,
        'say "hi", twice, ' * 4,
    ],
)
def test_a_display_name_of_any_length_leaves_one_recipient(
    settings: Settings, mail_server: SmtpScript, name: str
) -> None:
    """Also for a reader who splits at commas, as strict receivers and *reply to all* do."""
    send(settings, name=name)
    [mail] = mail_server.mails
    message = email.message_from_string(mail.content, policy=default)
    assert [each.addr_spec for each in message["To"].addresses] == ["ada@example.com"]
    [header] = re.findall(r"\nTo:(.*?)\n(?=\S)", mail.content.replace("\r", ""), re.DOTALL)
    assert "," not in "".join(header.split('"')[::2]), "a comma outside of quotes"


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
    message = email.message_from_string(mail.content, policy=default)
    name = "From" if variable == "MAIL_FROM" else "Reply-To"
    [address] = message[name].addresses
    assert Mailbox(address.display_name, address.addr_spec) == mailbox


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
    ],
)
@pytest.mark.parametrize("variable", ["MAIL_FROM", "CONTACT_EMAIL"])
def test_an_address_that_cannot_be_used_is_refused_at_the_start(
    tenant: Tenant, tmp_path: Path, variable: str, value: str
) -> None:
    """With a sentence that names the quotes where a name needs them."""
    with pytest.raises(ConfigError, match=f"{variable} must be one address.*quotes"):
        settings_for(tenant, tmp_path, **{variable: value})


def test_a_retry_names_the_first_message(settings: Settings, mail_server: SmtpScript) -> None:
    """So that a mailbox shows both, one under the other."""
    send(settings, first_message_id="<first@localhost>")
    message = email.message_from_string(mail_server.mails[0].content, policy=default)
    assert message["In-Reply-To"] == message["References"] == "<first@localhost>"
    assert message["Message-ID"] == "<ref.1@localhost>"
