"""`flask mail check`: a test mail, and the conversation as it went."""

from pathlib import Path

from click.testing import Result

from invite_site import create_app
from tests.support.running import Tenant, services_of, settings_for
from tests.support.smtp_script import SmtpScript

USER, PASSWORD = "mailer", "pässwörd"


def checks(tenant: Tenant, folder: Path, server: SmtpScript, address: str, **more: str) -> Result:
    server.extensions = ("AUTH PLAIN",)
    server.user, server.password = USER, PASSWORD
    url = f"smtp://{USER}:p%C3%A4ssw%C3%B6rd@localhost:{server.port}"
    app = create_app(settings_for(tenant, folder, SMTP_URL=url, **more))
    try:
        return app.test_cli_runner().invoke(args=["mail", "check", address])
    finally:
        services_of(app).engine.dispose()


def test_it_works(tenant: Tenant, tmp_path: Path, mail_server: SmtpScript) -> None:
    """The conversation line by line, without the password in any form."""
    result = checks(tenant, tmp_path, mail_server, "ada@example.com")
    assert result.exit_code == 0, result.output
    assert "> ehlo localhost" in result.output
    assert "> ***" in result.output
    assert "< 235 2.7.0 welcome" in result.output
    assert result.output.rstrip().endswith("The mail server took the message.")
    [sent] = [line for line in mail_server.commands if line.upper().startswith("AUTH")]
    assert sent.split()[-1] not in result.output
    assert PASSWORD not in result.output
    assert [mail.recipient for mail in mail_server.mails] == ["ada@example.com"]


def test_a_refusal_ends_with_what_to_do(
    tenant: Tenant, tmp_path: Path, mail_server: SmtpScript
) -> None:
    """Exit status 1 and one sentence behind the conversation."""
    mail_server.replies["RCPT"] = "554 5.7.1 Relay access denied"
    result = checks(tenant, tmp_path, mail_server, "ada@example.com")
    assert result.exit_code == 1
    assert "< 554 5.7.1 Relay access denied" in result.output
    assert "It does not relay for us" in result.output


def test_an_address_that_cannot_be_one_is_refused_first(
    tenant: Tenant, tmp_path: Path, mail_server: SmtpScript
) -> None:
    """Nothing is sent."""
    result = checks(tenant, tmp_path, mail_server, "ada")
    assert result.exit_code == 1
    assert "such as ada@example.com" in result.output
    assert mail_server.commands == []


def test_where_the_tenant_sends_there_is_nothing_to_check(
    tenant: Tenant, tmp_path: Path, mail_server: SmtpScript
) -> None:
    """It says so."""
    result = checks(
        tenant, tmp_path, mail_server, "ada@example.com", INVITE_DELIVERY="tenant_email"
    )
    assert result.exit_code == 1
    assert "the tenant sends the mail" in result.output
