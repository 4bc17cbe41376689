"""`flask mail check ADDRESS`: the conversation with the mail server, and what to do about a refusal."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result

from invite_site import create_app
from tests.support.running import Tenant, services_of, settings_for
from tests.support.smtp_script import HANG_UP, SmtpScript

Check = Callable[..., Result]


@pytest.fixture
def check(tenant: Tenant, tmp_path: Path, mail_server: SmtpScript) -> Iterator[Check]:
    """Run the command against the scripted mail server."""
    url = mail_server.url.replace("//", "//app:t%C3%B6p-secret@")
    mail_server.users["app"] = "töp-secret"
    settings = settings_for(tenant, tmp_path, SMTP_URL=url)
    app = create_app(replace(settings, site_url="https://invite.example.com"))

    def check(address: str = "you@example.com") -> Result:
        return app.test_cli_runner().invoke(args=["mail", "check", address])

    yield check
    services_of(app).close()


def test_it_works(check: Check, mail_server: SmtpScript) -> None:
    """A mail arrives; the conversation is shown line by line, with stars for the secrets."""
    result = check()
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0] == "< 220 mail.example.test ESMTP"
    assert "> ehlo invite.example.com" in lines
    assert "> AUTH PLAIN ***" in lines
    assert "< 250 2.0.0 Ok: queued as 4F0C21" in lines
    assert "p-secret" not in result.output
    [mail] = mail_server.mails
    assert (mail.sender, mail.recipient) == ("invitations@example.com", "you@example.com")
    assert "test" in str(mail.message["Subject"]).lower()


def test_the_host_of_an_address_is_named_as_mail_servers_know_it(
    check: Check, mail_server: SmtpScript
) -> None:
    """In A-labels, as in the mails to invitees."""
    assert check("you@bücher.example").exit_code == 0
    assert mail_server.mails[0].recipient == "you@xn--bcher-kva.example"


@pytest.mark.parametrize(
    ("verb", "reply", "remedy"),
    [
        ("RCPT", "504 5.5.2 <app>: Helo command rejected: need fully-qualified hostname", "SITE_URL"),
        ("AUTH", "535 5.7.8 authentication failed", "percent-encoded"),
        ("MAIL", "553 5.7.1 Sender address rejected: not owned by user app", "MAIL_FROM"),
        ("CONTENT", "550 5.4.5 Daily user sending limit exceeded.", "limit"),
        ("CONTENT", HANG_UP, "did not say whether it took it"),
        ("RCPT", "550 5.1.1 no such user", "refused this address"),
    ],
)  # fmt: skip
def test_a_refusal_ends_with_one_sentence_about_what_to_do(
    check: Check, mail_server: SmtpScript, verb: str, reply: str, remedy: str
) -> None:
    """And exit status 1; the conversation up to there is shown."""
    mail_server.replies[verb] = reply
    result = check()
    assert result.exit_code == 1
    assert remedy in result.output.splitlines()[-1]
    assert not reply or f"< {reply}" in result.output
    assert "p-secret" not in result.output
    assert "Traceback" not in result.output


def test_what_a_server_says_moves_no_cursor(check: Check, mail_server: SmtpScript) -> None:
    """A terminal would obey control characters, of which click takes away only some."""
    mail_server.replies["RCPT"] = "550 5.1.1 \x1bcno"
    assert "\x1b" not in check().output


def test_an_address_that_is_none_is_told(check: Check, mail_server: SmtpScript) -> None:
    """Before anything is said to the server."""
    result = check("nonsense")
    assert result.exit_code == 1
    assert "such as ada@example.com" in result.output
    assert mail_server.commands == []


def test_where_the_tenant_sends_the_mail_there_is_nothing_to_check(
    tenant: Tenant, tmp_path: Path
) -> None:
    """The tenant's mail server is not ours to try."""
    app = create_app(settings_for(tenant, tmp_path, INVITE_DELIVERY="tenant_email"))
    try:
        result = app.test_cli_runner().invoke(args=["mail", "check", "you@example.com"])
    finally:
        services_of(app).close()
    assert result.exit_code == 1
    assert "INVITE_DELIVERY" in result.output
