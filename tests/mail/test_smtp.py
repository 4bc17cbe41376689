"""The address of a mail server, and what is done with it."""

import pytest

from invite_site.errors import MailUnavailable
from invite_site.mail.smtp import Encryption, Problem, ServerUnavailable, SmtpConnection, SmtpServer
from tests.support.running import Tenant


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://localhost", SmtpServer("localhost", 587, Encryption.IF_OFFERED)),
        ("smtp://mail.example.com", SmtpServer("mail.example.com", 587, Encryption.STARTTLS)),
        ("smtps://mail.example.com", SmtpServer("mail.example.com", 465, Encryption.TLS)),
        (
            "smtp://a%40b:p%2Fw@mail.example.com:2525",
            SmtpServer("mail.example.com", 2525, Encryption.STARTTLS, "a@b", "p/w"),
        ),
    ],
)
def test_it_works(url: str, server: SmtpServer) -> None:
    """The usual ports; anywhere but on this machine encrypted; user and password as they are."""
    assert SmtpServer.from_url(url) == server
    assert "p/w" not in repr(server)


def test_without_encryption_nothing_is_sent(tenant: Tenant) -> None:
    """A server elsewhere that offers no STARTTLS is one that cannot be used."""
    local = SmtpServer.from_url(tenant.environment["SMTP_URL"])
    elsewhere = SmtpServer(local.host, local.port, Encryption.STARTTLS)
    with pytest.raises(MailUnavailable) as refused:
        SmtpConnection(elsewhere)
    assert isinstance(refused.value, ServerUnavailable)
    assert refused.value.problem is Problem.UNSUPPORTED
